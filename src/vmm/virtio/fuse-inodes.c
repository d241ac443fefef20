/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-inodes.c - who the client's numbers are on the host, and under which name.
 */
#include "vmm/virtio/fuse-priv.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Nobody nests deeper; a walk up ends. */
#define DEPTH_MAX 65536

#define OF(link_, member_)                                       \
	((struct fuse_inode *)(void *)((char *)(link_)-offsetof( \
		struct fuse_inode, member_)))

void fuse_lock(struct fuse *f)
{
	(void)pthread_mutex_lock(&f->lock);
}

void fuse_unlock(struct fuse *f)
{
	struct fuse_inode *dead = f->dead, *next;

	f->dead = NULL;
	(void)pthread_mutex_unlock(&f->lock);
	for (; dead; dead = next) {
		next = dead->newer;
		/* the last word on a file that the host removed, so maybe a long one */
		if (dead->fd >= 0)
			(void)close(dead->fd);
		free(dead->name);
		free(dead);
	}
}

static uint64_t key_hash(uint32_t major, uint32_t minor, uint64_t ino)
{
	return fuse_hash_mix(ino, (uint64_t)major << 32 | minor);
}

static void unkey(struct fuse *f, struct fuse_inode *i)
{
	if (i->keyed)
		fuse_hash_remove(&f->keys, &i->by_key);
	i->keyed = false;
}

static int key(struct fuse *f, struct fuse_inode *i)
{
	int r = fuse_hash_add(
		&f->keys, &i->by_key, key_hash(i->dev_major, i->dev_minor, i->ino));

	i->keyed = r == 0;
	return r;
}

/* Unlinks it from its name, whose parent is the caller's to unref. */
static struct fuse_inode *name_take(struct fuse *f, struct fuse_inode *i)
{
	struct fuse_inode *parent = i->parent;

	if (!i->name)
		return NULL;
	fuse_hash_remove(&f->names, &i->by_name);
	free(i->name);
	i->name = NULL;
	i->parent = NULL;
	return parent;
}

void fuse_inode_unref(struct fuse *f, struct fuse_inode *i)
{
	while (i) {
		struct fuse_inode *parent;

		i->refs--;
		if (i->refs || i->lookups || i == f->root)
			return;
		parent = name_take(f, i);
		unkey(f, i);
		fuse_hash_remove(&f->ids, &i->by_id);
		i->fd = fuse_fd_take(i);
		i->newer = f->dead;
		f->dead = i;
		i = parent;
	}
}

struct fuse_inode *fuse_inode_by_id(struct fuse *f, uint64_t id)
{
	struct fuse_link *l = fuse_hash_first(&f->ids, fuse_hash_mix(id, 0));

	while (l && OF(l, by_id)->id != id)
		l = fuse_hash_next(l);
	return l ? OF(l, by_id) : NULL;
}

struct fuse_inode *fuse_inode_get(struct fuse *f, uint64_t id)
{
	struct fuse_inode *i;

	fuse_lock(f);
	i = fuse_inode_by_id(f, id);
	if (i)
		i->refs++;
	fuse_unlock(f);
	return i;
}

void fuse_inode_put(struct fuse *f, struct fuse_inode *i)
{
	fuse_lock(f);
	fuse_inode_unref(f, i);
	fuse_unlock(f);
}

void fuse_inode_forget(struct fuse *f, uint64_t id, uint64_t n)
{
	struct fuse_inode *i;

	fuse_lock(f);
	i = fuse_inode_by_id(f, id);
	if (i && i != f->root) {
		/* what it doesn't have it can't give back */
		i->lookups -= n < i->lookups ? n : i->lookups;
		i->refs++;
		fuse_inode_unref(f, i);
	}
	fuse_unlock(f);
}

