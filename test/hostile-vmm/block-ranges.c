/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to a disk beyond its end, around the end of all numbers, without a header, a status or
 * data: none may say that it went well, and the disk keeps its size and what is beside it.
 * host: disk
 */
#include "guest/virtio.h"

#define SECTORS 2048U /* of the disk that run.py makes */

static struct device d;
static struct {
	uint32_t type, reserved;
	uint64_t sector;
} head;
static uint8_t data[4096], status;

static uint8_t request(uint32_t type, uint64_t sector, uint32_t len)
{
	struct queue *q = &d.q[0];
	bool in = type == 0 || type == 8;
	uint32_t wrote;

	head.type = type;
	head.sector = sector;
	*(volatile uint8_t *)&status = 0x77;
	describe(q, 0, (uint32_t)&head, 16, F_NEXT, 1);
	describe(q, 1, (uint32_t)data, len, F_NEXT | (in ? F_WRITE : 0), 2);
	describe(q, 2, (uint32_t)&status, 1, F_WRITE, 0);
	post(q, 0);
	kick(q);
	expect(came(q, &wrote));
	return *(volatile uint8_t *)&status;
}

void main(void)
{
	static const uint64_t beyond[] = { SECTORS, SECTORS - 7, SECTORS + 1, 1ULL << 32, 1ULL << 55,
		~0ULL, ~0ULL - 7, 1ULL << 63, (1ULL << 55) - 1 };
	struct {
		uint64_t sector;
		uint32_t n, flags;
	} range;

	set_up(&d, need(ID_BLK), 0xffffffff);
	for (unsigned i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
		expect(request(0, beyond[i], 4096) == 1);
		expect(request(1, beyond[i], 4096) == 1);
		for (uint32_t type = 11; type <= 13; type += 2) {
			range.sector = beyond[i];
			range.n = 8;
			range.flags = 0;
			memcpy(data, &range, 16);
			expect(request(type, 0, 16) == 1);
			range.sector = 1;
			range.n = 0xffffffff - i;
			memcpy(data, &range, 16);
			expect(request(type, 0, 16) == 1);
			range.n = 1;
			range.flags = 0xfffffffe;
			memcpy(data, &range, 16);
			expect(request(type, 0, 16) != 0);
		}
	}
	expect(request(0, 0, 511) == 1 && request(1, 0, 513) == 1);
	for (unsigned i = 0; i < 300; i++) {
		uint32_t type = 14 + (any() & 0x7fffffff);

		expect(request(type, any(), below(4096)) == 2);
	}
	/* one that has no status, and one that has nothing */
	describe(&d.q[0], 0, (uint32_t)&head, 16, 0, 0);
	post(&d.q[0], 0);
	kick(&d.q[0]);
	expect(is_broken(&d));
	set_up(&d, d.slot, 0xffffffff);
	memset(data, 0xa5, sizeof(data));
	expect(request(1, SECTORS - 8, 4096) == 0);
	memset(data, 0, sizeof(data));
	expect(request(0, SECTORS - 8, 4096) == 0 && data[0] == 0xa5 && data[4095] == 0xa5);
	still_served();
}
