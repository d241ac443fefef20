/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-types.h - what is known of inodes, of open files, and of the client: see fuse-inodes.h. */
#ifndef BRIG_VMM_VIRTIO_FUSE_TYPES_H
#define BRIG_VMM_VIRTIO_FUSE_TYPES_H

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

#endif
