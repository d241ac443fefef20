/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/request.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "gate/front/back.h"
#include "gate/front/front-impl.h"
#include "gate/front/request-authority.h"
#include "gate/front/request-route.h"

#include <string.h>

/*
 * Theory of operation.
 *
 *	request_start	authority and path are parsed, the connection's claims are checked
 *	→ route		which addresses would it go to? (request-route.c)
 *	→ judged	by name, address, method and path; refused: 403
 *	→ (look-up)	for a name that came through the proxy; each address judged again
 *	→ exchange	back.c; what comes is handed to the protocol as it comes
 */
struct request *request_new(struct front *f, const struct request_ops *ops, void *owner)
{
	struct request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->f = f;
	q->ops = ops;
	q->owner = owner;
	q->next = f->requests;
	if (q->next)
		q->next->prev = q;
	f->requests = q;
	return q;
}

/* One line in the log for each request that was allowed, when all is known about it. */
static void log_end(struct request *q)
{
	struct gate_event ev = { .up = q->up, .down = q->down, .status = q->status };

	if (!q->accepted || q->logged)
		return;
	q->logged = true;
	request_judge(q, &ev.query, &ev.verdict);
	if (!ev.verdict.allow) /* since then; it was allowed */
		ev.verdict =
			(struct policy_verdict){ .allow = true, .reason = "allowed" };
	gate_log(q->f->g, &ev);
}

void request_free(struct request *q)
{
	if (!q)
		return;
	log_end(q);
	if (q->lookup)
		gate_lookup_cancel(q->lookup);
	back_close(q->back);
	if (q->prev)
		q->prev->next = q->next;
	else
		q->f->requests = q->next;
	if (q->next)
		q->next->prev = q->prev;
	exchange_request_clear(&q->x);
	free(q->path);
	free(q);
}

static void finish(struct request *q, const struct exchange_headers *trailers)
{
	q->over = true;
	q->ops->end(q, trailers);
}

static void break_off(struct request *q)
{
	q->over = true;
	q->ops->reset(q);
}

void request_refuse(struct request *q, unsigned status, const char *text)
{
	auto_free char *body = str_printf("brig: %s\n", text);
	struct exchange_response p = { .status = (uint16_t)status };

	if (q->over)
		return;
	if (q->answered || !body ||
		exchange_header_add(
			&p.headers, "content-type", "text/plain; charset=utf-8") < 0) {
		exchange_headers_clear(&p.headers);
		break_off(q);
		return;
	}
	p.length = (int64_t)strlen(body);
	q->answered = true;
	q->status = status;
	q->ops->head(q, &p);
	exchange_headers_clear(&p.headers);
	q->ops->body(q, body, strlen(body));
	finish(q, NULL);
}

static void on_head(struct exchange_response *p, void *data)
{
	struct request *q = data;
	struct front *f = q->f;
	struct exchange_headers *h = &p->headers;
	size_t kept = 0;

	/* Another way to the same place (QUIC) would only be a way past the gate. */
	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->v[i].name, "alt-svc") == 0) {
			free(h->v[i].name);
			free(h->v[i].value);
		} else {
			h->v[kept++] = h->v[i];
		}
	}
	h->n = kept;
	front_enter(f);
	front_progress(f);
	if (p->status == 101 && !str_eq(p->upgrade, q->x.upgrade)) {
		request_refuse(q, 502, "the server switched to a protocol unasked");
	} else if (p->status >= 200 || p->status == 101) {
		q->answered = true;
		q->status = p->status;
		q->ops->head(q, p);
	} else if (p->status != 100) { /* which the gate has said itself */
		q->ops->head(q, p);
	}
	front_leave(f);
}

static void on_body(const void *bytes, size_t len, void *data)
{
	struct request *q = data;
	struct front *f = q->f;

	front_enter(f);
	front_progress(f);
	q->down += len;
	q->ops->body(q, bytes, len);
	front_leave(f);
}

static void on_end(const struct exchange_headers *trailers, void *data)
{
	struct request *q = data;
	struct front *f = q->f;

	front_enter(f);
	front_progress(f);
	finish(q, trailers);
	front_leave(f);
}

static void on_failed(const struct exchange_failure *fail, void *data)
{
	struct request *q = data;
	struct front *f = q->f;

	front_enter(f);
	if (q->answered)
		break_off(q);
	else
		request_refuse(q, fail->status, fail->reason);
	front_leave(f);
}

static void on_room(void *data)
{
	struct request *q = data;
	struct front *f = q->f;

	front_enter(f);
	front_progress(f);
	if (!q->over)
		q->ops->room(q);
	front_leave(f);
}

static const struct back_ops back_ops = { on_head, on_body, on_end, on_failed, on_room };

