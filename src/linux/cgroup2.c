/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup2.c - what version 2 calls things (Documentation/admin-guide/cgroup-v2.rst).
 */
#include "base/err.h"
#include "base/str.h"
#include "linux/cgroup-file.h"

#include <inttypes.h>
#include <sys/stat.h>

#define PERIOD_US  100000U
#define PROCS_MAX  ((size_t)1 << 20)
#define ROUNDS_MAX 10

static const struct {
	enum cgroup_controller c;
	const char *enable;
} switches[] = {
	{ CGROUP_MEMORY, "+memory" },
	{ CGROUP_CPU, "+cpu" },
	{ CGROUP_PIDS, "+pids" },
};

int cgroup2_limit(
	const struct cgroup_dir *d, const struct cgroup_limits *l, struct err *e)
{
	char text[64];
	int r = 0;

	if (l->memory && d->has & CGROUP_BIT(CGROUP_MEMORY)) {
		r = cgroup_poke_number(d->path, "memory.max", l->memory, e);
		/* no such file without swap */
		if (r == 0 && cgroup_has_file(d->path, "memory.swap.max"))
			r = cgroup_poke_number(d->path, "memory.swap.max", l->swap, e);
	}
	if (r == 0 && l->cpu_milli && d->has & CGROUP_BIT(CGROUP_CPU)) {
		(void)snprintf(text, sizeof(text), "%" PRIu64 " %u",
			l->cpu_milli * (PERIOD_US / 1000), PERIOD_US);
		r = cgroup_poke(d->path, "cpu.max", text, e);
	}
	if (r == 0 && l->pids && d->has & CGROUP_BIT(CGROUP_PIDS))
		r = cgroup_poke_number(d->path, "pids.max", l->pids, e);
	return r;
}

void cgroup2_stats(const struct cgroup_dir *d, struct cgroup_stats *s)
{
	if (d->has & CGROUP_BIT(CGROUP_MEMORY)) {
		s->memory = cgroup_number(d->path, "memory.current");
		s->memory_peak = cgroup_number(d->path, "memory.peak"); /* Linux 5.19 */
		s->memory_limit = cgroup_number(d->path, "memory.max");
		s->oom_kills = cgroup_keyed(d->path, "memory.events", "oom_kill");
	}
	if (d->has & CGROUP_BIT(CGROUP_PIDS)) {
		s->pids = cgroup_number(d->path, "pids.current");
		s->pids_limit = cgroup_number(d->path, "pids.max");
	}
	/* kept without the controller, too */
	if (!s->cpu_ns)
		s->cpu_ns = cgroup_keyed(d->path, "cpu.stat", "usage_usec") * 1000;
}

int cgroup2_freeze(const struct cgroup_dir *d, bool freeze, struct err *e)
{
	return cgroup_poke(d->path, "cgroup.freeze", freeze ? "1" : "0", e);
}

bool cgroup2_is_frozen(const struct cgroup_dir *d)
{
	return cgroup_keyed(d->path, "cgroup.events", "frozen") == 1;
}

/*
 * A group whose children have controllers may hold no processes itself, the real root
 * excepted. Those in the way are the caller's own (an ordinary user's delegated group),
 * or all there are in a container; either way their limits stay what they are one level
 * down.
 */
static bool move_to_leaf(const char *dir)
{
	auto_free char *leaf = str_printf("%s/" CGROUP_LEAF, dir);
	bool moved = false;

	if (!leaf || (mkdir(leaf, 0755) < 0 && errno != EEXIST))
		return false;
	/* more may be forked while we move */
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		auto_free char *procs = cgroup_text(dir, "cgroup.procs", PROCS_MAX);
		char *save = NULL, *pid = procs ? strtok_r(procs, "\n", &save) : NULL;
		struct err ignored = { 0 };

		if (!pid)
			return moved;
		for (; pid; pid = strtok_r(NULL, "\n", &save))
			if (cgroup_poke(leaf, "cgroup.procs", pid, &ignored) == 0)
				moved = true;
	}
	return moved;
}

unsigned cgroup2_enable(const char *dir, unsigned controllers)
{
	auto_free char *now = cgroup_text(dir, "cgroup.subtree_control", 4096);
	unsigned on = now ? cgroup_controllers_of(now, " \n") : 0;

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		unsigned bit = CGROUP_BIT(switches[i].c);
		struct err ignored = { 0 };
		int r;

		if (!(controllers & bit) || on & bit)
			continue;
		r = cgroup_poke(
			dir, "cgroup.subtree_control", switches[i].enable, &ignored);
		if (r == -EBUSY && move_to_leaf(dir))
			r = cgroup_poke(dir, "cgroup.subtree_control", switches[i].enable,
				&ignored);
		if (r == 0)
			on |= bit;
	}
	return on & controllers;
}
