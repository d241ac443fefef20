/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-attributes.c - what an inode is like: told, and changed.
 */
#include "vmm/virtio/fuse-priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* A change that is no older may have another one behind it with the same time. */
#define UNSETTLED_NS 20000000
#define NSEC         1000000000

uint32_t fuse_shown(const struct fuse *f, uint32_t id)
{
	return id == f->o.squash ? 0 : id;
}

mode_t fuse_mode_for(const struct fuse *f, mode_t mode, uint32_t uid, uint32_t gid)
{
	if (f->o.squash != FUSE_NO_SQUASH && uid == f->o.squash)
		mode &= ~(mode_t)S_ISUID;
	if (f->o.squash != FUSE_NO_SQUASH && gid == f->o.squash)
		mode &= ~(mode_t)S_ISGID;
	return mode;
}

void fuse_valid(struct fuse *f, uint64_t *sec, uint32_t *nsec)
{
	*sec = f->o.attr_ms / 1000;
	*nsec = f->o.attr_ms % 1000 * 1000000;
}

/* As the client takes it apart: new_decode_dev() in linux/kdev_t.h. */
static uint32_t device_number(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

static uint64_t ino_of(struct fuse *f, struct fuse_inode *i, const struct host_stat *st)
{
	uint64_t ino;

	fuse_lock(f);
	ino = fuse_ino(f, st->dev_major, st->dev_minor, st->ino);
	i->told = true;
	i->told_mtime = st->mtime;
	i->told_ctime = st->ctime;
	i->told_size = st->size;
	fuse_unlock(f);
	return ino;
}

void fuse_attr_fill(struct fuse *f, struct fuse_inode *i, const struct host_stat *st,
	struct fuse_attr *ret)
{
	*ret = (struct fuse_attr){ .ino = ino_of(f, i, st),
		.size = st->size,
		.blocks = st->blocks,
		.atime = (uint64_t)st->atime.sec,
		.mtime = (uint64_t)st->mtime.sec,
		.ctime = (uint64_t)st->ctime.sec,
		.atimensec = st->atime.nsec,
		.mtimensec = st->mtime.nsec,
		.ctimensec = st->ctime.nsec,
		.mode = st->mode,
		.nlink = st->nlink,
		.uid = fuse_shown(f, st->uid),
		.gid = fuse_shown(f, st->gid),
		.rdev = device_number(st->rdev_major, st->rdev_minor),
		.blksize = FUSE_BLOCK };
}

void fuse_entry_fill(struct fuse *f, struct fuse_inode *dir, struct fuse_inode *i,
	const struct host_stat *st, struct fuse_entry_out *ret)
{
	*ret = (struct fuse_entry_out){ .nodeid = i->id };
	fuse_valid(f, &ret->entry_valid, &ret->entry_valid_nsec);
	fuse_valid(f, &ret->attr_valid, &ret->attr_valid_nsec);
	fuse_attr_fill(f, i, st, &ret->attr);
	if (f->submounts && S_ISDIR(st->mode) && dir->mnt != st->mnt)
		ret->attr.flags = FUSE_ATTR_SUBMOUNT;
}

int fuse_entry_reply(
	struct fuse_request *r, const char *name, const struct host_stat *st, bool fresh)
{
	struct fuse_entry_out out;
	struct fuse_inode *i;
	int n = fuse_inode_find(r->f, r->node, name, st, fresh, &i);

	if (n < 0)
		return n;
	fuse_entry_fill(r->f, r->node, i, st, &out);
	fuse_inode_put(r->f, i);
	return fuse_reply(r, &out, sizeof(out));
}

static bool time_is(struct host_time a, struct host_time b)
{
	return a.sec == b.sec && a.nsec == b.nsec;
}

static bool is_recent(struct host_time t)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return t.sec > now.tv_sec ||
		(now.tv_sec - t.sec < 2 &&
			(now.tv_sec - t.sec) * NSEC + now.tv_nsec - t.nsec <
				UNSETTLED_NS);
}

bool fuse_unchanged(struct fuse *f, struct fuse_inode *i, const struct host_stat *st)
{
	bool same;

	fuse_lock(f);
	same = i->told && time_is(i->told_mtime, st->mtime) &&
		time_is(i->told_ctime, st->ctime) && i->told_size == st->size;
	fuse_unlock(f);
	return same && !is_recent(st->ctime);
}

static int attr_reply(struct fuse_request *r, const struct host_stat *st)
{
	struct fuse_attr_out out = { 0 };

	fuse_valid(r->f, &out.attr_valid, &out.attr_valid_nsec);
	fuse_attr_fill(r->f, r->node, st, &out.attr);
	return fuse_reply(r, &out, sizeof(out));
}

