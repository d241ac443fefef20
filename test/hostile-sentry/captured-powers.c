/* SPDX-License-Identifier: Apache-2.0 */
/* captured-powers.c - processes, ids, namespaces, programs: what isn't a file. */
#include "captured.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/un.h>

static const char *sockets(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };

	for (int family = 0; family < 48; family++)
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
			if (socket(family, types[i], 0) >= 0 || errno != EPERM)
				return got("family %d: %s", family, strerror(errno));
		}
	return NULL;
}

static const char *namespaces(void)
{
	static const int flags[] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID,
		CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP,
		0x80 /* CLONE_NEWTIME */, CLONE_FILES, CLONE_FS };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (syscall(SYS_unshare, flags[i]) == 0 || errno != EPERM)
			return got("unshare %#x: %s", flags[i], strerror(errno));
	for (int fd = 0; fd < FDS; fd++)
		if (syscall(SYS_setns, fd, 0) == 0 || errno != EPERM)
			return got("setns %d: %s", fd, strerror(errno));
	return NULL;
}

static const char *refused(const int *nr, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		long r = syscall(nr[i], 0L, 0L, 0L, 0L, 0L, 0L);

		if (r >= 0 || errno != EPERM)
			return got("call %d: %ld, %s", nr[i], r, strerror(errno));
	}
	return NULL;
}

static const char *mounts(void)
{
	static const int nr[] = { SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
		SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
		SYS_fspick, 442 /* mount_setattr */, SYS_swapon, SYS_quotactl, SYS_acct };

	if (syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL) == 0)
		return "a tmpfs";
	if (syscall(SYS_chroot, "/tmp") == 0)
		return "another root";
	return refused(nr, sizeof(nr) / sizeof(*nr));
}

static const char *others(void)
{
	static const int nr[] = { SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
		SYS_pidfd_open, 438 /* pidfd_getfd */, SYS_pidfd_send_signal,
		440 /* process_madvise */, SYS_rt_sigqueueinfo, SYS_tkill,
		SYS_setpriority, SYS_migrate_pages, SYS_move_pages };
	const int pids[] = { 0, getppid(), -1, atoi(given("canary-pid")),
		atoi(given("keeper-pid")) };

	/* its programs are traced; there is nobody else */
	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++)
		if (pids[i] != 1 &&
			(syscall(SYS_ptrace, 16L /* ATTACH */, (long)pids[i], 0L, 0L) ==
					0 ||
				syscall(SYS_ptrace, 0x4206L /* SEIZE */, (long)pids[i],
					0L, 0L) == 0))
			return got("process %d is traced", pids[i]);
	return refused(nr, sizeof(nr) / sizeof(*nr));
}

static const char *kernel_calls(void)
{
	static const int nr[] = {
		SYS_keyctl,
		SYS_add_key,
		SYS_request_key,
		SYS_bpf,
		SYS_io_uring_setup,
		SYS_io_uring_register,
		SYS_userfaultfd,
		SYS_perf_event_open,
		SYS_kexec_load,
		SYS_kexec_file_load,
		SYS_init_module,
		SYS_finit_module,
		SYS_delete_module,
		SYS_reboot,
		SYS_syslog,
		SYS_sethostname,
		SYS_settimeofday,
		SYS_clock_settime,
		SYS_adjtimex,
		SYS_fanotify_init,
		SYS_inotify_init1,
		SYS_name_to_handle_at,
		SYS_open_by_handle_at,
		SYS_vmsplice,
		SYS_splice,
		SYS_tee,
		SYS_shmget,
		SYS_shmat,
		SYS_msgget,
		SYS_semget,
		SYS_mq_open,
		SYS_connect,
		SYS_bind,
		SYS_listen,
		SYS_accept4,
		SYS_setsockopt,
		SYS_capset,
		SYS_capget,
		SYS_mlockall,
		SYS_io_setup,
#ifdef __x86_64__
		SYS_iopl,
		SYS_ioperm,
		SYS_modify_ldt,
		SYS_uselib,
		SYS__sysctl,
#endif
	};

	return refused(nr, sizeof(nr) / sizeof(*nr));
}

static const char *ids(void)
{
	static const int nr[] = { SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid,
		SYS_setresuid, SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups };

	return refused(nr, sizeof(nr) / sizeof(*nr));
}

/* Execute a descriptor; the status, 0 when nothing was executed. */
static int execute(int fd, const char *name)
{
	char *const argv[] = { (char *)name, NULL }, *const envp[] = { NULL };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
		_exit(0);
	}
	status = pid < 0 ? 0 : await(pid, 3000);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int copy_to(int to, const char *path)
{
	static char text[1 << 16];
	int from = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	ssize_t n, all = 0;

	if (from < 0)
		return -1;
	while ((n = read(from, text, sizeof(text))) > 0)
		all += write(to, text, (size_t)n);
	(void)close(from);
	return all > 0 ? 0 : -1;
}

