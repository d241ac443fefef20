/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/blk.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/wire.h"
#include "vmm/virtio/blk-file.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ID            2
#define QUEUE_SIZE    256
#define STATE_VERSION 1

#define HEADER          16U /* type, reserved, sector: section 5.2.6 */
#define SEGMENTS        (VQ_SEGMENTS_MAX - 2U)
#define DATA_MAX        (32U << 20) /* of one request, so that none takes for ever */
#define DISCARD_SECTORS (1U << 22)
#define ZEROES_SECTORS  (1U << 15) /* may have to be written */
#define RANGES_MAX      16U
#define RANGE_BYTES     16U
#define CONFIG_SIZE     60U

#define BIT(n) (1ULL << (n))

struct blk {
	struct virtio_device d;
	struct blk_file file;
	bool read_only, limited, waiting;
	char serial[VIRTIO_BLK_ID_BYTES];
	struct ratelimit limit;
	int timer;
	struct vq_chain chain;
	struct iovec iov[VQ_SEGMENTS_MAX];
};

struct request {
	uint32_t type;
	uint64_t sector;
	uint64_t data;    /* bytes of it */
	uint32_t written; /* into the guest's memory */
};

static struct blk *blk_of(struct virtio_device *d)
{
	return (struct blk *)(void *)d;
}

static bool within(const struct blk *b, uint64_t sector, uint64_t sectors)
{
	uint64_t all = b->file.size / BLK_SECTOR;

	return sector <= all && sectors <= all - sector;
}

static uint8_t status_of(int r)
{
	return r == 0              ? VIRTIO_BLK_S_OK
		: r == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP
				   : VIRTIO_BLK_S_IOERR;
}

static int transfer(struct blk *b, struct request *q)
{
	bool in = q->type == VIRTIO_BLK_T_IN;
	unsigned k;
	int r;

	if (q->data % BLK_SECTOR || q->data > DATA_MAX ||
		!within(b, q->sector, q->data / BLK_SECTOR) || (!in && b->read_only))
		return -EIO;
	if (!in) {
		k = chain_out_iov(&b->chain, HEADER, q->data, b->iov);
		return blk_file_write(&b->file, q->sector * BLK_SECTOR, b->iov, k);
	}
	k = chain_in_iov(&b->chain, 0, q->data, b->iov);
	r = blk_file_read(&b->file, q->sector * BLK_SECTOR, b->iov, k);
	q->written = r == 0 ? (uint32_t)q->data : 0;
	return r;
}

/* Discard, write zeroes: ranges of section 5.2.6. */
static int ranges(struct blk *b, const struct request *q)
{
	bool zero = q->type == VIRTIO_BLK_T_WRITE_ZEROES;
	uint32_t max = zero ? ZEROES_SECTORS : DISCARD_SECTORS;
	int r = 0;

	if (b->read_only || q->data == 0 || q->data % RANGE_BYTES ||
		q->data / RANGE_BYTES > RANGES_MAX)
		return -EIO;
	for (size_t i = 0; r == 0 && i < q->data; i += RANGE_BYTES) {
		uint8_t raw[RANGE_BYTES];
		uint64_t sector;
		uint32_t n, flags;

		(void)chain_read(&b->chain, HEADER + i, raw, sizeof(raw));
		sector = wire_get64(raw);
		n = wire_get32(raw + 8);
		flags = wire_get32(raw + 12);
		if (flags & ~(zero ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0U))
			return -EOPNOTSUPP;
		if (n > max || !within(b, sector, n))
			return -EIO;
		if (zero)
			r = blk_file_zero(&b->file, sector * BLK_SECTOR,
				(uint64_t)n * BLK_SECTOR, flags != 0);
		else
			r = blk_file_discard(
				&b->file, sector * BLK_SECTOR, (uint64_t)n * BLK_SECTOR);
	}
	return r;
}

static int get_id(struct blk *b, struct request *q)
{
	if (q->data < sizeof(b->serial))
		return -EIO;
	q->written = (uint32_t)chain_write(&b->chain, 0, b->serial, sizeof(b->serial));
	return 0;
}

