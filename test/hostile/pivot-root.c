/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make a mount namespace, pivot_root() so that the root's parent comes to light
 * below a directory, and look there; and unmount the root itself.
 * Gain: the file system that the sandbox's root was mounted over.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Expect plain: chroot=escapes
 * Expect user-root: chroot=escapes
 * Layer: mount namespace
 */
#include "hostile.h"

static int below_old_root(void)
{
	if (mkdir("/tmp/new", 0700) < 0 && errno != EEXIST)
		return 1;
	if (mount("/", "/tmp/new", NULL, MS_BIND | MS_REC, NULL) < 0 ||
		chdir("/tmp/new") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return 1;
	if (secret_below(AT_FDCWD))
		return 0;
	(void)umount2(".", MNT_DETACH);
	return secret_below(AT_FDCWD) ? 0 : 1;
}

static int below_unmounted_root(void)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (umount2("/", MNT_DETACH) < 0)
		return 1;
	return secret_below(AT_FDCWD) || secret_below(root) ? 0 : 1;
}

static int in_own_namespace(int (*step)(void))
{
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 1;
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return step();
}

static int pivot(void)
{
	return in_own_namespace(below_old_root);
}

static int unmount(void)
{
	return in_own_namespace(below_unmounted_root);
}

/* A chrooted process can't pivot; the mount namespace's real root is another process's. */
static int through_setns(void)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
		return 1;
	return secret_below(AT_FDCWD) ? 0 : 1;
}

int main(void)
{
	if (in_child(pivot) == 0)
		escaped("pivot_root() showed the host's files");
	if (in_child(unmount) == 0)
		escaped("the host's files lie below the unmounted root");
	if (in_child(through_setns) == 0)
		escaped("setns() to its own mount namespace leads to the root of that");
	stopped("there is nothing of the host's below the root");
}
