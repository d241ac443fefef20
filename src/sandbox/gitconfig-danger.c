/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gitconfig-danger.c - the keys of git's configuration that run a command.
 *
 * Theory of operation: a row names a section, a variable (either may be a pattern of
 * fnmatch(3)) and which values matter. A key that is in doubt is in the table: holding
 * back a harmless line costs a question, missing one costs the host. Sources:
 * git-config(1) and the manual pages of the commands that each row names; the last rows
 * are keys of other tools that read git's configuration.
 */
#include "sandbox/gitconfig.h"

#include "base/str.h"

#include <fnmatch.h>
#include <strings.h>

enum value_test {
	ANY,       /* whatever the value */
	COMMAND,   /* unless it is a boolean or a well-known program without arguments */
	BANG,      /* a "!" in front makes it a shell command */
	TRANSPORT, /* "ext::sh -c ..." runs a command, "x::y" the helper git-remote-x */
	ALLOW,     /* a protocol that is off unless allowed */
	FILTER,    /* unless it is what "git lfs install" writes */
	HELPER,    /* unless it only resets the list, or caches in memory */
	LEAVES,    /* a path: the caller judges where it leads */
};

struct danger {
	const char *section;
	const char *name;
	enum value_test test;
	const char *why;
};

/* A subsection, where there is one, is never looked at but by TRANSPORT. */
static const struct danger dangers[] = {
	{ "core", "hookspath", LEAVES, "directory of hooks" },
	{ "core", "fsmonitor", COMMAND, "program that every 'git status' runs" },
	{ "core", "virtualfilesystem", COMMAND, "program that every 'git status' runs" },
	{ "core", "sshcommand", ANY, "command for every ssh remote" },
	{ "core", "editor", COMMAND, "editor that 'git commit' runs" },
	{ "sequence", "editor", COMMAND, "editor that 'git rebase -i' runs" },
	{ "core", "pager", COMMAND, "pager that 'git log' and 'git diff' run" },
	{ "pager", "*", COMMAND, "pager of one git command" },
	{ "core", "askpass", ANY, "program that asks for passwords" },
	{ "core", "gitproxy", ANY, "command for every git:// remote" },
	{ "core", "alternaterefscommand", ANY, "command that 'git fetch' runs" },
	{ "core", "worktree", LEAVES, "directory that a checkout writes to" },
	/* without "!" too: an alias may be "rebase --exec ..." under a name of the user's
	   own */
	{ "alias", "*", ANY, "alias: a command under a name that the user may type" },
	{ "diff", "external", ANY, "program that 'git diff' runs" },
	{ "diff", "command", ANY, "program that 'git diff' runs" },
	{ "diff", "textconv", ANY, "program that 'git diff' runs" },
	{ "difftool", "cmd", ANY, "program that 'git difftool' runs" },
	{ "difftool", "path", ANY, "program that 'git difftool' runs" },
	{ "mergetool", "cmd", ANY, "program that 'git mergetool' runs" },
	{ "mergetool", "path", ANY, "program that 'git mergetool' runs" },
	{ "guitool", "cmd", ANY, "command in the menu of 'git gui'" },
	{ "merge", "driver", ANY, "program that 'git merge' runs" },
	{ "filter", "clean", FILTER, "program that 'git add' and 'git status' run" },
	{ "filter", "smudge", FILTER, "program that 'git checkout' runs" },
	{ "filter", "process", FILTER, "program that 'git add' and 'git checkout' run" },
	{ "hook", "*", ANY, "hook from the configuration (git 2.54)" },
	{ "credential", "helper", HELPER, "program that gets the user's passwords" },
	{ "gpg", "program", ANY, "program that signs and verifies" },
	{ "gpg", "defaultkeycommand", ANY, "command that finds the signing key" },
	{ "include", "path", ANY, "another file of configuration" },
	{ "includeif", "path", ANY, "another file of configuration" },
	{ "init", "templatedir", ANY, "hooks for the next 'git init'" },
	{ "interactive", "difffilter", ANY, "program that 'git add -p' runs" },
	{ "remote", "uploadpack", ANY, "command that 'git fetch' runs" },
	{ "remote", "receivepack", ANY, "command that 'git push' runs" },
	{ "remote", "vcs", ANY, "helper program of a remote" },
	{ "remote", "url", TRANSPORT, "remote that is a command" },
	{ "remote", "pushurl", TRANSPORT, "remote that is a command" },
	{ "submodule", "url", TRANSPORT, "submodule whose remote is a command" },
	{ "url", "insteadof", TRANSPORT, "rewrites a remote into a command" },
	{ "url", "pushinsteadof", TRANSPORT, "rewrites a remote into a command" },
	{ "protocol", "allow", ALLOW, "lets a remote be a command" },
	{ "submodule", "update", BANG, "command that 'git submodule update' runs" },
	{ "uploadpack", "packobjectshook", ANY, "command that serves a fetch" },
	{ "gc", "recentobjectshook", ANY, "command that 'git gc' runs" },
	{ "tar", "command", ANY, "command that 'git archive' runs" },
	{ "trailer", "command", ANY, "command that 'git commit --trailer' runs" },
	{ "trailer", "cmd", ANY, "command that 'git commit --trailer' runs" },
	{ "sendemail", "*cmd", ANY, "command that 'git send-email' runs" },
	{ "sendemail", "smtpserver", ANY, "program that 'git send-email' may run" },
	{ "imap", "tunnel", ANY, "command that 'git imap-send' runs" },
	{ "svn", "authorsprog", ANY, "command that 'git svn' runs" },
	{ "svn-remote", "authorsprog", ANY, "command that 'git svn' runs" },
	{ "browser", "*", ANY, "browser that 'git help -w' runs" },
	{ "web", "browser", ANY, "browser that 'git help -w' runs" },
	{ "help", "browser", ANY, "browser that 'git help -w' runs" },
	{ "man", "*", ANY, "viewer that 'git help' runs" },
	{ "instaweb", "*", ANY, "server and browser that 'git instaweb' runs" },
	{ "lfs", "path", ANY, "program that git-lfs runs" },
	{ "lfs", "clean", ANY, "program that git-lfs runs" },
	{ "lfs", "smudge", ANY, "program that git-lfs runs" },
	{ "lfs", "standalonetransferagent", ANY, "program that git-lfs runs" },
	{ "annex", "*", ANY, "git-annex runs commands from its keys" },
	{ "remote", "annex-*", ANY, "git-annex runs commands from its keys" },
	{ "gitflow", "hooks", ANY, "directory of git-flow's hooks" },
	{ "delta", "pager", COMMAND, "pager that delta runs" },
	{ "tig", "*", ANY, "tig binds keys to commands" },
};