static int dispatch(struct blk *b, struct request *q)
{
	switch (q->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT: return transfer(b, q);
	case VIRTIO_BLK_T_FLUSH: return b->read_only ? 0 : blk_file_flush(&b->file);
	case VIRTIO_BLK_T_GET_ID: return get_id(b, q);
	case VIRTIO_BLK_T_DISCARD:
		return virtio_has(&b->d, VIRTIO_BLK_F_DISCARD) ? ranges(b, q)
							       : -EOPNOTSUPP;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return virtio_has(&b->d, VIRTIO_BLK_F_WRITE_ZEROES) ? ranges(b, q)
								    : -EOPNOTSUPP;
	default: return -EOPNOTSUPP;
	}
}

/* The request in the chain. How many bytes were written to it, or -EPROTO: it is none. */
static int64_t serve(struct blk *b)
{
	struct vq_chain *c = &b->chain;
	struct request q = { 0 };
	uint8_t raw[HEADER], status;

	/* the status has the last writable byte, whatever else is there */
	if (chain_read(c, 0, raw, sizeof(raw)) != sizeof(raw) || c->in_len == 0)
		return -EPROTO;
	q.type = wire_get32(raw);
	q.sector = wire_get64(raw + 8);
	q.data = q.type == VIRTIO_BLK_T_IN || q.type == VIRTIO_BLK_T_GET_ID
		? c->in_len - 1
		: c->out_len - HEADER;
	status = status_of(dispatch(b, &q));
	(void)chain_write(c, c->in_len - 1, &status, 1);
	ratelimit_spend(&b->limit,
		q.type == VIRTIO_BLK_T_IN || q.type == VIRTIO_BLK_T_OUT ? q.data : 0);
	return (int64_t)q.written + 1;
}

static bool has_to_wait(struct blk *b)
{
	uint64_t wait = b->limited ? ratelimit_wait(&b->limit, clock_mono_ns()) : 0;

	if (!wait)
		return false;
	b->waiting = true;
	ratelimit_timer_arm(b->timer, wait);
	return true;
}

static void blk_notify(struct virtio_device *d, unsigned queue)
{
	struct blk *b = blk_of(d);
	struct virtqueue *q = &d->queues[queue];
	unsigned n;

	if (b->waiting)
		return;
	virtqueue_kick_off(q);
	for (n = 0; n < q->size && !has_to_wait(b); n++) {
		int r = virtqueue_pop(q, &b->chain);
		int64_t written;

		if (r == 0 && !virtqueue_kick_on(q))
			break;
		if (r == 0)
			continue;
		written = r < 0 ? r : serve(b);
		if (written < 0) {
			virtio_broken(d);
			return;
		}
		virtqueue_push(q, b->chain.head, (uint32_t)written);
	}
	if (n == q->size)
		virtio_notify_later(d, queue);
	virtio_interrupt(d, queue);
}

static void blk_ready(struct virtio_device *d, uint32_t events)
{
	struct blk *b = blk_of(d);

	(void)events;
	if (!ratelimit_timer_fired(b->timer))
		return;
	b->waiting = false;
	blk_notify(d, 0);
}

static int blk_activate(struct virtio_device *d)
{
	struct blk *b = blk_of(d);

	return b->limited ? virtio_watch(d, b->timer, EPOLLIN) : 0;
}

static void blk_reset(struct virtio_device *d)
{
	blk_of(d)->waiting = false;
}

static void blk_read_config(struct virtio_device *d, uint32_t off, void *to, uint32_t n)
{
	const struct blk *b = blk_of(d);
	uint8_t c[CONFIG_SIZE] = { 0 }; /* struct virtio_blk_config, section 5.2.4 */

	wire_put64(c, b->file.size / BLK_SECTOR);
	wire_put32(c + 12, SEGMENTS);
	wire_put32(c + 20, BLK_SECTOR);
	c[24] = 3; /* physical blocks of 4096 bytes */
	wire_put16(c + 26, 1);
	wire_put32(c + 28, BLK_CLUSTER / BLK_SECTOR);
	wire_put16(c + 34, 1);
	wire_put32(c + 36, DISCARD_SECTORS);
	wire_put32(c + 40, RANGES_MAX);
	wire_put32(c + 44, 8);
	wire_put32(c + 48, ZEROES_SECTORS);
	wire_put32(c + 52, RANGES_MAX);
	c[56] = 1; /* zeroes may take no room */
	memcpy(to, c + off, n);
}

