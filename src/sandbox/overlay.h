/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.h - what an overlay workspace holds back: list it, apply it, discard it.
 *
 * The upper directory is overlayfs's with "userxattr" (kernel:
 * filesystems/overlayfs.rst): a whiteout is a character device 0:0, or, from Linux 6.7,
 * an empty file with user.overlay.whiteout; a directory with user.overlay.opaque=y hides
 * the lower one. The overlay must not be mounted meanwhile. Both directories may be
 * rearranged by others at any time: every path is opened from its root without following
 * a link.
 *
 * The upper's files may belong to subordinate ids: call from inside the user namespace of
 * the sandbox where there is one.
 */
#ifndef BRIG_SANDBOX_OVERLAY_H
#define BRIG_SANDBOX_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct overlay_ws {
	int lower;        /* the host's directory */
	int upper;        /* what the sandbox wrote over it */
	const char *path; /* absolute path of the host's directory */
	const char *
		avoid; /* brig's private files: no applied link may lead there; or NULL */
	uid_t uid;     /* owner of what is applied; PLACE_ANYONE for the caller */
	gid_t gid;
	char *const *only; /* apply: nothing but these paths and what is beneath them;
			      ended by NULL. NULL: all */
};

struct overlay_change {
	char *path;  /* relative; chosen by the sandbox: str_escape() before printing */
	char op;     /* 'A'dded, 'M'odified, 'D'eleted, 'T'ype changed */
	mode_t mode; /* type and permissions as they are to be; of the old one for 'D' */
	uint64_t size;
};

struct overlay_diff {
	struct overlay_change *v; /* sorted by path: a directory before what is in it */
	size_t n;
	uint64_t skipped; /* directories that could not be read, or are too deep */
	bool partial;     /* more than OVERLAY_CHANGES_MAX */
};

#define OVERLAY_CHANGES_MAX 1000000

/*
 * List what differs. A file that was only touched, and is as before, is not listed. For
 * the text of a change, open both sides with path_open_plain(). -EOPNOTSUPP for what this
 * format can't have: a redirect or a metadata-only copy.
 */
int overlay_diff(const struct overlay_ws *ws, struct overlay_diff *ret, struct err *e);
void overlay_diff_clear(struct overlay_diff *d);

enum overlay_outcome {
	OVERLAY_APPLIED,
	OVERLAY_TRIMMED,  /* applied without the keys of git's configuration that 'why'
			     names */
	OVERLAY_HELD,     /* not applied: the host would run it later */
	OVERLAY_CONFLICT, /* not applied: the host changed it too */
	OVERLAY_SPECIAL,  /* not applied: no file, directory or link */
	OVERLAY_FAILED,   /* not applied: 'why' says what went wrong */
};

struct overlay_event {
	char *path;
	char *why; /* NULL when there is nothing to say */
	char op;
	enum overlay_outcome outcome;
};

struct overlay_report {
	struct overlay_event *v;
	size_t n;
	size_t left; /* how many were not applied in full */
	bool partial;
};

#define OVERLAY_FORCE     1U /* also over what the host changed */
#define OVERLAY_PROTECTED 2U /* also what the host would run later */

/*
 * Make the host's directory what the sandbox sees.
 *
 * 'since': ns, when the session started or was last applied; what the host changed from
 * then on (by ctime) is a conflict unless it is the same already; 0 for no such check.
 *
 * Should:  give the same result when it is called again after a crash half-way.
 * Mustn't: write outside of the host's directory, set a set-id bit, or leave a file half
 *          written under its name.
 */
int overlay_apply(const struct overlay_ws *ws, uint64_t since, unsigned flags,
	struct overlay_report *ret, struct err *e);
void overlay_report_clear(struct overlay_report *r);

/* Empty the upper and the work directory. */
int overlay_discard(int upper, int work, struct err *e);

#endif
