/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup-mounts.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"

#define PROC_FILE_MAX ((size_t)16 << 20)

static const char *const names[CGROUP_CONTROLLERS_N] = {
	[CGROUP_MEMORY] = "memory",
	[CGROUP_CPU] = "cpu",
	[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_PIDS] = "pids",
	[CGROUP_FREEZER] = "freezer",
};

unsigned cgroup_controllers_of(const char *text, const char *seps)
{
	unsigned has = 0;

	while (*text) {
		size_t len = strcspn(text, seps);

		for (unsigned c = 0; c < CGROUP_CONTROLLERS_N; c++)
			if (strlen(names[c]) == len && memcmp(text, names[c], len) == 0)
				has |= CGROUP_BIT(c);
		text += len;
		text += *text != '\0';
	}
	return has;
}

/* Undo mountinfo's \ooo for space, tab, newline and backslash, in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				(s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* the fields of a line of mountinfo that matter */
struct mount_line {
	char *root, *mount, *type, *super;
};

/* "36 35 98:0 /root /mount options optional... - type source super-options", cut up. */
static bool parse_mount(char *line, struct mount_line *m)
{
	char *save = NULL, *field = strtok_r(line, " ", &save);
	unsigned i = 0;

	for (; field && strcmp(field, "-") != 0;
		field = strtok_r(NULL, " ", &save), i++) {
		if (i == 3)
			m->root = field;
		if (i == 4)
			m->mount = field;
	}
	if (!field || i < 6)
		return false;
	m->type = strtok_r(NULL, " ", &save);
	if (!strtok_r(NULL, " ", &save))
		return false;
	m->super = strtok_r(NULL, " ", &save);
	if (!m->type || !m->super)
		return false;
	unescape(m->root);
	unescape(m->mount);
	return m->mount[0] == '/';
}

static bool known_already(const struct cgroup_mounts *m, bool v2, unsigned has)
{
	for (unsigned i = 0; i < m->n; i++)
		if (v2 ? m->h[i].v2 : (m->h[i].has & has) != 0)
			return true;
	return false;
}

static int add_mount(struct cgroup_mounts *m, const struct mount_line *l)
{
	bool v2 = strcmp(l->type, "cgroup2") == 0;
	struct cgroup_hierarchy *h = &m->h[m->n];
	unsigned has;

	if (!v2 && strcmp(l->type, "cgroup") != 0)
		return 0;
	has = v2 ? 0 : cgroup_controllers_of(l->super, ",");
	if ((!v2 && !has) || known_already(m, v2, has) || m->n >= CGROUP_HIERARCHIES_MAX)
		return 0;
	*h = (struct cgroup_hierarchy){ .v2 = v2,
		.has = has,
		.mount = path_clean(l->mount),
		.root = path_clean(l->root) };
	m->n++;
	return h->mount && h->root ? 0 : -ENOMEM;
}

/*
 * The directory of group 'path' of a hierarchy: NULL in 'own' when it is outside of what
 * is mounted. Within a cgroup namespace both are relative to its root, and a group
 * outside of it reads "/../...".
 */
static int set_own(struct cgroup_hierarchy *h, const char *path)
{
	const char *rest;

	if (h->own || path[0] != '/' || strstr(path, "/.."))
		return 0;
	if (strcmp(h->root, "/") == 0)
		rest = path;
	else if (path_beneath(path, h->root))
		rest = path + strlen(h->root);
	else
		return 0;
	auto_free char *joined = str_printf("%s/%s", h->mount, rest);

	h->own = joined ? path_clean(joined) : NULL;
	return h->own ? 0 : -ENOMEM;
}

/* A line "4:memory:/group", or "0::/group" of version 2. */
static int add_own(struct cgroup_mounts *m, char *line)
{
	char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
	unsigned has;
	bool v2;

	if (!path)
		return 0;
	*list++ = '\0';
	*path++ = '\0';
	v2 = strcmp(line, "0") == 0 && !*list;
	has = cgroup_controllers_of(list, ",");
	for (unsigned i = 0; i < m->n; i++)
		if ((v2 ? m->h[i].v2 : (m->h[i].has & has) != 0) &&
			set_own(&m->h[i], path) < 0)
			return -ENOMEM;
	return 0;
}

int cgroup_mounts_parse(const char *mountinfo, const char *cgroup,
	struct cgroup_mounts *ret, struct err *e)
{
	AUTO(cgroup_mounts_clear) struct cgroup_mounts m = { 0 };
	auto_strv struct strv mounts = { 0 }, groups = { 0 };
	int r = strv_split(&mounts, mountinfo, "\n");

	if (r == 0)
		r = strv_split(&groups, cgroup, "\n");
	for (size_t i = 0; r == 0 && i < mounts.n; i++) {
		struct mount_line l = { 0 };

		if (parse_mount(mounts.v[i], &l))
			r = add_mount(&m, &l);
	}
	for (size_t i = 0; r == 0 && i < groups.n; i++)
		r = add_own(&m, groups.v[i]);
	if (r < 0)
		return err_set(e, -r, "read the control groups: %s", strerror(-r));
	*ret = m;
	m.n = 0;
	return 0;
}

int cgroup_mounts_read(struct cgroup_mounts *ret, struct err *e)
{
	auto_buf struct buf mounts = { 0 }, groups = { 0 };
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", PROC_FILE_MAX, &mounts, e);

	if (r == 0)
		r = file_read(AT_FDCWD, "/proc/self/cgroup", PROC_FILE_MAX, &groups, e);
	if (r == -ENOENT) { /* a kernel without control groups */
		*ret = (struct cgroup_mounts){ 0 };
		return 0;
	}
	if (r < 0)
		return r;
	return cgroup_mounts_parse(
		mounts.data ? mounts.data : "", groups.data ? groups.data : "", ret, e);
}

void cgroup_mounts_clear(struct cgroup_mounts *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		free(m->h[i].mount);
		free(m->h[i].root);
		free(m->h[i].own);
	}
	*m = (struct cgroup_mounts){ 0 };
}
