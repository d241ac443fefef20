/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-edit.c - 'brig policy init', 'allow', 'deny' and 'rm'.
 */
#include "cli/out.h"
#include "cli/policy.h"
#include "sandbox/notify.h"
#include "sandbox/policy-store.h"

#define WORDS_MAX 1024

struct edit_args {
	char *sandbox, *method, *path;
};

#define OPT_SANDBOX                                                     \
	OPT(struct edit_args, "sandbox", 's', "NAME", sandbox, opt_str, \
		"the rules of this sandbox alone, not the global ones", \
		.words = "@sandbox")

static const struct opt add_opts[] = {
	OPT_SANDBOX,
	OPT(struct edit_args, "method", 'X', "METHOD,...", method, opt_str,
		"only requests with these methods; TLS is opened to see them"),
	OPT(struct edit_args, "path", 0, "PATTERN", path, opt_str,
		"only requests for these paths: * is a part of a segment, ** is "
		"anything"),
	{ 0 },
};

static const struct opt rm_opts[] = { OPT_SANDBOX, { 0 } };

static void clear(void *args)
{
	struct edit_args *a = args;

	free(a->sandbox);
	free(a->method);
	free(a->path);
}

/* Have what runs load the rules. */
static int tell(const char *sandbox, struct err *e)
{
	auto_strv struct strv notes = { 0 };
	int r = notify_policy(sandbox, &notes, e);

	for (size_t i = 0; i < notes.n; i++)
		out_note("%s", notes.v[i]);
	if (r < 0)
		return err_wrap(e, "the rules are saved, but");
	return r > 0 ? EXIT_BRIG : 0;
}

static int init_run(const struct invocation *inv, struct err *e)
{
	const char *preset = inv->words.n ? inv->words.v[0] : "balanced";
	int r = policy_preset_set(preset, e);

	return r < 0 ? r : out_line("new sandboxes have the preset '%s'", preset);
}

/* ACTION TARGET[PATH] [METHODS] */
static char *compose(const char *action, const char *target, const struct edit_args *a)
{
	const char *scheme = a->path && !strstr(target, "://") ? "https://" : "";

	return str_printf("%s %s%s%s%s%s", action, scheme, target, a->path ? a->path : "",
		a->method ? " " : "", a->method ? a->method : "");
}

/* What is allowed now and stays denied: nobody should have to search for that. */
static void note_denials(const struct edit_args *a, const struct strv *added)
{
	struct policy_scope scope = { .global = true, .sandbox = a->sandbox };
	auto_policy_rules struct policy_rules rules = { 0 };
	struct err ignored;

	if (policy_rules_load(&scope, &rules, &ignored) < 0)
		return;
	for (size_t i = 0; i < added->n; i++)
		for (size_t k = 0; k < rules.n; k++) {
			const struct rule *r = &rules.v[k];

			if (r->action == RULE_DENY && str_starts(added->v[i], "allow ") &&
				strcmp(r->text + 5, added->v[i] + 6) == 0)
				out_note("a %s rule still denies it: '%s'", r->origin,
					r->text);
		}
}

static int add_run(const struct invocation *inv, struct err *e)
{
	const struct edit_args *a = inv->args;
	auto_strv struct strv lines = { 0 }, added = { 0 };
	int r = 0;

	/* without the slash it would become a part of the host's name */
	if (a->path && *a->path != '/') {
		(void)err_set(
			e, EINVAL, "--path '%.100s' doesn't begin with '/'", a->path);
		err_hint(e, "paths are whole: --path '/%.100s'", a->path);
		return -EINVAL;
	}
	for (size_t i = 0; i < inv->words.n && r == 0; i++)
		r = strv_take(&lines, compose(inv->command->name, inv->words.v[i], a));
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = policy_store_add(a->sandbox, &lines, &added, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < added.n; i++)
		if (out_line("%s", added.v[i]) < 0)
			return EXIT_BRIG;
	if (added.n < lines.n)
		out_note("%zu of these rules %s there already", lines.n - added.n,
			lines.n - added.n == 1 ? "was" : "were");
	note_denials(a, &added);
	return added.n ? tell(a->sandbox, e) : 0;
}

static int rm_run(const struct invocation *inv, struct err *e)
{
	const struct edit_args *a = inv->args;
	auto_strv struct strv removed = { 0 };
	struct err first = { 0 };
	int r = 0, told = 0;

	/* those before a failure are gone, and have to be said and told */
	for (size_t i = 0; i < inv->words.n && r == 0; i++)
		r = policy_store_remove(a->sandbox, inv->words.v[i], &removed, &first);
	for (size_t i = 0; i < removed.n; i++)
		if (out_line("%s", removed.v[i]) < 0)
			return EXIT_BRIG;
	if (removed.n)
		told = tell(a->sandbox, e);
	if (r < 0)
		*e = first;
	return r < 0 ? r : told;
}

const struct command command_policy_init = {
	.name = "init",
	.usage = "[none|locked|balanced|open]",
	.brief = "set the preset of sandboxes to come (balanced)",
	.detail = "It is written into the file of global rules, which stays as it is "
		  "otherwise.",
	.words_max = 1,
	.complete = "none locked balanced open",
	.run = init_run,
};

const struct command command_policy_allow = {
	.name = "allow",
	.usage = "[--sandbox NAME] [--method METHODS] [--path PATTERN] TARGET...",
	.brief = "add rules that allow",
	.opts = add_opts,
	.args_size = sizeof(struct edit_args),
	.words_min = 1,
	.words_max = WORDS_MAX,
	.run = add_run,
	.clear = clear,
};

const struct command command_policy_deny = {
	.name = "deny",
	.usage = "[--sandbox NAME] [--method METHODS] [--path PATTERN] TARGET...",
	.brief = "add rules that deny, which beat all that allow",
	.detail = "Connections that are open and no longer allowed are ended.",
	.opts = add_opts,
	.args_size = sizeof(struct edit_args),
	.words_min = 1,
	.words_max = WORDS_MAX,
	.run = add_run,
	.clear = clear,
};

const struct command command_policy_rm = {
	.name = "rm",
	.usage = "[--sandbox NAME] ID|TARGET|RULE...",
	.brief = "remove rules, by their id, their target, or all of their text",
	.detail = "A preset's rules can't be removed; they can be denied.",
	.opts = rm_opts,
	.args_size = sizeof(struct edit_args),
	.words_min = 1,
	.words_max = WORDS_MAX,
	.run = rm_run,
	.clear = clear,
};
