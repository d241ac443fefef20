/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-make.c - new files of every kind, which belong to who asked.
 *
 * The host makes them this process's. Where that isn't right they are made with bits for
 * nobody else, given away, and get their bits last, before the client hears of them.
 */
#include "vmm/virtio/fuse-priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_own(const struct fuse_request *r)
{
	return r->in.uid == fuse_shown(r->f, r->f->uid) &&
		r->in.gid == fuse_shown(r->f, r->f->gid);
}

static mode_t first_mode(const struct fuse_request *r, mode_t mode)
{
	return is_own(r) ? mode & 01777 : mode & 0700;
}

/* A directory with the set-group-id bit gives its group on, which the host has done. */
static int gives_group(struct fuse_request *r, const struct host_stat *st)
{
	struct host_stat dir;
	int n;

	if (st->gid != r->f->gid)
		return 1;
	n = host_stat(r->at.fd, NULL, &dir);
	return n < 0 ? n : !!(dir.mode & S_ISGID);
}

/* Who a new file that is open at 'fd' belongs to, and its bits. Sets 'st'. */
static int settle(struct fuse_request *r, const struct fuse_fd *fd, mode_t mode,
	struct host_stat *st)
{
	uint32_t uid = ~0U, gid = ~0U;
	int n = host_stat(fd->fd, NULL, st);
	bool given;

	if (n < 0)
		return n;
	if (r->in.uid == ~0U || r->in.gid == ~0U)
		return -EOVERFLOW;
	if (fuse_shown(r->f, st->uid) != r->in.uid)
		uid = r->in.uid;
	if (fuse_shown(r->f, st->gid) != r->in.gid) {
		n = gives_group(r, st);
		if (n < 0)
			return n;
		gid = n ? ~0U : r->in.gid;
	}
	given = uid != ~0U || gid != ~0U;
	if (given) {
		n = host_chown(fd->fd, uid, gid);
		/* one whom the jail doesn't know */
		if (n < 0)
			return n == -EINVAL || n == -EOVERFLOW ? -EPERM : n;
	}
	mode &= 07777;
	if (S_ISDIR(st->mode))
		mode |= st->mode & S_ISGID;
	else
		mode = fuse_mode_for(r->f, mode, uid != ~0U ? uid : st->uid,
			gid != ~0U ? gid : st->gid);
	if (!S_ISLNK(st->mode) &&
		((st->mode & 07777) != mode || (given && mode & 06000))) {
		n = fuse_chmod(r->f, fd, mode);
		if (n < 0)
			return n;
		given = true;
	}
	return given ? host_stat(fd->fd, NULL, st) : 0;
}

static int open_reply(struct fuse_request *r, struct fuse_inode *i,
	const struct host_stat *st, uint64_t fh)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = { .open = { .fh = fh } };

	fuse_entry_fill(r->f, r->node, i, st, &out.entry);
	return fuse_reply(r, &out, sizeof(out));
}

/* An inode for what is open at 'fd', which is taken over, and a handle. */
static int hand_out(struct fuse_request *r, const char *name, int fd, int access,
	const struct host_stat *st, bool fresh)
{
	struct fuse_inode *i;
	uint64_t fh;
	int n = fuse_inode_find(r->f, r->node, name, st, fresh, &i);

	if (n < 0) {
		(void)close(fd);
		return n;
	}
	n = fuse_handle_new(r->f, i, fd, access, &fh);
	if (n == 0)
		n = open_reply(r, i, st, fh);
	if (n < 0)
		fuse_inode_forget(r->f, i->id, 1);
	fuse_inode_put(r->f, i);
	return n;
}

/* The client thought there was none of the name, or doesn't mind one. */
static int open_existing(struct fuse_request *r, const char *name, uint32_t flags)
{
	struct host_stat st, now;
	int access = (int)flags & O_ACCMODE, fd, n = host_stat(r->at.fd, name, &st);

	if (n < 0)
		return n == -ENOENT ? -ESTALE : n;
	/* a link, for one, is for the client to follow */
	if (!S_ISREG(st.mode) || access == O_ACCMODE)
		return -ESTALE;
	fd = fuse_open_at(r->f, r->at.fd, name, access, 0);
	if (fd < 0)
		return fd;
	n = host_stat(fd, NULL, &now);
	if (n == 0 && (now.ino != st.ino || !S_ISREG(now.mode)))
		n = -ESTALE;
	if (n == 0 && flags & O_TRUNC)
		n = (int)HOST_AGAIN(ftruncate(fd, 0));
	if (n == 0 && flags & O_TRUNC)
		n = host_stat(fd, NULL, &now);
	if (n < 0) {
		(void)close(fd);
		return n;
	}
	return hand_out(r, name, fd, access, &now, false);
}

