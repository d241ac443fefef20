/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/blk.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "base/wire.h"
#include "vmm/virtio/testing.h"

#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK    (5 * BLK_CLUSTER + 3 * BLK_SECTOR)
#define SECTORS (DISK / BLK_SECTOR)

struct guest {
	struct testing t;
	uint64_t header, data, status;
};

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	expect(fd >= 0 && ftruncate(fd, (off_t)n) == 0);
	expect(!bytes || pwrite(fd, bytes, n, 0) == (ssize_t)n);
	return fd;
}

static void attach(struct guest *g, const struct blk_options *o)
{
	struct err e = { 0 };

	testing_begin(&g->t, blk_new(o, &e), 4 << 20);
	expect(testing_start(&g->t, ~0ULL));
	g->header = testing_alloc(&g->t, 16, 8);
	g->status = testing_alloc(&g->t, 1, 1);
	g->data = testing_alloc(&g->t, 1 << 20, 8);
}

/* One request, its data in two pieces. The status. */
static int ask(struct guest *g, uint32_t type, uint64_t sector, uint32_t len)
{
	bool in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	uint32_t part = len > 700 ? 700 : len;
	const struct testing_seg seg[4] = { { g->header, 16, false },
		{ g->data, part, in }, { g->data + part, len - part, in },
		{ g->status, 1, true } };
	uint8_t *h = testing_at(&g->t, g->header, 16);
	uint8_t *s = testing_at(&g->t, g->status, 1);
	uint16_t head;
	uint32_t n;

	wire_put32(h, type);
	wire_put64(h + 8, sector);
	*s = 0xff;
	(void)testing_add_indirect(&g->t, 0, seg, 4);
	testing_kick(&g->t, 0);
	expect(testing_used(&g->t, 0, &head, &n));
	expect(n ==
		(in && *s == 0 ? (len < 20 || type == VIRTIO_BLK_T_IN ? len : 20) : 0) +
			1U);
	return *s;
}

static int range(
	struct guest *g, uint32_t type, uint64_t sector, uint32_t n, uint32_t flags)
{
	uint8_t *at = testing_at(&g->t, g->data, 16);

	wire_put64(at, sector);
	wire_put32(at + 8, n);
	wire_put32(at + 12, flags);
	return ask(g, type, 0, 16);
}

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Requests by chance, against an array. 'unknown' marks what was discarded. */
static void play(struct guest *g, uint8_t *model, uint8_t *unknown, uint32_t seed)
{
	for (unsigned i = 0; i < 400; i++) {
		uint32_t what = next(&seed) % 8, sector = next(&seed) % SECTORS;
		uint32_t n = next(&seed) % (what & 1 ? 300 : 9);
		uint8_t *data = testing_at(&g->t, g->data, 1 << 20);
		uint8_t *at = model + sector * BLK_SECTOR;

		n = n < SECTORS - sector ? n : SECTORS - sector;
		if (what < 3) {
			memset(data, (int)(next(&seed) & 0xff), (size_t)n * BLK_SECTOR);
			memcpy(at, data, (size_t)n * BLK_SECTOR);
			expect(ask(g, VIRTIO_BLK_T_OUT, sector, n * BLK_SECTOR) == 0);
			memset(unknown + sector, 0, n);
		} else if (what < 6) {
			expect(ask(g, VIRTIO_BLK_T_IN, sector, n * BLK_SECTOR) == 0);
			for (uint32_t k = 0; k < n; k++)
				expect(unknown[sector + k] ||
					!memcmp(data + k * BLK_SECTOR,
						at + (size_t)k * BLK_SECTOR, BLK_SECTOR));
		} else if (what == 6) {
			expect(range(g, VIRTIO_BLK_T_WRITE_ZEROES, sector, n,
				       next(&seed) & 1) == 0);
			memset(at, 0, (size_t)n * BLK_SECTOR);
			memset(unknown + sector, 0, n);
		} else {
			expect(range(g, VIRTIO_BLK_T_DISCARD, sector, n, 0) == 0);
			memset(unknown + sector, 1, n);
		}
	}
}

static void fill(uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i / 512 * 7 + i);
}

TEST(a_file_reads_and_writes_like_memory)
{
	static uint8_t model[DISK], unknown[SECTORS];
	struct guest g;

	fill(model, DISK);
	attach(&g, &(struct blk_options){ .fd = file_of(model, DISK), .base = -1 });
	for (uint32_t seed = 1; seed < 8; seed++)
		play(&g, model, unknown, seed);
	testing_end(&g.t);
}

