/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filestream-dest.h - where a copy goes: the naming rules of 'docker cp' in one place.
 *
 *	destination     a file or link comes      a directory comes
 *	missing         as that name              as that name
 *	missing, "/"    an error                  as that name
 *	a file          replaces it               an error
 *	a directory     into it, by its own name  into it; with "/." its contents into it
 */
#ifndef BRIG_GUEST_FILESTREAM_DEST_H
#define BRIG_GUEST_FILESTREAM_DEST_H

#include "guest/filestream.h"

#include <stdbool.h>

struct files_place {
	int fd;         /* O_PATH descriptor of the directory, the caller's to close */
	bool merge;     /* the contents of what comes belong straight into it */
	char name[256]; /* else what comes belongs into it under this name */
};

/*
 * Mustn't: follow a link that is the destination itself, unless it ends in "/" or
 *          FILES_FOLLOW is set: a sandbox may have put it there.
 */
int files_dest_open(const struct files_dest *dest, const struct files_entry *top,
	struct files_place *ret, struct err *e);

#endif
