/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-audit.c - what is written down of a sandbox's life: audit.h.
 *
 * Mustn't: write a value of the environment, which may be a secret.
 */
#include "sandbox/keeper-audit.h"
#include "sandbox/keeper-priv.h"

#include "base/clock.h"
#include "base/err.h"
#include "sandbox/audit-event.h"
#include "sandbox/port.h"

#define ARGV_BYTES  2048U /* of a command line that are written down */
#define EVENTS_RATE 200U  /* lines a second that the network roles may report */

static void write_event(struct keeper *k, const char *type, struct json *fields)
{
	struct err e = { 0 };

	if (k->audit.fd < 0) {
		json_free(fields);
		return;
	}
	if (audit_write(&k->audit, type, fields, &e) == 0)
		return;
	/* said once; what the sandbox does goes on, as with its log */
	(void)strv_add(&k->notes, e.msg);
	fprintf(stderr, "brig-keeper: %s\n", e.msg);
	audit_close(&k->audit);
}

void keeper_audit_open(struct keeper *k)
{
	struct err e = { 0 };

	if (audit_open(&k->audit, k->sandbox.dir, k->sandbox.rec.id, &e) < 0)
		(void)strv_add(&k->notes, e.msg);
}

/* Text that is not ours to choose: a line must stay JSON, whatever is in it. */
static int add_text(struct json *j, const char *key, const char *text)
{
	auto_free char *shown = text ? str_escape(text) : NULL;

	return shown && *shown ? json_add_str(j, key, shown) : 0;
}

/* The words of a command, as many as there is room for, and how many there were. */
static int add_argv(struct json *j, const struct strv *argv)
{
	struct json *all = json_new_array();
	size_t left = ARGV_BYTES;
	int r = json_add(j, "argv", all);

	for (size_t i = 0; i < argv->n && r == 0; i++) {
		auto_free char *shown = str_escape(argv->v[i]);
		size_t len = shown ? strlen(shown) : 0;

		if (!shown)
			return -ENOMEM;
		if (len > left)
			return json_add(j, "argc", json_new_uint(argv->n));
		left -= len;
		r = json_append(all, json_new_str(shown));
	}
	return r;
}

static int add_mounts(struct json *j, const struct record *rec)
{
	struct json *all = json_new_array();
	int r = json_add(j, "mounts", all);

	for (size_t i = 0; i < rec->mounts.n && i < 32 && r == 0; i++) {
		const struct mount_spec *m = record_mount(rec, i);
		auto_free char *text =
			str_printf("%s:%s:%s", m->src, m->dst, mount_mode_names[m->mode]);
		auto_free char *shown = text ? str_escape(text) : NULL;

		r = json_append(all, json_new_str(shown ? shown : "?"));
	}
	return r;
}

static int add_ports(struct json *j, const struct record *rec)
{
	struct json *all = json_new_array();
	int r = json_add(j, "ports", all);

	for (size_t i = 0; i < rec->ports.n && r == 0; i++) {
		auto_free char *text = port_text(port_at(&rec->ports, i));

		r = json_append(all, json_new_str(text ? text : "?"));
	}
	return r;
}

static int add_limits(struct json *j, const struct limit_spec *l)
{
	struct json *limits = json_new_object();
	int r = json_add(j, "limits", limits);

	if (r == 0 && l->memory)
		r = json_add(limits, "memory", json_new_uint(l->memory));
	if (r == 0 && l->cpus)
		r = json_add(limits, "cpus", json_new_uint(l->cpus));
	if (r == 0 && l->pids)
		r = json_add(limits, "pids", json_new_uint(l->pids));
	if (r == 0 && l->net_rate)
		r = json_add(limits, "net_rate", json_new_uint(l->net_rate));
	return r;
}

void keeper_audit_start(struct keeper *k)
{
	const struct record *rec = &k->sandbox.rec;
	struct json *j = json_new_object();
	int r = add_text(j, "name", rec->name);

	if (r == 0)
		r = add_text(j, "wall", rec->wall);
	if (r == 0)
		r = add_text(j, "image", rec->root.image);
	if (r == 0)
		r = add_text(j, "digest", rec->root.digest);
	if (r == 0)
		r = add_text(j, "agent", rec->agent);
	if (r == 0)
		r = add_argv(j, &rec->argv);
	if (r == 0)
		r = add_mounts(j, rec);
	if (r == 0)
		r = add_text(j, "net", rec->net);
	if (r == 0 && rec->ports.n)
		r = add_ports(j, rec);
	if (r == 0)
		r = add_limits(j, &rec->limits);
	write_event(k, "start", j);
}

