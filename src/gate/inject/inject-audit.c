/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-audit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/str.h"
#include "gate/roles.h"

#define EVENTS_MAX 64U

struct event {
	char *secret, *host, *reason;
	uint64_t count;
};

struct inject_audit {
	struct loop_source *timer;
	int keeper;
	struct event v[EVENTS_MAX];
	size_t n;
	uint64_t left_out;
};

static void event_clear(struct event *v)
{
	free(v->secret);
	free(v->host);
	free(v->reason);
	*v = (struct event){ 0 };
}

static int write_event(const struct event *v, struct buf *out)
{
	auto_json struct json *j = json_new_object();
	size_t start = out->len;
	int r = j ? json_add_str(j, "type", "secret") : -ENOMEM;

	if (r == 0)
		r = json_add_str(j, "name", v->secret);
	if (r == 0)
		r = json_add_str(j, "host", v->host);
	if (r == 0)
		r = json_add_str(j, "action", v->reason ? "refused" : "used");
	if (r == 0 && v->reason)
		r = json_add_str(j, "reason", v->reason);
	if (r == 0)
		r = json_add(j, "count", json_new_uint(v->count));
	if (r == 0)
		r = json_print(j, false, out);
	while (r == 0 && out->len > start && out->data[out->len - 1] == '\n')
		out->len--;
	return r == 0 ? buf_add_str(out, "\n") : r;
}

static int send_one(struct inject_audit *a, const struct event *v)
{
	auto_buf struct buf b = { 0 };
	int r = write_event(v, &b);

	return r < 0 ? r : parcel_send(a->keeper, ROLE_EVENTS, b.data, b.len);
}

/* A keeper that doesn't keep up gets them later; what can't be sent at all is dropped. */
static void flush(struct inject_audit *a)
{
	size_t sent = 0;

	while (sent < a->n && send_one(a, &a->v[sent]) != -EAGAIN)
		event_clear(&a->v[sent++]);
	memmove(a->v, a->v + sent, (a->n - sent) * sizeof(a->v[0]));
	a->n -= sent;
	if (a->left_out && a->n == 0) {
		struct event v = { (char[]){ "*" }, (char[]){ "*" },
			(char[]){ "more events than are told one by one" }, a->left_out };

		if (send_one(a, &v) != -EAGAIN)
			a->left_out = 0;
	}
	if (a->n || a->left_out)
		loop_timer_arm(a->timer, NS_PER_SEC);
}

static void due(struct loop_source *src, void *data)
{
	(void)src;
	flush(data);
}

int inject_audit_new(struct loop *l, int keeper, struct inject_audit **ret, struct err *e)
{
	struct inject_audit *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_set(e, ENOMEM, "out of memory");
	a->keeper = keeper;
	r = loop_add_timer(l, due, a, &a->timer, e);
	if (r < 0)
		free(a);
	else
		*ret = a;
	return r;
}

void inject_audit_free(struct inject_audit *a)
{
	if (!a)
		return;
	flush(a);
	for (size_t i = 0; i < a->n; i++)
		event_clear(&a->v[i]);
	loop_source_free(a->timer);
	free(a);
}

void inject_audit_secret(
	struct inject_audit *a, const char *secret, const char *host, const char *reason)
{
	struct event *v;

	if (a->n == 0 && !a->left_out)
		loop_timer_arm(a->timer, NS_PER_SEC);
	for (size_t i = 0; i < a->n; i++) {
		v = &a->v[i];
		if (str_eq(v->secret, secret) && str_eq(v->host, host) &&
			str_eq(v->reason, reason)) {
			v->count++;
			return;
		}
	}
	if (a->n == EVENTS_MAX) {
		a->left_out++;
		return;
	}
	v = &a->v[a->n];
	v->secret = strdup(secret);
	v->host = strdup(host);
	v->reason = reason ? strdup(reason) : NULL;
	v->count = 1;
	if (v->secret && v->host && (v->reason || !reason))
		a->n++;
	else
		event_clear(v);
}
