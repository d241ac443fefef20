/* SPDX-License-Identifier: Apache-2.0 */
/*
 * untar.h - a layer's tar to files; runs in a jail whose root directory is the layer.
 */
#ifndef BRIG_IMAGE_UNTAR_H
#define BRIG_IMAGE_UNTAR_H

#include "image/jail.h"

/* Bounds on what one layer may become. */
struct untar_limits {
	uint64_t bytes; /* of the tar, and of all files together */
	uint64_t entries;
};

#define UNTAR_LIMITS_DEFAULT                                        \
	{                                                           \
		.bytes = (uint64_t)64 << 30, .entries = 2000 * 1000 \
	}

/*
 * A jail's 'run': the tar comes from 'in', 'arg' is a struct untar_limits.
 *
 * Should:  name the entry that is at fault, and fail when the tar ends too early.
 * Mustn't: follow a symbolic link that is absolute or leads out, on any entry's way;
 *          give a file an attribute that overlayfs would obey (user.overlay.*).
 */
int untar_run(const struct jail *j, struct jail_result *res, struct err *e);

#endif
