/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-sockets.c - unix sockets of the host's, for a guest with a kernel of its own.
 *
 * Theory of operation. A guest whose kernel is not the host's sees the node of a socket, and
 * can't reach who listens there. So for each mount that is a socket a channel waits in
 * "@accept PATH" of the warder. When somebody connects inside, it says so; the connector
 * (connector.c) connects outside, and hands over a connection that the channel carries from then
 * on, as one to a published port (keeper-conn.c). The next channel waits already.
 *
 *	waiting (shared)  --one byte-->  asked  --a connection-->  carrying (conn)
 *	                                   \----an error-------->  seen off
 *
 * The guest says "somebody came" and nothing else: neither which socket, nor a path. How many
 * may be past waiting is bounded; who comes after waits in the queue inside.
 */
#include "sandbox/keeper-sockets.h"
#include "sandbox/keeper-ports.h"
#include "sandbox/keeper-relay.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/path.h"
#include "linux/mounts.h"
#include "sandbox/connector.h"

#include <sys/stat.h>

#define SOCKETS_CONNS_MAX 64
/* A channel that ended while it waited was killed inside: not at once again. */
#define REST_NS (200 * NS_PER_MS)

struct shared {
	const char *path; /* inside; of the record */
	struct channel *waiting;
	bool resting; /* until the timer */
	bool gone;    /* it can't be listened at */
};

struct sockets {
	struct shared list[CONNECTOR_SOCKETS_MAX];
	int nodes[CONNECTOR_SOCKETS_MAX];
	size_t n;
	size_t conns;
	int connector;
	uint32_t number; /* of the last question */
	struct loop_source *src, *rest;
};

static struct channel *start_channel(struct keeper *k, const char *path, struct err *e)
{
	char *argv[] = { (char[]){ "@accept" }, (char *)(uintptr_t)path, NULL };
	struct control_request q = {
		.argv = { argv, 2 }, .builtin = true, .stdin_open = true
	};
	struct channel *ch = relay_exec(k, &q, relay_new_id(k), e);

	if (ch)
		ch->port = ch->local = true;
	return ch;
}

static int wait_at_all(struct keeper *k, struct err *e)
{
	struct sockets *all = k->sockets;

	for (size_t i = 0; i < all->n && all->conns < SOCKETS_CONNS_MAX; i++) {
		struct shared *s = &all->list[i];

		if (s->waiting || s->resting || s->gone)
			continue;
		s->waiting = start_channel(k, s->path, e);
		if (!s->waiting)
			return -ENOMEM;
		s->waiting->shared = s;
	}
	return 0;
}

static void rested(struct loop_source *timer, void *data)
{
	struct keeper *k = data;

	(void)timer;
	for (size_t i = 0; i < k->sockets->n; i++)
		k->sockets->list[i].resting = false;
	if (!k->ending)
		(void)wait_at_all(k, NULL);
}

void sockets_one_less(struct keeper *k)
{
	k->sockets->conns--;
	if (!k->ending)
		(void)wait_at_all(k, NULL);
}

/* Nobody is there: the end of its input tells the channel, and that the client. */
static void refuse(struct keeper *k, struct channel *ch)
{
	const struct wire_frame eof = {
		.channel = ch->id, .type = GUEST_EOF, .flags = GUEST_STDIN
	};

	ch->asked = 0;
	if (!ch->exited)
		relay_send(k, &eof);
}

int sockets_came(struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	struct sockets *all = k->sockets;
	size_t which = (size_t)(ch->shared - all->list);

	if (f->len != 1)
		return -EPROTO;
	ch->shared->waiting = NULL;
	ch->shared = NULL;
	all->conns++;
	/* 0 is nobody's */
	ch->asked = ++all->number ? all->number : ++all->number;
	if (all->connector < 0 || connector_ask(all->connector, ch->asked, which) < 0)
		refuse(k, ch);
	(void)wait_at_all(k, NULL);
	return 0;
}

void sockets_channel_over(
	struct keeper *k, struct channel *ch, const struct guest_failed *why)
{
	struct shared *s = ch->shared;
	auto_free char *what = why ? str_escape(why->what) : NULL;

	if (!s) {
		if (!ch->conn)
			sockets_one_less(k);
		return;
	}
	ch->shared = NULL;
	s->waiting = NULL;
	s->gone = why;
	s->resting = true;
	loop_timer_arm(k->sockets->rest, REST_NS);
	if (why)
		(void)strv_addf(&k->notes,
			"the socket '%s' can't be reached inside: %s: %s", s->path,
			what ? what : "?", err_text(why->code));
}

