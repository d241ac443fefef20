/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.h - who a command runs as: Docker's "user[:group]" looked up in two texts.
 *
 * The texts are /etc/passwd and /etc/group of the sandbox's root, so they are hostile:
 * lines that are not well formed count as absent, everything is bounded. A number needs
 * no entry; then the group is 0 and the home "/", as Docker has it.
 */
#ifndef BRIG_GUEST_USER_H
#define BRIG_GUEST_USER_H

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

#define USER_GROUPS_MAX 256U
#define USER_TEXT_MAX   ((size_t)4 << 20)

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* supplementary, 'gid' not among them */
	size_t n_groups;
	char name[64]; /* "" when the number has no entry */
	char home[256];
	char shell[256];
};

/*
 * Resolve 'spec': "" (root), "uid", "uid:gid", "name", "name:group" and mixtures.
 *
 * Should:  give the supplementary groups of the user unless a group is named.
 * Mustn't: take 4294967295 for an id: to the kernel it means "leave as it is".
 */
int user_resolve(const char *spec, const char *passwd, const char *group,
	struct user *ret, struct err *e);

/*
 * Append the text of a file that a stranger may have put there; absent is empty.
 *
 * Mustn't: block on a FIFO or a device, or read without bound.
 */
int user_read_text(const char *path, struct buf *out, struct err *e);

#endif
