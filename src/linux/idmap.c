/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/idmap.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "linux/subid.h"

#include <pwd.h>
#include <sys/prctl.h>

#define SUBID_FILE_MAX ((size_t)4 << 20)

/* The ids of an ordinary user: the caller stays itself, the range fills what is left. */
static unsigned split_range(
	struct idmap_range *to, uint32_t caller, struct subid_range sub)
{
	uint32_t below = caller < IDMAP_IDS ? caller : IDMAP_IDS, above;
	unsigned n = 0;

	if (below > sub.count)
		below = sub.count;
	if (below)
		to[n++] = (struct idmap_range){ 0, sub.first, below };
	to[n++] = (struct idmap_range){ caller, caller, 1 };
	above = caller < IDMAP_IDS ? IDMAP_IDS - 1 - caller : 0;
	if (above > sub.count - below)
		above = sub.count - below;
	if (above)
		to[n++] = (struct idmap_range){ caller + 1, sub.first + below, above };
	return n;
}

static void make_single(struct idmap *m, const struct idmap_source *src, const char *why)
{
	*m = (struct idmap){ .single = true, .uid_n = 1, .gid_n = 1 };
	m->uid[0] = (struct idmap_range){ 0, src->uid, 1 };
	m->gid[0] = (struct idmap_range){ 0, src->gid, 1 };
	(void)snprintf(m->why, sizeof(m->why), "%s", why);
}

static void make_root(struct idmap *m, const struct idmap_source *src)
{
	struct subid_query q = { .name = src->name, .want = IDMAP_IDS };
	struct subid_range uid = { IDMAP_ROOT_FIRST, IDMAP_IDS }, gid = uid;

	(void)subid_find(src->subuid, &q, &uid);
	(void)subid_find(src->subgid, &q, &gid);
	if (uid.count > IDMAP_IDS)
		uid.count = IDMAP_IDS;
	if (gid.count > IDMAP_IDS)
		gid.count = IDMAP_IDS;
	/* root of a user namespace may lack them all */
	if (!subid_mapped(src->uid_map, uid) || !subid_mapped(src->gid_map, gid)) {
		make_single(m, src, "this user namespace lacks the ids of root's range");
		return;
	}
	*m = (struct idmap){ .root = true, .uid_n = 1, .gid_n = 1 };
	m->uid[0] = (struct idmap_range){ 0, uid.first, uid.count };
	m->gid[0] = (struct idmap_range){ 0, gid.first, gid.count };
}

static void make_user(struct idmap *m, const struct idmap_source *src)
{
	struct subid_query q = { src->name, src->uid, src->uid, IDMAP_IDS };
	struct subid_range uid, gid;

	if (!subid_find(src->subuid, &q, &uid)) {
		make_single(m, src, "/etc/subuid has no range for this user");
		return;
	}
	q.avoid = src->gid;
	if (!subid_find(src->subgid, &q, &gid)) {
		make_single(m, src, "/etc/subgid has no range for this user");
		return;
	}
	if (!subid_mapped(src->uid_map, uid) || !subid_mapped(src->gid_map, gid)) {
		make_single(m, src, "this user namespace lacks the subordinate ids");
		return;
	}
	if (src->no_helpers) {
		make_single(m, src, src->no_helpers);
		return;
	}
	*m = (struct idmap){ .work_uid = src->uid, .work_gid = src->gid };
	m->uid_n = split_range(m->uid, src->uid, uid);
	m->gid_n = split_range(m->gid, src->gid, gid);
}

int idmap_from_source(const struct idmap_source *src, struct idmap *ret, struct err *e)
{
	if (src->uid == (uid_t)-1 || src->gid == (gid_t)-1)
		return err_set(e, EINVAL, "the caller has no valid user or group id");
	if (src->uid == 0)
		make_root(ret, src);
	else
		make_user(ret, src);
	return 0;
}

