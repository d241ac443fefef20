/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-inodes.h - who the client's numbers are on the host, and what it has open.
 *
 * Theory of operation. An inode is what the client knows by a number. It has an identity on
 * the host (device, number, mount, kind, birth), the name under which it was seen last, and no
 * descriptor for long: a directory's is kept while there is room in a list, a file's is that
 * of whoever has it open. Otherwise the name is taken again from the parent's descriptor, and
 * what it leads to is compared with the identity, so that nothing done by number ever hits
 * another file. What loses its name to the client's own doing gets a descriptor first, when
 * one could miss it.
 *
 * So descriptors are bounded by three numbers: of directories in the list, of inodes without
 * a name, and of open handles, which alone can run out (ENFILE).
 *
 * Locks: 'tree' is held for reading by all that uses names, for writing by renames; 'lock' is
 * for everything in memory and never held during one of the host's calls.
 */
#ifndef BRIG_VMM_VIRTIO_FUSE_INODES_H
#define BRIG_VMM_VIRTIO_FUSE_INODES_H

#include "vmm/virtio/fuse-types.h"

/* The inode of a number, counted as used; NULL: no such. */
struct fuse_inode *fuse_inode_get(struct fuse *f, uint64_t id);
void fuse_inode_put(struct fuse *f, struct fuse_inode *i);

/*
 * 'name' of 'dir' is what 'st' says: the inode of that, a new one where none is known, with
 * one more lookup and one use. 'fresh': it was made this moment, so one of that identity that
 * is known is one that is no more. 'name' NULL: it has none. -ENOMEM, -ENFILE.
 */
int fuse_inode_find(struct fuse *f, struct fuse_inode *dir, const char *name,
	const struct host_stat *st, bool fresh, struct fuse_inode **ret);
void fuse_inode_forget(struct fuse *f, uint64_t id, uint64_t n);

bool fuse_inode_is(const struct fuse_inode *i, const struct host_stat *st);
/* The same, after a change of our own: overlayfs has made a copy, with the number but another
 * birth. */
bool fuse_inode_is_copy(const struct fuse_inode *i, const struct host_stat *st);
/* Of a descriptor that is certainly i's: what changed of its identity. */
void fuse_inode_note(struct fuse *f, struct fuse_inode *i, const struct host_stat *st);

/* The inode that was last seen under a name, counted as used; NULL. */
struct fuse_inode *fuse_inode_named(
	struct fuse *f, struct fuse_inode *dir, const char *name);
/* Give it another name, or none. It may have lost it already. */
void fuse_inode_rename(
	struct fuse *f, struct fuse_inode *i, struct fuse_inode *dir, const char *name);
void fuse_inode_swap(struct fuse *f, struct fuse_inode *a, struct fuse_inode *b);
/* Its name, if that is still this one, goes. */
void fuse_inode_unname(
	struct fuse *f, struct fuse_inode *i, struct fuse_inode *dir, const char *name);

void fuse_lock(struct fuse *f);
void fuse_unlock(struct fuse *f);                            /* and free what died */
void fuse_inode_unref(struct fuse *f, struct fuse_inode *i); /* lock held */

int fuse_inodes_begin(struct fuse *f); /* the root */
void fuse_inodes_clear(struct fuse *f);
/* With the lock held: of which number 'ino' of the device is in here. */
uint64_t fuse_ino(struct fuse *f, uint32_t major, uint32_t minor, uint64_t ino);
struct fuse_inode *fuse_inode_by_id(struct fuse *f, uint64_t id); /* lock held */
int fuse_inode_add(struct fuse *f, struct fuse_inode *i);         /* lock held */
int fuse_inode_set_name(struct fuse *f, struct fuse_inode *i, struct fuse_inode *dir,
	const char *name); /* lock held */

static inline void fuse_put_inode(struct fuse *f, struct fuse_inode **i)
{
	if (*i)
		fuse_inode_put(f, *i);
	*i = NULL;
}

#endif
