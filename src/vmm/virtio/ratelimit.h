/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ratelimit.h - how much a device may do a second: token buckets of operations and bytes.
 *
 * A bucket fills steadily up to its burst. A request goes through while there is anything in
 * it, and is taken off whole: the bucket may go into debt by one request, which is paid
 * before the next. So a request larger than the burst passes too, and what passes in a long
 * time is the rate to the byte.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC and come from the caller. A timer descriptor
 * (ratelimit_timer_*) wakes who has to wait. Nothing is saved: a restored device starts with
 * full buckets.
 */
#ifndef BRIG_VMM_VIRTIO_RATELIMIT_H
#define BRIG_VMM_VIRTIO_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define RATELIMIT_MAX (1ULL << 50)

struct ratelimit_rate {
	uint64_t per_second; /* 0: no limit; at most RATELIMIT_MAX */
	uint64_t burst;      /* at once after a quiet time; 0: a tenth of a second's */
};

struct ratelimit_options {
	struct ratelimit_rate ops, bytes;
};

struct ratelimit_bucket {
	uint64_t per_second, burst;
	int64_t tokens;    /* at most burst, and below 0 while in debt */
	uint64_t fraction; /* of a token, in billionths */
	uint64_t since;
};

struct ratelimit {
	struct ratelimit_bucket ops, bytes;
};

void ratelimit_init(
	struct ratelimit *r, const struct ratelimit_options *o, uint64_t now_ns);

/* Is there any limit at all? */
bool ratelimit_is_set(const struct ratelimit_options *o);

/* May a request begin? 0, or how many ns to wait before asking again. */
uint64_t ratelimit_wait(struct ratelimit *r, uint64_t now_ns);

/* One has gone through. */
void ratelimit_spend(struct ratelimit *r, uint64_t bytes);

/* A timer descriptor, non-blocking; -errno. */
int ratelimit_timer_new(struct err *e);
void ratelimit_timer_arm(int timer, uint64_t after_ns);
/* True: it has fired since it was armed. It is silent afterwards. */
bool ratelimit_timer_fired(int timer);

#endif
