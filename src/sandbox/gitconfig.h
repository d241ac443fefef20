/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gitconfig.h - reads git's configuration as git does, and knows which keys run commands.
 *
 * The grammar is that of git's config.c (git-config(1), "CONFIGURATION FILE", "Syntax");
 * every entry remembers which bytes of the text set it, so that an entry can be cut
 * out and everything else stay byte for byte. The text is foreign: a sandbox wrote it.
 */
#ifndef BRIG_SANDBOX_GITCONFIG_H
#define BRIG_SANDBOX_GITCONFIG_H

#include "base/auto.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;

/* A configuration larger than this was not written for git. */
#define GITCONFIG_SIZE_MAX    ((size_t)4 << 20)
#define GITCONFIG_ENTRIES_MAX 65536

struct gitconfig_entry {
	char *key;   /* "section.name" or "section.Sub.Section.name", case as git folds it
		      */
	char *value; /* NULL for a key without "=", which git reads as true */
	size_t start, end; /* cutting [start, end) undoes this entry and nothing else */
};

struct gitconfig {
	struct gitconfig_entry *v;
	size_t n;
};

/*
 * Parse 'len' bytes.
 *
 * Should:  agree with git about every text that git accepts; fail with -EBADMSG for
 *          a text that git refuses, and for one that holds a NUL.
 */
int gitconfig_parse(const char *text, size_t len, struct gitconfig *ret, struct err *e);

void gitconfig_clear(struct gitconfig *c);
#define auto_gitconfig AUTO(gitconfig_clear)

/* The last value of 'key' (folded as above), as git would use it; NULL when there is
 * none. */
const char *gitconfig_get(const struct gitconfig *c, const char *key);

/* Append the text without the entries for which 'cut[i]' is true. 0 or -ENOMEM. */
int gitconfig_cut(const char *text, size_t len, const struct gitconfig *c,
	const bool *cut, struct buf *out);

/* Append "[section "sub"]\n\tname = value\n" for one entry. 0 or -ENOMEM. */
int gitconfig_write(const struct gitconfig_entry *entry, struct buf *out);

/* Is a boolean as git reads it (git-config(1), "boolean")? */
bool gitconfig_is_bool(const char *value);

/*
 * Why this entry could make git, or a tool that reads git's configuration, run a
 * command or another configuration; NULL when it can't. core.worktree and core.hooksPath
 * are always named: whether their paths are harmless is the caller's to judge.
 */
const char *gitconfig_danger(const struct gitconfig_entry *entry);

#endif
