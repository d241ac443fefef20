/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe-table.c - the probes themselves.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "linux/caps.h"
#include "linux/cgroup.h"
#include "linux/fsname.h"
#include "linux/gatens.h"
#include "linux/idmap.h"
#include "linux/landlock-confine.h"
#include "linux/mounts.h"
#include "linux/netns.h"
#include "linux/ns.h"
#include "linux/pidfds.h"
#include "linux/probe.h"
#include "linux/seccomp-filter.h"

#include <pwd.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* linux/memfd.h of Linux 6.3 */
#endif

#define MAPS_GOOD    65530 /* the kernel's default */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 15

static void copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		len = size - 1;
	memmove(to, from, len); /* 'from' may be 'to' */
	to[len] = '\0';
}

static void say(struct probe_result *r, enum probe_state state, const char *detail,
	const char *remedy)
{
	r->state = state;
	copy(r->detail, sizeof(r->detail), detail);
	copy(r->remedy, sizeof(r->remedy), remedy);
}

/* A failure's message, with its hint if nothing better is known. */
static void say_err(struct probe_result *r, enum probe_state state, const struct err *e,
	const char *remedy)
{
	say(r, state, e->msg, *remedy ? remedy : e->hint);
}

/* A number in a file of /proc/sys, -1 when there is no such file. */
static long sysctl_number(const char *path)
{
	auto_buf struct buf b = { 0 };
	struct err ignored = { 0 };

	if (file_read(AT_FDCWD, path, 64, &b, &ignored) < 0 || !b.data)
		return -1;
	return strtol(b.data, NULL, 10);
}

/* What forbids user namespaces here, as one word of advice. */
static const char *userns_remedy(void)
{
	if (sysctl_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return "as root: sysctl -w kernel.unprivileged_userns_clone=1";
	if (sysctl_number("/proc/sys/user/max_user_namespaces") == 0)
		return "as root: sysctl -w user.max_user_namespaces=28633";
	if (sysctl_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		return "install brig's AppArmor profile (allows 'userns' for it), or as "
		       "root: "
		       "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
	if (access("/proc/self/ns/user", F_OK) < 0)
		return "use a kernel with CONFIG_USER_NS";
	return "a container's seccomp or security profile may forbid it; or run brig as "
	       "root";
}

/* Become root of a user namespace, and with it of what 'flags' makes anew. */
static bool enter(int flags, struct probe_result *r)
{
	struct err e = { 0 };
	struct idmap m;

	if (idmap_for_caller(&m, &e) < 0 || idmap_enter(&m, &e) < 0 ||
		(flags && ns_unshare(flags, &e) < 0)) {
		say_err(r, PROBE_MISSING, &e, userns_remedy());
		return false;
	}
	return true;
}

static void probe_kernel(struct probe_result *r)
{
	struct utsname u = { 0 };
	unsigned major = 0, minor = 0;
	char text[128];

	(void)uname(&u);
	(void)sscanf(u.release, "%u.%u", &major, &minor);
	(void)snprintf(text, sizeof(text), "Linux %.64s on %.32s", u.release, u.machine);
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR))
		say(r, PROBE_OK, text, "");
	else
		say(r, PROBE_MISSING, text, "use Linux 5.15 or newer");
}

static void probe_userns(struct probe_result *r)
{
	struct err e = { 0 };

	if (!enter(CLONE_NEWUTS, r))
		return;
	/* AppArmor's restriction lets one make it, and takes the capabilities in it */
	if (sethostname("probe", 5) < 0) {
		err_sys(&e, "use a capability in a user namespace");
		say_err(r, PROBE_MISSING, &e, userns_remedy());
	} else {
		say(r, PROBE_OK, "can be made, and have their capabilities", "");
	}
}

static void probe_ids(struct probe_result *r)
{
	struct err e = { 0 };
	struct idmap m;
	struct passwd *pw = getpwuid(geteuid());
	const char *name = pw ? pw->pw_name : "USER";
	int fd;

	if (idmap_for_caller(&m, &e) < 0) {
		say_err(r, PROBE_MISSING, &e, "");
		return;
	}
	fd = idmap_open_userns(&m, &e);
	if (fd < 0) {
		say_err(r, PROBE_MISSING, &e,
			m.single || m.root ? userns_remedy() : e.hint);
		return;
	}
	(void)close(fd);
	if (!m.single) {
		(void)snprintf(r->detail, sizeof(r->detail), "%u user ids from %u on",
			m.uid[0].count + (m.uid_n > 2 ? m.uid[2].count : 0),
			m.uid[0].outside);
		return;
	}
	r->state = PROBE_DEGRADED;
	(void)snprintf(r->detail, sizeof(r->detail), "one id a sandbox: %.150s", m.why);
	if (strstr(m.why, "newuidmap"))
		say(r, r->state, r->detail, "as root: apt-get install uidmap");
	else if (strstr(m.why, "/etc/sub"))
		(void)snprintf(r->remedy, sizeof(r->remedy),
			"as root: usermod --add-subuids 200000-265535 --add-subgids "
			"200000-265535 %.64s (a range that nobody has)",
			name);
}