static const char *programs(void)
{
	static const char *const paths[] = { "/usr/bin/id", "/bin/sh", "/usr/bin/true",
		GIVEN "/gain" };
	int made = openat(AT_FDCWD, ours("gain"), O_RDWR | O_CREAT | O_TRUNC, 0755), fd;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (syscall(SYS_execve, paths[i], NULL, NULL) == 0 || errno != EPERM)
			return got("execve %s: %s", paths[i], strerror(errno));
		fd = openat(AT_FDCWD, paths[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* "gain" says 42, and id fails when it has no argument that it knows */
		if (execute(fd, "gain") != 0)
			return got("executed %s", paths[i]);
		(void)close(fd);
		fd = openat(AT_FDCWD, paths[i], O_PATH | O_CLOEXEC);
		if (execute(fd, "gain") != 0)
			return got("executed %s by O_PATH", paths[i]);
		(void)close(fd);
	}
	if (made < 0 || copy_to(made, GIVEN "/gain") < 0)
		return got("its own program can't be made: %s", strerror(errno));
	(void)fchmod(made, 04755);
	(void)close(made);
	fd = openat(AT_FDCWD, ours("gain"), O_RDONLY | O_CLOEXEC);
	return execute(fd, "gain") != 0 ? "executed its own file" : NULL;
}

/* On purpose it may: that is how an address space is made. */
static const char *in_memory(void)
{
	int fd = (int)syscall(SYS_memfd_create, "gain", 1U), r;

	if (fd < 0 || copy_to(fd, GIVEN "/gain") < 0)
		return got("no file in memory: %s", strerror(errno));
	(void)fchmod(fd, 06755);
	r = execute(fd, "gain");
	/* a kernel may refuse it altogether */
	return r == 42 || r == 0 ? NULL : got("step %d of gained()", r);
}

/* What a program in memory names, the host's kernel would open: a script's interpreter. */
static const char *interpreter(void)
{
	static const char *const scripts[] = { "#!/usr/bin/false\n",
		"#!/bin/sh\nexit 7\n", "#!" GIVEN "/gain\n" };

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		int fd = (int)syscall(SYS_memfd_create, "script", 0U);

		(void)!write(fd, scripts[i], strlen(scripts[i]));
		(void)fchmod(fd, 0755);
		if (execute(fd, "gain") != 0)
			return got("executed for %.20s", scripts[i]);
	}
	return NULL;
}

/* The same with an ELF program's: the dynamic linker. */
static const char *linker(void)
{
	int fd = (int)syscall(SYS_memfd_create, "dynamic", 1U);

	if (fd < 0 || copy_to(fd, GIVEN "/dynamic") < 0)
		return got("no file in memory: %s", strerror(errno));
	(void)fchmod(fd, 0755);
	return execute(fd, "dynamic") != 0 ? "the root's dynamic linker was executed"
					   : NULL;
}

static const char *limits(void)
{
	const struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };
	static const int which[] = { RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_CORE };
	struct rlimit now;

	for (size_t i = 0; i < sizeof(which) / sizeof(*which); i++) {
		if (syscall(SYS_prlimit64, 0, which[i], NULL, &now) == 0 &&
			now.rlim_max == RLIM_INFINITY)
			continue; /* the host sets none */
		if (syscall(SYS_prlimit64, 0, which[i], &most, NULL) == 0)
			return got("limit %d", which[i]);
	}
	for (int pid = 2; pid < 300; pid++)
		if (pid != getpid() &&
			syscall(SYS_prlimit64, pid, RLIMIT_CPU, NULL, &now) == 0 &&
			kill(pid, 0) < 0)
			return got("the limits of process %d", pid);
	return NULL;
}

static const char *signals(void)
{
	const int canary = atoi(given("canary-pid")), keeper = atoi(given("keeper-pid"));

	if (getppid() > 1)
		return got("a parent that it sees: %d", getppid());
	if (canary > 1 && (kill(canary, SIGKILL) == 0 || kill(-canary, SIGKILL) == 0))
		return "the host's process was killed";
	if (keeper > 1 && kill(keeper, SIGKILL) == 0)
		return "the keeper was killed";
	for (int pid = 2; pid < 70000; pid++)
		if (pid != getpid() && kill(pid, 0) == 0)
			return got("process %d is within reach", pid);
	/* whoever is told that a descriptor is ready */
	for (int fd = 0; fd < FDS; fd++)
		if (canary > 1 && fcntl(fd, F_SETOWN, canary) == 0)
			return got("descriptor %d signals the host's process", fd);
	return NULL;
}