int fuse_getattr(struct fuse_request *r)
{
	struct host_stat st;
	int n = fuse_inode_stat(r->f, r->node, &st);

	return n < 0 ? n : attr_reply(r, &st);
}

static struct fuse_sx_time sx_time(struct host_time t)
{
	return (struct fuse_sx_time){ .tv_sec = t.sec, .tv_nsec = t.nsec };
}

int fuse_statx(struct fuse_request *r)
{
	struct fuse_statx_out out = { 0 };
	struct fuse_statx *x = &out.stat;
	struct fuse_attr a;
	struct host_stat st;
	int n = fuse_inode_stat(r->f, r->node, &st);

	if (n < 0)
		return n;
	fuse_attr_fill(r->f, r->node, &st, &a);
	fuse_valid(r->f, &out.attr_valid, &out.attr_valid_nsec);
	*x = (struct fuse_statx){ .mask = STATX_BASIC_STATS,
		.blksize = a.blksize,
		.nlink = a.nlink,
		.uid = a.uid,
		.gid = a.gid,
		.mode = (uint16_t)a.mode,
		.ino = a.ino,
		.size = a.size,
		.blocks = a.blocks,
		.atime = sx_time(st.atime),
		.ctime = sx_time(st.ctime),
		.mtime = sx_time(st.mtime),
		.rdev_major = st.rdev_major,
		.rdev_minor = st.rdev_minor };
	if (st.has_btime) {
		x->mask |= STATX_BTIME;
		x->btime = sx_time(st.btime);
	}
	return fuse_reply(r, &out, sizeof(out));
}

/*
 * Before Linux 6.6 nothing sets the bits of an O_PATH descriptor: what can be opened is. What
 * can't be, a socket, was no link when it was looked at; if it is one by now, it leads to
 * somewhere in the jail.
 */
static int old_chmod(struct fuse *f, struct fuse_inode *i, mode_t mode)
{
	char name[FUSE_NAME_ROOM];
	struct fuse_fd dir;
	struct host_stat st;
	int fd, r;

	if (!i)
		return 0;
	if (i->type == S_IFREG || i->type == S_IFIFO) {
		fd = fuse_open_real(f, i, O_RDONLY, &st);
		if (fd < 0)
			return fd;
		r = (int)HOST_AGAIN(fchmod(fd, mode));
		(void)close(fd);
		return r;
	}
	r = fuse_place_get(f, i, name, &dir);
	if (r < 0)
		return r;
	r = (int)HOST_AGAIN(syscall(SYS_fchmodat, dir.fd, name, mode));
	fuse_fd_put(f, &dir);
	return r;
}

int fuse_chmod(struct fuse *f, const struct fuse_fd *fd, mode_t mode)
{
	bool is_dir = fd->inode && fd->inode->type == S_IFDIR;

	if (fd->inode && fd->inode->type == S_IFLNK)
		return -EOPNOTSUPP;
	if (!fd->real && !is_dir && f->no_chmod)
		return old_chmod(f, fd->inode, mode);
	return host_chmod(fd->fd, mode, is_dir);
}

/* What write(2) and truncate(2) of somebody without CAP_FSETID do. */
int fuse_kill_sid(int fd)
{
	struct host_stat st;
	int n = host_stat(fd, NULL, &st);
	mode_t bits;

	if (n < 0)
		return n;
	bits = st.mode & S_ISUID;
	if (st.mode & S_IXGRP)
		bits |= st.mode & S_ISGID;
	return bits ? (int)HOST_AGAIN(fchmod(fd, (st.mode & 07777) & ~bits)) : 0;
}

static int resize(struct fuse_request *r, const struct fuse_setattr_in *in,
	const struct fuse_fd *fd)
{
	struct host_stat st;
	bool own = !fd->handle || fd->handle->access == O_RDONLY;
	int to, n = 0;

	if (r->node->type != S_IFREG)
		return r->node->type == S_IFDIR ? -EISDIR : -EINVAL;
	if (in->size > INT64_MAX)
		return -EINVAL;
	to = own ? fuse_open_real(r->f, r->node, O_WRONLY, &st) : fd->fd;
	if (to < 0)
		return to;
	if (in->valid & FATTR_KILL_SUIDGID)
		n = fuse_kill_sid(to);
	if (n == 0)
		n = (int)HOST_AGAIN(ftruncate(to, (off_t)in->size));
	if (own)
		(void)close(to);
	return n;
}

