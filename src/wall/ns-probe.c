/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns-probe.c - may this user make the namespaces of a wall here?
 */
#include "wall/ns.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "linux/ns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* In a child, since it can't be taken back: may this user make these namespaces? */
static int try_namespaces(bool userns)
{
	pid_t pid = ns_clone((userns ? CLONE_NEWUSER : 0) | CLONE_NEWNS, NULL);
	int status;

	if (pid == 0)
		_exit(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0);
	if (pid < 0)
		return pid;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

/* A setting of the kernel's that is a number; 'otherwise' where it isn't there. */
static long setting(const char *path, long otherwise)
{
	auto_buf struct buf text = { 0 };

	if (file_read(AT_FDCWD, path, 64, &text, NULL) < 0)
		return otherwise;
	return strtol(text.data, NULL, 10);
}

/* Nothing is known that could forbid user namespaces: no need to spend a process on trying. */
static bool nothing_forbids(void)
{
	return setting("/proc/sys/user/max_user_namespaces", 0) > 0 &&
		setting("/proc/sys/kernel/unprivileged_userns_clone", 1) != 0 &&
		setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 0;
}

int ns_probe(const struct ns_profile *p, struct err *e)
{
	bool userns = !(p->host_ids_for_root && geteuid() == 0);
	int r = userns && nothing_forbids() ? 0 : try_namespaces(userns);

	if (r < 0) {
		(void)err_set(e, -r, "%s namespaces are not to be had here: %s",
			userns ? "user" : "mount", err_text(-r));
		err_hint(e, "brig doctor says why and what to do");
		return r;
	}
	return 0;
}
