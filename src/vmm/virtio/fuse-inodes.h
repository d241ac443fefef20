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

#include "vmm/virtio/fuse-hash.h"
#include "vmm/virtio/fuse-host.h"
#include "vmm/virtio/fuse.h"

#include <pthread.h>
#include <sys/stat.h>

#define FUSE_NAME_ROOM 256

struct fuse_handle {
	struct fuse_link by_id;
	uint64_t id;
	struct fuse_inode *inode;
	struct fuse_handle *next; /* of the inode's */
	unsigned refs;            /* the client's own, and requests in work */
	int fd;                   /* -1: it could not be opened again after a restore */
	int access;               /* O_RDONLY, O_WRONLY, O_RDWR */
	bool written;             /* since the last flush */
	/* of directories; by 'reading' */
	pthread_mutex_t reading;
	char *buf; /* entries read ahead, FUSE_LISTING bytes, or NULL */
	size_t buf_len, buf_at;
	uint64_t pos; /* the client's word for the entry at buf_at */
	bool moved;   /* the descriptor isn't behind the last of buf */
};

struct fuse_inode {
	struct fuse_link by_id, by_key, by_name;
	uint64_t id;
	bool keyed;     /* is in by_key */
	bool restored;  /* and not looked for since: device and mount may be others now */
	int64_t copied; /* restored: one that was born since then is it, too; 0: isn't */
	/* identity */
	uint32_t dev_major, dev_minor, type;
	uint64_t ino, mnt;
	bool has_btime;
	struct host_time btime;
	/* the name; NULL: none */
	char *name;
	struct fuse_inode *parent;
	/* life */
	uint64_t lookups;
	unsigned refs; /* requests in work, children, handles */
	uint32_t nlink;
	/* a descriptor, O_PATH */
	int fd;
	unsigned fd_users;
	struct fuse_inode *older, *newer; /* in the list, while nobody uses it */
	struct fuse_fds *in;              /* that list */
	struct fuse_handle *handles;
	/* what the client was last told about the contents */
	bool told;
	struct host_time told_mtime, told_ctime;
	uint64_t told_size;
};

struct fuse_fds { /* idle ones, oldest first */
	struct fuse_inode *oldest, *newest;
	unsigned n, max;
};

struct fuse_dev { /* of the host's, met beneath the root */
	uint32_t major, minor;
	int fd; /* a directory there, for syncfs(2); or -1 */
};

#define FUSE_DEVS      1024
#define FUSE_DEVS_OPEN 64 /* descriptors */

struct fuse {
	struct fuse_options o;
	uid_t uid; /* whose a new file is */
	gid_t gid;
	pthread_mutex_t lock;
	pthread_rwlock_t tree;
	_Atomic bool ready; /* INIT is done */
	bool setxattr_ext;
	bool submounts;
	struct fuse_hash ids, keys, names, handles;
	struct fuse_inode *root;
	uint64_t next_id, next_handle;
	struct fuse_inode *dead; /* to be freed by fuse_unlock() */
	struct fuse_fds dirs, orphans;
	unsigned handles_max;
	struct fuse_dev dev[FUSE_DEVS];
	unsigned devs;
	int can_link;  /* a file without a name can get one; -1: not known yet */
	bool no_chmod; /* fchmodat2(2) isn't there */
};

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
