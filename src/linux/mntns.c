/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/mntns.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "linux/pidfds.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t)
#endif

#define ROUND_WAIT_US 2000U

static void look(const char *pid, struct mntns *ret)
{
	char path[64];
	auto_fd int fd = -1;
	struct stat st;

	*ret = (struct mntns){ 0 };
	(void)snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	ret->inode = st.st_ino;
	if (ioctl(fd, NS_GET_MNTNS_ID, &ret->id) < 0)
		ret->id = 0;
	(void)snprintf(path, sizeof(path), "/proc/%.20s/root", pid);
	ret->root = stat(path, &st) == 0 ? st.st_ino : 0;
}

void mntns_of(pid_t pid, struct mntns *ret)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%d", pid);
	look(pid ? text : "self", ret);
}

static bool is_inside(const char *pid, const struct mntns *ns)
{
	char path[64];
	struct mntns its;
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	/* most processes are told apart by this alone, and it opens nothing */
	if (stat(path, &st) < 0 || st.st_ino != ns->inode)
		return false;
	look(pid, &its);
	if (its.inode != ns->inode)
		return false;
	if (ns->id)
		return its.id == ns->id;
	return ns->root && its.root == ns->root;
}

/* Returns how many there were. */
static int kill_round(const struct mntns *ns)
{
	DIR *proc = opendir("/proc");
	int n = 0;

	for (struct dirent *d; proc && (d = readdir(proc));) {
		auto_fd int fd = -1;

		if (d->d_name[0] < '1' || d->d_name[0] > '9' || !is_inside(d->d_name, ns))
			continue;
		fd = pidfd_open_pid((pid_t)strtol(d->d_name, NULL, 10), NULL);
		/* the number may have a new owner since: look again, now that it can't
		 * change */
		if (fd < 0 || !is_inside(d->d_name, ns))
			continue;
		(void)pidfd_kill(fd, SIGKILL);
		n++;
	}
	if (proc)
		(void)closedir(proc);
	return n;
}

int mntns_kill(const struct mntns *ns, uint64_t wait_ns, struct err *e)
{
	uint64_t until = clock_mono_ns() + wait_ns;
	struct mntns own;

	mntns_of(0, &own);
	if (!ns->inode || !own.inode || own.inode == ns->inode)
		return 0;
	while (kill_round(ns) > 0) {
		if (clock_mono_ns() > until)
			return err_set(e, EBUSY, "processes of the sandbox do not end");
		(void)usleep(ROUND_WAIT_US);
	}
	return 0;
}
