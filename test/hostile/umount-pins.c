/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: unmount what brig mounted over parts of the workspace, or look beneath it with a
 * copy of the mount that leaves its children out, and write git's hooks.
 * Gain: a program that the host's git runs at the next commit.
 * Setup: git
 * Expect: chroot=escapes nspawn=stops container=stops
 * Expect user: chroot=stops
 * Layer: locked mounts
 *
 * Inside, that is. What was planted is found at the end of the session all the same; the
 * git-* attempts look at that.
 */
#include "hostile.h"

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif

static int plant(const char *hooks)
{
	char hook[PATH_MAX];
	int fd;

	(void)snprintf(hook, sizeof(hook), "%s/pre-commit", hooks);
	fd = open(hook, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	return fd >= 0 ? 0 : 1;
}

static int unmount(void)
{
	static const char *const pins[] = { ".git/hooks", ".git/config", ".git" };

	for (int i = 0; i < 3; i++)
		while (umount2(pins[i], MNT_DETACH) == 0)
			;
	return plant(".git/hooks");
}

static int look_beneath(void)
{
	char path[64];
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, ".", 1 | O_CLOEXEC);

	if (fd < 0)
		return 1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/.git/hooks", fd);
	return plant(path);
}

static int bind_beneath(void)
{
	if (mkdir("/tmp/beneath", 0700) < 0 && errno != EEXIST)
		return 1;
	if (mount(".", "/tmp/beneath", NULL, MS_BIND, NULL) < 0)
		return 1;
	return plant("/tmp/beneath/.git/hooks");
}

static int all(void)
{
	return in_child(look_beneath) == 0 || in_child(bind_beneath) == 0 ||
			in_child(unmount) == 0
		? 0
		: 1;
}

static int all_in_userns(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? 1 : all();
}

int main(void)
{
	if (access(".git/hooks", F_OK) < 0)
		untried("there is no repository");
	if (plant(".git/hooks") == 0)
		escaped("the hooks can be written as they are");
	if (rename(".git", "moved") == 0)
		escaped(".git can be renamed");
	if (in_child(all) == 0)
		escaped("planted a hook beneath the pins");
	if (in_child(all_in_userns) == 0)
		escaped("planted a hook beneath the pins in a user namespace");
	stopped("the hooks stay read-only, their way stays pinned");
}