/* The bytes are the files'; who saves a machine sees to those. They are complete now. */
static int blk_save(struct virtio_device *d, struct buf *to)
{
	struct blk *b = blk_of(d);
	int r = b->read_only ? 0 : blk_file_flush(&b->file);

	if (r < 0)
		return r;
	if (state_put8(to, STATE_VERSION) < 0 || state_put64(to, b->file.size) < 0)
		return -ENOMEM;
	return 0;
}

static int blk_restore(struct virtio_device *d, struct span *from)
{
	struct blk *b = blk_of(d);
	uint8_t version;
	uint64_t size;

	if (state_get8(from, &version) < 0 || version != STATE_VERSION ||
		state_get64(from, &size) < 0)
		return -EBADMSG;
	if (size != b->file.size)
		return -ENOTSUP; /* the guest knows a disk of another size */
	return blk_activate(d);
}

int blk_resize(struct virtio_device *d, struct err *e)
{
	struct blk *b = blk_of(d);
	off_t end;
	int r = 0;

	(void)pthread_mutex_lock(&d->lock);
	end = b->file.bitmap ? -1 : lseek(b->file.fd, 0, SEEK_END);
	if (b->file.bitmap) {
		r = err_set(e, EINVAL, "disk: over a base, its size can't change");
	} else if (end < 0) {
		r = err_sys(e, "disk: its size");
	} else {
		b->file.size = (uint64_t)end / BLK_SECTOR * BLK_SECTOR;
		virtio_config_changed(d);
	}
	(void)pthread_mutex_unlock(&d->lock);
	return r;
}

static const struct virtio_ops ops = {
	.name = "blk",
	.id = ID,
	.queues = 1,
	.queue_size = QUEUE_SIZE,
	.features = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_RO) |
		BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_TOPOLOGY) |
		BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_DISCARD) |
		BIT(VIRTIO_BLK_F_WRITE_ZEROES),
	.config_size = CONFIG_SIZE,
	.read_config = blk_read_config,
	.activate = blk_activate,
	.reset = blk_reset,
	.notify = blk_notify,
	.ready = blk_ready,
	.save = blk_save,
	.restore = blk_restore,
	.free = blk_free,
};

struct virtio_device *blk_new(const struct blk_options *o, struct err *e)
{
	struct blk *b = calloc(1, sizeof(*b));

	if (!b || virtio_device_init(&b->d, &ops) < 0) {
		free(b);
		(void)err_set(e, ENOMEM, "disk: out of memory");
		return NULL;
	}
	b->file.fd = b->file.base = b->timer = -1;
	b->read_only = o->read_only;
	if (o->read_only)
		b->d.offered &=
			~(BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES));
	else
		b->d.offered &= ~BIT(VIRTIO_BLK_F_RO);
	memcpy(b->serial, o->serial, sizeof(b->serial));
	ratelimit_init(&b->limit, &o->limit, clock_mono_ns());
	b->limited = ratelimit_is_set(&o->limit);
	b->d.main_only = b->limited; /* a timer, and the time */
	if (b->limited)
		b->timer = ratelimit_timer_new(e);
	if ((b->limited && b->timer < 0) ||
		blk_file_open(&b->file, o->fd, o->base, e) < 0) {
		blk_free(&b->d);
		return NULL;
	}
	return &b->d;
}

void blk_free(struct virtio_device *d)
{
	struct blk *b = blk_of(d);

	if (!d)
		return;
	blk_file_close(&b->file);
	if (b->timer >= 0)
		(void)close(b->timer);
	virtio_device_clear(d);
	free(b);
}