int fuse_create(struct fuse_request *r)
{
	struct fuse_create_in in;
	struct host_stat st;
	struct fuse_fd new = { .fd = -1, .real = true };
	const char *name;
	size_t at = sizeof(in);
	int n = fuse_name(r, &at, &name);

	if (n < 0)
		return n;
	memcpy(&in, r->args, sizeof(in));
	new.fd = fuse_open_at(
		r->f, r->at.fd, name, O_RDWR | O_CREAT | O_EXCL, first_mode(r, in.mode));
	if (new.fd == -EEXIST && !(in.flags & O_EXCL))
		return open_existing(r, name, in.flags);
	if (new.fd < 0)
		return new.fd;
	n = settle(r, &new, in.mode, &st);
	if (n < 0)
		(void)close(new.fd);
	else
		n = hand_out(r, name, new.fd, O_RDWR, &st, true);
	if (n < 0)
		(void)unlinkat(r->at.fd, name, 0);
	return n;
}

/* Older hosts want a capability of the first user namespace for that, and say ENOENT before
 * they look at the new name. */
static bool can_link(struct fuse *f, int fd, int dir)
{
	int can = __atomic_load_n(&f->can_link, __ATOMIC_RELAXED);

	if (can < 0) {
		can = host_link(fd, NULL, dir, ".") == -EEXIST;
		__atomic_store_n(&f->can_link, can, __ATOMIC_RELAXED);
	}
	return can;
}

int fuse_tmpfile(struct fuse_request *r)
{
	struct fuse_create_in in;
	struct host_stat st;
	struct fuse_fd new = { .fd = -1, .real = true };
	int n = 0;

	memcpy(&in, r->args, sizeof(in));
	new.fd = fuse_open_at(
		r->f, r->at.fd, ".", O_RDWR | O_TMPFILE, first_mode(r, in.mode));
	if (new.fd < 0)
		return new.fd;
	/* programs have another way where this fails, and none where linkat() does later */
	if (!(in.flags & O_EXCL) && !can_link(r->f, new.fd, r->at.fd))
		n = -EOPNOTSUPP;
	if (n == 0)
		n = settle(r, &new, in.mode, &st);
	if (n < 0) {
		(void)close(new.fd);
		return n;
	}
	return hand_out(r, NULL, new.fd, O_RDWR, &st, true);
}

/* What was just made at 'name', which goes again where it can't be who asked's. */
static int node_settle(struct fuse_request *r, const char *name, mode_t mode)
{
	struct fuse_inode like = { .type = mode & S_IFMT };
	struct fuse_fd new = { .fd = -1, .inode = S_ISREG(mode) ? NULL : &like };
	struct host_stat st;
	int n;

	new.fd = fuse_open_at(r->f, r->at.fd, name, O_PATH, 0);
	if (new.fd < 0)
		return new.fd;
	n = host_stat(new.fd, NULL, &st);
	/* somebody else's by now */
	if (n == 0 && (st.mode ^ mode) & S_IFMT)
		n = -ESTALE;
	else if (n == 0)
		n = settle(r, &new, mode, &st);
	(void)close(new.fd);
	if (n == 0)
		return fuse_entry_reply(r, name, &st, true);
	if (n != -ESTALE)
		(void)unlinkat(r->at.fd, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
	return n;
}

int fuse_mkdir(struct fuse_request *r)
{
	struct fuse_mkdir_in in;
	const char *name;
	size_t at = sizeof(in);
	int n = fuse_name(r, &at, &name);

	if (n < 0)
		return n;
	memcpy(&in, r->args, sizeof(in));
	n = (int)HOST_AGAIN(mkdirat(r->at.fd, name, first_mode(r, in.mode)));
	return n < 0 ? n : node_settle(r, name, S_IFDIR | (in.mode & 07777));
}

int fuse_mknod(struct fuse_request *r)
{
	struct fuse_mknod_in in;
	const char *name;
	size_t at = sizeof(in);
	mode_t kind, bits;
	int n = fuse_name(r, &at, &name);

	if (n < 0)
		return n;
	memcpy(&in, r->args, sizeof(in));
	kind = in.mode & S_IFMT;
	if (!kind)
		kind = S_IFREG;
	/* What is a device to the guest is none of the host's. The one with the number 0 is no
	 * device but what overlayfs calls a whiteout. */
	if (kind == S_IFBLK || (kind == S_IFCHR && in.rdev))
		return -EPERM;
	if (kind != S_IFREG && kind != S_IFIFO && kind != S_IFSOCK && kind != S_IFCHR)
		return -EINVAL;
	bits = first_mode(r, in.mode);
	/* there is no way to give it others later */
	if (r->f->no_chmod)
		bits = in.mode & 0777;
	n = (int)HOST_AGAIN(mknodat(r->at.fd, name, kind | bits, 0));
	return n < 0 ? n : node_settle(r, name, kind | (in.mode & 07777));
}

int fuse_symlink(struct fuse_request *r)
{
	const char *name, *target;
	size_t at = 0;
	int n = fuse_name(r, &at, &name);

	if (n < 0)
		return n;
	target = fuse_text(r, &at);
	if (!target)
		return -EINVAL;
	n = (int)HOST_AGAIN(symlinkat(target, r->at.fd, name));
	return n < 0 ? n : node_settle(r, name, S_IFLNK | 0777);
}