/* A pair of datagram sockets can be told to send elsewhere. */
static const char *unix_sockets(void)
{
	struct sockaddr_un abstract = { .sun_family = AF_UNIX }, path = abstract;
	const char *name = given("abstract");
	int pair[2];

	(void)snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1, "%s", name);
	(void)snprintf(path.sun_path, sizeof(path.sun_path), "%s", given("socket"));
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return got("no pair: %s", strerror(errno));
	if (sendto(pair[0], "out", 3, 0, (struct sockaddr *)&abstract,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			    strlen(name))) >= 0)
		return "the host's abstract socket was reached";
	if (sendto(pair[0], "out", 3, 0, (struct sockaddr *)&path, sizeof(path)) >= 0)
		return "the host's socket was reached";
	return NULL;
}

static const char *descriptors(void)
{
	static const char *const words[] = {
		"initrd=fd:", "brigfs=", "brig_stream=fd:", "brig_filter=fd:", "fd="
	};

	for (int fd = 3; fd < 4096; fd++) {
		bool known = false;

		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			known = known || word(words[i]) == fd;
		/* close-on-exec: opened by this program */
		if (!known && (fcntl(fd, F_GETFD) & ~FD_CLOEXEC) == 0 &&
			fcntl(fd, F_GETFD) != FD_CLOEXEC)
			return got("descriptor %d is nobody's", fd);
	}
	for (int fd = 0; fd < 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && !S_ISCHR(st.st_mode))
			return got("descriptor %d is a file of mode %o", fd, st.st_mode);
		if (fstat(fd, &st) == 0 && st.st_rdev != makedev(1, 3))
			return got("descriptor %d is device %#lx", fd, (long)st.st_rdev);
	}
	return NULL;
}

/* The count of descriptors is bounded, and theirs who asks. */
static const char *exhaustion(void)
{
	long n = 0;
	int fd, pair[2], first = (int)syscall(SYS_dup, 2);

	while (n < 2000000 && syscall(SYS_dup, 2) >= 0)
		n++;
	if (n >= 2000000)
		return got("%ld descriptors", n);
	for (fd = first; fd < first + 100; fd++)
		(void)close(fd);
	/* descriptors in flight are counted too (unix(7), ETOOMANYREFS) */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return NULL;
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	for (n = 0; n < 2000000; n++) {
		char control[CMSG_SPACE(sizeof(int))] = "";
		struct iovec io = { "x", 1 };
		struct msghdr m = { .msg_iov = &io,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		(void)memcpy(CMSG_DATA(c), &pair[1], sizeof(int));
		if (sendmsg(pair[0], &m, MSG_NOSIGNAL) < 0)
			return NULL;
	}
	return got("%ld descriptors in flight", n);
}

/* Maps and advice that make the host's kernel work; it must only say no, or do it. */
static const char *addresses(void)
{
	static const int advice[] = { 0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
		18, 19, 20, 21, 22, 23, 24, 25, 100, 101 };
	const size_t huge = (size_t)1 << 46;
	char *at;

	for (int i = 0; i < 64; i++)
		(void)mmap(NULL, huge >> (i % 12), PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		0);
	for (size_t i = 0; i < sizeof(advice) / sizeof(*advice) && at != MAP_FAILED; i++)
		if (madvise(at, 1 << 20, advice[i]) == 0 && advice[i] >= 100)
			return "memory is declared broken";
	/* below the lowest address that may be mapped */
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return at == NULL ? "address 0 was mapped" : NULL;
}

static const char *personalities(void)
{
	static const unsigned long p[] = { 0x0100000 /* MMAP_PAGE_ZERO */, 0x0400000, 8,
		0 };

	for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++)
		(void)syscall(SYS_personality, p[i]);
	return in_memory();
}

const struct attempt powers[] = {
	{ "it makes no socket of any family", sockets },
	{ "it enters and makes no namespace", namespaces },
	{ "it mounts nothing and takes no other root", mounts },
	{ "it traces and reads no other process", others },
	{ "it asks the host's kernel for nothing else", kernel_calls },
	{ "it becomes nobody else", ids },
	{ "it executes no file of the root, nor one that it wrote", programs },
	{ "a program in memory has no more than it has", in_memory },
	{ "a script in memory starts no interpreter of the root", interpreter },
	{ "a program in memory starts no dynamic linker of the root", linker },
	{ "it raises none of its limits", limits },
	{ "it signals no process of the host, nor the keeper", signals },
	{ "it sends nothing to unix sockets of the host", unix_sockets },
	{ "it has the descriptors that it was told of and no others", descriptors },
	{ "its descriptors are counted, in flight too", exhaustion },
	{ "its wildest maps and advice are refused or harmless", addresses },
	{ "another personality gives nothing", personalities },
	{ 0 },
};
