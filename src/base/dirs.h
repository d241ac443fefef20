/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dirs.h - where brig keeps things (XDG Base Directory Specification 0.8).
 *
 * BRIG_HOME, when set, holds all four as state/, data/, run/ and config/.
 */
#ifndef BRIG_BASE_DIRS_H
#define BRIG_BASE_DIRS_H

struct err;

enum dir {
	DIR_STATE,  /* sandboxes: records, logs, writable layers */
	DIR_DATA,   /* the image store */
	DIR_RUN,    /* sockets; gone after a reboot */
	DIR_CONFIG, /* the user's own files */
};

/* The directory's path; it may not exist yet. Caller frees. NULL without memory or home.
 */
char *dirs_path(enum dir which);

/* A path beneath it. */
char *dirs_path_in(enum dir which, const char *name);

/* Make it (mode 0700) and open it. Returns a descriptor. */
int dirs_open(enum dir which, const char *below, struct err *e);

/* The caller's home directory: $HOME, else from /etc/passwd. Caller frees. */
char *dirs_home(void);

/* Where brig's helper programs are: $BRIG_LIBEXEC, beside the program, or as configured.
 * Caller frees. */
char *dirs_helper(const char *program);

/* Where the agents' recipes and other data that came with brig are. Caller frees. */
char *dirs_share(const char *name);

#endif