static void send_on(struct request *q)
{
	struct front_shared *s = q->f->g->front;
	struct err e = { 0 };
	int r = back_open(s->backs, &q->x, &back_ops, q, &q->back, &e);

	if (r < 0) {
		request_refuse(q, r == -EMSGSIZE ? 431 : r == -EINVAL ? 400 : 502, e.msg);
		return;
	}
	exchange_headers_clear(&q->x.headers); /* long, and of no more use here */
	q->accepted = true;
	if (q->body_done) /* it has none, or had none left to wait for */
		(void)back_send_end(q->back, NULL);
	q->ops->accepted(q);
}

static void deny(struct request *q, const struct policy_query *query,
	const struct policy_verdict *v)
{
	auto_free char *text = request_denial(query, v);

	/* without a path the verdict might have been another: the request is at fault */
	request_refuse(q, q->path ? 403 : 400, text ? text : "denied");
}

/* Addresses of a look-up: those that the policy lets this request go to. */
static void on_addrs(
	const struct address *addrs, size_t n, const char *reason, void *data)
{
	struct request *q = data;
	struct front *f = q->f;
	struct policy_query query;
	struct policy_verdict v = { .allow = true };

	q->lookup = NULL;
	front_enter(f);
	if (!n && reason) {
		auto_free char *text = str_printf("%s: %s", q->x.host, reason);

		request_refuse(q, 502, text ? text : reason);
		front_leave(f);
		return;
	}
	request_query(q, &query);
	q->x.addrs_n = request_filter(f->g, &query, addrs, n, q->x.addrs);
	if (n && !q->x.addrs_n) {
		q->addr = addrs[0];
		q->has_addr = true;
		request_query(q, &query);
		gate_judge(f->g, &query, &v);
		deny(q, &query, &v);
	} else {
		send_on(q);
	}
	front_leave(f);
}

/* Does the policy allow it, as things are now? Else it is refused, and the log hears of it. */
static bool is_allowed(struct request *q)
{
	struct gate_event ev = { 0 };

	request_judge(q, &ev.query, &ev.verdict);
	if (ev.verdict.allow)
		return true;
	gate_log(q->f->g, &ev);
	deny(q, &ev.query, &ev.verdict);
	return false;
}

static void judge(struct request *q)
{
	struct gate *g = q->f->g;
	int r;

	if (!is_allowed(q))
		return;
	if (request_addresses(q)) {
		send_on(q);
		return;
	}
	r = gate_lookup(g, q->x.host, q->x.port, on_addrs, q, &q->lookup);
	if (r < 0)
		request_refuse(q, 503, "too many names are being looked up");
}

static void ambiguous(struct request *q, const char *reason)
{
	front_refused(q->f, 400, reason);
	request_refuse(q, 400, reason);
}

/*
 * A path that could be read in two ways stays NULL: whole hosts can be allowed with it
 * ("/@scope%2fname" is what npm asks for), but no path, and what denies any path denies it.
 */
static int take_path(struct request *q)
{
	char path[RULE_PATH_MAX * 4];
	const char *target = q->x.target;

	if (strcmp(target, "*") == 0)
		return str_set(&q->path, target);
	if (policy_path(target, strlen(target), path) < 0)
		return 0;
	return str_set(&q->path, path);
}

void request_start(struct request *q, const char *authority)
{
	struct front *f = q->f;
	struct authority a;
	const char *wrong;
	unsigned status = 403;

	front_progress(f);
	if (authority_parse(authority, &a) < 0) {
		ambiguous(q, "Host is neither a name nor an address");
		return;
	}
	if (take_path(q) < 0) {
		request_refuse(q, 503, "out of memory");
		return;
	}
	wrong = request_route(q, &a, &status);
	if (wrong) {
		front_refused(f, status, wrong);
		request_refuse(q, status, wrong);
		return;
	}
	judge(q);
}

void request_body(struct request *q, const void *data, size_t len)
{
	q->up += len;
	if (q->back && !q->over && !q->body_done)
		(void)back_send(q->back, data, len); /* failure comes as a call-back */
}

void request_body_end(struct request *q, const struct exchange_headers *trailers)
{
	if (q->back && !q->over && !q->body_done)
		(void)back_send_end(q->back, trailers);
	q->body_done = true;
}

bool request_has_room(const struct request *q)
{
	return q->over || (q->back && back_has_room(q->back));
}

void request_pause(struct request *q, bool stop)
{
	if (q->back)
		back_pause(q->back, stop);
}

void request_recheck(struct request *q)
{
	/* what waits for a look-up is judged after it */
	if (!q->over && q->accepted)
		(void)is_allowed(q);
}
