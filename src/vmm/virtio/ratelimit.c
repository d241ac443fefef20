/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/ratelimit.h"

#include "base/clock.h"
#include "base/err.h"

#include <sys/timerfd.h>
#include <unistd.h>

#define QUIET_PART 10 /* of a second: the burst where none is given */

__extension__ typedef unsigned __int128 u128;

static void bucket_init(
	struct ratelimit_bucket *b, const struct ratelimit_rate *r, uint64_t now)
{
	uint64_t rate = r->per_second < RATELIMIT_MAX ? r->per_second : RATELIMIT_MAX;
	uint64_t burst = r->burst ? r->burst : rate / QUIET_PART;

	if (burst > RATELIMIT_MAX)
		burst = RATELIMIT_MAX;
	if (!burst)
		burst = 1;
	*b = (struct ratelimit_bucket){
		.per_second = rate, .burst = burst, .tokens = (int64_t)burst, .since = now
	};
}

static void bucket_fill(struct ratelimit_bucket *b, uint64_t now)
{
	uint64_t elapsed = now > b->since ? now - b->since : 0;
	uint64_t room = (uint64_t)((int64_t)b->burst - b->tokens);
	u128 parts = (u128)elapsed * b->per_second + b->fraction;

	b->since = now > b->since ? now : b->since;
	if (parts / NS_PER_SEC >= room) {
		b->tokens = (int64_t)b->burst;
		b->fraction = 0;
		return;
	}
	b->tokens += (int64_t)(uint64_t)(parts / NS_PER_SEC);
	b->fraction = (uint64_t)(parts % NS_PER_SEC);
}

static uint64_t bucket_wait(struct ratelimit_bucket *b, uint64_t now)
{
	u128 missing;

	if (!b->per_second)
		return 0;
	bucket_fill(b, now);
	if (b->tokens > 0)
		return 0;
	missing = (u128)(uint64_t)(1 - b->tokens) * NS_PER_SEC - b->fraction;
	missing = (missing + b->per_second - 1) / b->per_second;
	return missing > UINT64_MAX ? UINT64_MAX : (uint64_t)missing;
}

static void bucket_spend(struct ratelimit_bucket *b, uint64_t n)
{
	/* the debt stays within an int64_t whatever comes */
	if (b->per_second && b->tokens > -(int64_t)RATELIMIT_MAX)
		b->tokens -= (int64_t)(n < RATELIMIT_MAX ? n : RATELIMIT_MAX);
}

void ratelimit_init(
	struct ratelimit *r, const struct ratelimit_options *o, uint64_t now_ns)
{
	bucket_init(&r->ops, &o->ops, now_ns);
	bucket_init(&r->bytes, &o->bytes, now_ns);
}

bool ratelimit_is_set(const struct ratelimit_options *o)
{
	return o->ops.per_second || o->bytes.per_second;
}

uint64_t ratelimit_wait(struct ratelimit *r, uint64_t now_ns)
{
	uint64_t ops = bucket_wait(&r->ops, now_ns);
	uint64_t bytes = bucket_wait(&r->bytes, now_ns);

	return ops > bytes ? ops : bytes;
}

void ratelimit_spend(struct ratelimit *r, uint64_t bytes)
{
	bucket_spend(&r->ops, 1);
	bucket_spend(&r->bytes, bytes);
}

int ratelimit_timer_new(struct err *e)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? err_sys(e, "make a timer") : fd;
}

void ratelimit_timer_arm(int timer, uint64_t after_ns)
{
	struct itimerspec when = { 0 };

	if (after_ns == 0)
		after_ns = 1; /* 0 would disarm it */
	when.it_value.tv_sec = (time_t)(after_ns / NS_PER_SEC);
	when.it_value.tv_nsec = (long)(after_ns % NS_PER_SEC);
	if (after_ns / NS_PER_SEC > INT32_MAX)
		when.it_value.tv_sec = INT32_MAX;
	(void)timerfd_settime(timer, 0, &when, NULL);
}

bool ratelimit_timer_fired(int timer)
{
	uint64_t times;

	return read(timer, &times, sizeof(times)) == (ssize_t)sizeof(times);
}