/* A connection to a port or a socket is no command, though the same means carry it. */
void keeper_audit_exec(struct keeper *k, const struct control_request *q, uint16_t id)
{
	struct json *j;
	int r;

	if (q->builtin &&
		(str_eq(q->argv.v[0], "@dial") || str_eq(q->argv.v[0], "@accept")))
		return;
	j = json_new_object();
	r = add_argv(j, &q->argv);
	if (r == 0)
		r = add_text(j, "user", q->user);
	if (r == 0 && id == MAIN_CHANNEL)
		r = json_add(j, "main", json_new_bool(true));
	if (r == 0 && q->tty)
		r = json_add(j, "tty", json_new_bool(true));
	write_event(k, "exec", j);
}

void keeper_audit_port(struct keeper *k, const char *action, const struct port_spec *p)
{
	auto_free char *text = port_text(p);
	struct json *j = json_new_object();

	if (json_add_str(j, "action", action) == 0)
		(void)json_add_str(j, "port", text);
	write_event(k, "ports", j);
}

void keeper_audit_reload(struct keeper *k, const char *what)
{
	struct json *j = json_new_object();

	(void)json_add_str(j, "action", "reload");
	write_event(k, str_eq(what, "secrets") ? "secret" : "policy", j);
}

static void write_dropped(struct keeper *k, struct events_rate *rate)
{
	struct json *j;

	if (!rate->dropped)
		return;
	j = json_new_object();
	(void)json_add(j, "dropped", json_new_uint(rate->dropped));
	rate->dropped = 0;
	write_event(k, rate == &k->rate[NET_GATE] ? "net" : "secret", j);
}

void keeper_audit_stop(struct keeper *k)
{
	struct json *j = json_new_object();

	for (size_t i = 0; i < NET_ROLES; i++)
		write_dropped(k, &k->rate[i]);
	if (json_add_str(j, "reason", k->reason) == 0)
		(void)json_add(j, "status", json_new_uint(k->status));
	write_event(k, "stop", j);
}

void keeper_audit_close(struct keeper *k)
{
	audit_close(&k->audit);
}

/* A bucket of a second's lines, filled as time goes; each role has one of its own, so that
 * none can crowd out what another has to say. */
static bool rate_allows(struct events_rate *rate)
{
	uint64_t now = clock_mono_ns();
	uint64_t more = (now - rate->at_ns) / (NS_PER_SEC / EVENTS_RATE);

	if (rate->at_ns == 0 || more >= EVENTS_RATE) {
		rate->at_ns = now;
		rate->left = EVENTS_RATE;
	} else {
		rate->at_ns += more * (NS_PER_SEC / EVENTS_RATE);
		rate->left += more;
		if (rate->left > EVENTS_RATE)
			rate->left = EVENTS_RATE;
	}
	if (!rate->left) {
		rate->dropped++;
		return false;
	}
	rate->left--;
	return true;
}

/* The gate tells of connections, the others of secrets; neither speaks for the other. */
static void take_event(struct keeper *k, enum net_role role, const char *line, size_t len)
{
	const char *may = role == NET_GATE ? "net" : "secret", *type;
	struct json *fields = NULL;

	if (!rate_allows(&k->rate[role]))
		return;
	write_dropped(k, &k->rate[role]);
	if (audit_event_parse(line, len, &type, &fields, NULL) == 0) {
		if (str_eq(type, may)) {
			write_event(k, type, fields);
			return;
		}
		json_free(fields);
	}
	fields = json_new_object();
	(void)json_add_str(fields, "reason", "an event that is none was reported");
	write_event(k, may, fields);
}

void keeper_events(struct keeper *k, enum net_role role, const char *lines, size_t len)
{
	const char *end = lines + len;

	while (lines < end) {
		const char *nl = memchr(lines, '\n', (size_t)(end - lines));
		size_t n = (size_t)((nl ? nl : end) - lines);

		if (n)
			take_event(k, role, lines, n);
		lines += n + 1;
	}
}