TEST(changes_over_a_base_leave_it_alone_and_last_once_flushed)
{
	static uint8_t model[DISK], before[DISK], after[DISK], unknown[SECTORS];
	int base, fd;
	struct guest g;

	fill(before, DISK);
	memcpy(model, before, DISK);
	base = file_of(before, DISK);
	fd = file_of(NULL, 0);
	for (uint32_t seed = 1; seed < 12; seed++) {
		attach(&g, &(struct blk_options){ .fd = dup(fd), .base = dup(base) });
		play(&g, model, unknown, seed);
		expect(ask(&g, VIRTIO_BLK_T_FLUSH, 0, 0) == 0);
		testing_end(&g.t);
		expect(pread(base, after, DISK, 0) == DISK &&
			!memcmp(before, after, DISK));
	}
	(void)close(base);
	(void)close(fd);
}

TEST(changes_of_another_base_are_refused)
{
	struct err e = { 0 };
	struct guest g;
	int fd = file_of(NULL, 0), other = file_of(NULL, 2 * DISK);
	struct blk_options o = { .fd = dup(fd), .base = file_of(NULL, DISK) };

	attach(&g, &o);
	testing_end(&g.t);
	o = (struct blk_options){ .fd = fd, .base = other };
	expect(!blk_new(&o, &e) && e.code == EBADMSG);
	expect(fcntl(fd, F_GETFD) >= 0);
}

TEST(nothing_beyond_the_end_is_reached)
{
	struct guest g;

	attach(&g, &(struct blk_options){ .fd = file_of(NULL, DISK), .base = -1 });
	expect(ask(&g, VIRTIO_BLK_T_IN, SECTORS - 1, 512) == 0);
	expect(ask(&g, VIRTIO_BLK_T_IN, SECTORS - 1, 1024) == VIRTIO_BLK_S_IOERR);
	expect(ask(&g, VIRTIO_BLK_T_OUT, SECTORS, 512) == VIRTIO_BLK_S_IOERR);
	expect(ask(&g, VIRTIO_BLK_T_OUT, UINT64_MAX, 512) == VIRTIO_BLK_S_IOERR);
	expect(ask(&g, VIRTIO_BLK_T_OUT, UINT64_MAX / 512 + 1, 512) ==
		VIRTIO_BLK_S_IOERR);
	expect(ask(&g, VIRTIO_BLK_T_IN, 0, 511) == VIRTIO_BLK_S_IOERR);
	expect(range(&g, VIRTIO_BLK_T_DISCARD, 1, SECTORS, 0) == VIRTIO_BLK_S_IOERR);
	expect(range(&g, VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX, 2, 0) ==
		VIRTIO_BLK_S_IOERR);
	expect(range(&g, VIRTIO_BLK_T_DISCARD, 0, 1, 1) == VIRTIO_BLK_S_UNSUPP);
	expect(ask(&g, 77, 0, 0) == VIRTIO_BLK_S_UNSUPP);
	testing_end(&g.t);
}

TEST(a_read_only_disk_is_not_written)
{
	struct guest g;

	attach(&g,
		&(struct blk_options){
			.fd = file_of(NULL, DISK), .base = -1, .read_only = true });
	expect(virtio_has(g.t.device, VIRTIO_BLK_F_RO));
	expect(ask(&g, VIRTIO_BLK_T_OUT, 0, 512) == VIRTIO_BLK_S_IOERR);
	expect(range(&g, VIRTIO_BLK_T_DISCARD, 0, 1, 0) == VIRTIO_BLK_S_UNSUPP);
	expect(ask(&g, VIRTIO_BLK_T_FLUSH, 0, 0) == 0);
	expect(ask(&g, VIRTIO_BLK_T_IN, 0, 512) == 0);
	testing_end(&g.t);
}

TEST(a_discarded_range_takes_no_room)
{
	static uint8_t bytes[1 << 20];
	struct guest g;
	struct stat before, after;
	int fd = file_of(memset(bytes, 1, sizeof(bytes)), sizeof(bytes));

	attach(&g, &(struct blk_options){ .fd = dup(fd), .base = -1 });
	expect(fstat(fd, &before) == 0);
	expect(range(&g, VIRTIO_BLK_T_DISCARD, 0, 1024, 0) == 0);
	expect(fstat(fd, &after) == 0);
	expect(after.st_blocks + 1024 == before.st_blocks &&
		after.st_size == before.st_size);
	testing_end(&g.t);
	(void)close(fd);
}

