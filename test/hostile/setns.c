/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: enter other namespaces: those of every process in /proc, the parents and owners
 * of its own (NS_GET_PARENT, NS_GET_USERNS), and the host's first ones by file handle,
 * whose numbers are the same on every machine.
 * Gain: the host's mounts, network, processes.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: user namespace
 */
#include "hostile.h"

#include <linux/nsfs.h>
#include <sys/ioctl.h>

static const char *const kinds[] = { "user", "mnt", "pid", "pid_for_children", "net",
	"ipc", "uts", "cgroup" };
static struct stat own[8];

static bool is_own(int fd)
{
	struct stat st;

	for (int i = 0; i < 8; i++)
		if (fstat(fd, &st) == 0 && st.st_dev == own[i].st_dev &&
			st.st_ino == own[i].st_ino)
			return true;
	return false;
}

static void enter(int fd, const char *how)
{
	pid_t pid;
	int status;

	if (fd < 0 || is_own(fd))
		return;
	pid = fork();
	if (pid == 0)
		_exit(setns(fd, 0) == 0 ? 0 : 1);
	if (waitpid(pid, &status, 0) == pid && status == 0)
		escaped("entered a namespace outside by %s", how);
}

static void enter_all(const char *path)
{
	char ns[PATH_MAX];

	for (int i = 0; i < 8; i++) {
		(void)snprintf(ns, sizeof(ns), "%s/%s", path, kinds[i]);
		enter(open(ns, O_RDONLY | O_CLOEXEC), ns);
	}
}

static void upwards(void)
{
	char ns[64];

	for (int i = 0; i < 8; i++) {
		int fd;

		(void)snprintf(ns, sizeof(ns), "/proc/self/ns/%s", kinds[i]);
		fd = open(ns, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		enter(ioctl(fd, NS_GET_PARENT), "NS_GET_PARENT");
		enter(ioctl(fd, NS_GET_USERNS), "NS_GET_USERNS");
	}
}

/* struct nsfs_file_handle of Linux 6.18: u64 id, u32 type, u32 inode */
static void by_handle(void)
{
	static const uint32_t first[][2] = { { CLONE_NEWUSER, 0xEFFFFFFDU },
		{ CLONE_NEWPID, 0xEFFFFFFCU }, { CLONE_NEWNET, 0xEFFFFFF9U },
		{ CLONE_NEWUTS, 0xEFFFFFFEU }, { CLONE_NEWIPC, 0xEFFFFFFFU },
		{ CLONE_NEWCGROUP, 0xEFFFFFFBU }, { CLONE_NEWNS, 0xEFFFFFF8U } };
	struct {
		struct file_handle h;
		unsigned char bytes[MAX_HANDLE_SZ];
	} h = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, self = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (self < 0 || name_to_handle_at(self, "", &h.h, &mount_id, AT_EMPTY_PATH) < 0 ||
		h.h.handle_bytes != 16)
		return;
	for (uint64_t id = 0; id < 64; id++)
		for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
			(void)memcpy(h.h.f_handle, &id, 8);
			(void)memcpy(h.h.f_handle + 8, first[i], 8);
			enter(open_by_handle_at(self, &h.h, O_RDONLY | O_CLOEXEC),
				"handle");
		}
}

int main(void)
{
	for (int i = 0; i < 8; i++) {
		char ns[64];

		(void)snprintf(ns, sizeof(ns), "/proc/self/ns/%s", kinds[i]);
		(void)stat(ns, &own[i]);
	}
	each_process("/ns", enter_all);
	upwards();
	by_handle();
	stopped("no other namespace can be entered");
}
