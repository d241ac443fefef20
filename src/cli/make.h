/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.h - from the options of `brig run` and `brig create` to a sandbox.
 */
#ifndef BRIG_CLI_MAKE_H
#define BRIG_CLI_MAKE_H

#include "base/opts.h"
#include "cli/command.h"
#include "sandbox/sandbox.h"

#include <stdint.h>

struct make_args {
	char *wall, *image, *name, *user, *workdir, *net, *hostname, *detach_keys, *pull;
	struct strv env, env_files, volumes, allow, deny, secrets, publish;
	uint64_t memory, cpus, pids, net_rate, timeout;
	bool detach, rm, interactive, tty, again, quiet, json, strict;
	bool fleeting; /* started at once, and gone with --rm */
};

/* The options that run and create have in common; the table of each begins with them. */
#define MAKE_OPTS(type, at)                                                            \
	OPT(type, "wall", 0, "WALL", at.wall, opt_str,                                 \
		"the kind of isolation: auto, chroot, nspawn, container, sentry or "   \
		"microvm",                                                             \
		.words = "auto chroot nspawn container sentry microvm"),               \
		OPT(type, "strict", 0, NULL, at.strict, opt_bool,                      \
			"sentry: trace programs instead of trapping in them; slower"), \
		OPT(type, "image", 0, "IMAGE", at.image, opt_str,                      \
			"the root file system: host, a directory, an archive or a "    \
			"reference",                                                   \
			.words = "@image"),                                            \
		OPT(type, "pull", 0, "WHEN", at.pull, opt_str,                         \
			"pull the image: missing (the default), always or never",      \
			.words = "missing always never"),                              \
		OPT(type, "name", 0, "NAME", at.name, opt_str, "name of the sandbox"), \
		OPT(type, "new", 0, NULL, at.again, opt_bool,                          \
			"make another sandbox where one of this agent and directory "  \
			"exists"),                                                     \
		OPT(type, "rm", 0, NULL, at.rm, opt_bool,                              \
			"remove it when it ends, unless it holds changes not yet "     \
			"applied"),                                                    \
		OPT(type, "interactive", 'i', NULL, at.interactive, opt_bool,          \
			"keep standard input open"),                                   \
		OPT(type, "tty", 't', NULL, at.tty, opt_bool, "give it a terminal"),   \
		OPT(type, "env", 'e', "K[=V]", at.env, opt_list,                       \
			"set a variable, or hand on the caller's"),                    \
		OPT(type, "env-file", 0, "FILE", at.env_files, opt_list,               \
			"set the variables of a file, one K=V a line",                 \
			.words = "@file"),                                             \
		OPT(type, "user", 'u', "USER", at.user, opt_str,                       \
			"name or id[:group] inside; default: you"),                    \
		OPT(type, "workdir", 'w', "DIR", at.workdir, opt_str,                  \
			"working directory inside; default: the first PATH"),          \
		OPT(type, "hostname", 0, "NAME", at.hostname, opt_str,                 \
			"host name inside"),                                           \
		OPT(type, "memory", 'm', "SIZE", at.memory, opt_size,                  \
			"limit its memory (and swap) to SIZE bytes"),                  \
		OPT(type, "cpus", 0, "N", at.cpus, opt_cpus,                           \
			"limit it to the time of N CPUs"),                             \
		OPT(type, "pids", 0, "N", at.pids, opt_count,                          \
			"limit it to N processes and threads; default 4096"),          \
		OPT(type, "net-rate", 0, "SIZE", at.net_rate, opt_size,                \
			"microvm: limit its network to SIZE bytes a second each way"), \
		OPT(type, "volume", 'v', "SRC[:DST][:ro|:rw|:overlay]", at.volumes,    \
			opt_list, "show a directory, file or socket of the host's",    \
			.words = "@file"),                                             \
		OPT(type, "net", 0, "NET", at.net, opt_str,                            \
			"network: none, locked, balanced or open; chroot: host",       \
			.words = "none locked balanced open host"),                    \
		OPT(type, "allow", 0, "RULE", at.allow, opt_list,                      \
			"allow connections to a host, address or URL"),                \
		OPT(type, "deny", 0, "RULE", at.deny, opt_list,                        \
			"deny them, whatever else allows them"),                       \
		OPT(type, "secret", 0, "NAME[=VAR]", at.secrets, opt_list,             \
			"let it use a stored secret, which it never sees"),            \
		OPT(type, "publish", 'p', "[IP:]HOST:GUEST", at.publish, opt_list,     \
			"have a port of the host's lead to one inside"),               \
		OPT(type, "timeout", 0, "TIME", at.timeout, opt_duration,              \
			"stop it after TIME (30, 5m, 1h30m); exit status 124"),        \
		OPT(type, "detach-keys", 0, "KEYS", at.detach_keys, opt_str,           \
			"keys that detach; default ctrl-p,ctrl-q")

void make_args_clear(struct make_args *a);

/*
 * The sandbox that these words mean: a new one, or (not for --new) the one that this
 * agent has in this directory already, with the new command in its record. Held.
 */
int make_sandbox(const struct invocation *inv, const struct make_args *a,
	struct sandbox *ret, bool *ret_existed, struct err *e);

#endif