static void probe_pid_proc(struct probe_result *r)
{
	struct err e = { 0 };
	int pidfd = -1, status = -1;
	pid_t pid;

	if (!enter(CLONE_NEWNS, r))
		return;
	pid = ns_clone(CLONE_NEWPID, &pidfd);
	if (pid == 0) {
		auto_fd int fd = mount_new("proc", NULL, MOUNT_ATTR_NOSUID, &e);

		_exit(fd < 0 ? e.code : 0);
	}
	if (pid < 0 || pidfd_wait(pidfd, 5000, &status) < 0) {
		say(r, PROBE_MISSING, "no process in a new pid namespace",
			userns_remedy());
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		(void)snprintf(r->detail, sizeof(r->detail), "mount proc: %s",
			strerror(WEXITSTATUS(status)));
		say(r, PROBE_MISSING, r->detail,
			"parts of /proc are covered here, as in a container: start that "
			"with an "
			"unmasked /proc (docker: --security-opt systempaths=unconfined)");
	} else {
		say(r, PROBE_OK, "a new pid namespace has its own /proc", "");
	}
}

/* An overlay in a directory of the current user namespace's root. */
static void try_overlay(const char *dir, struct probe_result *r)
{
	const char *lower[] = { "lower" };
	struct mount_overlay o = { .lower = lower,
		.lower_n = 1,
		.upper = "upper",
		.work = "work",
		.userxattr = true };
	auto_fd int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[FSNAME_MAX], text[80];
	struct err e = { 0 };

	if (at < 0 || mkdirat(at, "lower", 0755) < 0 || mkdirat(at, "upper", 0755) < 0 ||
		mkdirat(at, "work", 0755) < 0) {
		err_sys(&e, "make directories in '%s'", dir);
		say_err(r, PROBE_MISSING, &e, "");
		return;
	}
	o.dirfd = at;
	auto_fd int fd = mount_overlay(&o, &e);

	(void)snprintf(text, sizeof(text), "overlayfs on %s", fsname_of_fd(at, name));
	if (fd >= 0)
		say(r, PROBE_OK, text, "");
	else
		say_err(r, PROBE_MISSING, &e,
			"use a kernel with CONFIG_OVERLAY_FS (modprobe overlay), and "
			"keep brig's "
			"data on ext4, xfs, btrfs or tmpfs");
}

static void probe_overlay(struct probe_result *r)
{
	char dir[] = "/var/tmp/brig-probe.XXXXXX";
	struct err ignored = { 0 };

	if (!enter(CLONE_NEWNS, r))
		return;
	if (!mkdtemp(dir)) {
		say(r, PROBE_DEGRADED, "no directory can be made in /var/tmp to try it",
			"");
		return;
	}
	try_overlay(dir, r);
	(void)file_remove_tree(AT_FDCWD, dir, &ignored);
}

static void probe_net(struct probe_result *r)
{
	struct err e = { 0 };

	if (!enter(CLONE_NEWNET, r))
		return;
	if (net_loopback_up(&e) < 0)
		say_err(r, PROBE_MISSING, &e, "use a kernel with CONFIG_NET_NS");
	else
		say(r, PROBE_OK, "a network of one's own, with loopback", "");
}

static void probe_gate(struct probe_result *r)
{
	int fds[GATENS_FDS];
	struct err e = { 0 };

	if (!enter(CLONE_NEWNET, r))
		return;
	if (gatens_make(fds, &e) < 0)
		say_err(r, PROBE_DEGRADED, &e, "without it there is --net none alone");
	else if (fds[GATENS_TCP6] < 0)
		say(r, PROBE_OK, "connections can be caught: IPv4", "");
	else
		say(r, PROBE_OK, "connections can be caught: IPv4 and IPv6", "");
}

static void probe_seccomp(struct probe_result *r)
{
	struct err e = { 0 };

	if (caps_no_new_privs(&e) < 0 || seccomp_install(&SECCOMP_OCI_DEFAULT, &e) < 0)
		say_err(r, PROBE_MISSING, &e, "");
	else
		say(r, PROBE_OK, "filters of system calls can be installed", "");
}

static void probe_landlock(struct probe_result *r)
{
	int abi = landlock_abi();
	char text[64];

	if (!abi) {
		say(r, PROBE_DEGRADED, "not in this kernel, or not in its 'lsm=' list",
			"use Linux 5.19 or newer, with landlock in lsm= on its command "
			"line");
		return;
	}
	(void)snprintf(text, sizeof(text), "ABI %d", abi);
	if (abi < 2)
		say(r, PROBE_DEGRADED, "ABI 1, which breaks renames, so it is not used",
			"use Linux 5.19 or newer");
	else
		say(r, PROBE_OK, text, "");
}

