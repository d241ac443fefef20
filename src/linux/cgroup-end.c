/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup-end.c - stopping what is in a group: freeze, kill, remove.
 *
 * Everything here waits for others, and so has a deadline.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "linux/cgroup-file.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#define DEPTH_MAX 32
#define PROCS_MAX ((size_t)4 << 20)

/* Waits that get longer: 0.2 ms at first, 20 ms at the end. False when time is up. */
struct patience {
	uint64_t deadline;
	long next_ns;
};

static struct patience patience_of(unsigned timeout_ms)
{
	return (struct patience){ clock_mono_ns() + timeout_ms * NS_PER_MS, 200000 };
}

static bool wait_more(struct patience *p)
{
	struct timespec ts = { .tv_nsec = p->next_ns };

	if (clock_mono_ns() >= p->deadline)
		return false;
	(void)nanosleep(&ts, NULL);
	p->next_ns = p->next_ns * 2 > 20000000 ? 20000000 : p->next_ns * 2;
	return true;
}

static const struct cgroup_dir *freezer_of(const struct cgroup *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->dir[i].has & CGROUP_BIT(CGROUP_FREEZER))
			return &c->dir[i];
	return NULL;
}

static int set_frozen(const struct cgroup_dir *d, bool freeze, struct err *e)
{
	return d->v2 ? cgroup2_freeze(d, freeze, e) : cgroup1_freeze(d, freeze, e);
}

int cgroup_freeze(const struct cgroup *c, unsigned timeout_ms, struct err *e)
{
	const struct cgroup_dir *d = freezer_of(c);
	struct patience p = patience_of(timeout_ms);
	int r;

	if (!d)
		return err_set(
			e, EOPNOTSUPP, "the control group can't freeze processes here");
	r = set_frozen(d, true, e);
	if (r < 0)
		return r;
	while (!(d->v2 ? cgroup2_is_frozen(d) : cgroup1_is_frozen(d))) {
		if (!wait_more(&p))
			return err_set(e, ETIMEDOUT,
				"the processes of '%s' were not frozen within %u ms",
				d->path, timeout_ms);
		/* version 1 gives up on a process in an uninterruptible wait; ask again
		 */
		if (!d->v2)
			(void)set_frozen(d, true, e);
	}
	return 0;
}

int cgroup_thaw(const struct cgroup *c, struct err *e)
{
	const struct cgroup_dir *d = freezer_of(c);

	if (!d)
		return err_set(
			e, EOPNOTSUPP, "the control group can't freeze processes here");
	return set_frozen(d, false, e);
}

/* Call 'each' for the groups beneath a directory, deepest first, then for itself. */
static int walk_groups(const char *dir, unsigned depth,
	int (*each)(const char *dir, void *data), void *data)
{
	DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
	int r = 0;

	if (!d)
		return depth < DEPTH_MAX && errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; r == 0 && (entry = readdir(d));) {
		auto_free char *sub = NULL;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		sub = str_printf("%s/%s", dir, entry->d_name);
		r = sub ? walk_groups(sub, depth + 1, each, data) : -ENOMEM;
	}
	(void)closedir(d);
	return r < 0 ? r : each(dir, data);
}

/* Kill what is listed in one group; counts into 'data'. */
static int kill_listed(const char *dir, void *data)
{
	auto_free char *procs = cgroup_text(dir, "cgroup.procs", PROCS_MAX);
	unsigned *found = data;
	char *save = NULL;

	for (char *pid = procs ? strtok_r(procs, "\n", &save) : NULL; pid;
		pid = strtok_r(NULL, "\n", &save)) {
		long n = strtol(pid, NULL, 10);

		/* 0 stands for one in a pid namespace that we don't see into */
		if (n > 1)
			(void)kill((pid_t)n, SIGKILL);
		(*found)++;
	}
	return 0;
}

static int count_listed(const char *dir, void *data)
{
	auto_free char *procs = cgroup_text(dir, "cgroup.procs", PROCS_MAX);

	for (const char *p = procs; p && *p; p++)
		*(unsigned *)data += *p == '\n';
	return 0;
}

/* Version 1, or before 5.14: freeze, so that none forks on, signal all, thaw; until none
 * is. */
static int kill_round(const struct cgroup *c, const struct cgroup_dir *d, unsigned *found)
{
	const struct cgroup_dir *freezer = freezer_of(c);
	struct err ignored = { 0 };
	int r;

	if (freezer)
		(void)cgroup_freeze(c, 100, &ignored);
	*found = 0;
	r = walk_groups(d->path, 0, kill_listed, found);
	if (freezer)
		(void)cgroup_thaw(c, &ignored);
	return r;
}

int cgroup_kill(const struct cgroup *c, unsigned timeout_ms, struct err *e)
{
	struct patience p = patience_of(timeout_ms);
	const struct cgroup_dir *d = c->n ? &c->dir[0] : NULL;
	struct err ignored = { 0 };
	unsigned found = 1;
	bool at_once;

	for (unsigned i = 0; i < c->n; i++)
		if (c->dir[i].v2)
			d = &c->dir[i];
	if (!d)
		return 0;
	at_once = d->v2 && cgroup_poke(d->path, "cgroup.kill", "1", &ignored) == 0;
	/* what is frozen ends when it is thawed */
	if (freezer_of(c))
		(void)cgroup_thaw(c, &ignored);
	for (;;) {
		int r;

		found = 0;
		r = at_once ? walk_groups(d->path, 0, count_listed, &found)
			    : kill_round(c, d, &found);
		if (r < 0) {
			errno = -r;
			return err_sys(e, "kill the processes of '%s'", d->path);
		}
		if (!found)
			return 0;
		if (!wait_more(&p))
			return err_set(e, ETIMEDOUT,
				"%u processes of '%s' have not ended within %u ms of "
				"being killed",
				found, d->path, timeout_ms);
	}
}

static int remove_one(const char *dir, void *data)
{
	(void)data;
	return rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
}

/* Remove a directory; for a while after its last process it is still busy. */
static int remove_dir(const char *path, struct patience *p, struct err *e)
{
	for (;;) {
		int r = walk_groups(path, 0, remove_one, NULL);

		if (r == 0)
			return 0;
		if (r != -EBUSY || !wait_more(p)) {
			errno = -r;
			err_sys(e, "remove the control group '%s'", path);
			if (r == -EBUSY)
				err_hint(e, "a process is still in it");
			return r;
		}
	}
}

int cgroup_remove(const struct cgroup *c, unsigned timeout_ms, struct err *e)
{
	struct patience p = patience_of(timeout_ms);
	int r = 0;

	for (unsigned i = 0; i < c->n; i++) {
		struct err why = { 0 };
		auto_free char *parent = strdup(c->dir[i].path);
		char *slash = parent ? strrchr(parent, '/') : NULL;
		int failed = remove_dir(c->dir[i].path, &p, &why);

		if (failed < 0 && r == 0) {
			r = failed;
			if (e)
				*e = why;
		}
		/* "brig" goes with the last one in it */
		if (slash && slash != parent) {
			*slash = '\0';
			(void)rmdir(parent);
		}
	}
	return r;
}
