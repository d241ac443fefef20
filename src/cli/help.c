/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - what the commands are, for a person at the prompt.
 */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/man.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "cli/wrap.h"

#define INDENT 14

/* The overview. A verb that is in none of these is still shown, at the end. */
static const struct {
	const char *title;
	const char *const names[13];
} topics[] = {
	{ "Life cycle",
		{ "run", "create", "start", "attach", "stop", "kill", "pause", "resume",
			"wait", "rm", "prune" } },
	{ "Machines that are kept", { "snapshot", "restore", "fork" } },
	{ "Look and reach inside", { "ls", "exec", "cp", "logs", "inspect", "stats" } },
	{ "Workspace", { "diff", "apply", "discard", "undo" } },
	{ "Network and secrets", { "policy", "secret", "ports", "audit" } },
	{ "Agents and images", { "agent", "image" } },
	{ "This machine", { "compare", "doctor", "completion", "version", "help" } },
};
#define TOPICS (sizeof(topics) / sizeof(*topics))

static bool in_topic(const char *name)
{
	for (size_t t = 0; t < TOPICS; t++)
		for (const char *const *n = topics[t].names; *n; n++)
			if (strcmp(*n, name) == 0)
				return true;
	return false;
}

static int add_title(struct buf *out, const char *title)
{
	return buf_addf(out, "\n%s%s%s\n", out_on(OUT_BOLD), title, out_off());
}

static int add_command(const struct command *c, struct buf *out)
{
	auto_free char *left = str_printf("  %s", c->name);
	struct wrap_item item = { left, c->brief, INDENT, out_columns() };

	return left ? wrap_item(&item, out) : -ENOMEM;
}

static int add_topics(struct buf *out)
{
	bool other = false;
	int r = 0;

	for (size_t t = 0; t < TOPICS && r == 0; t++) {
		r = add_title(out, topics[t].title);
		for (const char *const *n = topics[t].names; *n && r == 0; n++) {
			const struct command *c = command_find(commands, *n);

			if (c)
				r = add_command(c, out);
		}
	}
	for (const struct command *const *c = commands; *c && r == 0; c++) {
		if ((*c)->hidden || in_topic((*c)->name))
			continue;
		if (!other)
			r = add_title(out, "Other");
		other = true;
		if (r == 0)
			r = add_command(*c, out);
	}
	return r;
}

static int overview(struct buf *out)
{
	int r = buf_addf(out,
		"brig %s: runs AI agents, or any program one doesn't trust, in "
		"sandboxes\n\n"
		"usage: brig COMMAND [OPTIONS] ...\n"
		"       brig run [AGENT] [PATH...] [-- ARG...]\n",
		BRIG_VERSION);

	if (r == 0)
		r = add_topics(out);
	if (r == 0)
		r = buf_add_str(out,
			"\n'brig help COMMAND' tells all about one, 'man brig' the "
			"rest.\n");
	return r;
}

static int add_subs(const struct command *c, struct buf *out)
{
	int r = add_title(out, "Commands");

	for (const struct command *const *s = c->sub; *s && r == 0; s++) {
		auto_free char *left = str_printf("  %s %s", (*s)->name, (*s)->usage);
		struct wrap_item item = { left, (*s)->brief, 2 * INDENT, out_columns() };

		if ((*s)->hidden)
			continue;
		r = left ? wrap_item(&item, out) : -ENOMEM;
	}
	return r;
}

int command_help(const struct command *c, const struct command *parent, struct buf *out)
{
	static const struct opt own[] = {
		{ .name = "help", .letter = 'h', .help = "show this" }, { 0 }
	};
	unsigned columns = out_columns();
	int r;

	if (!c)
		return overview(out);
	r = buf_addf(out, "usage: brig %s%s%s %s\n\n", parent ? parent->name : "",
		parent ? " " : "", c->name, c->sub ? "COMMAND ..." : c->usage);
	if (r == 0)
		r = wrap_text(c->brief, columns, out);
	if (r == 0 && c->detail)
		r = buf_add_str(out, "\n");
	if (r == 0 && c->detail)
		r = wrap_text(c->detail, columns, out);
	if (r == 0 && c->sub)
		return add_subs(c, out);
	if (r == 0)
		r = add_title(out, "Options");
	if (r == 0 && c->opts)
		r = opts_help(c->opts, columns, out);
	return r == 0 ? opts_help(own, columns, out) : r;
}

struct args {
	bool man;
};

static const struct opt options[] = {
	OPT(struct args, "man", 0, NULL, man, opt_bool,
		"print the manual page instead, as mdoc(7)"),
	{ 0 },
};

static int find(const struct strv *words, const struct command **parent,
	const struct command **ret, struct err *e)
{
	const struct command *const *table = commands;

	for (size_t i = 0; i < words->n; i++) {
		const struct command *c = table ? command_find(table, words->v[i]) : NULL;
		auto_free char *shown = c ? NULL : str_escape(words->v[i]);

		if (!c) {
			(void)err_set(e, EINVAL, "unknown command '%.80s'",
				shown ? shown : "?");
			err_hint(e, "brig help shows all");
			return -EINVAL;
		}
		*parent = *ret;
		*ret = c;
		table = c->sub;
	}
	return 0;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct args *a = inv->args;
	const struct command *c = NULL, *parent = NULL;
	auto_buf struct buf text = { 0 };
	int r = find(&inv->words, &parent, &c, e);

	if (r < 0)
		return r;
	r = a->man ? man_page(c, &text) : command_help(c, parent, &text);
	if (r < 0)
		return err_set(e, -r, "out of memory");
	return out_text(text.data) < 0 ? EXIT_BRIG : 0;
}

const struct command verb_help = {
	.name = "help",
	.usage = "[--man] [COMMAND [COMMAND]]",
	.brief = "Tell what a command does and which options it has",
	.opts = options,
	.args_size = sizeof(struct args),
	.words_max = 2,
	.complete = "@command",
	.run = run,
};
