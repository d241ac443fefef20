/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn-dial.c - connections out to the world.
 *
 * Addresses are tried one after another, the next one as soon as one has failed or has not
 * answered for a while (RFC 8305, without the race: what the sandbox asked for comes first).
 */
#include "gate/gate-priv.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "gate/roles.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define TRY_NS     (4 * NS_PER_SEC)  /* one of several addresses */
#define PROXIED_NS (30 * NS_PER_SEC) /* the injector, and the proxy behind it */
#define DIALS_MAX  4096U

struct dial {
	struct gate *g;
	struct dial *next;
	struct address addrs[RESOLVER_ADDRESSES_MAX];
	size_t n, at;
	uint16_t port;
	uint32_t id; /* at the injector; 0: ours */
	int fd;
	struct loop_source *src, *timer;
	int error; /* of the last try */
	dial_cb *cb;
	void *data;
};

static struct dial *dials; /* at the injector */
static size_t dials_n;
static uint32_t last_id;

static void unlink_dial(struct dial *d)
{
	for (struct dial **at = &dials; *at; at = &(*at)->next)
		if (*at == d) {
			*at = d->next;
			return;
		}
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	if (d->id)
		unlink_dial(d);
	loop_source_free(d->src);
	loop_source_free(d->timer);
	if (d->fd >= 0)
		(void)close(d->fd);
	dials_n--;
	free(d);
}

static void done(struct dial *d, int fd, const char *reason)
{
	dial_cb *cb = d->cb;
	void *data = d->data;
	bool direct = fd >= 0 && fd == d->fd;
	struct address to = direct ? d->addrs[d->at - 1] : (struct address){ 0 };

	if (direct) {
		loop_source_free(d->src);
		d->src = NULL;
		d->fd = -1;
	}
	dial_cancel(d);
	cb(fd, direct ? &to : NULL, reason, data);
}

static void try_next(struct dial *d);

static void ready(struct loop_source *src, uint32_t events, void *data)
{
	struct dial *d = data;
	socklen_t len = sizeof(d->error);

	(void)src;
	(void)events;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &d->error, &len) == 0 && !d->error) {
		done(d, d->fd, NULL);
		return;
	}
	try_next(d);
}

static void too_slow(struct loop_source *src, void *data)
{
	struct dial *d = data;

	(void)src;
	if (d->id) {
		done(d, -1, "the upstream proxy did not answer");
		return;
	}
	if (d->src)
		d->error = ETIMEDOUT;
	try_next(d);
}

/* Returns a socket that is being connected, or -1 with d->error. */
static int begin(struct dial *d, const struct address *a)
{
	struct sockaddr_storage to;
	socklen_t len = address_to_sockaddr(a, d->port, &to);
	auto_fd int fd = socket(
		to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int on = 1;

	if (fd < 0 ||
		(connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)) {
		d->error = errno;
		return -1;
	}
	/* bytes are passed on as they come; who sent them has gathered them already */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return take_fd(&fd);
}

static void try_next(struct dial *d)
{
	loop_source_free(d->src);
	d->src = NULL;
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	while (d->fd < 0 && d->at < d->n)
		d->fd = begin(d, &d->addrs[d->at++]);
	if (d->fd >= 0 &&
		loop_add_fd(d->g->loop, d->fd, EPOLLOUT, ready, d, &d->src, NULL) == 0) {
		loop_timer_arm(d->timer, TRY_NS);
		return;
	}
	done(d, -1, d->error ? err_text(d->error) : "there is no address");
}

/* The first try is made from the loop too, so that no call-back comes from the start. */
static int ask_injector(struct dial *d, const struct dial_spec *s)
{
	auto_json struct json *j = json_new_object();
	struct json *addrs = json_new_array();
	auto_buf struct buf text = { 0 };
	char shown[ADDRESS_TEXT_MAX];
	int r;

	d->id = ++last_id ? last_id : ++last_id;
	r = json_add(j, "id", json_new_uint(d->id));
	if (r == 0)
		r = json_add_str(
			j, "host", s->name ? s->name : address_text(&s->addrs[0], shown));
	if (r == 0)
		r = json_add(j, "port", json_new_uint(s->port));
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = json_append(addrs, json_new_str(address_text(&s->addrs[i], shown)));
	if (r == 0) {
		r = json_add(j, "addrs", addrs);
		addrs = NULL;
	}
	json_free(addrs);
	if (r == 0)
		r = json_print(j, false, &text);
	if (r == 0)
		r = parcel_send(d->g->injector, GATE_DIAL, text.data, text.len);
	if (r < 0) {
		d->id = 0;
		return r;
	}
	d->next = dials;
	dials = d;
	loop_timer_arm(d->timer, PROXIED_NS);
	return 0;
}

int dial_start(struct gate *g, const struct dial_spec *s, struct dial **ret)
{
	struct dial *d = dials_n < DIALS_MAX ? calloc(1, sizeof(*d)) : NULL;
	int r;

	if (!d)
		return -ENOMEM;
	*d = (struct dial){
		.g = g, .port = s->port, .fd = -1, .cb = s->cb, .data = s->data
	};
	dials_n++;
	d->n = s->n < RESOLVER_ADDRESSES_MAX ? s->n : RESOLVER_ADDRESSES_MAX;
	if (d->n)
		memcpy(d->addrs, s->addrs, d->n * sizeof(*d->addrs));
	r = loop_add_timer(g->loop, too_slow, d, &d->timer, NULL);
	/* of an address alone the injector knows whether the proxy is for it */
	if (r == 0 && (s->name ? gate_is_proxied(g, s->name) : g->proxy && s->n))
		r = ask_injector(d, s);
	else if (r == 0)
		loop_timer_arm(d->timer, 1);
	if (r < 0) {
		dial_cancel(d);
		return r;
	}
	*ret = d;
	return 0;
}

void dial_answer(struct gate *g, struct parcel *p)
{
	auto_json struct json *j = NULL;
	const char *error;
	struct dial *d;
	int fd = -1;

	(void)g;
	if (json_parse(p->data, p->len, "the injector's answer", &j, NULL) < 0)
		return;
	for (d = dials; d && d->id != json_get_uint(j, "id"); d = d->next)
		;
	if (!d)
		return; /* given up meanwhile */
	error = json_get_str(j, "error");
	if (!error && p->fds_n == 1) {
		fd = p->fds[0];
		p->fds_n = 0;
	}
	done(d, fd, fd >= 0 ? NULL : error ? error : "the upstream proxy failed");
}
