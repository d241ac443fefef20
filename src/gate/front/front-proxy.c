/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/str.h"
#include "gate/front/front-http1.h"
#include "gate/front/http1.h"
#include "gate/front/request-authority.h"

#include <string.h>
#include <sys/socket.h>

/* The gate's own port: a forward proxy for programs that know of one (RFC 9110 section 7.6). */

static int bad(struct err *e, const char *why)
{
	return err_set(e, EBADMSG, "%s", why);
}

/*
 * Some send no port in the Host of a CONNECT, some (of HTTP/1.0) no Host; none sends
 * another one.
 */
static bool host_agrees(const struct http1_head *h, const struct authority *to)
{
	struct authority host;

	return !h->host ||
		(authority_parse(h->host, &host) == 0 &&
			authority_same(to, &host, to->port));
}

static void deny(
	struct front *f, const struct policy_query *q, const struct policy_verdict *v)
{
	auto_free char *text = request_denial(q, v);

	front_http1_reply(f, 403, text ? text : "denied");
}

/* 200, and the descriptor becomes a connection as if it had been made to that place. */
static void open_tunnel(struct front *f, const struct authority *to)
{
	static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	struct gate *g = f->g;
	int fd;

	if (send(f->fd, ok, sizeof(ok) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		(ssize_t)sizeof(ok) - 1) {
		front_kill(f);
		return;
	}
	fd = front_take_fd(f);
	conn_tunnel(g, fd, to->named ? to->name : NULL, to->named ? NULL : &to->addr,
		to->port);
}

/*
 * Should:  open a tunnel to what the policy could allow; conn.c judges it again.
 * Mustn't: take bytes for the tunnel that came before it was granted: whose they are
 *          would depend on how they were cut into segments.
 */
static int take_connect(struct front *f, const struct http1_head *h, struct err *e)
{
	struct authority to;
	struct policy_query q = { .stage = POLICY_CONNECT, .proto = PROTO_UNKNOWN };
	struct policy_verdict v;

	if (authority_parse(h->authority, &to) < 0 || !to.port)
		return bad(e, "the target of CONNECT is not \"host:port\"");
	if (!host_agrees(h, &to))
		return bad(e, "Host and the target of CONNECT differ");
	if (h->chunked || h->length)
		return bad(e, "CONNECT has no body");
	if (f->in.len)
		return bad(e, "bytes follow the head of CONNECT before it was granted");
	if (front_pending(f))
		return bad(e, "CONNECT comes before the last response was read");
	q.name = to.named ? to.name : NULL;
	q.addr = to.named ? NULL : &to.addr;
	q.port = to.port;
	gate_judge(f->g, &q, &v);
	if (v.allow)
		open_tunnel(f, &to);
	else
		deny(f, &q, &v);
	return 1;
}

int front_proxy_request(
	struct front *f, const struct http1_head *h, const char **ret, struct err *e)
{
	if (h->form == HTTP1_AUTHORITY)
		return take_connect(f, h, e);
	if (h->form != HTTP1_ABSOLUTE)
		return bad(e,
			"this is the sandbox's proxy: it takes http:// targets and "
			"CONNECT");
	if (h->https)
		return bad(e, "for https:// use CONNECT");
	*ret = h->authority;
	return 0;
}
