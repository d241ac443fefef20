/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-dirs.c - listings.
 *
 * Positions are the host's own, so they mean what they mean there, in a directory that
 * changes, too. A listing reads ahead; the client comes back for the rest as long as it asks
 * for what comes next.
 */
#include "vmm/virtio/fuse-priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FUSE_LISTING 32768

/* As the kernel writes it: getdents64(2). */
struct entry {
	uint64_t ino;
	int64_t next;
	uint16_t len;
	uint8_t type;
	char name[];
};

#define ENTRY_NAME offsetof(struct entry, name)

/* syncfs(2) needs something open on each of the host's file systems. */
static void keep_device(struct fuse *f, const struct host_stat *st, int fd)
{
	int own, none = -1;
	unsigned n;

	fuse_lock(f);
	(void)fuse_ino(f, st->dev_major, st->dev_minor, 0);
	for (n = 0; n < f->devs; n++)
		if (f->dev[n].major == st->dev_major && f->dev[n].minor == st->dev_minor)
			break;
	fuse_unlock(f);
	/* 0 is the root's */
	if (n == 0 || n >= FUSE_DEVS_OPEN || n == f->devs ||
		__atomic_load_n(&f->dev[n].fd, __ATOMIC_RELAXED) >= 0)
		return;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own >= 0 &&
		!__atomic_compare_exchange_n(&f->dev[n].fd, &none, own, false,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED))
		(void)close(own);
}

int fuse_opendir(struct fuse_request *r)
{
	struct fuse_open_out out = { 0 };
	struct host_stat st;
	int fd, n;

	if (r->node->type != S_IFDIR)
		return -ENOTDIR;
	fd = fuse_open_real(r->f, r->node, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	keep_device(r->f, &st, fd);
	n = fuse_handle_new(r->f, r->node, fd, O_RDONLY, &out.fh);
	return n < 0 ? n : fuse_reply(r, &out, sizeof(out));
}

/* More entries from 'off' on: 1, 0 at the end. */
static int fill(struct fuse_handle *h, uint64_t off)
{
	long n;

	if (h->buf_at < h->buf_len && h->pos == off)
		return 1;
	if (!h->buf)
		h->buf = malloc(FUSE_LISTING);
	if (!h->buf)
		return -ENOMEM;
	if (h->pos != off || h->moved || !off) {
		n = HOST_AGAIN(lseek(h->fd, (off_t)off, SEEK_SET));
		if (n < 0)
			return (int)n;
	}
	h->buf_len = h->buf_at = 0;
	h->moved = true;
	n = HOST_AGAIN(syscall(SYS_getdents64, h->fd, h->buf, FUSE_LISTING));
	/* removed: empty */
	if (n == -ENOENT)
		n = 0;
	if (n <= 0) {
		free(h->buf);
		h->buf = NULL;
		return (int)n;
	}
	h->buf_len = (size_t)n;
	h->pos = off;
	h->moved = false;
	return 1;
}

/* The entry at buf_at, if there is a whole and sound one. */
static const struct entry *entry_at(struct fuse_handle *h, size_t *ret_len)
{
	const struct entry *d = (const void *)(h->buf + h->buf_at);
	size_t left = h->buf_len - h->buf_at;

	if (left < ENTRY_NAME + 2 || d->len < ENTRY_NAME + 2 || d->len > left ||
		d->len % 8)
		return NULL;
	*ret_len = strnlen(d->name, d->len - ENTRY_NAME);
	return *ret_len && *ret_len <= NAME_MAX && *ret_len < d->len - ENTRY_NAME ? d
										  : NULL;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* What a directory's own entries say of themselves. Above the root there is nothing. */
static uint64_t number_of(struct fuse_request *r, const struct entry *d)
{
	struct fuse_inode *i = r->node;
	uint64_t ino = d->ino;

	fuse_lock(r->f);
	if (i == r->f->root && is_dots(d->name))
		ino = i->ino;
	ino = fuse_ino(r->f, i->dev_major, i->dev_minor, ino);
	fuse_unlock(r->f);
	return ino;
}

/* For an entry that may have gone meanwhile: then the client asks when it wants to know. */
static struct fuse_inode *look(struct fuse_request *r, struct fuse_handle *h,
	const struct entry *d, struct fuse_entry_out *ret)
{
	struct fuse_inode *i;
	struct host_stat st;

	*ret = (struct fuse_entry_out){ 0 };
	if (is_dots(d->name) || host_stat(h->fd, d->name, &st) < 0 ||
		fuse_inode_find(r->f, r->node, d->name, &st, false, &i) < 0)
		return NULL;
	fuse_entry_fill(r->f, r->node, i, &st, ret);
	return i;
}

/* One entry at 'at' of the answer. Its length, 0 without room. */
static size_t emit(struct fuse_request *r, struct fuse_handle *h, const struct entry *d,
	size_t len, bool plus, size_t at, size_t room)
{
	struct fuse_entry_out out;
	const struct fuse_dirent head = { .ino = number_of(r, d),
		.off = (uint64_t)d->next,
		.namelen = (uint32_t)len,
		.type = d->type };
	static const char zero[8];
	size_t first = plus ? sizeof(out) : 0,
	       all = FUSE_DIRENT_ALIGN(first + FUSE_NAME_OFFSET + len);
	struct fuse_inode *i = NULL;

	if (all > room)
		return 0;
	if (plus) {
		i = look(r, h, d, &out);
		(void)fuse_copy_to(r->to, r->to_n, at, &out, sizeof(out));
	}
	at += first;
	(void)fuse_copy_to(r->to, r->to_n, at, &head, FUSE_NAME_OFFSET);
	(void)fuse_copy_to(r->to, r->to_n, at + FUSE_NAME_OFFSET, d->name, len);
	(void)fuse_copy_to(r->to, r->to_n, at + FUSE_NAME_OFFSET + len, zero,
		all - first - FUSE_NAME_OFFSET - len);
	fuse_put_inode(r->f, &i);
	return all;
}

static int list(struct fuse_request *r, struct fuse_handle *h, uint64_t off, size_t room,
	bool plus)
{
	const size_t begin = sizeof(struct fuse_out_header);
	int n = fill(h, off);

	while (n > 0 && h->buf_at < h->buf_len) {
		size_t len = 0, did;
		const struct entry *d = entry_at(h, &len);

		if (!d) {
			h->buf_at = h->buf_len;
			h->moved = true;
			return -EIO;
		}
		did = emit(r, h, d, len, plus, begin + r->wrote, room - r->wrote);
		if (!did)
			return r->wrote ? 0 : -EINVAL;
		r->wrote += did;
		h->pos = (uint64_t)d->next;
		h->buf_at += d->len;
	}
	return n < 0 ? n : 0;
}

static int read_dir(struct fuse_request *r, bool plus)
{
	struct fuse_read_in in;
	struct fuse_handle *h;
	int n;

	memcpy(&in, r->args, sizeof(in));
	n = fuse_handle_get(r->f, in.fh, r->in.nodeid, &h);
	if (n < 0)
		return n;
	(void)pthread_mutex_lock(&h->reading);
	n = r->node->type != S_IFDIR
		? -ENOTDIR
		: list(r, h, in.offset, in.size < r->room ? in.size : r->room, plus);
	(void)pthread_mutex_unlock(&h->reading);
	fuse_handle_put(r->f, h);
	return n;
}

int fuse_readdir(struct fuse_request *r)
{
	return read_dir(r, false);
}

int fuse_readdirplus(struct fuse_request *r)
{
	return read_dir(r, true);
}
