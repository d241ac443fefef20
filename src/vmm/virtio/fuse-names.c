/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-names.c - names: looked up, forgotten, moved, removed.
 *
 * The host decides: what it says to a rename is the answer, whatever was known here.
 */
#include "vmm/virtio/fuse-priv.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1U
#define RENAME_EXCHANGE  2U
#define RENAME_WHITEOUT  4U
#endif

#define FORGETS_MAX   65536 /* of one request */
#define FORGETS_BATCH 64

int fuse_lookup(struct fuse_request *r)
{
	struct fuse_entry_out none = { 0 };
	struct host_stat st;
	const char *name;
	size_t at = 0;
	int n = fuse_name(r, &at, &name);

	if (n < 0)
		return n;
	n = host_stat(r->at.fd, name, &st);
	if (n == 0)
		return fuse_entry_reply(r, name, &st, false);
	if (n != -ENOENT)
		return n;
	/* that there is none holds for a while, too */
	fuse_valid(r->f, &none.entry_valid, &none.entry_valid_nsec);
	return fuse_reply(r, &none, sizeof(none));
}

int fuse_forget(struct fuse_request *r)
{
	struct fuse_forget_in in;

	memcpy(&in, r->args, sizeof(in));
	fuse_inode_forget(r->f, r->in.nodeid, in.nlookup);
	return 0;
}

int fuse_batch_forget(struct fuse_request *r)
{
	struct fuse_batch_forget_in in;
	struct fuse_forget_one one[FORGETS_BATCH];
	size_t at = sizeof(r->in) + sizeof(in), got;
	uint32_t left;

	memcpy(&in, r->args, sizeof(in));
	left = in.count < FORGETS_MAX ? in.count : FORGETS_MAX;
	while (left && at < r->out_len) {
		size_t want =
			sizeof(*one) * (left < FORGETS_BATCH ? left : FORGETS_BATCH);

		want = want < r->out_len - at ? want : r->out_len - at;
		got = fuse_copy_from(r->out, r->out_n, at, one, want) / sizeof(*one);
		if (!got)
			break;
		for (size_t i = 0; i < got; i++)
			fuse_inode_forget(r->f, one[i].nodeid, one[i].nlookup);
		at += got * sizeof(*one);
		left -= (uint32_t)got;
	}
	return 0;
}

int fuse_readlink(struct fuse_request *r)
{
	char target[PATH_MAX];
	long n;

	if (r->node->type != S_IFLNK)
		return -EINVAL;
	n = HOST_AGAIN(readlinkat(r->at.fd, "", target, sizeof(target)));
	if (n < 0)
		return (int)n;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	return fuse_reply(r, target, (size_t)n);
}

static int remove_name(struct fuse_request *r, int flags)
{
	struct fuse_inode *i;
	const char *name;
	size_t at = 0;
	int n = fuse_name(r, &at, &name);

	if (n < 0)
		return n;
	i = fuse_inode_named(r->f, r->node, name);
	if (i)
		fuse_orphan(r->f, i, r->at.fd, name);
	n = (int)HOST_AGAIN(unlinkat(r->at.fd, name, flags));
	if (i && n == 0)
		fuse_inode_unname(r->f, i, r->node, name);
	fuse_put_inode(r->f, &i);
	return n;
}

int fuse_unlink(struct fuse_request *r)
{
	return remove_name(r, 0);
}

int fuse_rmdir(struct fuse_request *r)
{
	return remove_name(r, AT_REMOVEDIR);
}

struct moving {
	struct fuse_inode *dir; /* to where */
	const char *from, *to;
	uint32_t flags;
};

/* What is known follows what was done. */
static void moved(struct fuse_request *r, const struct moving *m, struct fuse_inode *it,
	struct fuse_inode *over)
{
	if (m->flags & RENAME_EXCHANGE) {
		if (it && over)
			fuse_inode_swap(r->f, it, over);
		else if (it)
			fuse_inode_rename(r->f, it, m->dir, m->to);
		else if (over)
			fuse_inode_rename(r->f, over, r->node, m->from);
		return;
	}
	if (over && over != it)
		fuse_inode_unname(r->f, over, m->dir, m->to);
	if (it && over != it)
		fuse_inode_rename(r->f, it, m->dir, m->to);
}

