/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/transport.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define STATE_VERSION 1

static _Thread_local bool of_a_cpu;

bool virtio_in_main(void)
{
	return !of_a_cpu;
}

void virtio_leave_main(void)
{
	of_a_cpu = true;
}

int virtio_device_init(struct virtio_device *d, const struct virtio_ops *ops)
{
	*d = (struct virtio_device){ .ops = ops,
		.offered = ops->features | VQ_FEATURES,
		.fd = -1,
		.watched_fd = -1 };
	d->queues = calloc(ops->queues ? ops->queues : 1, sizeof(*d->queues));
	if (!d->queues)
		return -ENOMEM;
	for (unsigned i = 0; i < ops->queues; i++)
		d->queues[i].size_max = ops->queue_size;
	(void)pthread_mutex_init(&d->lock, NULL);
	return 0;
}

void virtio_device_clear(struct virtio_device *d)
{
	if (!d->queues)
		return;
	free(d->queues);
	d->queues = NULL;
	(void)pthread_mutex_destroy(&d->lock);
}

void virtio_attach(struct virtio_device *d, const struct guest_memory *memory,
	const struct virtio_host *host, void *host_data)
{
	d->memory = memory;
	d->host = host;
	d->host_data = host_data;
}

void virtio_interrupt(struct virtio_device *d, unsigned queue)
{
	if (!d->broken && virtqueue_interrupt_wanted(&d->queues[queue]))
		d->host->interrupt(d, VIRTIO_INT_USED);
}

void virtio_config_changed(struct virtio_device *d)
{
	d->config_generation++;
	if (d->status & VIRTIO_DRIVER_OK)
		d->host->interrupt(d, VIRTIO_INT_CONFIG);
}

void virtio_broken(struct virtio_device *d)
{
	if (d->broken)
		return;
	d->broken = true;
	d->status |= VIRTIO_NEEDS_RESET;
	(void)virtio_watch(d, d->watched_fd, 0);
	if (d->status & VIRTIO_DRIVER_OK)
		d->host->interrupt(d, VIRTIO_INT_CONFIG);
}

int virtio_watch(struct virtio_device *d, int fd, uint32_t events)
{
	int r;

	if (d->watched && (events == 0 || d->watched_fd != fd)) {
		(void)d->host->watch(d, d->watched_fd, 0);
		d->watched = 0;
		d->watched_fd = -1;
	}
	if (events == 0 || (d->watched == events && d->watched_fd == fd))
		return 0;
	r = d->host->watch(d, fd, events);
	if (r == 0) {
		d->watched = events;
		d->watched_fd = fd;
	}
	return r;
}

void virtio_notify_later(struct virtio_device *d, unsigned queue)
{
	d->host->later(d, queue);
}

void virtio_tidy_later(struct virtio_device *d)
{
	d->host->later(d, VIRTIO_TIDY);
}

static void reset(struct virtio_device *d)
{
	d->ops->reset(d);
	(void)virtio_watch(d, d->watched_fd, 0);
	for (unsigned i = 0; i < d->ops->queues; i++)
		virtqueue_stop(&d->queues[i]);
	d->features = d->driver_features = 0;
	d->status = 0;
	d->broken = false;
}

static int start_queues(struct virtio_device *d)
{
	for (unsigned i = 0; i < d->ops->queues; i++) {
		int r = virtqueue_start(&d->queues[i], d->memory, d->features);

		if (r < 0)
			return r;
	}
	return 0;
}

