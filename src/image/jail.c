/* SPDX-License-Identifier: Apache-2.0 */
#include "image/jail.h"

#include "base/auto.h"
#include "linux/caps.h"
#include "linux/idmap.h"
#include "linux/mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MEMORY_MAX \
	((rlim_t)2 << 30) /* zstd asks for its window, at most 128 MiB of it \
			   */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Memory, time and the open pipes: all that a decoder needs. */
static const int calls_pure[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(restart_syscall),
};

/* Making files, relative to open directories; nothing that starts, maps or talks. */
static const int calls_files[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(dup),
	SCMP_SYS(fcntl),
	SCMP_SYS(pwrite64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlinkat),
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(utimensat),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(fgetxattr),
	SCMP_SYS(getdents64),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(fsync),
	SCMP_SYS(umask),
};

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

static int filter_calls(bool files, struct err *e)
{
#ifdef SANITIZED
	(void)files;
	(void)allow;
	(void)calls_pure;
	(void)calls_files;
	(void)e;
	return 0; /* the sanitizers' own run time makes calls of many kinds */
#else
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!ctx)
		return err_set(e, ENOMEM, "seccomp: out of memory");
	r = allow(ctx, calls_pure, sizeof(calls_pure) / sizeof(calls_pure[0]));
	if (r == 0 && files)
		r = allow(ctx, calls_files, sizeof(calls_files) / sizeof(calls_files[0]));
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? err_set(e, -r, "install the seccomp filter: %s", strerror(-r)) : 0;
#endif
}

static int limit(int what, rlim_t to, struct err *e)
{
	struct rlimit l = { to, to };

	return setrlimit(what, &l) < 0 ? err_sys(e, "set a resource limit") : 0;
}

static int shrink(struct err *e)
{
	int r = limit(RLIMIT_CORE, 0, e);

	/* after the change of ids, which clears it; a parent gone before shows by its
	 * pipes */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = err_sys(e, "tie a process to its parent");

#ifndef SANITIZED
	if (r == 0)
		r = limit(RLIMIT_AS, MEMORY_MAX, e);
#endif
	if (r == 0)
		r = caps_no_new_privs(e);
	return r;
}

/* A decoder: no ids that mean anything, no files. Where user namespaces are forbidden to
 * it the list of calls alone holds, which has no call that names a file. */
static int enter_pure(struct err *e)
{
	int r;

	(void)unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
	r = shrink(e);
	return r < 0 ? r : filter_calls(false, e);
}

/* With the sandbox's ids and 'dir' as the root of everything. */
static int enter_dir(const struct jail *j, struct err *e)
{
	auto_fd int root = -1;
	int r;

	/* by the working directory, which moves along into the new mount namespace */
	if (fchdir(j->dir) < 0)
		return err_sys(e, "enter the layer's directory");
	r = idmap_enter(j->map, e);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_sys(e, "leave the host's namespaces");
	r = mount_isolate(e);
	if (r < 0)
		return r;
	root = mount_clone(AT_FDCWD, ".", false, e);
	if (root < 0)
		return root;
	r = mount_restrict(
		root, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, false, e);
	if (r == 0)
		r = mount_attach(root, AT_FDCWD, ".", e);
	if (r == 0)
		r = mount_pivot(root, e);
	if (r == 0)
		r = caps_reduce(CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) |
				CAPS_BIT(CAP_FOWNER) | CAPS_BIT(CAP_FSETID) |
				CAPS_BIT(CAP_SETFCAP),
			e);
	if (r == 0)
		r = shrink(e);
	return r < 0 ? r : filter_calls(true, e);
}

/* Close all descriptors but these; the caller's list is short. */
static void close_others(const struct jail *j, int report)
{
	int keep[] = { j->in, j->out, j->map ? j->dir : -1, report };

	for (int fd = 3; fd < 1024; fd++) {
		bool kept = false;

		for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
			kept |= keep[i] == fd;
		if (!kept)
			(void)close(fd);
	}
	(void)syscall(SYS_close_range, 1024U, ~0U, 0U);
}

static void child(const struct jail *j, int report)
{
	struct jail_result res = { .err = { 0 } };
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	close_others(j, report);
	(void)umask(0);
	r = j->map ? enter_dir(j, &res.err) : enter_pure(&res.err);
	if (r == 0)
		r = j->run(j, &res, &res.err);
	if (r < 0 && res.err.code == 0)
		res.err.code = -r;
	_exit(write(report, &res, sizeof(res)) != sizeof(res));
}

int jail_start(const struct jail *j, struct jail_child *ret, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	ret->pid = fork();
	if (ret->pid == 0)
		child(j, fds[1]);
	(void)close(fds[1]);
	ret->report = fds[0];
	if (ret->pid < 0) {
		(void)close(fds[0]);
		return err_sys(e, "start a process");
	}
	return 0;
}

static int reap(struct jail_child *c)
{
	int status = 0;

	while (c->pid > 0 && waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = -1;
	return status;
}

int jail_wait(struct jail_child *c, struct jail_result *ret, struct err *e)
{
	struct jail_result res;
	ssize_t n;
	int status;

	do
		n = read(c->report, &res, sizeof(res));
	while (n < 0 && errno == EINTR);
	(void)close(take_fd(&c->report));
	status = reap(c);
	if (n != sizeof(res))
		return err_set(e, EIO, "the unpacking process was killed by signal %d",
			WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	/* from a process that a hostile archive may have taken over */
	res.err.msg[ERR_MSG_MAX - 1] = '\0';
	res.err.hint[ERR_HINT_MAX - 1] = '\0';
	if (res.err.code < 0 || res.err.code > 4095)
		res.err.code = EIO;
	*ret = res;
	if (res.err.code && e)
		*e = res.err;
	return -res.err.code;
}

void jail_kill(struct jail_child *c)
{
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		(void)reap(c);
	}
	if (c->report >= 0)
		(void)close(take_fd(&c->report));
}
