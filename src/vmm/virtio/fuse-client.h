/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-client.h - a client's requests, one at a time, for tests of fuse.h.
 */
#ifndef BRIG_VMM_VIRTIO_FUSE_CLIENT_H
#define BRIG_VMM_VIRTIO_FUSE_CLIENT_H

#include "base/test.h"
#include "vmm/virtio/fuse-proto.h"
#include "vmm/virtio/fuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct client {
	struct fuse *f;
	char path[64];
	int root;
	uint32_t uid, gid;
	/* the answer */
	char body[1 << 16] __attribute__((aligned(8)));
	size_t len;
};

/* Over a new directory, with so many descriptors at most (0: as many as there are); and removed. */
void client_begin(struct client *c, unsigned files);
void client_end(struct client *c);

/* One request, whose arguments come in two parts: the error, as it was answered, or 0 and c->body; 1
 * where there is no answer. */
int client_ask(struct client *c, uint32_t opcode, uint64_t node, const void *args,
	size_t args_n, const void *more, size_t more_n);
/* The second part is a name. */
int client_ask_name(struct client *c, uint32_t opcode, uint64_t node, const void *args,
	size_t args_n, const char *name);
struct fuse_entry_out *client_entry(struct client *c); /* that was answered */

int client_hello(struct client *c); /* INIT; client_begin() has done it */
/* Nodes; 0: failed. 'fh': a handle of what was created. */
uint64_t client_look(struct client *c, uint64_t dir, const char *name);
uint64_t client_make_dir(struct client *c, uint64_t dir, const char *name, uint32_t mode);
uint64_t client_create(
	struct client *c, uint64_t dir, const char *name, uint32_t mode, uint64_t *fh);
int client_forget(struct client *c, uint64_t node, uint64_t n);
int client_write(struct client *c, uint64_t node, uint64_t fh, uint64_t off,
	const char *text, uint32_t flags);
int client_release(struct client *c, uint64_t node, uint64_t fh);
int client_get_attr(struct client *c, uint64_t node, struct fuse_attr *ret);

#endif