void virtio_set_status(struct virtio_device *d, uint32_t status)
{
	/* of the bits, one is the device's to set */
	uint32_t old = d->status & ~(uint32_t)VIRTIO_NEEDS_RESET, new;

	if (status == 0) {
		reset(d);
		return;
	}
	if (old & ~status)
		return; /* bits don't go away one by one */
	new = status &
		~old &(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK |
			VIRTIO_FEATURES_OK | VIRTIO_FAILED);
	if (new &VIRTIO_FEATURES_OK) {
		if ((d->driver_features & ~d->offered) ||
			!(d->driver_features & VQ_F_VERSION_1))
			new &= ~(uint32_t)(VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
		else
			d->features = d->driver_features;
	}
	if ((new &VIRTIO_DRIVER_OK) && !((old | new) & VIRTIO_FEATURES_OK))
		new &= ~(uint32_t)VIRTIO_DRIVER_OK;
	d->status |= new;
	if ((new &VIRTIO_DRIVER_OK) && (start_queues(d) < 0 || d->ops->activate(d) != 0))
		virtio_broken(d);
}

bool virtio_queues_open(const struct virtio_device *d)
{
	return (d->status & (VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK | VIRTIO_FAILED)) ==
		VIRTIO_FEATURES_OK;
}

static bool is_working(const struct virtio_device *d)
{
	return (d->status & VIRTIO_DRIVER_OK) && !d->broken;
}

void virtio_kick(struct virtio_device *d, unsigned queue)
{
	if (queue >= d->ops->queues)
		return;
	if (d->main_only && !virtio_in_main())
		virtio_notify_later(d, queue);
	else
		virtio_notify(d, queue);
}

void virtio_notify(struct virtio_device *d, unsigned queue)
{
	assert(virtio_in_main() || !d->main_only);
	if (queue >= d->ops->queues)
		return;
	(void)pthread_mutex_lock(&d->lock);
	if (is_working(d) && virtqueue_live(&d->queues[queue]))
		d->ops->notify(d, queue);
	(void)pthread_mutex_unlock(&d->lock);
}

void virtio_do_later(struct virtio_device *d, uint32_t bits)
{
	assert(virtio_in_main());
	if (bits >> VIRTIO_TIDY & 1) {
		(void)pthread_mutex_lock(&d->lock);
		d->ops->tidy(d);
		(void)pthread_mutex_unlock(&d->lock);
	}
	for (unsigned q = 0; q < d->ops->queues; q++)
		if (bits >> q & 1)
			virtio_notify(d, q);
}

void virtio_ready(struct virtio_device *d, uint32_t events)
{
	assert(virtio_in_main());
	(void)pthread_mutex_lock(&d->lock);
	/* it may have ended between epoll's word and the lock */
	if (is_working(d) && d->watched && d->ops->ready)
		d->ops->ready(d, events);
	(void)pthread_mutex_unlock(&d->lock);
}

static bool in_config(const struct virtio_device *d, uint32_t off, uint32_t n)
{
	return off <= d->ops->config_size && n <= d->ops->config_size - off;
}

void virtio_read_config(struct virtio_device *d, uint32_t off, void *to, uint32_t n)
{
	(void)pthread_mutex_lock(&d->lock);
	if (in_config(d, off, n) && d->ops->read_config)
		d->ops->read_config(d, off, to, n);
	(void)pthread_mutex_unlock(&d->lock);
}

void virtio_write_config(
	struct virtio_device *d, uint32_t off, const void *from, uint32_t n)
{
	(void)pthread_mutex_lock(&d->lock);
	if (in_config(d, off, n) && d->ops->write_config)
		d->ops->write_config(d, off, from, n);
	(void)pthread_mutex_unlock(&d->lock);
}

static int save(struct virtio_device *d, struct buf *to)
{
	int r = 0;

	if (state_put8(to, STATE_VERSION) < 0 || state_put32(to, d->ops->id) < 0 ||
		state_put32(to, d->status) < 0 || state_put64(to, d->features) < 0 ||
		state_put64(to, d->driver_features) < 0 ||
		state_put32(to, d->config_generation) < 0 ||
		state_put32(to, d->ops->queues) < 0)
		return -ENOMEM;
	for (unsigned i = 0; r == 0 && i < d->ops->queues; i++)
		r = virtqueue_save(&d->queues[i], to);
	return r == 0 && is_working(d) ? d->ops->save(d, to) : r;
}

int virtio_save(struct virtio_device *d, struct buf *to)
{
	int r;

	(void)pthread_mutex_lock(&d->lock);
	r = save(d, to);
	(void)pthread_mutex_unlock(&d->lock);
	return r;
}

static int restore(struct virtio_device *d, struct span *from)
{
	uint32_t id, queues, status;
	uint8_t version;
	int r = 0;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION ||
		state_get32(from, &id) < 0 || id != d->ops->id ||
		state_get32(from, &status) < 0 || state_get64(from, &d->features) < 0 ||
		state_get64(from, &d->driver_features) < 0 ||
		state_get32(from, &d->config_generation) < 0 ||
		state_get32(from, &queues) < 0 || queues != d->ops->queues)
		return -EBADMSG;
	/* a device that offers less than the one that was saved can't go on for it */
	if (d->features & ~d->offered)
		return -ENOTSUP;
	for (unsigned i = 0; r == 0 && i < queues; i++)
		r = virtqueue_restore(&d->queues[i], d->memory, d->features, from);
	if (r < 0)
		return r;
	d->status = status;
	d->broken = status & VIRTIO_NEEDS_RESET;
	if (!is_working(d))
		return 0;
	r = d->ops->restore(d, from);
	/* a kick may have been on its way when the device was saved */
	for (unsigned i = 0; r == 0 && i < queues; i++)
		virtio_notify_later(d, i);
	return r;
}

int virtio_restore(struct virtio_device *d, struct span *from)
{
	int r;

	(void)pthread_mutex_lock(&d->lock);
	reset(d);
	r = restore(d, from);
	if (r < 0)
		reset(d);
	(void)pthread_mutex_unlock(&d->lock);
	return r;
}
