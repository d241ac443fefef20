/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup-host.c - which groups this host lets the caller make, and why not others.
 */
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "linux/cgroup-file.h"

#include <sys/stat.h>

#define SCOPE_PREFIX "brig-"
#define LIMITED \
	(CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_PIDS))

static const char *const labels[CGROUP_CONTROLLERS_N] = { "memory", "cpu", "cpuacct",
	"pids", "freezer" };

const char *cgroup_layout_name(enum cgroup_layout layout)
{
	static const char *const layout_names[] = { "none", "v1", "hybrid", "v2" };

	return layout_names[layout];
}

static void set_layout(struct cgroup_host *h, const struct cgroup_mounts *m)
{
	bool v1 = false, v2 = false;

	for (unsigned i = 0; i < m->n; i++) {
		v1 = v1 || !m->h[i].v2;
		v2 = v2 || m->h[i].v2;
	}
	h->layout = v1 && v2 ? CGROUP_HYBRID
		: v1         ? CGROUP_V1
		: v2         ? CGROUP_V2
			     : CGROUP_NONE;
}

static int add_base(struct cgroup_host *h, const char *path, bool v2, unsigned has)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	h->base[h->base_n++] = (struct cgroup_dir){ .path = copy, .v2 = v2, .has = has };
	return 0;
}

static bool owned_and_writable(const char *dir, uid_t uid)
{
	auto_free char *procs = str_printf("%s/cgroup.procs", dir);
	struct stat st;

	return procs && stat(dir, &st) == 0 && st.st_uid == uid &&
		access(dir, W_OK) == 0 && access(procs, W_OK) == 0;
}

/* Was it made by cgroup_scope_argv()? */
static bool is_our_scope(const char *dir)
{
	const char *name = path_base(dir);

	return str_starts(name, SCOPE_PREFIX) && str_ends(name, ".scope");
}

/*
 * The topmost group at or above one's own that belongs to the user; a scope of our own is
 * enough, and what is above that systemd writes itself. A process may be moved where the
 * common ancestor of both groups can be written, so it has to be one of those above.
 */
static char *topmost_owned(const struct cgroup_hierarchy *v2, uid_t uid)
{
	auto_free char *dir = v2->own ? strdup(v2->own) : NULL;
	char *best = NULL;

	while (dir && path_beneath(dir, v2->mount) && owned_and_writable(dir, uid)) {
		char *slash = strrchr(dir, '/');

		free(best);
		best = strdup(dir);
		if (!slash || slash == dir || strcmp(dir, v2->mount) == 0 ||
			is_our_scope(dir))
			break;
		*slash = '\0';
	}
	return best;
}

static void refuse(struct cgroup_host *h, unsigned c, const char *why, const char *remedy)
{
	h->support[c].ok = false;
	(void)snprintf(h->support[c].why, sizeof(h->support[c].why), "%s", why);
	(void)snprintf(h->support[c].remedy, sizeof(h->support[c].remedy), "%s", remedy);
}

/* Version 2: where groups go, or why there is no such place. */
static int find_v2(struct cgroup_host *h, const struct cgroup_hierarchy *v2, uid_t uid,
	bool has_manager)
{
	auto_free char *top = uid == 0 ? strdup(v2->mount) : topmost_owned(v2, uid);
	auto_free char *there = NULL;
	int r;

	if (top && access(top, W_OK) == 0) {
		there = cgroup_text(top, "cgroup.controllers", 4096);
		r = add_base(h, top, true,
			(there ? cgroup_controllers_of(there, " \n") & LIMITED : 0) |
				CGROUP_BIT(CGROUP_FREEZER) | CGROUP_BIT(CGROUP_CPUACCT));
		if (r < 0)
			return r;
		for (unsigned c = 0; c < CGROUP_CONTROLLERS_N; c++)
			if (!h->support[c].ok &&
				h->base[h->base_n - 1].has & CGROUP_BIT(c))
				h->support[c].ok = true;
			else if (!h->support[c].ok && h->layout == CGROUP_V2 && uid != 0)
				refuse(h, c,
					"systemd does not delegate this controller to "
					"users",
					"as root put '[Service]' and 'Delegate=cpu "
					"memory pids' "
					"into "
					"/etc/systemd/system/user@.service.d/"
					"delegate.conf, "
					"run 'systemctl daemon-reload', log in again");
		return 0;
	}
	h->needs_scope = uid != 0 && has_manager;
	for (unsigned c = 0; c < CGROUP_CONTROLLERS_N; c++)
		if (h->support[c].ok || h->layout != CGROUP_V2)
			continue;
		else if (uid == 0)
			refuse(h, c, "the cgroup file system is mounted read-only",
				"mount it read-write, or start the container that this "
				"is with "
				"a writable /sys/fs/cgroup");
		else if (has_manager)
			refuse(h, c,
				"the session's control group is not delegated to this "
				"user",
				"run it under: systemd-run --user --scope -p "
				"Delegate=yes");
		else
			refuse(h, c, "no control group is delegated to this user",
				"log in through systemd-logind (loginctl enable-linger "
				"USER), or "
				"run as root");
	return 0;
}

