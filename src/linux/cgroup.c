/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "linux/cgroup-file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

void cgroup_clear(struct cgroup *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->dir[i].path);
	c->n = 0;
}

/* Fail for the first limit that was asked for and can't be had. */
static int check_limits(
	const struct cgroup_host *h, const struct cgroup_limits *l, struct err *e)
{
	const struct {
		enum cgroup_controller c;
		uint64_t asked;
		const char *what;
	} limits[] = {
		{ CGROUP_MEMORY, l->memory, "memory" },
		{ CGROUP_CPU, l->cpu_milli, "CPUs" },
		{ CGROUP_PIDS, l->pids, "processes" },
	};

	if (l->cpu_milli && l->cpu_milli < 10)
		return err_set(e, EINVAL, "a limit of CPUs must be at least 0.01");
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct cgroup_support *s = &h->support[limits[i].c];

		if (!limits[i].asked || s->ok)
			continue;
		err_set(e, EOPNOTSUPP, "a limit of %s can't be enforced here: %s",
			limits[i].what, s->why);
		err_hint(e, "%s", s->remedy);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Make one directory brig/NAME; the parent may be removed by another brig meanwhile. */
static int make_dir(const struct cgroup_dir *base, const char *name,
	struct cgroup_dir *ret, struct err *e)
{
	auto_free char *parent = str_printf("%s/" CGROUP_PARENT, base->path);
	auto_free char *path = str_printf("%s/" CGROUP_PARENT "/%s", base->path, name);
	unsigned has = base->has;
	int code = 0;

	if (!parent || !path)
		return err_set(e, ENOMEM, "make the control group '%s'", name);
	for (unsigned tries = 0; tries < 5; tries++) {
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make the control group '%s'", parent);
		if (base->v2) {
			has = cgroup2_enable(base->path, base->has);
			has = cgroup2_enable(parent, has) |
				(base->has &
					(CGROUP_BIT(CGROUP_FREEZER) |
						CGROUP_BIT(CGROUP_CPUACCT)));
		}
		if (mkdir(path, 0755) == 0) {
			*ret = (struct cgroup_dir){ take_ptr(&path), base->v2, has };
			return 0;
		}
		code = errno;
		if (code != ENOENT)
			break;
	}
	errno = code;
	return err_sys(e, "make the control group '%s'", path);
}

/* A controller that was promised but could not be switched on. */
static int check_enabled(
	const struct cgroup *c, const struct cgroup_limits *l, struct err *e)
{
	unsigned has = 0, want = 0;

	for (unsigned i = 0; i < c->n; i++)
		has |= c->dir[i].has;
	want |= l->memory ? CGROUP_BIT(CGROUP_MEMORY) : 0;
	want |= l->cpu_milli ? CGROUP_BIT(CGROUP_CPU) : 0;
	want |= l->pids ? CGROUP_BIT(CGROUP_PIDS) : 0;
	if ((want & has) == want)
		return 0;
	err_set(e, EOPNOTSUPP,
		"a limit can't be enforced: the control group '%s' could not be "
		"given its controller",
		c->n ? c->dir[0].path : "");
	err_hint(e,
		"run 'brig doctor'; another program may keep processes in the parent "
		"group");
	return -EOPNOTSUPP;
}

int cgroup_create(const struct cgroup_host *h, const char *name,
	const struct cgroup_limits *l, struct cgroup *ret, struct err *e)
{
	AUTO(cgroup_clear) struct cgroup c = { 0 };
	int r = check_limits(h, l, e);

	if (r == 0 && !path_is_name(name))
		r = err_set(e, EINVAL, "'%s' can't be the name of a control group", name);
	for (unsigned i = 0; r == 0 && i < h->base_n; i++) {
		r = make_dir(&h->base[i], name, &c.dir[c.n], e);
		if (r == 0)
			c.n++;
	}
	if (r == 0)
		r = check_enabled(&c, l, e);
	if (r == 0)
		r = cgroup_limit(&c, l, e);
	if (r < 0) {
		struct err ignored = { 0 };

		(void)cgroup_remove(&c, 0, &ignored);
		return r;
	}
	*ret = c;
	c.n = 0;
	return 0;
}

/* What a directory that is there already can do, by its files. */
static unsigned controllers_by_files(const char *dir, bool v2)
{
	const struct {
		enum cgroup_controller c;
		const char *v1, *v2;
	} files[] = {
		{ CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max" },
		{ CGROUP_CPU, "cpu.cfs_quota_us", "cpu.max" },
		{ CGROUP_CPUACCT, "cpuacct.usage", "cpu.stat" },
		{ CGROUP_PIDS, "pids.max", "pids.max" },
		{ CGROUP_FREEZER, "freezer.state", "cgroup.freeze" },
	};
	unsigned has = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (cgroup_has_file(dir, v2 ? files[i].v2 : files[i].v1))
			has |= CGROUP_BIT(files[i].c);
	return has;
}

/* ".../brig/NAME", tidy: a record that was tampered with must not lead to other groups.
 */
static bool is_our_path(const char *path)
{
	auto_free char *clean = path_clean(path), *parent = path_clean(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!clean || !slash || path[0] != '/' || strcmp(clean, path) != 0)
		return false;
	*slash = '\0';
	return strcmp(path_base(parent), CGROUP_PARENT) == 0;
}

int cgroup_open_paths(char *const *paths, struct cgroup *ret, struct err *e)
{
	AUTO(cgroup_clear) struct cgroup c = { 0 };

	for (; paths && *paths && c.n < CGROUP_HIERARCHIES_MAX; paths++) {
		struct cgroup_dir *d = &c.dir[c.n];

		if (!is_our_path(*paths))
			return err_set(
				e, EINVAL, "'%s' is not a control group of ours", *paths);
		if (access(*paths, F_OK) < 0)
			continue;
		d->path = strdup(*paths);
		if (!d->path)
			return err_set(e, ENOMEM, "open the control group '%s'", *paths);
		c.n++;
		d->v2 = cgroup_has_file(d->path, "cgroup.controllers");
		d->has = controllers_by_files(d->path, d->v2);
	}
	*ret = c;
	c.n = 0;
	return 0;
}

int cgroup_plan(const struct cgroup_host *h, const char *name, struct strv *ret)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < h->base_n; i++)
		r = strv_addf(ret, "%s/" CGROUP_PARENT "/%s", h->base[i].path, name);
	return r;
}

