/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec t = { 0 };

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

const char *clock_text(uint64_t real_ns, char out[CLOCK_TEXT_MAX])
{
	time_t sec = (time_t)(real_ns / NS_PER_SEC);
	struct tm tm = { 0 };
	size_t n;

	(void)gmtime_r(&sec, &tm);
	n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(
		out + n, CLOCK_TEXT_MAX - n, ".%09uZ", (unsigned)(real_ns % NS_PER_SEC));
	return out;
}

const char *clock_ago(uint64_t real_ns, uint64_t now_ns, char out[CLOCK_TEXT_MAX])
{
	static const struct {
		const char *unit;
		uint64_t sec;
	} units[] = { { "day", 86400 }, { "hour", 3600 }, { "minute", 60 },
		{ "second", 1 } };
	uint64_t sec = now_ns > real_ns ? (now_ns - real_ns) / NS_PER_SEC : 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (sec >= units[i].sec) {
			uint64_t n = sec / units[i].sec;

			(void)snprintf(out, CLOCK_TEXT_MAX, "%llu %s%s ago",
				(unsigned long long)n, units[i].unit, n == 1 ? "" : "s");
			return out;
		}
	(void)snprintf(out, CLOCK_TEXT_MAX, "just now");
	return out;
}
