/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/resolver-try.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>

#define STRAYS_MAX 64U /* datagrams that aren't the answer; then somebody is guessing */
#define TCP_PREFIX 2U

static void on_event(struct loop_source *src, uint32_t events, void *data);

static void try_close(struct resolver_try *t)
{
	loop_source_free(t->src);
	t->src = NULL;
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
	free(t->in);
	t->in = NULL;
	t->in_len = t->in_size = t->sent = 0;
}

/* Ends the try. The call-back may begin the next one, or free it all. */
static void report(struct resolver_try *t, int result, const struct dns_response *r)
{
	try_close(t);
	loop_timer_disarm(t->timer);
	t->cb(result, result == 0 ? r : NULL, t->data);
}

static void arm(struct resolver_try *t)
{
	uint64_t now = clock_mono_ns(), left = 0;

	if (t->deadline_ns > now)
		left = t->deadline_ns - now;
	loop_timer_arm(t->timer, left < RESOLVER_TRY_NS ? left : RESOLVER_TRY_NS);
}

/*
 * A socket of one's own for each question: the kernel chooses its port at random, and takes
 * only what comes from the server (udp(7), connect).
 */
static int dial(struct resolver_try *t, int type)
{
	struct sockaddr_storage sa;
	socklen_t len = address_to_sockaddr(&t->server.addr, t->server.port, &sa);

	try_close(t);
	t->fd = socket(sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return -errno;
	if (connect(t->fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return loop_add_fd(t->loop, t->fd, type == SOCK_DGRAM ? EPOLLIN : EPOLLOUT,
		on_event, t, &t->src, NULL);
}

static int send_udp(struct resolver_try *t)
{
	uint8_t out[DNS_OWN_QUERY_MAX];
	size_t n = dns_asked_build(&t->asked, out);

	return send(t->fd, out, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -EIO;
}

/* 1 when the whole question is out. */
static int send_tcp(struct resolver_try *t)
{
	uint8_t out[TCP_PREFIX + DNS_OWN_QUERY_MAX];
	size_t n = dns_asked_build(&t->asked, out + TCP_PREFIX);
	ssize_t sent;

	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	n += TCP_PREFIX;
	sent = send(t->fd, out + t->sent, n - t->sent, MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EIO;
	t->sent += (size_t)sent;
	return t->sent == n;
}

static void go_tcp(struct resolver_try *t)
{
	t->tcp = true;
	if (dial(t, SOCK_STREAM) < 0)
		report(t, -EIO, NULL);
	else
		arm(t);
}

/* Returns whether the try is over, or is another one now. */
static bool take_datagram(struct resolver_try *t, const uint8_t *msg, size_t len)
{
	struct dns_response r;
	int err = dns_response_parse(msg, len, &t->asked, &r);

	if (err == -EBADMSG && ++t->strays < STRAYS_MAX)
		return false;
	if (err == -EPROTO)
		report(t, -EIO, NULL);
	else if (err < 0 || r.truncated || (!r.same_case && !t->server.folds))
		go_tcp(t);
	else
		report(t, 0, &r);
	return true;
}

static void read_udp(struct resolver_try *t)
{
	uint8_t msg[DNS_QUERY_MAX];

	for (int i = 0; i < 16; i++) {
		ssize_t n = recv(t->fd, msg, sizeof(msg), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* the server's host says that nobody is there */
			report(t, -EIO, NULL);
			return;
		}
		if (take_datagram(t, msg, (size_t)n))
			return;
	}
}

static void take_tcp(struct resolver_try *t)
{
	struct dns_response r;
	int err = dns_response_parse(
		t->in + TCP_PREFIX, t->in_len - TCP_PREFIX, &t->asked, &r);

	if (err == 0 && !r.truncated) {
		t->server.folds = !r.same_case;
		report(t, 0, &r);
	} else {
		report(t, -EIO, NULL);
	}
}

/* First the two bytes of the length, then as much as they say. */
static void read_tcp(struct resolver_try *t)
{
	ssize_t n;

	if (!t->in) {
		t->in_size = TCP_PREFIX;
		t->in = malloc(TCP_PREFIX + DNS_MESSAGE_MAX);
	}
	n = t->in ? recv(t->fd, t->in + t->in_len, t->in_size - t->in_len, 0) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		report(t, -EIO, NULL);
		return;
	}
	t->in_len += (size_t)n;
	if (t->in_len == TCP_PREFIX)
		t->in_size = TCP_PREFIX + ((size_t)t->in[0] << 8 | t->in[1]);
	if (t->in_len == t->in_size)
		take_tcp(t);
}

static void on_event(struct loop_source *src, uint32_t events, void *data)
{
	struct resolver_try *t = data;
	int r;

	(void)events;
	if (!t->tcp) {
		read_udp(t);
	} else if (loop_source_watched(src) & EPOLLOUT) {
		r = send_tcp(t);
		if (r < 0 || (r > 0 && loop_source_events(src, EPOLLIN) < 0))
			report(t, -EIO, NULL);
	} else {
		read_tcp(t);
	}
}

/* With a descriptor time has run out; without, it never began. */
static void on_timer(struct loop_source *src, void *data)
{
	struct resolver_try *t = data;

	(void)src;
	report(t, t->fd >= 0 ? -ETIMEDOUT : -EIO, NULL);
}

int resolver_try_init(struct resolver_try *t, struct loop *l, resolver_try_cb *cb,
	void *data, struct err *e)
{
	*t = (struct resolver_try){ .loop = l, .fd = -1, .cb = cb, .data = data };
	return loop_add_timer(l, on_timer, t, &t->timer, e);
}

static int begin(struct resolver_try *t, const char *name, enum resolver_type type)
{
	uint8_t random[DNS_ASK_RANDOM];
	int r;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	r = dns_asked_init(&t->asked, name, (uint16_t)type, random);
	if (r < 0)
		return r;
	r = dial(t, SOCK_DGRAM);
	return r < 0 ? r : send_udp(t);
}

void resolver_try_start(struct resolver_try *t, const struct resolver_server *s,
	const char *name, enum resolver_type type)
{
	t->server = *s;
	t->tcp = false;
	t->strays = 0;
	if (begin(t, name, type) == 0) {
		arm(t);
	} else {
		try_close(t);
		loop_timer_arm(t->timer, 0);
	}
}

void resolver_try_clear(struct resolver_try *t)
{
	try_close(t);
	loop_source_free(t->timer);
	t->timer = NULL;
}
