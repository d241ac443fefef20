/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs.h"

#include "base/err.h"
#include "vmm/virtio/fuse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID            26
#define QUEUE_SIZE    256 /* so that a chain holds a request of 1 MiB less four pages */
#define STATE_VERSION 1
#define ATTR_MS       1000

struct fs_config {
	char tag[FS_TAG_MAX];
	uint8_t num_request_queues[4]; /* little-endian */
};

struct fs {
	struct virtio_device d;
	struct virtio_ops ops; /* with as many queues as there are CPUs */
	struct fs_config config;
	struct fuse *fuse;
	int root;
	/* by d.lock */
	pthread_cond_t idle;
	unsigned busy; /* requests in work, whose threads don't hold the lock */
	uint64_t life; /* counts resets */
	bool resetting;
};

static struct fs *fs_of(struct virtio_device *d)
{
	return (struct fs *)(void *)d;
}

struct fuse *fs_fuse(struct virtio_device *d)
{
	return fs_of(d)->fuse;
}

static void fs_read_config(struct virtio_device *d, uint32_t off, void *to, uint32_t n)
{
	memcpy(to, (const char *)&fs_of(d)->config + off, n);
}

/* One request. False: there was a reset meanwhile, and the queue is nobody's. */
static bool serve(struct fs *s, struct virtqueue *q, const struct vq_chain *c)
{
	uint64_t life = s->life;
	size_t wrote;

	s->busy++;
	(void)pthread_mutex_unlock(&s->d.lock);
	wrote = fuse_serve(s->fuse, c->seg, c->out_n, c->seg + c->out_n, c->in_n);
	(void)pthread_mutex_lock(&s->d.lock);
	if (!--s->busy)
		(void)pthread_cond_broadcast(&s->idle);
	if (s->life != life || s->resetting || s->d.broken)
		return false;
	virtqueue_push(q, c->head, (uint32_t)wrote);
	return true;
}

static void fs_notify(struct virtio_device *d, unsigned queue)
{
	struct fs *s = fs_of(d);
	struct virtqueue *q = &d->queues[queue];
	unsigned n, size = q->size;
	struct vq_chain c;

	if (s->resetting)
		return;
	for (n = 0; n < size; n++) {
		int r = virtqueue_pop(q, &c);

		if (r < 0) {
			virtio_broken(d);
			return;
		}
		if (r == 0 && !virtqueue_kick_on(q))
			return;
		if (r == 0)
			continue;
		if (!serve(s, q, &c))
			return;
		/* each at once: somebody waits for it, and the next may take long */
		virtio_interrupt(d, queue);
	}
	virtio_notify_later(d, queue);
}

static int fs_activate(struct virtio_device *d)
{
	(void)d;
	return 0;
}

static void fs_reset(struct virtio_device *d)
{
	struct fs *s = fs_of(d);

	s->life++;
	s->resetting = true;
	while (s->busy)
		(void)pthread_cond_wait(&s->idle, &d->lock);
	fuse_reset(s->fuse);
	s->resetting = false;
}

static int fs_save(struct virtio_device *d, struct buf *to)
{
	int r = state_put8(to, STATE_VERSION);

	return r < 0 ? r : fuse_save(fs_of(d)->fuse, to);
}

static int fs_restore(struct virtio_device *d, struct span *from)
{
	uint8_t version;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION)
		return -EBADMSG;
	return fuse_restore(fs_of(d)->fuse, from);
}

static const struct virtio_ops ops = {
	.name = "fs",
	.id = ID,
	.queue_size = QUEUE_SIZE,
	.config_size = sizeof(struct fs_config),
	.read_config = fs_read_config,
	.activate = fs_activate,
	.reset = fs_reset,
	.notify = fs_notify,
	.save = fs_save,
	.restore = fs_restore,
	.free = fs_free,
};

static int set_up(struct fs *s, const struct fs_options *o, struct err *e)
{
	const struct fuse_options files = { .root = o->root,
		.squash = o->squash,
		.attr_ms = o->attr_ms ? o->attr_ms : ATTR_MS,
		.inodes_max = o->inodes_max,
		.submounts = o->submounts,
		.copied = o->copied };
	size_t len = strlen(o->tag);
	unsigned n = o->queues ? o->queues : 1;

	if (!len || len > FS_TAG_MAX)
		return err_set(e, EINVAL, "a tag of 1 to %d bytes, not '%s'", FS_TAG_MAX,
			o->tag);
	n = n < FS_QUEUES_MAX ? n : FS_QUEUES_MAX;
	memcpy(s->config.tag, o->tag, len);
	s->config.num_request_queues[0] = (uint8_t)n;
	s->ops = ops;
	s->ops.queues = 1 + n; /* the first is for what must not wait: forgetting */
	s->fuse = fuse_new(&files, e);
	return s->fuse ? 0 : -EINVAL;
}

struct virtio_device *fs_new(const struct fs_options *o, struct err *e)
{
	struct fs *s = calloc(1, sizeof(*s));

	if (!s) {
		(void)err_set(e, ENOMEM, "fs: out of memory");
		return NULL;
	}
	if (set_up(s, o, e) < 0) {
		(void)err_wrap(e, "fs");
		free(s);
		return NULL;
	}
	if (virtio_device_init(&s->d, &s->ops) < 0) {
		fuse_free(s->fuse);
		free(s);
		(void)err_set(e, ENOMEM, "fs: out of memory");
		return NULL;
	}
	s->root = o->root;
	(void)pthread_cond_init(&s->idle, NULL);
	return &s->d;
}

void fs_free(struct virtio_device *d)
{
	struct fs *s;

	if (!d)
		return;
	s = fs_of(d);
	virtio_device_clear(d);
	fuse_free(s->fuse);
	(void)close(s->root);
	(void)pthread_cond_destroy(&s->idle);
	free(s);
}
