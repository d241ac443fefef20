/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy.h"

#include "cli/verbs.h"

char *policy_target_text(const struct rule *r)
{
	const char *target = strchr(r->text, ' ') + 1;

	return strndup(target, strcspn(target, " "));
}

const char *policy_methods_text(const struct rule *r)
{
	const char *methods = strchr(strchr(r->text, ' ') + 1, ' ');

	return methods ? methods + 1 : "";
}

static const struct command *const subs[] = { &command_policy_init, &command_policy_allow,
	&command_policy_deny, &command_policy_rm, &command_policy_ls,
	&command_policy_check, &command_policy_log, NULL };

const struct command verb_policy = {
	.name = "policy",
	.usage = "init|allow|deny|rm|ls|check|log ...",
	.brief = "say where sandboxes may connect to, and see what was decided",
	.detail =
		"A sandbox reaches the network through its gate alone, which judges each "
		"name, connection and request by rules: those of its preset, the global "
		"ones, and its own. What no rule allows is denied, and a rule that "
		"denies "
		"beats all that allow. A change holds at once, in sandboxes that run "
		"too.",
	.sub = subs,
};
