/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-state.c - what a client knows, saved and restored.
 *
 * Inodes as parent, name and identity; handles as inode and what they may do. Nothing is
 * looked for while restoring: an inode is marked, and whoever uses it first compares what its
 * name leads to by number, kind and birth, and takes over device and mount, which are others
 * after a restart. What has no name has nothing to be found by.
 *
 *	u32 version, u8 ready, submounts, setxattr_ext, u64 next inode, next handle
 *	u32 n, n times: u64 id, lookups, ino, u32 type, u8 has_btime, i64 sec, u32 nsec,
 *		u64 parent (0: none), u8 length, name
 *	u32 n, n times: u64 id, inode, u8 access
 */
#include "vmm/virtio/fuse-priv.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

#define INODE(link_)                                             \
	((struct fuse_inode *)(void *)((char *)(link_)-offsetof( \
		struct fuse_inode, by_id)))
#define HANDLE(link_)                                             \
	((struct fuse_handle *)(void *)((char *)(link_)-offsetof( \
		struct fuse_handle, by_id)))

/* The first failure stays. */
struct out {
	struct buf *to;
	int r;
};

static void put(struct out *o, unsigned bits, uint64_t v)
{
	if (o->r < 0)
		return;
	o->r = bits == 8     ? state_put8(o->to, (uint8_t)v)
		: bits == 32 ? state_put32(o->to, (uint32_t)v)
			     : state_put64(o->to, v);
}

static void save_inode(struct out *o, const struct fuse_inode *i)
{
	size_t n = i->name ? strlen(i->name) : 0;

	put(o, 64, i->id);
	put(o, 64, i->lookups);
	put(o, 64, i->ino);
	put(o, 32, i->type);
	put(o, 8, i->has_btime);
	put(o, 64, (uint64_t)i->btime.sec);
	put(o, 32, i->btime.nsec);
	put(o, 64, i->parent ? i->parent->id : 0);
	put(o, 8, n);
	if (o->r == 0)
		o->r = state_put_bytes(o->to, i->name, n);
}

int fuse_save(struct fuse *f, struct buf *to)
{
	struct out o = { .to = to };

	fuse_lock(f);
	put(&o, 32, VERSION);
	put(&o, 8, f->ready);
	put(&o, 8, f->submounts);
	put(&o, 8, f->setxattr_ext);
	put(&o, 64, f->next_id);
	put(&o, 64, f->next_handle);
	put(&o, 32, f->ids.n);
	for (size_t s = 0; s < f->ids.size; s++)
		for (struct fuse_link *l = f->ids.slot[s]; l; l = l->next)
			save_inode(&o, INODE(l));
	put(&o, 32, f->handles.n);
	for (size_t s = 0; s < f->handles.size; s++)
		for (struct fuse_link *l = f->handles.slot[s]; l; l = l->next) {
			put(&o, 64, HANDLE(l)->id);
			put(&o, 64, HANDLE(l)->inode->id);
			put(&o, 8, (uint64_t)HANDLE(l)->access);
		}
	fuse_unlock(f);
	return o.r;
}

struct in {
	struct span *from;
	int r;
};

static uint64_t get(struct in *in, unsigned bits)
{
	uint8_t b = 0;
	uint32_t w = 0;
	uint64_t q = 0;

	if (in->r < 0)
		return 0;
	if (bits == 8)
		in->r = state_get8(in->from, &b);
	else if (bits == 32)
		in->r = state_get32(in->from, &w);
	else
		in->r = state_get64(in->from, &q);
	return bits == 8 ? b : bits == 32 ? w : q;
}

/* Where an inode belongs, until all are there. */
struct place {
	uint64_t id, parent;
	char name[FUSE_NAME_ROOM];
};