TEST(a_larger_file_is_a_larger_disk_once_that_is_said)
{
	struct err e = { 0 };
	struct guest g;
	uint8_t c[8];
	int fd = file_of(NULL, DISK);

	attach(&g, &(struct blk_options){ .fd = dup(fd), .base = -1 });
	expect(ftruncate(fd, 2 * DISK) == 0 && blk_resize(g.t.device, &e) == 0);
	virtio_read_config(g.t.device, 0, c, 8);
	expect(wire_get64(c) == 2 * SECTORS && g.t.config_interrupts == 1);
	expect(ask(&g, VIRTIO_BLK_T_IN, 2 * SECTORS - 1, 512) == 0);
	testing_end(&g.t);
	(void)close(fd);
}

TEST(the_serial_number_is_told)
{
	struct guest g;

	attach(&g,
		&(struct blk_options){
			.fd = file_of(NULL, DISK), .base = -1, .serial = "volume-1" });
	expect(ask(&g, VIRTIO_BLK_T_GET_ID, 0, 20) == 0);
	expect_str(testing_at(&g.t, g.data, 20), "volume-1");
	testing_end(&g.t);
}

TEST(a_request_without_room_for_its_status_breaks_the_device)
{
	struct guest g;

	attach(&g, &(struct blk_options){ .fd = file_of(NULL, DISK), .base = -1 });
	(void)testing_add(&g.t, 0, &(struct testing_seg){ g.header, 16, false }, 1);
	testing_kick(&g.t, 0);
	expect(g.t.device->broken);
	testing_end(&g.t);
}

TEST(a_limit_makes_requests_wait_for_the_timer)
{
	const struct blk_options o = {
		.fd = file_of(NULL, DISK), .base = -1, .limit.ops = { 50, 1 }
	};
	struct guest g;
	uint64_t from = clock_mono_ns();
	uint16_t head;
	uint32_t n;
	unsigned done = 0;

	attach(&g, &o);
	memset(testing_at(&g.t, g.header, 16), 0, 16);
	for (unsigned i = 0; i < 6; i++)
		(void)testing_add(&g.t, 0,
			(struct testing_seg[]){
				{ g.header, 16, false }, { g.data, 513, true } },
			2);
	testing_kick(&g.t, 0);
	while (done < 6 && clock_mono_ns() - from < 20 * NS_PER_SEC) {
		while (testing_used(&g.t, 0, &head, &n))
			done++;
		(void)testing_poll(&g.t, 50);
	}
	expect(done == 6 && clock_mono_ns() - from >= 100 * NS_PER_MS);
	testing_end(&g.t);
}

TEST(what_waits_for_its_rate_is_not_lost_by_a_move)
{
	int fd = file_of(NULL, DISK);
	struct blk_options o = { .fd = dup(fd), .base = -1, .limit.ops = { 1, 1 } };
	struct err e = { 0 };
	struct guest g;
	unsigned done = 0;
	uint16_t head;
	uint32_t n;

	attach(&g, &o);
	memset(testing_at(&g.t, g.header, 16), 0, 16);
	for (unsigned i = 0; i < 4; i++)
		(void)testing_add(&g.t, 0,
			(struct testing_seg[]){
				{ g.header, 16, false }, { g.data, 513, true } },
			2);
	testing_kick(&g.t, 0);
	while (testing_used(&g.t, 0, &head, &n))
		done++;
	expect(done == 1);
	o = (struct blk_options){ .fd = fd, .base = -1 };
	expect(testing_move(&g.t, blk_new(&o, &e)) == 0);
	while (testing_used(&g.t, 0, &head, &n))
		done++;
	expect(done == 4);
	testing_end(&g.t);
}

TEST(a_moved_device_goes_on_and_one_of_another_size_is_refused)
{
	struct err e = { 0 };
	struct guest g;
	int fd = file_of(NULL, DISK);
	struct blk_options o = { .fd = dup(fd), .base = -1 };

	attach(&g, &o);
	o.fd = dup(fd);
	expect(testing_move(&g.t, blk_new(&o, &e)) == 0);
	expect(ask(&g, VIRTIO_BLK_T_IN, 0, 512) == 0);
	o.fd = file_of(NULL, 2 * DISK);
	expect(testing_move(&g.t, blk_new(&o, &e)) < 0);
	testing_end(&g.t);
	(void)close(fd);
}