/* Is the program in a directory of PATH? posix_spawnp() will look the same way. */
static bool program_exists(const char *name)
{
	const char *path = getenv("PATH");
	auto_strv struct strv dirs = { 0 };

	if (strv_split(&dirs, path ? path : "/bin:/usr/bin", ":") < 0)
		return false;
	for (size_t i = 0; i < dirs.n; i++) {
		auto_free char *file = str_printf("%s/%s", dirs.v[i], name);

		if (file && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static const char *helpers_missing(void)
{
	if (!program_exists("newuidmap") || !program_exists("newgidmap"))
		return "newuidmap or newgidmap is not installed (package uidmap)";
	/* set-user-ID programs gain nothing then */
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return "newuidmap has no effect in a process with no_new_privs";
	return NULL;
}

/* The text of a file that may be missing; one that is too large or unreadable is an
 * error. */
static int read_optional(const char *path, struct buf *out, struct err *e)
{
	int r = file_read(AT_FDCWD, path, SUBID_FILE_MAX, out, e);

	if (r < 0 && r != -ENOENT && r != -EACCES)
		return r;
	return buf_add(out, "", 0) < 0 ? err_set(e, ENOMEM, "read '%s'", path) : 0;
}

static const char *text_of(const struct buf *b)
{
	return b->data ? b->data : "";
}

int idmap_for_caller(struct idmap *ret, struct err *e)
{
	auto_buf struct buf subuid = { 0 }, subgid = { 0 }, uid_map = { 0 },
			    gid_map = { 0 };
	struct err ignored = { 0 };
	struct passwd *pw;
	struct idmap_source src = { .uid = geteuid(), .gid = getegid() };

	if (read_optional("/etc/subuid", &subuid, &ignored) < 0 ||
		read_optional("/etc/subgid", &subgid, &ignored) < 0) {
		if (e)
			*e = ignored;
		return -ignored.code;
	}
	if (file_read(AT_FDCWD, "/proc/self/uid_map", SUBID_FILE_MAX, &uid_map, e) < 0 ||
		file_read(AT_FDCWD, "/proc/self/gid_map", SUBID_FILE_MAX, &gid_map, e) <
			0)
		return e ? -e->code : -EIO;
	/* by number alone when the user has no name */
	pw = getpwuid(src.uid);
	src.name = pw ? pw->pw_name : NULL;
	src.subuid = text_of(&subuid);
	src.subgid = text_of(&subgid);
	src.uid_map = text_of(&uid_map);
	src.gid_map = text_of(&gid_map);
	src.no_helpers = src.uid == 0 ? NULL : helpers_missing();
	return idmap_from_source(&src, ret, e);
}

static uint64_t hash_ranges(uint64_t h, const struct idmap_range *r, unsigned n)
{
	/* FNV-1a, 64 bits; over values, so that the tag is the same on every machine */
	for (unsigned i = 0; i < n; i++) {
		const uint32_t v[] = { r[i].inside, r[i].outside, r[i].count };

		for (unsigned k = 0; k < 3 * 4; k++) {
			h ^= (v[k / 4] >> (k % 4 * 8)) & 0xff;
			h *= 0x100000001b3ULL;
		}
	}
	h ^= 0xff; /* between uids and gids */
	return h * 0x100000001b3ULL;
}

const char *idmap_tag(const struct idmap *m, char out[IDMAP_TAG_MAX])
{
	uint64_t h = 0xcbf29ce484222325ULL;

	h = hash_ranges(h, m->uid, m->uid_n);
	h = hash_ranges(h, m->gid, m->gid_n);
	(void)snprintf(out, IDMAP_TAG_MAX, "%016llx", (unsigned long long)h);
	return out;
}

static bool to_inside(const struct idmap_range *r, unsigned n, uint32_t id, uint32_t *ret)
{
	for (unsigned i = 0; i < n; i++)
		if (id >= r[i].outside && id - r[i].outside < r[i].count) {
			*ret = r[i].inside + (id - r[i].outside);
			return true;
		}
	return false;
}

static bool to_outside(
	const struct idmap_range *r, unsigned n, uint32_t id, uint32_t *ret)
{
	for (unsigned i = 0; i < n; i++)
		if (id >= r[i].inside && id - r[i].inside < r[i].count) {
			*ret = r[i].outside + (id - r[i].inside);
			return true;
		}
	return false;
}

bool idmap_inside_uid(const struct idmap *m, uid_t outside, uid_t *inside)
{
	return to_inside(m->uid, m->uid_n, outside, inside);
}

bool idmap_inside_gid(const struct idmap *m, gid_t outside, gid_t *inside)
{
	return to_inside(m->gid, m->gid_n, outside, inside);
}

bool idmap_outside_uid(const struct idmap *m, uid_t inside, uid_t *outside)
{
	return to_outside(m->uid, m->uid_n, inside, outside);
}

bool idmap_outside_gid(const struct idmap *m, gid_t inside, gid_t *outside)
{
	return to_outside(m->gid, m->gid_n, inside, outside);
}