static int restore_inode(struct fuse *f, struct in *in, struct place *p)
{
	struct fuse_inode *i, got = { .fd = -1, .restored = true, .copied = f->o.copied };
	uint8_t n;

	got.id = p->id = get(in, 64);
	got.lookups = get(in, 64);
	got.ino = get(in, 64);
	got.type = (uint32_t)get(in, 32);
	got.has_btime = get(in, 8);
	got.btime.sec = (int64_t)get(in, 64);
	got.btime.nsec = (uint32_t)get(in, 32);
	p->parent = get(in, 64);
	n = (uint8_t)get(in, 8);
	if (in->r == 0)
		in->r = state_get_bytes(in->from, p->name, n);
	p->name[n] = 0;
	if (in->r < 0)
		return in->r;
	if (strlen(p->name) != n ||
		(n &&
			(strchr(p->name, '/') || !strcmp(p->name, ".") ||
				!strcmp(p->name, ".."))) ||
		!got.id || got.id >= f->next_id || (got.type & ~(uint32_t)S_IFMT))
		return -EBADMSG;
	/* the root is where it is */
	if (got.id == FUSE_ROOT_ID)
		return got.type == S_IFDIR && !n ? 0 : -EBADMSG;
	if (fuse_inode_by_id(f, got.id) || f->ids.n >= f->o.inodes_max)
		return -EBADMSG;
	i = malloc(sizeof(*i));
	if (!i)
		return -ENOMEM;
	*i = got;
	if (fuse_inode_add(f, i) < 0) {
		free(i);
		return -ENOMEM;
	}
	return 0;
}

static int restore_names(struct fuse *f, const struct place *p, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct fuse_inode *i, *dir;

		if (!*p[k].name)
			continue;
		i = fuse_inode_by_id(f, p[k].id);
		dir = fuse_inode_by_id(f, p[k].parent);
		if (!i || !dir || dir->type != S_IFDIR)
			return -EBADMSG;
		/* it could be freed on the way if nobody counted on it */
		i->refs++;
		dir->refs++;
		if (fuse_inode_set_name(f, i, dir, p[k].name) < 0)
			return -ENOMEM;
		i->refs--;
		fuse_inode_unref(f, dir);
	}
	return 0;
}

static int restore_inodes(struct fuse *f, struct in *in)
{
	size_t n = get(in, 32);
	struct place *p;
	int r = in->r;

	/* each takes 46 bytes at least: so much for what a number may make one allocate */
	if (r < 0 || n > in->from->left / 46)
		return -EBADMSG;
	p = calloc(n ? n : 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (size_t k = 0; r == 0 && k < n; k++)
		r = restore_inode(f, in, p + k);
	if (r == 0)
		r = restore_names(f, p, n);
	free(p);
	return r;
}

/* Handles come to life by their names, one by one, when there is no lock to hold. */
static int restore_handles(struct fuse *f, struct in *in)
{
	size_t n = get(in, 32);

	for (size_t k = 0; k < n && in->r == 0; k++) {
		uint64_t id = get(in, 64), node = get(in, 64);
		int access = (int)get(in, 8), fd, r;
		struct fuse_inode *i;
		struct host_stat st;

		if (in->r < 0 || !id || id >= f->next_handle || access < O_RDONLY ||
			access > O_RDWR)
			return -EBADMSG;
		i = fuse_inode_get(f, node);
		if (!i)
			return -EBADMSG;
		fd = i->type == S_IFREG || i->type == S_IFDIR
			? fuse_open_real(f, i, access, &st)
			: -EBADMSG;
		if (fd >= 0 && !(S_ISREG(st.mode) || S_ISDIR(st.mode))) {
			(void)close(fd);
			fd = -ESTALE;
		}
		fuse_lock(f);
		r = fuse_handle_add(f, i, id, fd >= 0 ? fd : -1, access);
		fuse_unlock(f);
		if (r < 0 && fd >= 0)
			(void)close(fd);
		fuse_inode_put(f, i);
		if (r < 0)
			return r;
	}
	return in->r;
}

int fuse_restore(struct fuse *f, struct span *from)
{
	struct in in = { .from = from };
	bool ready;
	int r;

	if (get(&in, 32) != VERSION || !f->root)
		return -EBADMSG;
	ready = get(&in, 8);
	f->submounts = get(&in, 8) && f->o.submounts;
	f->setxattr_ext = get(&in, 8);
	f->next_id = get(&in, 64);
	f->next_handle = get(&in, 64);
	if (in.r < 0 || f->next_id <= FUSE_ROOT_ID || !f->next_handle)
		return -EBADMSG;
	fuse_lock(f);
	r = restore_inodes(f, &in);
	fuse_unlock(f);
	if (r == 0)
		r = restore_handles(f, &in);
	f->ready = r == 0 && ready;
	/* half of it is of no use */
	if (r < 0)
		fuse_reset(f);
	return r;
}
