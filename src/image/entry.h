/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - what to do about one entry of a layer's tar; a function of its header.
 *
 * Rules of the OCI image specification, layer.md, and of this house against hostile ones:
 *
 *	'..', absolute names		refused, in hard links' targets too
 *	device nodes			refused; dropped in dev/, a sandbox has its own
 *	.wh.NAME			NAME of the layers below is hidden
 *	.wh..wh..opq			all below is hidden in this directory
 *	other .wh..wh.*			dropped: aufs's own
 *	deeper than 256 directories	refused
 *
 * What only the disk can tell (symbolic links on the way, no space) is up to untar.c.
 */
#ifndef BRIG_IMAGE_ENTRY_H
#define BRIG_IMAGE_ENTRY_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define ENTRY_DEPTH_MAX 256U

enum entry_verb {
	ENTRY_DROP,
	ENTRY_DIR,
	ENTRY_FILE,
	ENTRY_SYMLINK,
	ENTRY_HARDLINK,
	ENTRY_FIFO,
	ENTRY_WHITEOUT, /* of 'path' */
	ENTRY_OPAQUE,   /* 'path' is the directory */
};

struct entry { /* as the archive has it; NULL for absent */
	const char *name;
	const char *symlink;
	const char *hardlink;
	mode_t type; /* S_IFMT bits */
	uint64_t size;
};

struct entry_plan {
	enum entry_verb verb;
	char path[PATH_MAX];   /* tidied and relative; "" for the layer's root */
	char target[PATH_MAX]; /* HARDLINK: likewise; SYMLINK: as it is */
};

/* -EBADMSG names the entry. 'ret' is large: keep one and use it again. */
int entry_decide(const struct entry *in, struct entry_plan *ret, struct err *e);

/* Fail about the entry 'name' (escaped for the terminal) with -'code'. */
int entry_bad(struct err *e, int code, const char *name, const char *why);

#endif