static void probe_cgroup(struct probe_result *r)
{
	static const struct {
		enum cgroup_controller c;
		const char *name;
	} wanted[] = { { CGROUP_MEMORY, "memory" }, { CGROUP_CPU, "cpu" },
		{ CGROUP_PIDS, "pids" }, { CGROUP_FREEZER, "pause" } };
	struct cgroup_host h = { 0 };
	struct err e = { 0 };
	size_t len = 0;

	if (cgroup_probe(&h, &e) < 0) {
		say_err(r, PROBE_DEGRADED, &e, "");
		return;
	}
	len = (size_t)snprintf(
		r->detail, sizeof(r->detail), "%s;", cgroup_layout_name(h.layout));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct cgroup_support *s = &h.support[wanted[i].c];

		if (len < sizeof(r->detail))
			len += (size_t)snprintf(r->detail + len, sizeof(r->detail) - len,
				" %s%s", s->ok ? "" : "no ", wanted[i].name);
		if (s->ok || r->state != PROBE_OK)
			continue;
		r->state = PROBE_DEGRADED;
		(void)snprintf(r->remedy, sizeof(r->remedy), "%s", s->remedy);
	}
	cgroup_host_clear(&h);
}

static void probe_idmapped(struct probe_result *r)
{
	char name[FSNAME_MAX], text[80];
	struct err e = { 0 };
	struct idmap m;

	if (geteuid() != 0) {
		say(r, PROBE_OK, "needed by root alone", "");
		return;
	}
	if (idmap_for_caller(&m, &e) < 0) {
		say_err(r, PROBE_MISSING, &e, "");
		return;
	}
	auto_fd int ns = idmap_open_userns(&m, &e);
	auto_fd int fd = ns < 0 ? -1 : mount_clone(AT_FDCWD, "/var/tmp", false, &e);

	if (fd < 0 || mount_idmap(fd, ns, &e) < 0) {
		say_err(r, PROBE_DEGRADED, &e, "");
		return;
	}
	(void)snprintf(text, sizeof(text), "for %s", fsname_of_fd(fd, name));
	say(r, PROBE_OK, text, "");
}

/* Guest memory is a file in memory that programs execute from; nothing in /dev/shm. */
static bool memory_executes(void)
{
	long page = sysconf(_SC_PAGESIZE);
	auto_fd int fd = memfd_create("probe", MFD_CLOEXEC | MFD_EXEC);
	void *at;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 there is no other */
		fd = memfd_create("probe", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, page) < 0)
		return false;
	at = mmap(NULL, (size_t)page, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		(void)munmap(at, (size_t)page);
	return at != MAP_FAILED;
}

static void probe_memory(struct probe_result *r)
{
	long maps = sysctl_number("/proc/sys/vm/max_map_count");
	char text[128];

	if (!memory_executes()) {
		say(r, PROBE_MISSING, "no file in memory can be executed",
			"as root: sysctl -w vm.memfd_noexec=0, or loosen the security "
			"profile "
			"that forbids it");
		return;
	}
	(void)snprintf(
		text, sizeof(text), "%ld areas a process (vm.max_map_count)", maps);
	/* each piece of a program's memory that lies elsewhere in the guest's is one */
	if (maps >= 0 && maps < MAPS_GOOD)
		say(r, PROBE_DEGRADED, text,
			"programs with gigabytes of small pieces of memory get slow: as "
			"root, sysctl -w vm.max_map_count=262144");
	else
		say(r, PROBE_OK, text, "");
}

static void probe_trace(struct probe_result *r)
{
	if (sysctl_number("/proc/sys/kernel/yama/ptrace_scope") >= 2)
		say(r, PROBE_DEGRADED, "kernel.yama.ptrace_scope is 2 or 3",
			"--strict can't run: as root, sysctl -w "
			"kernel.yama.ptrace_scope=1");
	else
		say(r, PROBE_OK, "a process may trace its own children", "");
}

const struct probe probes[] = {
	{ "kernel", "everything", probe_kernel },
	{ "user-namespaces", "sandboxes without root, and roots that aren't",
		probe_userns },
	{ "subordinate-ids", "more than one user inside", probe_ids },
	{ "pid-namespaces", "a process list of one's own", probe_pid_proc },
	{ "network-namespaces", "a network of one's own", probe_net },
	{ "transparent-proxy", "a network that leads to the gate", probe_gate },
	{ "overlayfs", "image layers, writable copies", probe_overlay },
	{ "seccomp", "filters of system calls", probe_seccomp },
	{ "landlock", "a second fence around files", probe_landlock },
	{ "cgroups", "limits, pause, stats", probe_cgroup },
	{ "idmapped-mounts", "files keep their owners when root runs brig",
		probe_idmapped },
	{ "guest-memory", "the sentry wall's kernel", probe_memory },
	{ "tracing", "the sentry wall's --strict", probe_trace },
	{ NULL, NULL, NULL },
};
