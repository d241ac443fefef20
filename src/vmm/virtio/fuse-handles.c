/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-handles.c - what the client has open.
 */
#include "vmm/virtio/fuse-priv.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define OF(link_)                                                 \
	((struct fuse_handle *)(void *)((char *)(link_)-offsetof( \
		struct fuse_handle, by_id)))

static struct fuse_handle *by_id(struct fuse *f, uint64_t id)
{
	struct fuse_link *l = fuse_hash_first(&f->handles, fuse_hash_mix(id, 1));

	while (l && OF(l)->id != id)
		l = fuse_hash_next(l);
	return l ? OF(l) : NULL;
}

int fuse_handle_add(struct fuse *f, struct fuse_inode *i, uint64_t id, int fd, int access)
{
	struct fuse_handle *h;

	if (f->handles.n >= f->handles_max)
		return -ENFILE;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct fuse_handle){
		.id = id, .inode = i, .refs = 1, .fd = fd, .access = access
	};
	(void)pthread_mutex_init(&h->reading, NULL);
	if (fuse_hash_add(&f->handles, &h->by_id, fuse_hash_mix(id, 1)) < 0) {
		free(h);
		return -ENOMEM;
	}
	h->next = i->handles;
	i->handles = h;
	i->refs++;
	return 0;
}

int fuse_handle_new(
	struct fuse *f, struct fuse_inode *i, int fd, int access, uint64_t *ret_id)
{
	int r;

	fuse_lock(f);
	r = fuse_handle_add(f, i, f->next_handle, fd, access);
	if (r == 0)
		*ret_id = f->next_handle++;
	fuse_unlock(f);
	if (r < 0)
		(void)close(fd);
	return r;
}

int fuse_handle_get(struct fuse *f, uint64_t id, uint64_t node, struct fuse_handle **ret)
{
	struct fuse_handle *h;
	int r = 0;

	fuse_lock(f);
	h = by_id(f, id);
	if (!h || h->inode->id != node)
		r = -EBADF;
	else if (h->fd < 0)
		r = -ESTALE;
	else
		h->refs++;
	fuse_unlock(f);
	if (r == 0)
		*ret = h;
	return r;
}

static void destroy(struct fuse_handle *h)
{
	if (h->fd >= 0)
		(void)close(h->fd);
	free(h->buf);
	(void)pthread_mutex_destroy(&h->reading);
	free(h);
}

void fuse_handle_put(struct fuse *f, struct fuse_handle *h)
{
	bool last;

	fuse_lock(f);
	last = !--h->refs;
	if (last) {
		struct fuse_handle **at = &h->inode->handles;

		while (*at != h)
			at = &(*at)->next;
		*at = h->next;
		fuse_inode_unref(f, h->inode);
	}
	fuse_unlock(f);
	if (last)
		destroy(h);
}

static int release(struct fuse *f, uint64_t id, uint64_t node, bool any)
{
	struct fuse_handle *h;

	fuse_lock(f);
	h = by_id(f, id);
	if (h && (any || h->inode->id == node))
		fuse_hash_remove(&f->handles, &h->by_id);
	else
		h = NULL;
	fuse_unlock(f);
	if (!h)
		return -EBADF;
	fuse_handle_put(f, h);
	return 0;
}

int fuse_handle_release(struct fuse *f, uint64_t id, uint64_t node)
{
	return release(f, id, node, false);
}

void fuse_handle_drop(struct fuse *f, uint64_t id)
{
	(void)release(f, id, 0, true);
}

struct fuse_handle *fuse_handle_of(struct fuse_inode *i, int access)
{
	for (struct fuse_handle *h = i->handles; h; h = h->next)
		if (h->fd >= 0 && h->refs &&
			(access < 0 || h->access == access || h->access == O_RDWR)) {
			h->refs++;
			return h;
		}
	return NULL;
}

void fuse_handles_clear(struct fuse *f)
{
	for (size_t s = 0; s < f->handles.size; s++)
		for (struct fuse_link *l = f->handles.slot[s], *next; l; l = next) {
			next = l->next;
			destroy(OF(l));
		}
	fuse_hash_clear(&f->handles);
}
