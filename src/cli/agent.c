/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.c - which agents there are, and what their recipes make of this machine.
 */
#include "sandbox/agent.h"

#include "base/json.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct args {
	bool json;
	bool quiet;
};

static const struct opt ls_options[] = {
	OPT(struct args, "quiet", 'q', NULL, quiet, opt_bool, "print names alone"),
	OPT(struct args, "json", 0, NULL, json, opt_bool, "print JSON"),
	{ 0 },
};

static const struct opt show_options[] = {
	OPT(struct args, "json", 0, NULL, json, opt_bool, "print JSON"),
	{ 0 },
};

/* One recipe and what is wrong with it or its program. */
struct seen {
	struct agent agent;
	struct agent_program program;
	struct err bad;     /* of the recipe */
	struct err missing; /* of the program */
};

static void seen_clear(struct seen *s)
{
	agent_clear(&s->agent);
	agent_program_clear(&s->program);
}

static void look(const char *name, struct seen *s)
{
	*s = (struct seen){ 0 };
	if (agent_load(name, &s->agent, &s->bad) == 0)
		(void)agent_find_program(&s->agent, &s->program, &s->missing);
}

static const char *state(const struct seen *s)
{
	if (s->bad.code)
		return "bad recipe";
	if (s->missing.code == ENOENT)
		return "not installed";
	return s->missing.code ? "can't be shown" : "ready";
}

static int add_strings(struct json *j, const char *key, const struct strv *v)
{
	struct json *a = json_new_array();

	for (size_t i = 0; a && i < v->n; i++)
		if (json_append(a, json_new_str(v->v[i])) < 0)
			break;
	return json_add(j, key, a);
}

static struct json *seen_json(const char *name, const struct seen *s)
{
	struct json *j = s->bad.code ? json_new_object() : agent_json(&s->agent);
	const struct err *e = s->bad.code ? &s->bad : &s->missing;
	int r = j ? 0 : -ENOMEM;

	if (r == 0)
		r = json_add_str(j, "name", name);
	if (r == 0)
		r = json_add_str(j, "state", state(s));
	if (r == 0 && e->code)
		r = json_add_str(j, "error", e->msg);
	if (r == 0 && e->code && e->hint[0])
		r = json_add_str(j, "hint", e->hint);
	if (r == 0 && s->program.path) {
		r = json_add_str(j, "found", s->program.path);
		if (r == 0)
			r = add_strings(j, "start", &s->program.start);
		if (r == 0)
			r = add_strings(j, "shown", &s->program.dirs);
	}
	if (r < 0) {
		json_free(j);
		return NULL;
	}
	return j;
}

static int ls_json(const struct strv *names, struct err *e)
{
	auto_json struct json *all = json_new_array();

	for (size_t i = 0; all && i < names->n; i++) {
		AUTO(seen_clear) struct seen s;

		look(names->v[i], &s);
		if (json_append(all, seen_json(names->v[i], &s)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return out_json(all, e) < 0 ? EXIT_BRIG : 0;
}

static int ls_table(const struct strv *names)
{
	static const char *const heads[] = { "AGENT", "STATE", "WHAT IT IS" };
	struct out_table *t = out_table_new(heads, 3);
	int r = t ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < names->n; i++) {
		AUTO(seen_clear) struct seen s;

		look(names->v[i], &s);
		r = out_table_add(t,
			(const char *[]){ names->v[i], state(&s),
				s.bad.code ? s.bad.msg : s.agent.description });
	}
	if (r == 0)
		r = out_table_print(t);
	out_table_free(t);
	return r;
}

static int ls_run(const struct invocation *inv, struct err *e)
{
	const struct args *a = inv->args;
	auto_strv struct strv names = { 0 };
	int r = agent_names(&names, e);

	if (r < 0)
		return r;
	if (a->json)
		return ls_json(&names, e);
	if (!a->quiet)
		return ls_table(&names) < 0 ? EXIT_BRIG : 0;
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = out_line("%s", names.v[i]);
	return r < 0 ? EXIT_BRIG : 0;
}

static int line(const char *name, const char *text)
{
	auto_free char *shown = text ? str_escape(text) : NULL;

	return shown ? out_line("%-13s%s", name, shown) : 0;
}

static int line_words(const char *name, const struct strv *v)
{
	auto_free char *text = v->n ? str_join(v->v, " ") : NULL;

	return line(name, text);
}

static int line_each(const char *name, const struct strv *v)
{
	int r = 0;

	for (size_t i = 0; i < v->n && r == 0; i++)
		r = line(i ? "" : name, v->v[i]);
	return r;
}

static int show_text(const struct seen *s)
{
	const struct agent *a = &s->agent;
	int r = line("agent", a->name);

	r |= line("", a->description);
	r |= line("recipe", a->file);
	r |= line("image", a->image ? a->image : "host");
	r |= line_words("command", &a->command);
	r |= line_words("more paths", &a->path_args);
	r |= line("arguments",
		a->args == AGENT_ARGS_REPLACE ? "replace the command" : NULL);
	r |= line_each("environment", &a->env);
	r |= line_each("files", &a->files);
	r |= line_each("network", &a->net);
	r |= line("install", a->install);
	r |= line("state", state(s));
	r |= line("program", s->program.path);
	r |= line_words("started as", &s->program.start);
	r |= line_each("shown", &s->program.dirs);
	return r;
}

static int show_run(const struct invocation *inv, struct err *e)
{
	const struct args *a = inv->args;
	AUTO(seen_clear) struct seen s;

	look(inv->words.v[0], &s);
	if (s.bad.code) {
		*e = s.bad;
		return -s.bad.code;
	}
	if (a->json) {
		auto_json struct json *j = seen_json(inv->words.v[0], &s);

		return !j                    ? err_set(e, ENOMEM, "out of memory")
			: out_json(j, e) < 0 ? EXIT_BRIG
					     : 0;
	}
	if (show_text(&s) < 0)
		return EXIT_BRIG;
	if (s.missing.code)
		out_note("%s%s%s", s.missing.msg, s.missing.hint[0] ? "; " : "",
			s.missing.hint);
	return 0;
}

static const struct command agent_ls = {
	.name = "ls",
	.usage = "[-q] [--json]",
	.brief = "List the agents and whether their programs are installed",
	.opts = ls_options,
	.args_size = sizeof(struct args),
	.run = ls_run,
};

static const struct command agent_show = {
	.name = "show",
	.usage = "[--json] AGENT",
	.brief = "Show a recipe, the program it finds, and what of the host that needs",
	.opts = show_options,
	.args_size = sizeof(struct args),
	.words_min = 1,
	.words_max = 1,
	.complete = "@agent",
	.run = show_run,
};

static const struct command *const subs[] = { &agent_ls, &agent_show, NULL };

const struct command verb_agent = {
	.name = "agent",
	.usage = "ls|show ...",
	.brief = "List agents, or show how one is run",
	.detail = "An agent is a recipe: which program is run, with which options, "
		  "environment and image. Recipes are small files that can be copied to "
		  "~/.config/brig/agents and changed; brig-agents(5) says how.",
	.sub = subs,
};
