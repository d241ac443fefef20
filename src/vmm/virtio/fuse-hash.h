/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-hash.h - tables of what is linked into them. The caller has a lock. */
#ifndef BRIG_VMM_VIRTIO_FUSE_HASH_H
#define BRIG_VMM_VIRTIO_FUSE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct fuse_link {
	struct fuse_link *next;
	uint64_t hash;
};

struct fuse_hash {
	struct fuse_link **slot;
	size_t size, n;
};

int fuse_hash_add(struct fuse_hash *h, struct fuse_link *l, uint64_t hash); /* -ENOMEM */
void fuse_hash_remove(struct fuse_hash *h, struct fuse_link *l); /* it is in there */
struct fuse_link *fuse_hash_first(const struct fuse_hash *h, uint64_t hash);
struct fuse_link *fuse_hash_next(const struct fuse_link *l); /* with the same hash */
void fuse_hash_clear(struct fuse_hash *h);
uint64_t fuse_hash_mix(uint64_t a, uint64_t b);
uint64_t fuse_hash_text(uint64_t with, const char *text);

#endif
