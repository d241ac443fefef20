/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/mmio.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#define MAGIC   0x74726976U /* "virt" */
#define VERSION 2U
#define VENDOR  0x67697262U /* "brig" */

/* linux/virtio_mmio.h of older systems has no names for these */
#define REG_SHM_LEN_LOW   0x0b0U
#define REG_SHM_BASE_HIGH 0x0bcU

void mmio_slot_init(struct mmio_slot *s, struct virtio_device *d)
{
	*s = (struct mmio_slot){ .device = d };
}

void mmio_slot_interrupt(struct mmio_slot *s, uint32_t why)
{
	(void)atomic_fetch_or(&s->interrupt_status, why);
	s->raise(s->raise_data, s->irq);
}

static struct virtqueue *selected(struct mmio_slot *s)
{
	return s->queue_sel < s->device->ops->queues ? &s->device->queues[s->queue_sel]
						     : NULL;
}

static uint32_t half(uint64_t v, uint32_t sel)
{
	return sel == 0 ? (uint32_t)v : sel == 1 ? (uint32_t)(v >> 32) : 0;
}

static void set_half(uint64_t *v, uint32_t sel, uint32_t to)
{
	if (sel == 0)
		*v = (*v & 0xffffffff00000000ULL) | to;
	else if (sel == 1)
		*v = (*v & 0xffffffffULL) | (uint64_t)to << 32;
}

static uint32_t read_register(struct mmio_slot *s, uint32_t off)
{
	struct virtio_device *d = s->device;
	const struct virtqueue *q = selected(s);

	switch (off) {
	case VIRTIO_MMIO_DEVICE_FEATURES: return half(d->offered, s->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX: return q ? q->size_max : 0;
	case VIRTIO_MMIO_QUEUE_READY: return q ? q->config.ready : 0;
	case VIRTIO_MMIO_STATUS: return d->status;
	case VIRTIO_MMIO_CONFIG_GENERATION: return d->config_generation;
	default: break;
	}
	/* no shared memory: its length and place are -1 (section 4.2.2.1) */
	return off >= REG_SHM_LEN_LOW && off <= REG_SHM_BASE_HIGH ? UINT32_MAX : 0;
}

static void write_queue(struct virtqueue_config *c, uint32_t off, uint32_t v)
{
	switch (off) {
	case VIRTIO_MMIO_QUEUE_NUM: c->size = v; break;
	case VIRTIO_MMIO_QUEUE_READY: c->ready = v & 1; break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW: set_half(&c->desc, 0, v); break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH: set_half(&c->desc, 1, v); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW: set_half(&c->driver, 0, v); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH: set_half(&c->driver, 1, v); break;
	case VIRTIO_MMIO_QUEUE_USED_LOW: set_half(&c->device, 0, v); break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH: set_half(&c->device, 1, v); break;
	default: break;
	}
}

static void write_register(struct mmio_slot *s, uint32_t off, uint32_t v)
{
	struct virtio_device *d = s->device;
	struct virtqueue *q = selected(s);

	switch (off) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL: s->device_features_sel = v; break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL: s->driver_features_sel = v; break;
	case VIRTIO_MMIO_QUEUE_SEL: s->queue_sel = v; break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if ((d->status & VIRTIO_DRIVER) && !(d->status & VIRTIO_FEATURES_OK))
			set_half(&d->driver_features, s->driver_features_sel, v);
		break;
	case VIRTIO_MMIO_STATUS:
		virtio_set_status(d, v & 0xff);
		if (d->status == 0) {
			atomic_store(&s->interrupt_status, 0);
			s->device_features_sel = s->driver_features_sel = 0;
			s->queue_sel = 0;
		}
		break;
	default:
		if (q && virtio_queues_open(d))
			write_queue(&q->config, off, v);
		break;
	}
}

void mmio_slot_read(struct mmio_slot *s, uint32_t off, void *to, unsigned n)
{
	uint32_t v;

	memset(to, 0, n);
	if (off >= VIRTIO_MMIO_CONFIG) {
		virtio_read_config(s->device, off - VIRTIO_MMIO_CONFIG, to, n);
		return;
	}
	if (n != 4 || off % 4)
		return;
	switch (off) {
	case VIRTIO_MMIO_MAGIC_VALUE: v = MAGIC; break;
	case VIRTIO_MMIO_VERSION: v = VERSION; break;
	case VIRTIO_MMIO_DEVICE_ID: v = s->device->ops->id; break;
	case VIRTIO_MMIO_VENDOR_ID: v = VENDOR; break;
	/* without the lock: a handler may hold it while an interrupt is served */
	case VIRTIO_MMIO_INTERRUPT_STATUS: v = atomic_load(&s->interrupt_status); break;
	default:
		(void)pthread_mutex_lock(&s->device->lock);
		v = read_register(s, off);
		(void)pthread_mutex_unlock(&s->device->lock);
		break;
	}
	memcpy(to, &v, 4);
}

void mmio_slot_write(struct mmio_slot *s, uint32_t off, const void *from, unsigned n)
{
	uint32_t v;

	if (off >= VIRTIO_MMIO_CONFIG) {
		virtio_write_config(s->device, off - VIRTIO_MMIO_CONFIG, from, n);
		return;
	}
	if (n != 4 || off % 4)
		return;
	memcpy(&v, from, 4);
	switch (off) {
	case VIRTIO_MMIO_QUEUE_NOTIFY: virtio_kick(s->device, v); break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		(void)atomic_fetch_and(&s->interrupt_status, ~v);
		break;
	default:
		(void)pthread_mutex_lock(&s->device->lock);
		write_register(s, off, v);
		(void)pthread_mutex_unlock(&s->device->lock);
		break;
	}
}

int mmio_slot_save(struct mmio_slot *s, struct buf *to)
{
	if (state_put32(to, atomic_load(&s->interrupt_status)) < 0 ||
		state_put32(to, s->device_features_sel) < 0 ||
		state_put32(to, s->driver_features_sel) < 0 ||
		state_put32(to, s->queue_sel) < 0)
		return -ENOMEM;
	return virtio_save(s->device, to);
}

int mmio_slot_restore(struct mmio_slot *s, struct span *from)
{
	uint32_t status;
	int r;

	if (state_get32(from, &status) < 0 ||
		state_get32(from, &s->device_features_sel) < 0 ||
		state_get32(from, &s->driver_features_sel) < 0 ||
		state_get32(from, &s->queue_sel) < 0)
		return -EBADMSG;
	r = virtio_restore(s->device, from);
	if (r < 0)
		return r;
	atomic_store(&s->interrupt_status, status);
	if (status)
		s->raise(s->raise_data, s->irq);
	return 0;
}
