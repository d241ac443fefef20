/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate-log.c - verdicts on their way to the audit log.
 *
 * A sandbox can make as many verdicts a second as the gate can give. So what is equal is
 * counted, once a second the counts are sent, and what is not equal is bounded too: past
 * LOG_KINDS it is only said how much there was. Denials, which cost nothing to make, get a
 * part of that, so that a flood of them hides nothing that was allowed.
 */
#include "gate/gate-priv.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/str.h"
#include "gate/roles.h"

#include <string.h>

#define LOG_KINDS  160U /* a second; of all roles the keeper takes 200 (keeper-audit.c) */
#define LOG_DENIED 96U
#define LOG_EVERY  (1 * NS_PER_SEC)
#define PATH_SHOWN 256

struct entry {
	char *key; /* of what makes it the same; NULL: free */
	struct json *line;
	uint64_t count, up, down;
	bool denied;
};

struct gate_log {
	struct loop_source *timer;
	struct entry entries[LOG_KINDS];
	size_t n, denied;
	uint64_t beyond[2]; /* for which there was no room: denied, allowed */
	bool armed;
};

static const char *proto_name(enum policy_proto p)
{
	static const char *const names[] = { [PROTO_UNKNOWN] = "tcp",
		[PROTO_TCP] = "tcp",
		[PROTO_TLS] = "tls",
		[PROTO_HTTP] = "http",
		[PROTO_HTTPS] = "https" };

	return names[p];
}

static struct json *make_line(const struct gate_event *ev)
{
	const struct policy_query *q = &ev->query;
	const struct rule *rule = ev->verdict.rule;
	struct json *j = json_new_object();
	char text[ADDRESS_TEXT_MAX];
	int r = json_add_str(j, "type", "net");

	if (r == 0 && q->name)
		r = json_add_str(j, "host", q->name);
	if (r == 0 && q->addr)
		r = json_add_str(j, "addr", address_text(q->addr, text));
	if (r == 0 && q->port)
		r = json_add(j, "port", json_new_uint(q->port));
	if (r == 0)
		r = json_add_str(j, "proto",
			q->stage == POLICY_DNS ? "dns" : proto_name(q->proto));
	if (r == 0 && q->method)
		r = json_add_str(j, "method", q->method);
	if (r == 0 && q->path) {
		char path[PATH_SHOWN];

		(void)snprintf(path, sizeof(path), "%s", q->path);
		r = json_add_str(j, "path", path);
	}
	if (r == 0)
		r = json_add_str(j, "verdict", ev->verdict.allow ? "allow" : "deny");
	if (r == 0 && rule)
		r = json_add_str(j, "rule", rule->text);
	if (r == 0 && rule && rule->origin)
		r = json_add_str(j, "origin", rule->origin);
	if (r == 0 && ev->verdict.reason)
		r = json_add_str(j, "reason", ev->verdict.reason);
	if (r == 0 && ev->status)
		r = json_add(j, "status", json_new_uint(ev->status));
	if (r < 0) {
		json_free(j);
		return NULL;
	}
	return j;
}

static struct entry *find(struct gate_log *log, const char *key)
{
	for (size_t i = 0; i < log->n; i++)
		if (strcmp(log->entries[i].key, key) == 0)
			return &log->entries[i];
	return NULL;
}

static struct entry *add(struct gate_log *log, char *key, struct json *line, bool denied)
{
	struct entry *at;

	if (log->n == LOG_KINDS || (denied && log->denied == LOG_DENIED))
		return NULL;
	at = &log->entries[log->n++];
	*at = (struct entry){ .key = key, .line = line, .denied = denied };
	log->denied += denied;
	return at;
}