int cgroup_paths(const struct cgroup *c, struct strv *ret)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < c->n; i++)
		r = strv_add(ret, c->dir[i].path);
	return r;
}

int cgroup_v2_fd(const struct cgroup *c, struct err *e)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->dir[i].v2) {
			int fd = open(c->dir[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			return fd < 0 ? err_sys(e, "open '%s'", c->dir[i].path) : fd;
		}
	return err_set(e, ENOENT, "the group has no directory in cgroup version 2");
}

int cgroup_join(const struct cgroup *c, bool born_in_v2, struct err *e)
{
	int r = 0;

	/* "0" is the writer; its single thread can be moved without the lock that takes a
	 * grace period, which "cgroup.procs" always takes */
	for (unsigned i = 0; r == 0 && i < c->n; i++)
		if (!c->dir[i].v2)
			r = cgroup_poke(c->dir[i].path, "tasks", "0", e);
		else if (!born_in_v2)
			r = cgroup_poke(c->dir[i].path, "cgroup.procs", "0", e);
	return r;
}

int cgroup_add(const struct cgroup *c, pid_t pid, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < c->n; i++)
		r = cgroup_poke_number(c->dir[i].path, "cgroup.procs", (uint64_t)pid, e);
	return r;
}

int cgroup_limit(const struct cgroup *c, const struct cgroup_limits *l, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < c->n; i++)
		r = c->dir[i].v2 ? cgroup2_limit(&c->dir[i], l, e)
				 : cgroup1_limit(&c->dir[i], l, e);
	return r;
}

int cgroup_stats(const struct cgroup *c, struct cgroup_stats *ret, struct err *e)
{
	struct cgroup_stats s = { 0 };

	for (unsigned i = 0; i < c->n; i++)
		if (access(c->dir[i].path, F_OK) < 0)
			return err_sys(
				e, "look at the control group '%s'", c->dir[i].path);
		else if (c->dir[i].v2)
			cgroup2_stats(&c->dir[i], &s);
		else
			cgroup1_stats(&c->dir[i], &s);
	*ret = s;
	return 0;
}
