/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - keeps a workspace from running something on the host later.
 *
 * For the walls on the host's kernel, where brig does not serve the files itself. Two
 * halves: guard_begin() says what to pin and to mount read-only while the session runs;
 * guard_check() compares the workspace with what it was and holds back what slipped in:
 * git's hooks, commands in git's configuration, links that lead git elsewhere, start-up
 * files of shells and tools (guard-names.h), setuid files, and links into the sandbox's
 * private files. Between the two lies a directory 'state' of the caller's, private to
 * the host, that survives a crash: guard_pending() says that a check is still due.
 *
 * What the host itself changed during the session looks the same and is held back too;
 * the report says where, and guard_release() puts it in place.
 *
 * Files may belong to subordinate ids: call these from inside the user namespace of the
 * sandbox where there is one. Nothing here follows a symbolic link.
 */
#ifndef BRIG_SANDBOX_GUARD_H
#define BRIG_SANDBOX_GUARD_H

#include "base/str.h"

#include <sys/types.h>

struct err;

struct guard_ws {
	int root;          /* the workspace's directory */
	const char *path;  /* its absolute path on the host */
	const char *avoid; /* real path of brig's private files, or NULL: not searched,
			      and no link may lead there */
	uid_t uid;         /* owner of what is put back; PLACE_ANYONE for the caller */
	gid_t gid;
};

#define GUARD_REPOS_MAX  256
#define GUARD_MOUNTS_MAX 2048

/* What to mount; paths are relative to the workspace, parents come before children. */
struct guard_plan {
	struct strv pins; /* directories to bind on themselves: they can't be renamed */
	struct strv readonly; /* files and directories to bind on themselves, read-only */
	uint64_t repos;       /* repositories found */
	uint64_t skipped;     /* directories that could not be read */
	bool partial;         /* over a bound: the rest is only looked at in the end */
};

/*
 * Look at the workspace, remember it in 'state', and plan the mounts. A repository
 * without a directory for hooks gets an empty one, so that it can be mounted read-only.
 *
 * Should:  be called before anything of the sandbox runs, and after a pending check.
 */
int guard_begin(
	const struct guard_ws *ws, int state, struct guard_plan *ret, struct err *e);
void guard_plan_clear(struct guard_plan *p);

enum guard_outcome {
	GUARD_HELD,     /* moved to the held directory; gone from the workspace */
	GUARD_RESTORED, /* the same, and what was there before is back */
	GUARD_STRIPPED, /* setuid and setgid bits taken off */
	GUARD_FAILED,   /* still there: 'why' says what went wrong */
};

struct guard_event {
	char *path; /* relative; chosen by the sandbox: str_escape() before printing */
	char *why;
	char *id; /* names it in the held directory; NULL when nothing is held */
	enum guard_outcome outcome;
};

struct guard_report {
	struct guard_event *v;
	size_t n;
	uint64_t skipped; /* directories that could not be looked into */
	bool partial;     /* more directories than brig looks at */
};

/* Is there a session whose end was never checked? */
bool guard_pending(int state);

/*
 * Compare with what guard_begin() saw, and hold back. Ends the pending state unless
 * something failed. -ENOENT when there is none.
 *
 * Should:  tolerate a host that works in the directory meanwhile; be repeatable after a
 *          crash half-way.
 * Mustn't: write outside of the workspace, 'state' and 'held'.
 */
int guard_check(const struct guard_ws *ws, int state, int held, struct guard_report *ret,
	struct err *e);
void guard_report_clear(struct guard_report *r);

/* One thing that is held back, as 'held' remembers it. */
struct guard_held {
	char *id;
	char *workspace; /* absolute path */
	char *path;      /* relative to it */
	char *why;
	char *text;  /* for git configuration, what was cut; else NULL */
	char *aside; /* it was too large to move: its name now, beside 'path'; else NULL */
};

/* Everything in 'held', oldest first. Free each with guard_held_clear(), then the array.
 */
int guard_held_list(int held, struct guard_held **ret, size_t *ret_n, struct err *e);
void guard_held_clear(struct guard_held *h);

/* Put it where the sandbox had put it (the person has looked at it), and forget it. */
int guard_release(const struct guard_ws *ws, int held, const char *id, struct err *e);

/* Forget it. */
int guard_drop(int held, const char *id, struct err *e);

/* "held back", "held back, restored", ... */
const char *guard_outcome_text(enum guard_outcome o);

#endif