static struct channel *find_asked(struct keeper *k, uint32_t number)
{
	for (struct channel *ch = k->channels; ch; ch = ch->next)
		if (ch->asked && ch->asked == number)
			return ch;
	return NULL;
}

/* It was killed: who connects from now on is refused, and who was about to. */
static void connector_gone(struct keeper *k)
{
	struct sockets *all = k->sockets;

	loop_source_free(all->src);
	all->src = NULL;
	(void)close(all->connector);
	all->connector = -1;
	for (struct channel *ch = k->channels; ch; ch = ch->next)
		if (ch->asked)
			refuse(k, ch);
}

static void answered(struct loop_source *src, uint32_t events, void *data)
{
	struct keeper *k = data;
	uint32_t number = 0;
	int fd = -1, r = 1;

	(void)src;
	(void)events;
	while (!k->ending &&
		(r = connector_answer(k->sockets->connector, &number, &fd)) > 0) {
		struct channel *ch = find_asked(k, number);

		if (fd >= 0 && (!ch || ch->exited)) {
			(void)close(fd);
		} else if (ch && fd < 0) {
			refuse(k, ch);
		} else if (ch) {
			ch->asked = 0;
			if (conn_attach(k, ch, fd) < 0)
				refuse(k, ch);
		}
	}
	if (!k->ending && r == 0)
		connector_gone(k);
}

/* The node itself, with the sandbox's ids where the wall shows it with those. */
static int open_node(const struct keeper *k, const char *path, struct err *e)
{
	auto_fd int node = path_open_real(path, O_PATH, e), shown = -1, userns = -1;
	struct stat st;
	int r;

	if (node < 0)
		return node;
	if (fstat(node, &st) < 0)
		return err_sys(e, "look at '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	if (!k->ids.root)
		return take_fd(&node);
	userns = idmap_open_userns(&k->ids, e);
	shown = userns < 0 ? userns : mount_clone(node, "", false, e);
	r = shown < 0 ? shown : mount_idmap(shown, userns, e);
	return r < 0 ? err_wrap(e, "show '%s' with the sandbox's ids", path)
		     : take_fd(&shown);
}

static int add_nodes(struct keeper *k, struct err *e)
{
	const struct record *rec = &k->sandbox.rec;
	struct sockets *all = k->sockets;

	for (size_t i = 0; i < rec->mounts.n; i++) {
		const struct mount_spec *m = record_mount(rec, i);
		struct stat st;
		int fd;

		if (stat(m->src, &st) < 0 || !S_ISSOCK(st.st_mode))
			continue;
		if (all->n >= CONNECTOR_SOCKETS_MAX)
			return err_set(
				e, E2BIG, "more than %d sockets", CONNECTOR_SOCKETS_MAX);
		fd = open_node(k, m->src, e);
		if (fd == -ENOTSOCK)
			continue;
		if (fd < 0)
			return fd;
		all->nodes[all->n] = fd;
		all->list[all->n++].path = m->dst;
	}
	return 0;
}

static int connect_up(struct keeper *k, struct err *e)
{
	struct sockets *all = k->sockets;
	int r = add_nodes(k, e);

	if (r < 0 || !all->n)
		return r;
	all->connector = connector_spawn(&k->ids, all->nodes, all->n, e);
	if (all->connector < 0)
		return all->connector;
	r = loop_add_fd(k->loop, all->connector, EPOLLIN, answered, k, &all->src, e);
	return r < 0 ? r : loop_add_timer(k->loop, rested, k, &all->rest, e);
}

int sockets_up(struct keeper *k, struct err *e)
{
	int r;

	if (k->wall->host_kernel)
		return 0;
	k->sockets = calloc(1, sizeof(*k->sockets));
	if (!k->sockets)
		return err_set(e, ENOMEM, "out of memory");
	k->sockets->connector = -1;
	r = connect_up(k, e);
	/* the connector has them */
	for (size_t i = 0; i < k->sockets->n; i++)
		(void)close(k->sockets->nodes[i]);
	if (r < 0)
		sockets_down(k);
	return r;
}

void sockets_down(struct keeper *k)
{
	struct sockets *all = k->sockets;

	if (!all)
		return;
	loop_source_free(all->src);
	loop_source_free(all->rest);
	if (all->connector >= 0)
		(void)close(all->connector);
	free(take_ptr(&k->sockets));
}

int sockets_offer(struct keeper *k, struct err *e)
{
	return k->sockets ? wait_at_all(k, e) : 0;
}