/* Found on the PATH and given no argument, these run nothing that a workspace could hold.
 */
static bool is_plain_program(const char *value)
{
	static const char *const plain[] = { "cat", "less", "more", ":", "vi", "vim",
		"nvim", "nano", "emacs" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (strcmp(value, plain[i]) == 0)
			return true;
	return false;
}

static bool is_lfs(const char *value)
{
	static const char *const lfs[] = { "", "git-lfs clean -- %f",
		"git-lfs smudge -- %f", "git-lfs filter-process",
		"git-lfs smudge --skip -- %f", "git-lfs filter-process --skip" };

	for (size_t i = 0; i < sizeof(lfs) / sizeof(*lfs); i++)
		if (strcmp(value, lfs[i]) == 0)
			return true;
	return false;
}

static bool value_matters(const struct danger *d, const struct gitconfig_entry *entry)
{
	const char *value = entry->value ? entry->value : "";

	switch (d->test) {
	case ANY:
	case LEAVES: return true;
	case COMMAND: return !gitconfig_is_bool(value) && !is_plain_program(value);
	case BANG: return *value == '!';
	case TRANSPORT: return strstr(value, "::") || strstr(entry->key, "::");
	case ALLOW: return strcasecmp(value, "never") != 0;
	case FILTER: return !is_lfs(value);
	case HELPER: return strcmp(value, "") != 0 && strcmp(value, "cache") != 0;
	}
	return true;
}

const char *gitconfig_danger(const struct gitconfig_entry *entry)
{
	const char *dot = strchr(entry->key, '.'), *name = strrchr(entry->key, '.');
	size_t len;

	if (!dot)
		return NULL;
	len = (size_t)(dot - entry->key);
	name++;
	for (size_t i = 0; i < sizeof(dangers) / sizeof(*dangers); i++) {
		const struct danger *d = &dangers[i];

		if (strlen(d->section) == len &&
			strncasecmp(d->section, entry->key, len) == 0 &&
			fnmatch(d->name, name, FNM_CASEFOLD) == 0 &&
			value_matters(d, entry))
			return d->why;
	}
	return NULL;
}
