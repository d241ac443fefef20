/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/user.h"

#include "base/buf.h"
#include "base/err.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define FIELDS_MAX 7

struct field {
	const char *at;
	size_t len;
};

static bool field_is(struct field f, const char *text)
{
	return f.len == strlen(text) && memcmp(f.at, text, f.len) == 0;
}

static bool field_to_id(struct field f, uint32_t *ret)
{
	uint64_t v = 0;

	if (f.len == 0 || f.len > 10)
		return false;
	for (size_t i = 0; i < f.len; i++) {
		if (f.at[i] < '0' || f.at[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(f.at[i] - '0');
	}
	if (v >= UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static void field_copy(struct field f, char *into, size_t size)
{
	if (f.len >= size)
		f.len = 0;
	memcpy(into, f.at, f.len);
	into[f.len] = '\0';
}

/* Cut the next line of '*text' into fields at ':'. Returns their number, -1 at the end.
 */
static int next_line(const char **text, struct field f[FIELDS_MAX])
{
	const char *p = *text;
	size_t len = strcspn(p, "\n");
	int n = 0;

	if (*p == '\0')
		return -1;
	*text = p + len + (p[len] == '\n');
	for (const char *end = p + len; n < FIELDS_MAX; n++) {
		const char *colon = memchr(p, ':', (size_t)(end - p));

		f[n] = (struct field){ p, (size_t)((colon ? colon : end) - p) };
		if (!colon)
			return n + 1;
		p = colon + 1;
	}
	return n;
}

/* name:password:uid:gid:comment:home:shell */
static bool find_user(struct field want, const char *passwd, struct user *u)
{
	struct field f[FIELDS_MAX];
	uint32_t number = 0, uid, gid;
	bool by_id = field_to_id(want, &number);

	for (int n; (n = next_line(&passwd, f)) >= 0;) {
		if (n < FIELDS_MAX || !field_to_id(f[2], &uid) ||
			!field_to_id(f[3], &gid) || f[0].len == 0)
			continue;
		if (by_id ? uid != number
			  : want.len != f[0].len || memcmp(want.at, f[0].at, want.len))
			continue;
		u->uid = uid;
		u->gid = gid;
		field_copy(f[0], u->name, sizeof(u->name));
		field_copy(f[5], u->home, sizeof(u->home));
		field_copy(f[6], u->shell, sizeof(u->shell));
		return true;
	}
	u->uid = number;
	return by_id;
}

/* name:password:gid:member,member */
static bool find_group(struct field want, const char *group, gid_t *ret)
{
	struct field f[FIELDS_MAX];
	uint32_t gid;

	if (field_to_id(want, ret))
		return true;
	for (int n; (n = next_line(&group, f)) >= 0;)
		if (n >= 3 && f[0].len == want.len && want.len &&
			memcmp(f[0].at, want.at, want.len) == 0 &&
			field_to_id(f[2], &gid)) {
			*ret = gid;
			return true;
		}
	return false;
}

static bool has_member(struct field members, const char *name)
{
	const char *p = members.at, *end = p + members.len;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		struct field one = { p, (size_t)((comma ? comma : end) - p) };

		if (field_is(one, name))
			return true;
		p += one.len + 1;
	}
	return false;
}

static void add_groups(const char *group, struct user *u)
{
	struct field f[FIELDS_MAX];
	uint32_t gid;

	if (!u->name[0])
		return;
	for (int n; (n = next_line(&group, f)) >= 0 && u->n_groups < USER_GROUPS_MAX;)
		if (n >= 4 && field_to_id(f[2], &gid) && gid != u->gid &&
			has_member(f[3], u->name))
			u->groups[u->n_groups++] = gid;
}

int user_resolve(const char *spec, const char *passwd, const char *group,
	struct user *ret, struct err *e)
{
	const char *colon = strchr(spec, ':');
	struct field who = { spec, colon ? (size_t)(colon - spec) : strlen(spec) };
	struct user u = { 0 };

	if (who.len == 0)
		who = (struct field){ "0", 1 };
	if (!find_user(who, passwd, &u))
		return err_set(e, EINVAL, "user '%.*s': not in /etc/passwd", (int)who.len,
			who.at);
	if (colon && colon[1]) {
		struct field which = { colon + 1, strlen(colon + 1) };

		if (!find_group(which, group, &u.gid))
			return err_set(
				e, EINVAL, "group '%s': not in /etc/group", colon + 1);
	} else {
		add_groups(group, &u);
	}
	if (u.home[0] != '/')
		(void)snprintf(u.home, sizeof(u.home), "/");
	*ret = u;
	return 0;
}

int user_read_text(const char *path, struct buf *out, struct err *e)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			? buf_add_str(out, "")
			: err_sys(e, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s' is no regular file", path);
	out->max = USER_TEXT_MAX;
	do
		n = buf_read(out, fd, 16384);
	while (n > 0);
	if (n < 0)
		return err_set(e, (int)-n, "read '%s': %s", path, strerror((int)-n));
	/* The parsers stop at a NUL; a text that holds one ends there. */
	return 0;
}
