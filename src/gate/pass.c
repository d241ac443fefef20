/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass.c - a connection that is passed through untouched.
 *
 * Theory of operation. Bytes go each way as they come. A little is read into one buffer that
 * all connections share and written at once: two system calls, nothing allocated, nothing to
 * keep. When a read fills that buffer there is more behind it, and the kernel moves the
 * pages itself (splice(2)) through a pipe of a small pool, until the stream runs dry. What
 * the other side doesn't take is kept, and nothing more is read until it has gone: so a
 * connection that waits holds no memory, and one that is blocked at most a chunk or a pipe.
 */
#include "gate/gate-priv.h"

#include "base/err.h"
#include "base/loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK      65536U
#define PIPE_SIZE  (256 << 10)
#define POOL_MAX   16
#define KEPT_MAX   (64U << 20) /* of chunks that were not taken, in all; then only */
#define CHUNK_LESS 4096U       /* so much is read that may have to be kept */
#define SPLICE_MAX (1U << 20)  /* at one go, so that others have their turn */

/* One direction. */
struct half {
	int pipe[2]; /* -1: none is needed */
	size_t held; /* bytes in it */
	char *rest;  /* of a chunk; NULL: none */
	size_t rest_at, rest_len;
	uint64_t bytes;
	bool bulk;   /* the last read was a full one */
	bool ended;  /* the reading side is at its end */
	bool closed; /* and the other side has been told */
};

struct pass {
	struct gate *g;
	struct pass *next, **at;
	int fd[2]; /* the sandbox's, the world's */
	struct loop_source *src[2];
	struct half half[2]; /* from fd[i] to fd[!i] */
	struct flow flow;
};

static struct pass *passes;
static size_t passes_n;
static int pool[POOL_MAX][2];
static size_t pool_n, pipes_n;
static size_t kept; /* bytes of all rests */
static char chunk[CHUNK];

size_t pass_count(void)
{
	return passes_n;
}