/* Version 1: one's own group, so that what holds for us holds for it. */
static int find_v1(struct cgroup_host *h, const struct cgroup_hierarchy *v1, uid_t uid,
	bool v2_freezes)
{
	unsigned has = v1->has;
	const char *dir = v1->own && access(v1->own, F_OK) == 0 ? v1->own : v1->mount;

	/* version 2 freezes as well, and kills at one stroke */
	if (v2_freezes)
		has &= ~CGROUP_BIT(CGROUP_FREEZER);
	if (!has)
		return 0;
	if (access(dir, W_OK) == 0) {
		for (unsigned c = 0; c < CGROUP_CONTROLLERS_N; c++)
			h->support[c].ok = h->support[c].ok || has & CGROUP_BIT(c);
		return add_base(h, dir, false, has);
	}
	for (unsigned c = 0; c < CGROUP_CONTROLLERS_N; c++)
		if (has & CGROUP_BIT(c) && uid == 0)
			refuse(h, c, "the cgroup file system is mounted read-only",
				"mount it read-write");
		else if (has & CGROUP_BIT(c))
			refuse(h, c,
				"version 1 of control groups is not delegated to users",
				"run as root, or boot with "
				"systemd.unified_cgroup_hierarchy=1");
	return 0;
}

static const struct cgroup_hierarchy *find_v2_hierarchy(const struct cgroup_mounts *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->h[i].v2)
			return &m->h[i];
	return NULL;
}

int cgroup_host_of(const struct cgroup_mounts *m, uid_t uid, bool has_manager,
	struct cgroup_host *ret, struct err *e)
{
	AUTO(cgroup_host_clear) struct cgroup_host h = { 0 };
	const struct cgroup_hierarchy *v2 = find_v2_hierarchy(m);
	int r = 0;

	set_layout(&h, m);
	for (unsigned c = 0; c < CGROUP_CONTROLLERS_N; c++) {
		char why[64];

		(void)snprintf(
			why, sizeof(why), "no %s controller is mounted", labels[c]);
		refuse(&h, c, why,
			"mount cgroup2 at /sys/fs/cgroup; the kernel may need the "
			"controller "
			"built in or enabled on its command line");
	}
	if (v2)
		r = find_v2(&h, v2, uid, has_manager);
	for (unsigned i = 0; r == 0 && i < m->n; i++)
		if (!m->h[i].v2)
			r = find_v1(&h, &m->h[i], uid, h.base_n > 0 && h.base[0].v2);
	if (r < 0)
		return err_set(e, -r, "look for control groups: %s", strerror(-r));
	*ret = h;
	h.base_n = 0;
	return 0;
}

/* Does systemd run for this user, and is its client there? */
static bool user_manager_runs(uid_t uid)
{
	auto_free char *socket = str_printf("/run/user/%u/systemd/private", uid);

	return socket && access(socket, F_OK) == 0 &&
		(access("/usr/bin/systemd-run", X_OK) == 0 ||
			access("/bin/systemd-run", X_OK) == 0);
}

int cgroup_probe(struct cgroup_host *ret, struct err *e)
{
	AUTO(cgroup_mounts_clear) struct cgroup_mounts m = { 0 };
	int r = cgroup_mounts_read(&m, e);

	if (r < 0)
		return r;
	return cgroup_host_of(&m, geteuid(), user_manager_runs(geteuid()), ret, e);
}

void cgroup_host_clear(struct cgroup_host *h)
{
	for (unsigned i = 0; i < h->base_n; i++)
		free(h->base[i].path);
	h->base_n = 0;
}

int cgroup_scope_argv(struct strv *argv, const char *name)
{
	int r = strv_split(argv,
		"systemd-run --user --scope --quiet --collect -p Delegate=yes", " ");

	if (r == 0)
		r = strv_addf(argv, "--unit=" SCOPE_PREFIX "%s", name);
	return r == 0 ? strv_add(argv, "--") : r;
}