static bool time_is(const struct host_time *a, const struct host_time *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

bool fuse_inode_is(const struct fuse_inode *i, const struct host_stat *st)
{
	bool births = i->has_btime && st->has_btime;
	bool born = births && time_is(&i->btime, &st->btime);

	if (i->type != (st->mode & S_IFMT))
		return false;
	if (!i->restored &&
		(i->dev_major != st->dev_major || i->dev_minor != st->dev_minor ||
			i->mnt != st->mnt))
		return false;
	if (i->restored && i->copied && (!st->has_btime || st->btime.sec >= i->copied))
		return true;
	/* overlayfs gives a directory another birth at a change, or another number */
	if (i->ino != st->ino)
		return i->type == S_IFDIR && born;
	/* with a descriptor of it around, the number can't be anybody else's */
	return i->type == S_IFDIR || i->fd >= 0 || i->handles || !births || born;
}

bool fuse_inode_is_copy(const struct fuse_inode *i, const struct host_stat *st)
{
	return !i->restored && i->type == (st->mode & S_IFMT) && i->ino == st->ino &&
		i->dev_major == st->dev_major && i->dev_minor == st->dev_minor &&
		i->mnt == st->mnt;
}

static void note(struct fuse *f, struct fuse_inode *i, const struct host_stat *st)
{
	i->nlink = st->nlink;
	i->has_btime = st->has_btime;
	i->btime = st->btime;
	i->mnt = st->mnt;
	i->restored = false;
	if (i->keyed && i->dev_major == st->dev_major && i->dev_minor == st->dev_minor &&
		i->ino == st->ino)
		return;
	unkey(f, i);
	i->dev_major = st->dev_major;
	i->dev_minor = st->dev_minor;
	i->ino = st->ino;
	(void)key(f, i); /* without one a name finds it still */
}

void fuse_inode_note(struct fuse *f, struct fuse_inode *i, const struct host_stat *st)
{
	fuse_lock(f);
	if (i->type == (st->mode & S_IFMT))
		note(f, i, st);
	fuse_unlock(f);
}

static struct fuse_inode *named(struct fuse *f, struct fuse_inode *dir, const char *name)
{
	struct fuse_link *l = fuse_hash_first(&f->names, fuse_hash_text(dir->id, name));

	while (l &&
		(OF(l, by_name)->parent != dir ||
			strcmp(OF(l, by_name)->name, name) != 0))
		l = fuse_hash_next(l);
	return l ? OF(l, by_name) : NULL;
}

struct fuse_inode *fuse_inode_named(
	struct fuse *f, struct fuse_inode *dir, const char *name)
{
	struct fuse_inode *i;

	fuse_lock(f);
	i = named(f, dir, name);
	if (i)
		i->refs++;
	fuse_unlock(f);
	return i;
}

/* The host may have moved a directory's ancestor into it: then what was seen is no tree. */
static void break_circle(struct fuse *f, struct fuse_inode *i, struct fuse_inode *dir)
{
	unsigned depth = 0;

	for (struct fuse_inode *up = dir; up; up = up->parent) {
		if (up->parent != i && depth++ < DEPTH_MAX)
			continue;
		struct fuse_inode *was = name_take(f, up);

		fuse_fd_relist(f, up);
		if (was)
			fuse_inode_unref(f, was);
		return;
	}
}

int fuse_inode_set_name(
	struct fuse *f, struct fuse_inode *i, struct fuse_inode *dir, const char *name)
{
	struct fuse_inode *was, *other;
	char *copy;

	if (i == f->root || i == dir)
		return 0;
	if (name && i->name && i->parent == dir && strcmp(i->name, name) == 0)
		return 0;
	copy = name ? strdup(name) : NULL;
	if (name && !copy)
		return -ENOMEM;
	/* before, so that it isn't freed with its last child */
	if (name)
		dir->refs++;
	was = name_take(f, i);
	if (was)
		fuse_inode_unref(f, was);
	if (name && i->type == S_IFDIR)
		break_circle(f, i, dir);
	/* there is one of a name */
	other = name ? named(f, dir, name) : NULL;
	if (other) {
		was = name_take(f, other);
		fuse_fd_relist(f, other);
		fuse_inode_unref(f, was);
	}
	if (name &&
		fuse_hash_add(&f->names, &i->by_name, fuse_hash_text(dir->id, name)) <
			0) {
		free(copy);
		fuse_inode_unref(f, dir);
		return -ENOMEM;
	}
	i->name = copy;
	i->parent = name ? dir : NULL;
	fuse_fd_relist(f, i);
	return 0;
}

void fuse_inode_rename(
	struct fuse *f, struct fuse_inode *i, struct fuse_inode *dir, const char *name)
{
	fuse_lock(f);
	(void)fuse_inode_set_name(f, i, dir, name);
	fuse_unlock(f);
}

void fuse_inode_swap(struct fuse *f, struct fuse_inode *a, struct fuse_inode *b)
{
	struct fuse_inode *dir_a, *dir_b;
	char name_a[FUSE_NAME_ROOM], name_b[FUSE_NAME_ROOM];

	fuse_lock(f);
	dir_a = a->parent;
	dir_b = b->parent;
	if (dir_a && dir_b) {
		dir_a->refs++;
		dir_b->refs++;
		(void)stpcpy(name_a, a->name);
		(void)stpcpy(name_b, b->name);
		(void)fuse_inode_set_name(f, a, NULL, NULL);
		(void)fuse_inode_set_name(f, b, dir_a, name_a);
		(void)fuse_inode_set_name(f, a, dir_b, name_b);
		fuse_inode_unref(f, dir_a);
		fuse_inode_unref(f, dir_b);
	}
	fuse_unlock(f);
}

void fuse_inode_unname(
	struct fuse *f, struct fuse_inode *i, struct fuse_inode *dir, const char *name)
{
	fuse_lock(f);
	if (i->name && i->parent == dir && strcmp(i->name, name) == 0)
		(void)fuse_inode_set_name(f, i, NULL, NULL);
	fuse_unlock(f);
}

int fuse_inode_add(struct fuse *f, struct fuse_inode *i)
{
	return fuse_hash_add(&f->ids, &i->by_id, fuse_hash_mix(i->id, 0));
}

static struct fuse_inode *find(struct fuse *f, const struct host_stat *st, bool fresh)
{
	struct fuse_link *l;

	l = fuse_hash_first(&f->keys, key_hash(st->dev_major, st->dev_minor, st->ino));
	for (; l; l = fuse_hash_next(l)) {
		struct fuse_inode *i = OF(l, by_key);

		if (i->dev_major != st->dev_major || i->dev_minor != st->dev_minor ||
			i->ino != st->ino || i->mnt != st->mnt || i == f->root)
			continue;
		if (!fresh && fuse_inode_is(i, st))
			return i;
		/* the host gave its number to another */
		unkey(f, i);
		break;
	}
	return NULL;
}

static int make(struct fuse *f, const struct host_stat *st, struct fuse_inode **ret)
{
	struct fuse_inode *i;

	if (f->ids.n >= f->o.inodes_max)
		return -ENFILE;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->id = f->next_id++;
	i->type = st->mode & S_IFMT;
	i->dev_major = st->dev_major;
	i->dev_minor = st->dev_minor;
	i->ino = st->ino;
	i->fd = -1;
	if (fuse_inode_add(f, i) < 0) {
		free(i);
		return -ENOMEM;
	}
	*ret = i;
	return 0;
}

int fuse_inode_find(struct fuse *f, struct fuse_inode *dir, const char *name,
	const struct host_stat *st, bool fresh, struct fuse_inode **ret)
{
	struct fuse_inode *i = NULL;
	int r = 0;

	fuse_lock(f);
	if (name && !fresh)
		i = named(f, dir, name);
	if (i && !fuse_inode_is(i, st))
		i = NULL;
	if (!i)
		i = find(f, st, fresh);
	if (!i)
		r = make(f, st, &i);
	if (r == 0) {
		i->refs++;
		i->lookups++;
		note(f, i, st);
		if (name)
			r = fuse_inode_set_name(f, i, dir, name);
		if (r < 0) {
			i->lookups--;
			fuse_inode_unref(f, i);
		}
	}
	fuse_unlock(f);
	if (r == 0)
		*ret = i;
	return r;
}

uint64_t fuse_ino(struct fuse *f, uint32_t major, uint32_t minor, uint64_t ino)
{
	unsigned n;

	for (n = 0; n < f->devs; n++)
		if (f->dev[n].major == major && f->dev[n].minor == minor)
			break;
	if (n == f->devs && n < FUSE_DEVS)
		f->dev[f->devs++] = (struct fuse_dev){ major, minor, -1 };
	/* a submount is a device of its own inside */
	return f->submounts ? ino : ino ^ (uint64_t)n << 44;
}

int fuse_inodes_begin(struct fuse *f)
{
	struct host_stat st;
	struct fuse_inode *root;
	int r = host_stat(f->o.root, NULL, &st);

	if (r < 0)
		return r;
	if (!S_ISDIR(st.mode))
		return -ENOTDIR;
	f->next_id = FUSE_ROOT_ID;
	f->next_handle = 1;
	r = make(f, &st, &root);
	if (r < 0)
		return r;
	f->root = root;
	root->refs = 1;
	root->fd = f->o.root;
	note(f, root, &st);
	(void)fuse_ino(
		f, st.dev_major, st.dev_minor, 0); /* the first: its numbers stay */
	return 0;
}

void fuse_inodes_clear(struct fuse *f)
{
	struct fuse_inode *i;

	for (size_t s = 0; s < f->ids.size; s++)
		for (struct fuse_link *l = f->ids.slot[s], *next; l; l = next) {
			next = l->next;
			i = OF(l, by_id);
			if (i->fd >= 0 && i != f->root)
				(void)close(i->fd);
			free(i->name);
			free(i);
		}
	fuse_hash_clear(&f->ids);
	fuse_hash_clear(&f->keys);
	fuse_hash_clear(&f->names);
	f->root = f->dead = NULL;
	f->dirs.oldest = f->dirs.newest = f->orphans.oldest = f->orphans.newest = NULL;
	f->dirs.n = f->orphans.n = 0;
	for (unsigned n = 0; n < f->devs; n++)
		if (f->dev[n].fd >= 0)
			(void)close(f->dev[n].fd);
	f->devs = 0;
}
