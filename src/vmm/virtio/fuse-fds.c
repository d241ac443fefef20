/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-fds.c - an inode's descriptor: kept, borrowed from an open handle, or opened by its
 * name and compared.
 */
#include "base/auto.h"
#include "vmm/virtio/fuse-priv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Of directories without a descriptor, one in another. */
#define WALK_MAX 8192

static void unlist(struct fuse_inode *i)
{
	if (!i->in)
		return;
	*(i->older ? &i->older->newer : &i->in->oldest) = i->newer;
	*(i->newer ? &i->newer->older : &i->in->newest) = i->older;
	i->in->n--;
	i->in = NULL;
	i->older = i->newer = NULL;
}

void fuse_fd_relist(struct fuse *f, struct fuse_inode *i)
{
	struct fuse_fds *to = i->type == S_IFDIR && i->name ? &f->dirs : &f->orphans;

	unlist(i);
	if (i->fd < 0 || i->fd_users || i == f->root)
		return;
	i->in = to;
	i->older = to->newest;
	*(to->newest ? &to->newest->newer : &to->oldest) = i;
	to->newest = i;
	to->n++;
}

int fuse_fd_take(struct fuse_inode *i)
{
	int fd = i->fd;

	unlist(i);
	i->fd = -1;
	return fd;
}

