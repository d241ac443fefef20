/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.h - the host's end of 'brig cp': a process that packs or unpacks files into a
 * pipe.
 *
 * A process of its own, so that neither end of the stream can make the other wait for
 * ever, and what the stream says is looked at away from the control connection.
 */
#ifndef BRIG_CLI_COPY_H
#define BRIG_CLI_COPY_H

#include "guest/filestream.h"

#include <stdbool.h>
#include <sys/types.h>

struct err;

/* How it went. */
struct copy_result {
	int r; /* 0, or -errno with 'err' */
	struct err err;
	struct files_count count;
};

struct copy {
	pid_t pid;
	int pipe; /* our end of it: to write when unpacking, to read when packing */
	struct copy_result *shared;
};

/*
 * Start it on the host's 'path'.
 *
 * Mustn't: be led out of a directory that a sandbox can write to by a link that it put
 *          there.
 */
struct copy_spec {
	const char *path;
	bool unpack; /* 'path' is the destination */
	bool follow; /* a link that is 'path' itself is followed */
};
int copy_start(const struct copy_spec *spec, struct copy *ret, struct err *e);

/* Close the pipe, wait for it, and tell. */
void copy_finish(struct copy *c, struct copy_result *ret);

#endif
