/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "sandbox/port.h"
#include "sandbox/sandbox.h"
#include "wall/wall.h"

struct ports_args {
	struct strv publish, unpublish;
	bool json;
};

static const struct opt opts[] = {
	OPT(struct ports_args, "publish", 'p', "[IP:]HOST:GUEST", publish, opt_list,
		"listen on the host for the port GUEST inside; GUEST alone takes a free "
		"port"),
	OPT(struct ports_args, "unpublish", 0, "[IP:]HOST:GUEST", unpublish, opt_list,
		"stop listening; GUEST alone stops all of that port"),
	OPT(struct ports_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

static void clear(void *args)
{
	struct ports_args *a = args;

	strv_clear(&a->publish);
	strv_clear(&a->unpublish);
}

/* One sandbox, held, with its record as it is now. */
struct target {
	struct sandbox held, s;
	bool runs;
};

static void target_clear(struct target *t)
{
	sandbox_clear(&t->s);
	sandbox_clear(&t->held);
}

static int ask(const struct target *t, const struct control_request *q,
	const struct port_sockets *sockets, struct control_reply *ret, struct err *e)
{
	auto_fd int fd = session_open(&t->s, false, e);
	struct control_ask a = { .fd = fd, .q = q };

	if (sockets) {
		a.fds = sockets->fd;
		a.fds_n = sockets->n;
	}
	memset(ret, 0, sizeof(*ret));
	return fd < 0 ? fd : control_ask(&a, ret, e);
}

/* "127.0.0.1:8080 -> 80" */
static int say_port(const struct port_spec *p, uint64_t host)
{
	bool v6 = p->ip && strchr(p->ip, ':');

	return out_line("%s%s%s:%llu -> %llu", v6 ? "[" : "", p->ip ? p->ip : "127.0.0.1",
		v6 ? "]" : "", (unsigned long long)host, (unsigned long long)p->guest);
}

static int publish_live(const struct target *t, const struct port_spec *p, struct err *e)
{
	auto_free char *text = port_text(p);
	struct control_request q = { .verb = CONTROL_PUBLISH, .port = text };
	struct port_sockets sockets = { 0 };
	struct control_reply reply;
	int r = text ? port_listen(p, &sockets, e) : err_set(e, ENOMEM, "out of memory");

	if (r < 0)
		return r;
	r = ask(t, &q, &sockets, &reply, e);
	json_struct_clear(&control_reply_schema, &reply);
	if (r == 0)
		r = say_port(p, sockets.host);
	port_sockets_close(&sockets);
	return r;
}

static int publish(struct target *t, const char *text, struct err *e)
{
	struct port_spec p = { 0 };
	int r = port_parse(text, &p, e);

	if (r == 0)
		r = port_list_add(&t->s.rec.ports, &p, e);
	if (r == 0 && t->runs) {
		r = publish_live(t, &p, e);
		if (r < 0)
			(void)port_list_remove(&t->s.rec.ports, &p, true);
	}
	port_clear(&p);
	return r;
}

static int unpublish_live(struct target *t, const char *text, struct err *e)
{
	struct control_request q = { .verb = CONTROL_UNPUBLISH,
		.port = (char *)(uintptr_t)text };
	struct control_reply reply;
	int r = ask(t, &q, NULL, &reply, e);

	/* as they were asked for, so as they are in the record */
	for (size_t i = 0; i < reply.ports.n; i++)
		(void)port_list_remove(&t->s.rec.ports, port_at(&reply.ports, i), true);
	json_struct_clear(&control_reply_schema, &reply);
	return r;
}

static int unpublish(struct target *t, const char *text, struct err *e)
{
	struct port_spec want = { 0 };
	int r = port_parse(text, &want, e);

	if (r == 0 && t->runs)
		r = unpublish_live(t, text, e);
	else if (r == 0 && port_list_remove(&t->s.rec.ports, &want, false) == 0)
		r = err_set(e, ENOENT, "port %s is not published", text);
	port_clear(&want);
	return r;
}

static int list(const struct target *t, bool json, struct err *e)
{
	static const char *const heads[] = { "HOST", "GUEST" };
	struct control_request q = { .verb = CONTROL_PORTS };
	struct control_reply reply = { 0 };
	const struct json_list *ports = t->runs ? &reply.ports : &t->s.rec.ports;
	auto_json struct json *all = json_new_array();
	struct out_table *table = out_table_new(heads, 2);
	int r = t->runs ? ask(t, &q, NULL, &reply, e) : 0;

	for (size_t i = 0; i < ports->n && r == 0; i++) {
		const struct port_spec *p = port_at(ports, i);
		const char *ip = p->ip ? p->ip : "localhost";
		auto_free char *host = p->host
			? str_printf(strchr(ip, ':') ? "[%s]:%llu" : "%s:%llu", ip,
				  (unsigned long long)p->host)
			: str_printf("%s, any free port", ip);
		auto_free char *guest = str_printf("%llu", (unsigned long long)p->guest);

		if (json)
			r = json_append(all, json_from_struct(&port_spec_schema, p));
		else
			r = out_table_add(table, (const char *const[]){ host, guest });
	}
	if (r == 0)
		r = json ? out_json(all, e) : out_table_print(table);
	out_table_free(table);
	json_struct_clear(&control_reply_schema, &reply);
	return r;
}

static int open_target(const char *name, bool change, struct target *t, struct err *e)
{
	const struct wall *wall;
	int r = sandbox_open(name, &t->held, e);

	if (r == 0 && change)
		r = sandbox_hold(&t->held, e);
	/* again: it may have changed before it was held */
	if (r == 0)
		r = sandbox_open(name, &t->s, e);
	if (r == 0 && change)
		r = wall_find(t->s.rec.wall, &wall, e);
	if (r == 0 && change)
		r = port_check_wall(wall, e);
	t->runs = r == 0 && sandbox_kept(&t->s);
	return r;
}

/* What was done before something failed stays, and is written down. */
static int change(struct target *t, const struct ports_args *a, struct err *e)
{
	struct err mine = { 0 };
	int w, r = 0;

	for (size_t i = 0; i < a->unpublish.n && r == 0; i++)
		r = unpublish(t, a->unpublish.v[i], e);
	for (size_t i = 0; i < a->publish.n && r == 0; i++)
		r = publish(t, a->publish.v[i], e);
	w = sandbox_write_record(&t->s, &mine);
	if (r == 0 && w < 0) {
		*e = mine;
		r = w;
	}
	return r;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct ports_args *a = inv->args;
	bool changes = a->publish.n || a->unpublish.n;
	AUTO(target_clear)
	struct target t = { .held = SANDBOX_INIT, .s = SANDBOX_INIT };
	int r = open_target(inv->words.v[0], changes, &t, e);

	if (r == 0 && changes)
		r = change(&t, a, e);
	if (r == 0 && (!changes || a->json))
		r = list(&t, a->json, e);
	return r;
}

const struct command verb_ports = {
	.name = "ports",
	.usage = "[--publish SPEC] [--unpublish SPEC] [--json] NAME",
	.brief = "show or change the ports of a sandbox that the host listens on",
	.detail = "A SPEC is [IP:]HOST:GUEST: connections to port HOST of the host reach "
		  "what listens on port GUEST inside, on the sandbox's loopback or all "
		  "of its addresses. Without an IP only the host itself can connect "
		  "(127.0.0.1 and ::1); 0.0.0.0 or [::] opens it to others. GUEST alone "
		  "takes any free port, which is printed.\n\n"
		  "It works at once where the sandbox runs, and holds for later starts.",
	.opts = opts,
	.args_size = sizeof(struct ports_args),
	.words_min = 1,
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
	.clear = clear,
};
