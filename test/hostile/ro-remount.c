/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make a ":ro" directory writable: remount it, mount_setattr(), a copy of it by
 * open_tree(), the same in a user namespace of its own; or unmount it.
 * Gain: what was shared with ":ro", and the host's /usr, changed.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Expect user: chroot=stops
 * Layer: locked mounts
 *
 * Flags of mounts that came from the outer user namespace are locked for the inner one.
 */
#include "hostile.h"

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#define TREE_CLONE 1

struct attr {
	uint64_t set, clr, propagation, userns;
};

static const char *dir;

static bool writable_now(int fd)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return can_write(path) || can_write(dir);
}

static int loosen(void)
{
	struct attr rw = { .clr = 1 /* MOUNT_ATTR_RDONLY */ };
	unsigned flags[] = { TREE_CLONE | O_CLOEXEC,
		TREE_CLONE | O_CLOEXEC | AT_RECURSIVE };

	if (mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) ==
			0 &&
		can_write(dir))
		return 0;
	if (syscall(SYS_mount_setattr, AT_FDCWD, dir, 0, &rw, sizeof(rw)) == 0 &&
		can_write(dir))
		return 0;
	for (int i = 0; i < 2; i++) {
		int fd = (int)syscall(SYS_open_tree, AT_FDCWD, dir, flags[i]);

		if (fd < 0)
			continue;
		(void)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &rw, sizeof(rw));
		if (writable_now(fd))
			return 0;
	}
	return 1;
}

static int loosen_in_userns(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? 1 : loosen();
}

int main(void)
{
	dir = given("RO_DIR");
	for (int i = 0; i < 2; i++) {
		if (can_write(dir))
			escaped("%s can be written", dir);
		if (in_child(loosen) == 0)
			escaped("%s was made writable", dir);
		if (in_child(loosen_in_userns) == 0)
			escaped("%s was made writable in a user namespace", dir);
		dir = "/usr";
	}
	stopped("it stays read-only");
}