static bool drop_oldest(struct fuse *f, struct fuse_fds *fds, unsigned max)
{
	int fd = -1;

	fuse_lock(f);
	if (fds->n > max)
		fd = fuse_fd_take(fds->oldest);
	fuse_unlock(f);
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void use(struct fuse_inode *i)
{
	i->refs++;
	i->fd_users++;
	unlist(i);
}

static void unuse(struct fuse *f, struct fuse_inode *i)
{
	fuse_lock(f);
	if (!--i->fd_users)
		fuse_fd_relist(f, i);
	fuse_inode_unref(f, i);
	fuse_unlock(f);
	while (drop_oldest(f, &f->dirs, f->dirs.max))
		;
	while (drop_oldest(f, &f->orphans, f->orphans.max))
		;
}

void fuse_fd_install(struct fuse *f, struct fuse_inode *i, int fd)
{
	fuse_lock(f);
	use(i);
	if (i->fd < 0)
		i->fd = take_fd(&fd);
	fuse_unlock(f);
	if (fd >= 0)
		(void)close(fd);
	unuse(f, i);
}

int fuse_open_at(struct fuse *f, int dir, const char *name, int flags, mode_t mode)
{
	int fd = host_open(dir, name, flags, mode);

	if (fd != -EMFILE && fd != -ENFILE)
		return fd;
	while (drop_oldest(f, &f->dirs, 0))
		;
	fd = host_open(dir, name, flags, mode);
	/* a limit of this process's, not of the program's inside */
	return fd == -EMFILE ? -ENFILE : fd;
}

void fuse_fd_put(struct fuse *f, struct fuse_fd *fd)
{
	if (fd->own)
		(void)close(fd->fd);
	else if (fd->handle)
		fuse_handle_put(f, fd->handle);
	else if (fd->inode)
		unuse(f, fd->inode);
	*fd = (struct fuse_fd){ .fd = -1 };
}

/* One that is there already. The lock is held. */
static bool borrow(struct fuse_inode *i, struct fuse_fd *ret)
{
	struct fuse_handle *h;

	*ret = (struct fuse_fd){ .fd = -1 };
	if (i->fd >= 0) {
		use(i);
		*ret = (struct fuse_fd){ .fd = i->fd, .inode = i };
		return true;
	}
	h = fuse_handle_of(i, -1);
	if (h)
		*ret = (struct fuse_fd){
			.fd = h->fd, .real = true, .inode = i, .handle = h
		};
	return h;
}

static int compare(struct fuse *f, struct fuse_inode *i, int fd)
{
	struct host_stat st;
	int r = host_stat(fd, NULL, &st);
	bool is;

	if (r < 0)
		return r;
	fuse_lock(f);
	is = fuse_inode_is(i, &st);
	fuse_unlock(f);
	if (!is)
		return -ESTALE;
	fuse_inode_note(f, i, &st);
	return 0;
}

/* What a name says that leads to something else than before. */
static int stale(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EXDEV ||
			r == -ENXIO || r == -EISDIR || r == -ENODEV
		? -ESTALE
		: r;
}

/* The topmost of i and its ancestors without a descriptor, its parent's and its name. */
static int topmost(struct fuse *f, struct fuse_inode *i, struct fuse_inode **ret,
	struct fuse_fd *dir, char name[FUSE_NAME_ROOM])
{
	struct fuse_inode *t = i;

	for (unsigned n = 0; n < WALK_MAX; n++) {
		if (!t->name)
			return -ESTALE;
		if (!borrow(t->parent, dir)) {
			t = t->parent;
			continue;
		}
		(void)stpcpy(name, t->name);
		t->refs++;
		*ret = t;
		return 0;
	}
	(void)f;
	return -ENAMETOOLONG;
}

static int dir_get(struct fuse *f, struct fuse_inode *i, struct fuse_fd *ret)
{
	for (;;) {
		char name[FUSE_NAME_ROOM];
		struct fuse_inode *t;
		struct fuse_fd dir;
		int fd, r;

		fuse_lock(f);
		if (borrow(i, ret)) {
			fuse_unlock(f);
			return 0;
		}
		r = topmost(f, i, &t, &dir, name);
		fuse_unlock(f);
		if (r < 0)
			return r;
		fd = fuse_open_at(f, dir.fd, name, O_PATH | O_DIRECTORY, 0);
		fuse_fd_put(f, &dir);
		r = fd < 0 ? stale(fd) : compare(f, t, fd);
		if (r == 0)
			fuse_fd_install(f, t, fd);
		else if (fd >= 0)
			(void)close(fd);
		fuse_inode_put(f, t);
		if (r < 0)
			return r;
	}
}

int fuse_place_get(struct fuse *f, struct fuse_inode *i, char name[FUSE_NAME_ROOM],
	struct fuse_fd *dir)
{
	struct fuse_inode *parent = NULL;
	int r;

	*dir = (struct fuse_fd){ .fd = -1 };
	fuse_lock(f);
	if (i->name) {
		(void)stpcpy(name, i->name);
		parent = i->parent;
		parent->refs++;
	}
	fuse_unlock(f);
	if (!parent)
		return -ESTALE;
	r = dir_get(f, parent, dir);
	fuse_inode_put(f, parent);
	return r;
}

static int by_name(struct fuse *f, struct fuse_inode *i, int flags)
{
	char name[FUSE_NAME_ROOM];
	struct fuse_fd dir;
	int fd, r = fuse_place_get(f, i, name, &dir);

	if (r < 0)
		return r;
	fd = fuse_open_at(f, dir.fd, name, flags, 0);
	fuse_fd_put(f, &dir);
	return fd < 0 ? stale(fd) : fd;
}

int fuse_fd_get(struct fuse *f, struct fuse_inode *i, struct fuse_fd *ret)
{
	bool got;
	int fd, r;

	if (i->type == S_IFDIR)
		return dir_get(f, i, ret);
	fuse_lock(f);
	got = borrow(i, ret);
	fuse_unlock(f);
	if (got)
		return 0;
	fd = by_name(f, i, O_PATH);
	if (fd < 0)
		return fd;
	r = compare(f, i, fd);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret = (struct fuse_fd){ .fd = fd, .inode = i, .own = true };
	return 0;
}

int fuse_inode_stat(struct fuse *f, struct fuse_inode *i, struct host_stat *ret)
{
	char name[FUSE_NAME_ROOM];
	struct fuse_fd fd;
	bool got, is = true;
	int r;

	fuse_lock(f);
	got = borrow(i, &fd);
	fuse_unlock(f);
	r = got ? 0 : fuse_place_get(f, i, name, &fd);
	if (r < 0)
		return r;
	r = host_stat(fd.fd, got ? NULL : name, ret);
	fuse_fd_put(f, &fd);
	if (r < 0)
		return got ? r : stale(r);
	if (!got) {
		fuse_lock(f);
		is = fuse_inode_is(i, ret);
		fuse_unlock(f);
	}
	if (!is)
		return -ESTALE;
	fuse_inode_note(f, i, ret);
	return 0;
}

/* Without a name it is what somebody has open. */
static int open_handles(struct fuse *f, struct fuse_inode *i, int access)
{
	struct fuse_handle *h;
	int fd;

	fuse_lock(f);
	h = fuse_handle_of(i, access);
	fuse_unlock(f);
	if (!h)
		return -ESTALE;
	fd = (int)HOST_AGAIN(fcntl(h->fd, F_DUPFD_CLOEXEC, 3));
	fuse_handle_put(f, h);
	return fd == -EMFILE ? -ENFILE : fd;
}

int fuse_open_real(struct fuse *f, struct fuse_inode *i, int access, struct host_stat *st)
{
	struct fuse_fd dir;
	bool is;
	int fd, r;

	if (i->type == S_IFDIR) {
		r = dir_get(f, i, &dir);
		if (r < 0)
			return r;
		fd = fuse_open_at(f, dir.fd, ".", O_RDONLY | O_DIRECTORY, 0);
		fuse_fd_put(f, &dir);
	} else {
		fd = by_name(f, i, access);
		if (fd == -ESTALE)
			fd = open_handles(f, i, access);
	}
	if (fd < 0)
		return fd;
	r = host_stat(fd, NULL, st);
	fuse_lock(f);
	is = r == 0 &&
		(fuse_inode_is(i, st) ||
			(access != O_RDONLY && fuse_inode_is_copy(i, st)));
	fuse_unlock(f);
	if (!is) {
		(void)close(fd);
		return r < 0 ? r : -ESTALE;
	}
	fuse_inode_note(f, i, st);
	return fd;
}

void fuse_orphan(struct fuse *f, struct fuse_inode *i, int dir, const char *name)
{
	bool wanted;
	int fd;

	fuse_lock(f);
	/* a file nobody has open is not asked for again; a FIFO is open without our knowing */
	wanted = i->fd < 0 && !i->handles &&
		((i->type != S_IFREG && i->type != S_IFLNK) || i->nlink != 1);
	fuse_unlock(f);
	if (!wanted)
		return;
	fd = fuse_open_at(f, dir, name, O_PATH, 0);
	if (fd < 0)
		return;
	if (compare(f, i, fd) < 0)
		(void)close(fd);
	else
		fuse_fd_install(f, i, fd);
}
