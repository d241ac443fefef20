/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/ratelimit.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"

#include <poll.h>
#include <unistd.h>

/* Requests of 'bytes' as fast as they may go, for 'ns'. How many went. */
static uint64_t run(struct ratelimit *r, uint64_t bytes, uint64_t from, uint64_t ns)
{
	uint64_t now = from, n = 0, wait;

	for (;;) {
		wait = ratelimit_wait(r, now);
		if (wait == 0) {
			ratelimit_spend(r, bytes);
			n++;
			continue;
		}
		now += wait;
		if (now >= from + ns)
			return n;
	}
}

TEST(without_a_limit_nothing_waits)
{
	const struct ratelimit_options o = { 0 };
	struct ratelimit r;

	ratelimit_init(&r, &o, 5);
	expect(!ratelimit_is_set(&o));
	for (int i = 0; i < 1000; i++) {
		expect(ratelimit_wait(&r, 5) == 0);
		ratelimit_spend(&r, UINT64_MAX);
	}
}

TEST(operations_pass_at_the_rate)
{
	const struct ratelimit_options o = { .ops = { .per_second = 1000, .burst = 1 } };
	struct ratelimit r;
	uint64_t n;

	ratelimit_init(&r, &o, 0);
	n = run(&r, 4096, 0, 10 * NS_PER_SEC);
	expect(n >= 9999 && n <= 10001);
}

TEST(bytes_pass_at_the_rate_whatever_the_size_of_a_request)
{
	const uint64_t sizes[] = { 1, 7, 4096, 65536, 5000000 };
	const struct ratelimit_options o = { .bytes = { .per_second = 1000003,
						     .burst = 10 } };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct ratelimit r;
		uint64_t sum;

		ratelimit_init(&r, &o, 77);
		sum = run(&r, sizes[i], 77, 10 * NS_PER_SEC) * sizes[i];
		expect(sum + 10 >= 10000030 - 1000);
		expect(sum <= 10000030 + 10 + sizes[i]);
	}
}

TEST(a_burst_passes_at_once_after_a_quiet_time)
{
	const struct ratelimit_options o = { .ops = { .per_second = 10, .burst = 50 } };
	struct ratelimit r;

	ratelimit_init(&r, &o, 0);
	for (int round = 1; round < 3; round++) {
		uint64_t now = (uint64_t)round * 100 * NS_PER_SEC;

		for (int i = 0; i < 50; i++) {
			expect(ratelimit_wait(&r, now) == 0);
			ratelimit_spend(&r, 1);
		}
		expect(ratelimit_wait(&r, now) == NS_PER_SEC / 10);
	}
}

TEST(the_scarcer_of_two_limits_holds)
{
	const struct ratelimit_options o = { .ops = { .per_second = 100, .burst = 1 },
		.bytes = { .per_second = 1000, .burst = 1 } };
	struct ratelimit r;
	uint64_t n;

	ratelimit_init(&r, &o, 0);
	n = run(&r, 100, 0, 10 * NS_PER_SEC);
	expect(n >= 100 && n <= 101);
	ratelimit_init(&r, &o, 0);
	n = run(&r, 1, 0, 10 * NS_PER_SEC);
	expect(n >= 1000 && n <= 1001);
}

TEST(wild_numbers_neither_overflow_nor_stop_it_for_ever)
{
	const struct ratelimit_options o = { .bytes = { UINT64_MAX, UINT64_MAX } };
	struct ratelimit r;

	ratelimit_init(&r, &o, 0);
	for (int i = 0; i < 100; i++)
		ratelimit_spend(&r, UINT64_MAX);
	expect(ratelimit_wait(&r, 1) > 0);
	expect(ratelimit_wait(&r, UINT64_MAX) == 0);
	expect(ratelimit_wait(&r, 0) == 0); /* a clock that goes back changes nothing */
}

TEST(the_timer_wakes_once)
{
	struct err e = { 0 };
	int fd = ratelimit_timer_new(&e);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	expect(fd >= 0);
	expect(!ratelimit_timer_fired(fd));
	ratelimit_timer_arm(fd, 2 * NS_PER_MS);
	expect(poll(&p, 1, 5000) == 1);
	expect(ratelimit_timer_fired(fd));
	expect(!ratelimit_timer_fired(fd));
	(void)close(fd);
}
