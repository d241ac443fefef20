/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap.h - which user and group ids a user namespace has, and giving them to it.
 *
 * One map for a calling user, the same every time, so that files made under it keep
 * their owners from one run to the next (user_namespaces(7), subuid(5)):
 *
 * - an ordinary user with a subordinate range: inside N <-> caller for the caller's own
 *   id N, the other ids 0..65535 <-> the range, in order;
 * - an ordinary user without one: inside 0 <-> caller and nothing else ("single");
 * - root: 0..65535 <-> root's subordinate range, or 524288..589823; never root itself.
 *
 * A struct idmap owns nothing and may be copied.
 */
#ifndef BRIG_LINUX_IDMAP_H
#define BRIG_LINUX_IDMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define IDMAP_TAG_MAX    40
#define IDMAP_RANGES_MAX 4
#define IDMAP_WHY_MAX    160

/* ids of the classic range; what images may use */
#define IDMAP_IDS 65536U

/* where root's sandboxes live when /etc/subuid names no range for root */
#define IDMAP_ROOT_FIRST 524288U

struct idmap_range {
	uint32_t inside, outside, count;
};

struct idmap {
	struct idmap_range uid[IDMAP_RANGES_MAX];
	unsigned uid_n;
	struct idmap_range gid[IDMAP_RANGES_MAX];
	unsigned gid_n;
	bool single;    /* no subordinate range: one id, setgroups(2) denied */
	bool root;      /* made by root, written without helpers */
	uid_t work_uid; /* inside ids of the calling user */
	gid_t work_gid;
	char why[IDMAP_WHY_MAX]; /* why the map is single, for doctor; else empty */
};

/*
 * The map of the process's effective user.
 *
 * Should:  use less than 65536 ids when the range is shorter, add a mapping of its own
 * for a caller whose id is above 65535, and fall back to a single map with the reason in
 *          'why' when ranges or the helpers newuidmap(1), newgidmap(1) are missing.
 * Mustn't: map an id that this user namespace lacks, or root's own id when root asks.
 */
int idmap_for_caller(struct idmap *ret, struct err *e);

/* The same for anyone, from the texts of the files; see idmap_for_caller. */
struct idmap_source {
	uid_t uid;
	gid_t gid;
	const char *name;       /* login name, NULL without */
	const char *subuid;     /* text of /etc/subuid */
	const char *subgid;     /* text of /etc/subgid */
	const char *uid_map;    /* text of /proc/self/uid_map */
	const char *gid_map;    /* text of /proc/self/gid_map */
	const char *no_helpers; /* why newuidmap can't be used, NULL when it can */
};
int idmap_from_source(const struct idmap_source *src, struct idmap *ret, struct err *e);

/*
 * Write the maps of the user namespace that process 'pid' has just made, from outside of
 * it. Root and a single map write directly; else newuidmap and newgidmap run, both at
 * once, for at most ten seconds.
 */
int idmap_write(const struct idmap *m, pid_t pid, struct err *e);

/*
 * Called inside a namespace that has map 'm', by its root with CAP_SETUID, CAP_SETGID and
 * CAP_SETFCAP: give the namespace nested in it, made by 'pid', every inside id as itself.
 * 'proc' is a /proc that knows it by this number, AT_FDCWD for what is mounted there.
 */
int idmap_write_identity(const struct idmap *m, int proc, pid_t pid, struct err *e);

/* A short text that is the same for the same ranges, good as a file name. Returns 'out'.
 */
const char *idmap_tag(const struct idmap *m, char out[IDMAP_TAG_MAX]);

/*
 * Move this process, which must have one thread, into a new user namespace with map 'm'
 * and become its root: uid and gid 0, every capability in there, no supplementary groups
 * (a single map keeps them: the kernel lets nobody drop groups there). The process stays
 * dumpable, so that its children's /proc files stay its own.
 */
int idmap_enter(const struct idmap *m, struct err *e);

/* A new user namespace with map 'm' that nobody is in, for mount_idmap(). Returns its fd.
 */
int idmap_open_userns(const struct idmap *m, struct err *e);

/* Between ids; false when the map doesn't have the id. */
bool idmap_inside_uid(const struct idmap *m, uid_t outside, uid_t *inside);
bool idmap_inside_gid(const struct idmap *m, gid_t outside, gid_t *inside);
bool idmap_outside_uid(const struct idmap *m, uid_t inside, uid_t *outside);
bool idmap_outside_gid(const struct idmap *m, gid_t inside, gid_t *outside);

#endif