/* One descriptor of each connection's share may be its pipes' (brig-gate.c). */
static int take_pipe(const struct gate *g, struct half *h)
{
	if (h->pipe[0] >= 0)
		return 0;
	if (pool_n) {
		pool_n--;
		memcpy(h->pipe, pool[pool_n], sizeof(h->pipe));
		return 0;
	}
	if (2 * pipes_n >= g->conns_max)
		return -EMFILE;
	if (pipe2(h->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		h->pipe[0] = h->pipe[1] = -1;
		return -errno;
	}
	pipes_n++;
	/* past the user's share of pipe memory it stays at its least; that works too */
	(void)fcntl(h->pipe[0], F_SETPIPE_SZ, PIPE_SIZE);
	return 0;
}

/* Only an empty pipe may be another connection's next. */
static void give_pipe(struct half *h)
{
	if (h->pipe[0] < 0)
		return;
	if (h->held == 0 && pool_n < POOL_MAX) {
		memcpy(pool[pool_n++], h->pipe, sizeof(h->pipe));
	} else {
		(void)close(h->pipe[0]);
		(void)close(h->pipe[1]);
		pipes_n--;
	}
	h->pipe[0] = h->pipe[1] = -1;
	h->held = 0;
}

static void drop_rest(struct half *h)
{
	if (!h->rest)
		return;
	kept -= h->rest_len;
	free(h->rest);
	h->rest = NULL;
}

static void end_pass(struct pass *p, bool abruptly)
{
	struct gate_event ev = {
		.end = true, .up = p->half[0].bytes, .down = p->half[1].bytes
	};

	flow_query(&p->flow, &ev.query);
	policy_judge(p->g->policy, &ev.query, &ev.verdict);
	gate_log(p->g, &ev);
	for (int i = 0; i < 2; i++) {
		loop_source_free(p->src[i]);
		if (abruptly)
			conn_reset(p->fd[i]);
		else
			(void)close(p->fd[i]);
		give_pipe(&p->half[i]);
		drop_rest(&p->half[i]);
	}
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	p->g->conns--;
	passes_n--;
	free(p);
}

static bool blocked(const struct half *h)
{
	return h->held || h->rest;
}

/* What the other side did not take. */
static int keep_rest(struct half *h, const char *data, size_t len)
{
	h->rest = malloc(len);
	if (!h->rest)
		return -ENOMEM;
	memcpy(h->rest, data, len);
	h->rest_at = 0;
	h->rest_len = len;
	kept += len;
	return 0;
}

/* A chunk by way of memory: 1 moved, 0 nothing to move, -EAGAIN blocked, -errno. */
static int move_chunk(struct pass *p, int i)
{
	struct half *h = &p->half[i];
	size_t room = kept < KEPT_MAX ? CHUNK : CHUNK_LESS;
	ssize_t n = recv(p->fd[i], chunk, room, MSG_DONTWAIT), sent;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		h->ended = true;
		return 0;
	}
	h->bulk = (size_t)n == CHUNK;
	sent = send(p->fd[!i], chunk, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	sent = sent < 0 ? 0 : sent;
	h->bytes += (size_t)n;
	if (sent == n)
		return 1;
	return keep_rest(h, chunk + sent, (size_t)(n - sent)) < 0 ? -ENOMEM : -EAGAIN;
}

/* The rest of a chunk goes out: 1 all of it, -EAGAIN, -errno. */
static int send_rest(struct pass *p, int i)
{
	struct half *h = &p->half[i];
	ssize_t n = send(p->fd[!i], h->rest + h->rest_at, h->rest_len - h->rest_at,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	h->rest_at += (size_t)n;
	if (h->rest_at < h->rest_len)
		return -EAGAIN;
	drop_rest(h);
	return 1;
}

/* What was kept goes out: 1 all of it, -EAGAIN, -errno. */
static int drain(struct pass *p, int i)
{
	struct half *h = &p->half[i];
	int r = h->rest ? send_rest(p, i) : 1;

	while (r == 1 && h->held) {
		ssize_t n = splice(h->pipe[0], NULL, p->fd[!i], NULL, h->held,
			SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		h->held -= (size_t)n;
	}
	return r;
}

/* Pages by way of the pipe: as move_chunk(). */
static int move_pages(struct pass *p, int i)
{
	struct half *h = &p->half[i];
	ssize_t n;
	int r = take_pipe(p->g, h);

	if (r < 0) {
		h->bulk = false;
		return 1;
	}
	n = splice(p->fd[i], NULL, h->pipe[1], NULL, PIPE_SIZE,
		SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		h->ended = true;
		return 0;
	}
	h->held = (size_t)n;
	h->bytes += (size_t)n;
	return drain(p, i);
}

/* Move what there is from fd[i]. 0, or -errno when the connection is over. */
static int move(struct pass *p, int i)
{
	struct half *h = &p->half[i];
	uint64_t first = h->bytes;
	int r = blocked(h) ? drain(p, i) : 1;

	while (r == 1 && !h->ended && h->bytes - first < SPLICE_MAX) {
		bool bulk = h->bulk;

		r = bulk ? move_pages(p, i) : move_chunk(p, i);
		/* a read that was not full has emptied the socket */
		if (!bulk && !h->bulk)
			break;
	}
	/* a stream stays one while each turn brings a good piece of it */
	if (r == 0 && h->bytes - first < CHUNK)
		h->bulk = false;
	if (!h->held)
		give_pipe(h);
	if (h->ended && !blocked(h) && !h->closed) {
		h->closed = true;
		(void)shutdown(p->fd[!i], SHUT_WR);
	}
	return r < 0 && r != -EAGAIN ? r : 0;
}

static void watch(struct pass *p)
{
	for (int i = 0; i < 2; i++) {
		const struct half *in = &p->half[i], *out = &p->half[!i];
		uint32_t want = (!in->ended && !blocked(in) ? EPOLLIN : 0U) |
			(blocked(out) ? EPOLLOUT : 0U);

		if (loop_source_watched(p->src[i]) != want)
			(void)loop_source_events(p->src[i], want);
	}
}

static void ready(struct loop_source *src, uint32_t events, void *data)
{
	struct pass *p = data;
	int i = src == p->src[1], r = 0;

	if (events & EPOLLOUT)
		r = move(p, !i);
	if (r == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !blocked(&p->half[i]))
		r = move(p, i);
	if (r == 0 && (events & EPOLLERR) && p->half[i].ended)
		r = -EPIPE; /* nothing would read the error off the socket */
	if (r < 0)
		end_pass(p, true);
	else if (p->half[0].closed && p->half[1].closed)
		end_pass(p, false);
	else
		watch(p);
}

int pass_start(
	struct gate *g, int client, int server, const struct flow *f, struct err *e)
{
	struct pass *p = calloc(1, sizeof(*p));
	int r = p ? 0 : err_set(e, ENOMEM, "out of memory"), on = 1;

	if (r == 0) {
		*p = (struct pass){ .g = g, .fd = { client, server }, .flow = *f };
		for (int i = 0; i < 2; i++)
			p->half[i].pipe[0] = p->half[i].pipe[1] = -1;
	}
	for (int i = 0; r == 0 && i < 2; i++)
		r = loop_add_fd(g->loop, p->fd[i], EPOLLIN, ready, p, &p->src[i], e);
	if (r < 0) {
		if (p)
			loop_source_free(p->src[0]);
		free(p);
		conn_reset(client);
		conn_reset(server);
		return r;
	}
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	p->next = passes;
	p->at = &passes;
	if (passes)
		passes->at = &p->next;
	passes = p;
	g->conns++;
	passes_n++;
	return 0;
}

void pass_recheck(struct gate *g)
{
	struct pass *next;

	for (struct pass *p = passes; p; p = next) {
		struct policy_query q;
		struct policy_verdict v;

		next = p->next;
		flow_query(&p->flow, &q);
		gate_judge(g, &q, &v);
		/* what has to be opened now was not when it began */
		if (!v.allow || v.open)
			end_pass(p, true);
	}
}
