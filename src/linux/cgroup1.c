/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup1.c - what version 1 calls things (Documentation/admin-guide/cgroup-v1/).
 */
#include "base/err.h"
#include "linux/cgroup-file.h"

#include <string.h>

#define PERIOD_US 100000U

static int limit_memory(const char *dir, const struct cgroup_limits *l, struct err *e)
{
	uint64_t both =
		l->memory + l->swap < l->memory ? UINT64_MAX : l->memory + l->swap;
	struct err ignored = { 0 };
	int r;

	/* memory may never be above memory and swap: raise that first, if it was set */
	(void)cgroup_poke_number(dir, "memory.memsw.limit_in_bytes", both, &ignored);
	r = cgroup_poke_number(dir, "memory.limit_in_bytes", l->memory, e);
	/* without swap accounting (swapaccount=0) there is no such file */
	if (r == 0 && cgroup_has_file(dir, "memory.memsw.limit_in_bytes"))
		r = cgroup_poke_number(dir, "memory.memsw.limit_in_bytes", both, e);
	return r;
}

int cgroup1_limit(
	const struct cgroup_dir *d, const struct cgroup_limits *l, struct err *e)
{
	int r = 0;

	if (l->memory && d->has & CGROUP_BIT(CGROUP_MEMORY))
		r = limit_memory(d->path, l, e);
	if (r == 0 && l->cpu_milli && d->has & CGROUP_BIT(CGROUP_CPU)) {
		r = cgroup_poke_number(d->path, "cpu.cfs_period_us", PERIOD_US, e);
		if (r == 0)
			r = cgroup_poke_number(d->path, "cpu.cfs_quota_us",
				l->cpu_milli * (PERIOD_US / 1000), e);
	}
	if (r == 0 && l->pids && d->has & CGROUP_BIT(CGROUP_PIDS))
		r = cgroup_poke_number(d->path, "pids.max", l->pids, e);
	return r;
}

void cgroup1_stats(const struct cgroup_dir *d, struct cgroup_stats *s)
{
	if (d->has & CGROUP_BIT(CGROUP_MEMORY)) {
		s->memory = cgroup_number(d->path, "memory.usage_in_bytes");
		s->memory_peak = cgroup_number(d->path, "memory.max_usage_in_bytes");
		s->memory_limit = cgroup_number(d->path, "memory.limit_in_bytes");
		s->oom_kills = cgroup_keyed(d->path, "memory.oom_control", "oom_kill");
	}
	if (d->has & CGROUP_BIT(CGROUP_CPUACCT))
		s->cpu_ns = cgroup_number(d->path, "cpuacct.usage");
	if (d->has & CGROUP_BIT(CGROUP_PIDS)) {
		s->pids = cgroup_number(d->path, "pids.current");
		s->pids_limit = cgroup_number(d->path, "pids.max");
	}
}

int cgroup1_freeze(const struct cgroup_dir *d, bool freeze, struct err *e)
{
	return cgroup_poke(d->path, "freezer.state", freeze ? "FROZEN" : "THAWED", e);
}

bool cgroup1_is_frozen(const struct cgroup_dir *d)
{
	char *text = cgroup_text(d->path, "freezer.state", 64);
	bool frozen = text && strncmp(text, "FROZEN", 6) == 0;

	free(text);
	return frozen;
}
