/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/audit.h"

#include "base/buf.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

#define FOLLOW_US 200000

struct audit_args {
	bool json, follow;
	char *type, *head;
};

static const struct opt opts[] = {
	OPT(struct audit_args, "follow", 'f', NULL, follow, opt_bool,
		"go on as more comes, until the sandbox ends"),
	OPT(struct audit_args, "type", 0, "TYPE", type, opt_str,
		"only events of this type: exec, net, ...",
		.words = "start stop exec policy net secret apply discard ports undo"),
	OPT(struct audit_args, "head", 0, "HASH", head, opt_str,
		"verify: the log must hold the line that had this hash"),
	OPT(struct audit_args, "json", 0, NULL, json, opt_bool, "as JSON, one line each"),
	{ 0 },
};

static void clear(void *args)
{
	struct audit_args *a = args;

	free(a->type);
	free(a->head);
}

static int add_value(const struct json *v, struct buf *out)
{
	auto_buf struct buf text = { 0 };
	auto_free char *shown = NULL;

	if (json_is_array(v)) {
		int r = 0;

		for (size_t i = 0; i < json_len(v) && r == 0; i++) {
			r = i ? buf_add_str(out, " ") : 0;
			if (r == 0)
				r = add_value(json_at(v, i), out);
		}
		return r;
	}
	if (!json_is_string(v) && json_print(v, false, &text) < 0)
		return -ENOMEM;
	shown = str_escape(json_is_string(v) ? json_str(v) : text.data);
	return shown ? buf_add_str(out, shown) : -ENOMEM;
}

/* " key=value", but for what every line has and is shown in its place. */
static int add_pair(const char *key, struct json *value, void *data)
{
	static const char *const known[] = { "seq", "time", "type", "prev", "id" };
	auto_free char *shown = str_escape(key);
	struct buf *out = data;
	int r;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_eq(key, known[i]))
			return 0;
	r = buf_addf(out, "  %s=", shown ? shown : "?");
	return r == 0 ? add_value(value, out) : r;
}

static int show_line(const struct audit_args *a, const struct audit_line *l)
{
	auto_json struct json *j = NULL;
	auto_buf struct buf out = { 0 };
	auto_free char *time = NULL, *type = NULL;

	if (json_parse(l->text, l->len, l->file, &j, NULL) < 0 || !json_is_object(j))
		return a->type || a->json
			? 0
			: out_line("%s:%llu: %zu bytes that a crash cut short", l->file,
				  (unsigned long long)l->number, l->len);
	if (a->type && !str_eq(a->type, json_get_str(j, "type")))
		return 0;
	if (a->json) {
		/* not as it stands: a stranger's bytes must not reach a terminal */
		if (json_print(j, false, &out) < 0)
			return -ENOMEM;
		return out_line("%s", out.data);
	}
	time = str_escape(json_get_str(j, "time") ? json_get_str(j, "time") : "");
	type = str_escape(json_get_str(j, "type") ? json_get_str(j, "type") : "");
	if (!time || !type || json_each(j, add_pair, &out) < 0)
		return -ENOMEM;
	/* to the second, in UTC */
	return out_line("%.19sZ  %s%-7s%s%s", time, out_on(OUT_BOLD), type, out_off(),
		out.data ? out.data : "");
}

static int show(const struct audit_args *a, const struct sandbox *s, struct err *e)
{
	struct audit_reader reader;
	struct audit_line line;
	int r = audit_reader_open(&reader, s->dir, e);

	if (r < 0)
		return r;
	for (;;) {
		/* asked before reading: what is written last is then read below */
		bool more = a->follow && sandbox_kept(s);

		while ((r = audit_next(&reader, &line, e)) > 0 &&
			(r = show_line(a, &line)) == 0)
			;
		if (r < 0 || !more || (r = out_flush()) < 0)
			break;
		(void)usleep(FOLLOW_US);
	}
	audit_reader_close(&reader);
	return r < 0 && e->code == 0 ? err_set(e, -r, "show the audit log") : r;
}

static int verify_json(const struct audit_check *c, struct err *e)
{
	auto_json struct json *j = json_new_object();

	(void)json_add(j, "ok", json_new_bool(!c->broken));
	(void)json_add(j, "lines", json_new_uint(c->lines));
	(void)json_add(j, "first", json_new_uint(c->first));
	(void)json_add(j, "last", json_new_uint(c->last));
	(void)json_add(j, "torn", json_new_uint(c->torn));
	(void)json_add_str(j, "head", c->head);
	if (c->broken) {
		(void)json_add_str(j, "file", c->file);
		(void)json_add(j, "line", json_new_uint(c->number));
		(void)json_add_str(j, "why", c->why);
	}
	return out_json(j, e);
}

static int verify_text(const struct audit_check *c)
{
	if (c->broken && c->number)
		return out_line("broken at %s:%llu: %s", c->file,
			(unsigned long long)c->number, c->why);
	if (c->broken)
		return out_line("broken: %s", c->why);
	if (c->first > 1)
		out_note("it begins with event %llu: what came before was rotated away",
			(unsigned long long)c->first);
	if (c->torn)
		out_note("a crash cut a line short in %llu place%s",
			(unsigned long long)c->torn, c->torn == 1 ? "" : "s");
	return out_line(
		"%llu events, unbroken; head %s", (unsigned long long)c->lines, c->head);
}

static int verify(const struct audit_args *a, const struct sandbox *s, struct err *e)
{
	struct audit_check c;
	int r;

	if (a->head &&
		(strlen(a->head) != AUDIT_HASH - 1 ||
			a->head[strspn(a->head, "0123456789abcdefABCDEF")]))
		return err_set(e, EINVAL, "--head takes the 64 hex digits of a hash");
	r = audit_verify(s->dir, s->rec.id, a->head, &c, e);
	if (r == 0)
		r = a->json ? verify_json(&c, e) : verify_text(&c);
	return r < 0 ? r : c.broken;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct audit_args *a = inv->args;
	bool check = inv->words.n == 2;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r;

	if (check && !str_eq(inv->words.v[0], "verify"))
		return err_set(e, EINVAL, "one sandbox at a time");
	if (!check && a->head)
		return err_set(e, EINVAL, "--head is for 'brig audit verify'");
	r = sandbox_open(inv->words.v[inv->words.n - 1], &s, e);
	if (r < 0)
		return r;
	if (faccessat(s.dir, AUDIT_FILE, F_OK, 0) < 0) {
		(void)err_set(e, ENOENT, "sandbox '%s' has no audit log", s.name);
		err_hint(e, "it begins with its first start");
		return -ENOENT;
	}
	return check ? verify(a, &s, e) : show(a, &s, e);
}

const struct command verb_audit = {
	.name = "audit",
	.usage = "[-f] [--type TYPE] [--json] NAME | verify [--head HASH] NAME",
	.brief = "what happened in and around a sandbox, and whether the log is whole",
	.detail =
		"It lists starts, commands, verdicts about the network, uses of secrets, "
		"published ports and what was applied to the workspace. Each line of the "
		"log holds the hash of the one before.\n\n"
		"'verify' recomputes the hashes: exit status 1, and the line, where one "
		"doesn't fit. It prints the hash of the last line, the head; note it "
		"elsewhere, and --head will show later that nothing before it is gone.",
	.opts = opts,
	.args_size = sizeof(struct audit_args),
	.words_min = 1,
	.words_max = 2,
	.complete = "@sandbox verify",
	.run = run,
	.clear = clear,
};
