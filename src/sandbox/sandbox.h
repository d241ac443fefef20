/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - a sandbox on disk: made, found, looked at, removed.
 *
 * A sandbox is a directory STATE/sandboxes/NAME. It exists once record.json is in it;
 * without one it is what a crash left of creating or removing it, and prune takes it
 * away.
 *
 * Two locks, both flock(2), so that the kernel drops them with the process:
 * - "lock" is held by the keeper for as long as the sandbox runs: this is what "running"
 * means.
 * - the directory itself is held while someone starts, changes or removes the sandbox.
 */
#ifndef BRIG_SANDBOX_SANDBOX_H
#define BRIG_SANDBOX_SANDBOX_H

#include "sandbox/record.h"

struct err;

enum sandbox_status {
	SANDBOX_CREATED, /* never ran */
	SANDBOX_RUNNING,
	SANDBOX_PAUSED,
	SANDBOX_EXITED,
	SANDBOX_CRASHED, /* its keeper was killed; reconcile tidies up */
	SANDBOX_BROKEN,  /* its record can't be read */
};
const char *sandbox_status_name(enum sandbox_status s);

struct sandbox {
	char *name;
	char *path; /* of the directory */
	int dir;    /* the directory, O_PATH never: it is locked through this */
	struct record rec;
};

#define SANDBOX_INIT      \
	{                 \
		.dir = -1 \
	}

void sandbox_clear(struct sandbox *s);
#define auto_sandbox AUTO(sandbox_clear)

/*
 * Make the directory, write the record. With 'rm' in the record nothing is synced to
 * disk: a power cut ends such a sandbox anyway. -EEXIST when the name is taken.
 */
int sandbox_create(struct record *rec, struct sandbox *ret, struct err *e);

/* Open one by name. -ENOENT with the nearest known name as hint; -EBADMSG for a bad
 * record. */
int sandbox_open(const char *name, struct sandbox *ret, struct err *e);

/* The same without reading the record: for removing what is broken. */
int sandbox_open_raw(const char *name, struct sandbox *ret, struct err *e);

/* Names of all, sorted. */
int sandbox_names(struct strv *ret, struct err *e);

/*
 * Hold the directory against other starters and removers; released with the sandbox, or
 * before. -ENOENT when it was removed since it was opened.
 */
int sandbox_hold(const struct sandbox *s, struct err *e);
void sandbox_release(const struct sandbox *s);

/* The same without waiting. */
bool sandbox_try_hold(const struct sandbox *s);

/* Is a keeper alive? */
bool sandbox_kept(const struct sandbox *s);

/* What it is doing; 'run' and 'exit' may be NULL, are zeroed first, and the caller's to
 * clear. */
enum sandbox_status sandbox_status(
	const struct sandbox *s, struct run_state *run, struct exit_state *ret_exit);

/* For a sandbox that is held and doesn't run. */
int sandbox_write_record(const struct sandbox *s, struct err *e);
int sandbox_write_run(
	const struct sandbox *s, const struct run_state *run, struct err *e);
int sandbox_write_exit(
	const struct sandbox *s, const struct exit_state *x, struct err *e);

/* 128 random bits in hex. */
int sandbox_new_id(char out[33], struct err *e);

#endif
