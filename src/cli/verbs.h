/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verbs.h - every verb of the command line; each is in the file of its name.
 */
#ifndef BRIG_CLI_VERBS_H
#define BRIG_CLI_VERBS_H

struct command;

extern const struct command verb_run, verb_create, verb_start, verb_attach, verb_exec,
	verb_stop, verb_kill, verb_pause, verb_resume, verb_snapshot, verb_restore,
	verb_fork, verb_wait, verb_rm, verb_prune, verb_ls, verb_inspect, verb_logs,
	verb_stats, verb_cp, verb_diff, verb_apply, verb_discard, verb_undo, verb_ports,
	verb_policy, verb_secret, verb_audit, verb_agent, verb_image, verb_compare,
	verb_doctor, verb_completion, verb_version, verb_help;

#endif
