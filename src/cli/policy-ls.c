/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/out.h"
#include "cli/policy.h"
#include "sandbox/policy-store.h"
#include "sandbox/sandbox.h"

struct ls_args {
	char *sandbox;
	bool all, json, quiet;
};

static const struct opt opts[] = {
	OPT(struct ls_args, "sandbox", 's', "NAME", sandbox, opt_str,
		"the rules of this sandbox as well", .words = "@sandbox"),
	OPT(struct ls_args, "all", 'a', NULL, all, opt_bool,
		"also what the preset allows"),
	OPT(struct ls_args, "quiet", 'q', NULL, quiet, opt_bool, "print ids alone"),
	OPT(struct ls_args, "json", 0, NULL, json, opt_bool, "print JSON"),
	{ 0 },
};

static void clear(void *args)
{
	free(((struct ls_args *)args)->sandbox);
}

/* The preset of the sandbox, or of sandboxes to come. */
static int find_preset(const char *sandbox, char **ret, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r;

	if (!sandbox)
		return policy_preset_default(ret, e);
	r = sandbox_open(sandbox, &s, e);
	if (r == 0)
		r = str_set(ret, s.rec.net) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
	return r;
}

static bool is_preset(const char *net)
{
	for (const char *const *p = policy_presets; *p; p++)
		if (strcmp(net, *p) == 0)
			return true;
	return false;
}

static struct json *rule_json(const struct rule *r)
{
	auto_free char *target = policy_target_text(r);
	auto_strv struct strv methods = { 0 };
	struct json *j = json_new_object(), *list = json_new_array();
	char id[POLICY_ID_MAX];
	int n = target && j && list ? 0 : -ENOMEM;

	if (n == 0)
		n = strv_split(&methods, policy_methods_text(r), ",");
	for (size_t i = 0; i < methods.n && n == 0; i++)
		n = json_append(list, json_new_str(methods.v[i]));
	if (n == 0)
		n = json_add_str(j, "id", policy_rule_id(r, id));
	if (n == 0)
		n = json_add_str(j, "action", r->action == RULE_ALLOW ? "allow" : "deny");
	if (n == 0)
		n = json_add_str(j, "target", target);
	if (n == 0)
		n = json_add_str(j, "origin", r->origin);
	if (n == 0)
		n = json_add_str(j, "comment", r->comment);
	if (n == 0)
		n = json_add_str(j, "text", r->text);
	if (n == 0)
		n = json_add(j, "methods", json_ref(list));
	json_free(list);
	if (n == 0)
		return j;
	json_free(j);
	return NULL;
}

static int print_json(const struct policy_rules *rules, struct err *e)
{
	auto_json struct json *all = json_new_array();

	for (size_t i = 0; all && i < rules->n; i++)
		if (json_append(all, rule_json(&rules->v[i])) < 0)
			return err_set(e, ENOMEM, "out of memory");
	if (!all)
		return err_set(e, ENOMEM, "out of memory");
	return out_json(all, e) < 0 ? EXIT_BRIG : 0;
}

static int print_table(const struct policy_rules *rules)
{
	static const char *const heads[] = { "ID", "ACTION", "TARGET", "METHODS",
		"ORIGIN", "COMMENT" };
	struct out_table *t = out_table_new(heads, 6);
	int r = t ? 0 : -ENOMEM;

	for (size_t i = 0; i < rules->n && r == 0; i++) {
		const struct rule *rule = &rules->v[i];
		auto_free char *target = policy_target_text(rule);
		const char *methods = policy_methods_text(rule);
		char id[POLICY_ID_MAX];

		r = out_table_add(t,
			(const char *[]){ policy_rule_id(rule, id),
				rule->action == RULE_ALLOW ? "allow" : "deny", target,
				*methods ? methods : "all", rule->origin,
				rule->comment });
	}
	if (r == 0)
		r = out_table_print(t);
	out_table_free(t);
	return r;
}

static int print_ids(const struct policy_rules *rules)
{
	char id[POLICY_ID_MAX];
	int r = 0;

	for (size_t i = 0; i < rules->n && r == 0; i++)
		r = out_line("%s", policy_rule_id(&rules->v[i], id));
	return r;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct ls_args *a = inv->args;
	auto_policy_rules struct policy_rules rules = { 0 };
	auto_free char *preset = NULL;
	struct policy_scope scope = { .global = true, .sandbox = a->sandbox };
	int r = find_preset(a->sandbox, &preset, e);

	if (r < 0)
		return r;
	scope.preset = a->all && is_preset(preset) ? preset : NULL;
	r = policy_rules_load(&scope, &rules, e);
	if (r < 0)
		return r;
	if (a->json)
		return print_json(&rules, e);
	if (a->quiet)
		return print_ids(&rules) < 0 ? EXIT_BRIG : 0;
	if (rules.n && print_table(&rules) < 0)
		return EXIT_BRIG;
	if (!a->sandbox)
		out_note("new sandboxes have the preset '%s'", preset);
	else if (is_preset(preset))
		out_note("'%s' has the preset '%s'", a->sandbox, preset);
	else
		out_note("'%s' has the network '%s': no rule is asked", a->sandbox,
			preset);
	return 0;
}

const struct command command_policy_ls = {
	.name = "ls",
	.usage = "[--sandbox NAME] [--all] [-q] [--json]",
	.brief = "list the rules",
	.detail = "The global ones, with --sandbox those of one sandbox too, with --all "
		  "also "
		  "its preset's. The order has no meaning.",
	.opts = opts,
	.args_size = sizeof(struct ls_args),
	.run = run,
	.clear = clear,
};
