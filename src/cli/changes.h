/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.h - what a sandbox holds back from the host's directories, opened for diff,
 * apply, discard and undo.
 *
 * Its files may belong to subordinate ids, so each verb does its work in a child that is
 * root of such a user namespace (changes_work) and prints from there. Whoever changes
 * something holds 'changes.lock', so that two of them don't meet.
 */
#ifndef BRIG_CLI_CHANGES_H
#define BRIG_CLI_CHANGES_H

#include "linux/idmap.h"
#include "sandbox/overlay.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>

struct err;
struct guard_ws;

enum changes_how {
	CHANGES_LOOK,    /* only look */
	CHANGES_ANY,     /* change, running or not */
	CHANGES_STOPPED, /* change; -EBUSY, with a hint, when it runs */
};

struct changes {
	struct sandbox s;
	struct idmap ids;
	int lock;
	bool running; /* or paused */
};

#define CHANGES_INIT                          \
	{                                     \
		.s = SANDBOX_INIT, .lock = -1 \
	}

/* Opens it, tidies up after a killed keeper, and holds it against starters if stopped. */
int changes_open(
	const char *name, enum changes_how how, struct changes *ret, struct err *e);
void changes_close(struct changes *c);
#define auto_changes AUTO(changes_close)

/* Run 'work' as root of the sandbox's ids; what it printed is written out before it ends.
 */
int changes_work(const struct changes *c, int (*work)(void *with, struct err *e),
	void *with, struct err *e);

/* How many mounts are overlays, and how many the sandbox can write to in place. */
size_t changes_overlays(const struct changes *c);

/*
 * Open the host's directory and the upper one of overlay mount 'i', in the child. Returns
 * 1, or 0 when the sandbox never wrote there.
 */
int changes_open_overlay(
	const struct changes *c, size_t i, struct overlay_ws *ret, struct err *e);
void changes_close_overlay(struct overlay_ws *ws);

/* The directory of what was held back; -ENOENT when there never was anything. */
int changes_open_held(const struct changes *c);

/* Open the workspace at 'path' for what was held back from it. Its 'root' is the
 * caller's. */
int changes_open_workspace(
	const struct changes *c, const char *path, struct guard_ws *ret, struct err *e);

/* The caller's files, seen from inside: PLACE_ANYONE where those are one. */
uid_t changes_uid(const struct changes *c);
gid_t changes_gid(const struct changes *c);

/* "NAME" may be preceded by words; the last word of a verb is the sandbox. */
#define CHANGES_NAME(inv) ((inv)->words.v[(inv)->words.n - 1])

#endif