static int move(struct fuse_request *r, const struct moving *m)
{
	struct fuse_inode *it = fuse_inode_named(r->f, r->node, m->from),
			  *over = fuse_inode_named(r->f, m->dir, m->to);
	struct fuse_fd to;
	int n = fuse_fd_get(r->f, m->dir, &to);

	if (n == 0) {
		if (over && !(m->flags & RENAME_EXCHANGE))
			fuse_orphan(r->f, over, to.fd, m->to);
		n = (int)HOST_AGAIN(syscall(
			SYS_renameat2, r->at.fd, m->from, to.fd, m->to, m->flags));
		fuse_fd_put(r->f, &to);
	}
	if (n == 0)
		moved(r, m, it, over);
	fuse_put_inode(r->f, &it);
	fuse_put_inode(r->f, &over);
	return n;
}

static int rename_to(struct fuse_request *r, uint64_t dir, uint32_t flags, size_t at)
{
	struct moving m = { .flags = flags };
	int n = fuse_name(r, &at, &m.from);

	if (n == 0)
		n = fuse_name(r, &at, &m.to);
	if (n < 0)
		return n;
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	m.dir = fuse_inode_get(r->f, dir);
	if (!m.dir)
		return -ESTALE;
	n = m.dir->type == S_IFDIR ? move(r, &m) : -ENOTDIR;
	fuse_inode_put(r->f, m.dir);
	return n;
}

int fuse_rename(struct fuse_request *r)
{
	struct fuse_rename_in in;

	memcpy(&in, r->args, sizeof(in));
	return rename_to(r, in.newdir, 0, sizeof(in));
}

int fuse_rename2(struct fuse_request *r)
{
	struct fuse_rename2_in in;

	memcpy(&in, r->args, sizeof(in));
	return rename_to(r, in.newdir, in.flags, sizeof(in));
}

static int link_it(struct fuse_request *r, struct fuse_inode *i, const char *name)
{
	char from[FUSE_NAME_ROOM];
	struct fuse_fd fd;
	int n;

	if (i->type == S_IFDIR)
		return -EPERM;
	n = fuse_place_get(r->f, i, from, &fd);
	if (n == 0) {
		n = host_link(fd.fd, from, r->at.fd, name);
		fuse_fd_put(r->f, &fd);
	}
	if (n != -ESTALE && n != -ENOENT)
		return n;
	n = fuse_fd_get(r->f, i, &fd);
	if (n < 0)
		return n;
	n = host_link(fd.fd, NULL, r->at.fd, name);
	fuse_fd_put(r->f, &fd);
	return n;
}

/* The name may have led elsewhere a moment ago: what was linked is looked at. */
static int link_checked(struct fuse_request *r, struct fuse_inode *i, const char *name)
{
	struct host_stat st;
	bool is;
	int n = link_it(r, i, name);

	if (n < 0)
		return n;
	n = host_stat(r->at.fd, name, &st);
	if (n < 0)
		return n;
	fuse_lock(r->f);
	is = fuse_inode_is(i, &st) || fuse_inode_is_copy(i, &st);
	fuse_unlock(r->f);
	if (!is) {
		(void)unlinkat(r->at.fd, name, 0);
		return -ESTALE;
	}
	fuse_inode_note(r->f, i, &st);
	return fuse_entry_reply(r, name, &st, false);
}

int fuse_link(struct fuse_request *r)
{
	struct fuse_link_in in;
	struct fuse_inode *i;
	size_t at = sizeof(in);
	const char *name;
	int n = fuse_name(r, &at, &name);

	if (n < 0)
		return n;
	memcpy(&in, r->args, sizeof(in));
	i = fuse_inode_get(r->f, in.oldnodeid);
	if (!i)
		return -ESTALE;
	n = link_checked(r, i, name);
	fuse_inode_put(r->f, i);
	return n;
}