void gate_log(struct gate *g, const struct gate_event *ev)
{
	struct gate_log *log = g->log;
	auto_json struct json *line = NULL;
	auto_buf struct buf key = { 0 };
	struct entry *at;

	if (!log)
		return;
	line = make_line(ev);
	if (!line || json_print(line, false, &key) < 0)
		return;
	at = find(log, key.data);
	if (!at) {
		at = add(log, key.data, line, !ev->verdict.allow);
		if (at) {
			key = (struct buf){ 0 };
			line = NULL;
		}
	}
	/* not moved by what comes later: a flood must not put it off for ever */
	if (!log->armed)
		loop_timer_arm(log->timer, LOG_EVERY);
	log->armed = true;
	if (!at) {
		log->beyond[ev->verdict.allow]++;
		return;
	}
	at->count += !ev->end;
	at->up += ev->up;
	at->down += ev->down;
}

/* Finish one line: what was counted. */
static int print_entry(struct entry *at, struct buf *out)
{
	int r = json_add(at->line, "count", json_new_uint(at->count));

	if (r == 0 && at->up)
		r = json_add(at->line, "up", json_new_uint(at->up));
	if (r == 0 && at->down)
		r = json_add(at->line, "down", json_new_uint(at->down));
	if (r == 0)
		r = json_print(at->line, false, out);
	return r == 0 && out->len && out->data[out->len - 1] != '\n'
		? buf_add_str(out, "\n")
		: r;
}

static bool send_lines(struct gate *g, struct buf *out)
{
	int r = out->len ? parcel_send(g->keeper, ROLE_EVENTS, out->data, out->len) : 0;

	out->len = 0;
	return r == 0;
}

static void drop_first(struct gate_log *log, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		log->denied -= log->entries[i].denied;
		free(log->entries[i].key);
		json_free(log->entries[i].line);
	}
	memmove(log->entries, log->entries + n, (log->n - n) * sizeof(*log->entries));
	log->n -= n;
}

/* First of all, for what comes last is what is lost where there is too much. */
static bool send_beyond(struct gate *g, struct buf *out)
{
	static const char *const verdicts[] = { "deny", "allow" };
	uint64_t *beyond = g->log->beyond;

	for (size_t i = 0; i < 2; i++)
		if (beyond[i])
			(void)buf_addf(out,
				"{\"type\":\"net\",\"verdict\":\"%s\",\"reason\":\"and "
				"others, too many to tell apart\",\"count\":%llu}\n",
				verdicts[i], (unsigned long long)beyond[i]);
	if (!send_lines(g, out))
		return false;
	beyond[0] = beyond[1] = 0;
	return true;
}

/* As much as the keeper takes now; the rest waits. */
static bool flush(struct gate *g)
{
	struct gate_log *log = g->log;
	auto_buf struct buf out = { 0 }, one = { 0 };
	size_t done = 0;
	bool sent = send_beyond(g, &out);

	while (sent && done < log->n) {
		size_t first = done;

		for (; done < log->n; done++) {
			one.len = 0;
			if (print_entry(&log->entries[done], &one) < 0)
				continue;
			if (out.len + one.len > PARCEL_MAX)
				break;
			(void)buf_add(&out, one.data, one.len);
		}
		sent = send_lines(g, &out);
		if (!sent)
			done = first;
		else if (done == first)
			done++; /* a line too long for a parcel can't be */
	}
	drop_first(log, done);
	return sent;
}

static void time_to_flush(struct loop_source *src, void *data)
{
	struct gate *g = data;

	g->log->armed = !flush(g);
	if (g->log->armed)
		loop_timer_arm(src, LOG_EVERY);
}

void gate_log_flush(struct gate *g)
{
	if (g->log)
		(void)flush(g);
}

int gate_log_new(struct gate *g, struct err *e)
{
	struct gate_log *log = calloc(1, sizeof(*log));
	int r = log ? loop_add_timer(g->loop, time_to_flush, g, &log->timer, e)
		    : err_set(e, ENOMEM, "out of memory");

	if (r < 0)
		free(log);
	else
		g->log = log;
	return r;
}

void gate_log_free(struct gate *g)
{
	if (!g->log)
		return;
	drop_first(g->log, g->log->n);
	loop_source_free(g->log->timer);
	free(g->log);
	g->log = NULL;
}