static int set_owner(struct fuse_request *r, const struct fuse_setattr_in *in,
	const struct fuse_fd *fd)
{
	uint32_t uid = ~0U, gid = ~0U;
	struct host_stat st;
	int n = host_stat(fd->fd, NULL, &st);

	if (n < 0)
		return n;
	if ((in->valid & FATTR_UID && in->uid == ~0U) ||
		(in->valid & FATTR_GID && in->gid == ~0U))
		return -EINVAL;
	/* who is shown as root stays who it is, when it is given to root */
	if (in->valid & FATTR_UID && in->uid != fuse_shown(r->f, st.uid))
		uid = in->uid;
	if (in->valid & FATTR_GID && in->gid != fuse_shown(r->f, st.gid))
		gid = in->gid;
	/* also for nobody's sake: a chown takes the set-id bits */
	if (uid == ~0U && gid == ~0U && !(st.mode & 06000))
		return 0;
	n = host_chown(fd->fd, uid, gid);
	/* an owner whom the jail doesn't know */
	return n == -EINVAL || n == -EOVERFLOW ? -EPERM : n;
}

static int set_mode(struct fuse_request *r, const struct fuse_setattr_in *in,
	const struct fuse_fd *fd)
{
	mode_t mode = in->mode & 07777;
	struct host_stat st;
	int n;

	if (mode & 06000 && r->node->type != S_IFDIR &&
		r->f->o.squash != FUSE_NO_SQUASH) {
		n = host_stat(fd->fd, NULL, &st);
		if (n < 0)
			return n;
		mode = fuse_mode_for(r->f, mode, st.uid, st.gid);
	}
	return fuse_chmod(r->f, fd, mode);
}

static struct timespec time_to(bool set, bool now, uint64_t sec, uint32_t nsec)
{
	return (struct timespec){ .tv_sec = (time_t)sec,
		.tv_nsec = !set ? UTIME_OMIT
			: now   ? UTIME_NOW
				: (long)nsec };
}

static int set_times(const struct fuse_setattr_in *in, const struct fuse_fd *fd)
{
	uint32_t v = in->valid;
	const struct timespec t[2] = { time_to(v & FATTR_ATIME, v & FATTR_ATIME_NOW,
					       in->atime, in->atimensec),
		time_to(v & FATTR_MTIME, v & FATTR_MTIME_NOW, in->mtime, in->mtimensec) };

	if (in->atimensec >= NSEC || in->mtimensec >= NSEC)
		return -EINVAL;
	return host_utimes(fd->fd, t);
}

static int set_all(struct fuse_request *r, const struct fuse_setattr_in *in,
	const struct fuse_fd *fd)
{
	int n = 0;

	if (in->valid & FATTR_SIZE)
		n = resize(r, in, fd);
	if (n == 0 && in->valid & (FATTR_UID | FATTR_GID))
		n = set_owner(r, in, fd);
	if (n == 0 && in->valid & FATTR_MODE)
		n = set_mode(r, in, fd);
	if (n == 0 && in->valid & (FATTR_ATIME | FATTR_MTIME))
		n = set_times(in, fd);
	return n;
}

int fuse_setattr(struct fuse_request *r)
{
	struct fuse_setattr_in in;
	struct fuse_handle *h = NULL;
	struct fuse_fd fd = { .fd = -1 };
	struct host_stat st;
	int n = 0;

	memcpy(&in, r->args, sizeof(in));
	if (in.valid & FATTR_FH && fuse_handle_get(r->f, in.fh, r->in.nodeid, &h) == 0)
		fd = (struct fuse_fd){
			.fd = h->fd, .real = true, .inode = r->node, .handle = h
		};
	else
		n = fuse_fd_get(r->f, r->node, &fd);
	if (n < 0)
		return n;
	n = set_all(r, &in, &fd);
	/* overlayfs may have copied it: a handle for reading has the old one */
	if (n == 0)
		n = host_stat(fd.fd, NULL, &st);
	if (n == 0)
		fuse_inode_note(r->f, r->node, &st);
	fuse_fd_put(r->f, &fd);
	return n < 0 ? n : attr_reply(r, &st);
}

int fuse_statfs(struct fuse_request *r)
{
	struct fuse_statfs_out out = { 0 };
	struct statfs s;
	int n = (int)HOST_AGAIN(fstatfs(r->at.fd, &s));

	if (n < 0)
		return n;
	out.st = (struct fuse_kstatfs){ .blocks = s.f_blocks,
		.bfree = s.f_bfree,
		.bavail = s.f_bavail,
		.files = s.f_files,
		.ffree = s.f_ffree,
		.bsize = (uint32_t)s.f_bsize,
		.namelen = s.f_namelen > 255 ? 255 : (uint32_t)s.f_namelen,
		.frsize = (uint32_t)s.f_frsize };
	return fuse_reply(r, &out, sizeof(out));
}
