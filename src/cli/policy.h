/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - the verbs of 'brig policy', one file or more of policy-*.c each.
 */
#ifndef BRIG_CLI_POLICY_H
#define BRIG_CLI_POLICY_H

#include "cli/command.h"
#include "gate/policy/rule.h"

extern const struct command verb_policy;
extern const struct command command_policy_init, command_policy_allow,
	command_policy_deny, command_policy_rm, command_policy_ls, command_policy_check,
	command_policy_log;

/* The target and the methods of a rule's text, as a table shows them. Caller frees. */
char *policy_target_text(const struct rule *r);
const char *policy_methods_text(const struct rule *r); /* "" for all */

#endif
