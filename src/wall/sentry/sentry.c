/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sentry.c - an application kernel in user space: user-mode Linux, jailed.
 *
 * Theory of operation. Two layers, and an attacker has to break both.
 *
 * 1. Programs run on a Linux of their own, which is a process here: each of their system
 *    calls is caught and served by it, none reaches the host's kernel. A filter of system
 *    calls turns them into signals in the program's own process, which can make no call but
 *    the few of the code that answers those signals, each at one instruction, with the
 *    arguments that it has there; what changes its memory is done by a task beside it, which
 *    it can't reach (kernel/patches/uml/0011, doc/kernels.md). --strict traces programs
 *    instead (ptrace(2)): no code of the kernel's in their reach, at twice the cost.
 * 2. That kernel is taken as hostile. It lives where a command of the container wall would:
 *    in namespaces of its own, over a root that holds only what the sandbox was given, with
 *    protected names as mounts. In there it may make few calls (linux/seccomp-sentry.inc),
 *    execute nothing, and has no network but the frames of one packet socket. Of
 *    capabilities it keeps those that let it write files of the sandbox's own ids, so that
 *    owners on disk are what they are behind every other wall.
 *
 * It brings its own /proc, /sys and /dev; the host's are not there at all.
 */
#include "wall/sentry/sentry.h"

#include "base/auto.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "linux/caps.h"
#include "linux/initramfs.h"
#include "linux/pidfds.h"
#include "linux/seccomp-filter.h"
#include "sentry/kernel.h"
#include "wall/ns.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define KERNEL "linux-uml"
/* Ending processes takes milliseconds. */
#define END_WAIT_MS 2000

/* Over files of the sandbox's own ids, and nothing else. */
static const uint64_t caps = CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) |
	CAPS_BIT(CAP_FOWNER) | CAPS_BIT(CAP_FSETID);

/* What start() has prepared for the first process. */
struct prepared {
	int initramfs;
	int filter;
};

static unsigned cpus_of(const struct wall_limits *l)
{
	uint64_t n = l->cpu_milli ? (l->cpu_milli + 999) / 1000 : sentry_default_cpus();

	return n > SENTRY_CPUS_MAX ? SENTRY_CPUS_MAX : (unsigned)n;
}

static int become(const struct ns_inside *in, void *with, struct err *e)
{
	const struct prepared *p = with;
	const struct wall_limits *l = &in->spec->limits;
	const struct sentry_kernel k = { .program = in->program,
		.initramfs = p->initramfs,
		.root = in->root,
		.stream = in->stream,
		.net = in->net,
		.filter = p->filter,
		.console = in->console,
		.hostname = in->spec->hostname,
		.memory = l->memory ? l->memory : sentry_default_memory(),
		.cpus = cpus_of(l),
		.pids = l->pids,
		.strict = in->spec->strict };

	return sentry_kernel_exec(&k, e);
}

static int make_filter(const struct seccomp_program *p, struct err *e)
{
	auto_fd int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0 || file_write_all(fd, p->insn, p->n * sizeof(*p->insn)) < 0 ||
		lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "make a file in memory");
	return take_fd(&fd);
}

/* The kernel is put where the warder would be, and the warder into its first file system. */
static int start(const struct wall_spec *spec, struct wall_run *ret, struct err *e)
{
	auto_free char *helper = dirs_helper(KERNEL), *boot = dirs_helper("brig-boot");
	/* a mount is made of it, and no link */
	auto_free char *kernel = helper ? realpath(helper, NULL) : NULL;
	const struct initramfs_file files[] = { { "init", boot, 0755 },
		{ "warder", spec->program, 0755 } };
	enum seccomp_sentry first =
		spec->strict ? SECCOMP_SENTRY_STRICT_START : SECCOMP_SENTRY_START;
	struct prepared p = { -1, -1 };
	const struct ns_profile profile = { .caps = &caps,
		.seccomp = &seccomp_sentries[first],
		.no_new_privs = true,
		.landlock = true,
		.become = become,
		.with = &p };
	struct wall_spec own = *spec;
	int r;

	if (!helper || !boot)
		return err_set(e, ENOMEM, "out of memory");
	if (!kernel)
		return err_sys(e, "the guest's kernel '%s'", helper);
	own.program = kernel;
	p.initramfs = initramfs_make(files, sizeof(files) / sizeof(*files), e);
	if (p.initramfs < 0)
		return p.initramfs;
	p.filter = make_filter(&seccomp_sentries[first + 1], e);
	r = p.filter < 0 ? p.filter : ns_start(&profile, &own, ret, e);
	(void)close(p.initramfs);
	if (p.filter >= 0)
		(void)close(p.filter);
	return r;
}

/*
 * The end of the stream makes the warder end every process and then the kernel, so that what
 * they had open is written back. A kernel that doesn't, or a guest that holds it up, is killed.
 */
static int stop(struct wall_run *run, uint64_t wait_ns, struct err *e)
{
	if (run->stream >= 0)
		(void)shutdown(run->stream, SHUT_RDWR);
	(void)pidfd_wait_gone(run->pidfd, END_WAIT_MS);
	return ns_stop(run, wait_ns, e);
}

static int probe(struct err *e)
{
	auto_free char *kernel = dirs_helper(KERNEL);
	const struct ns_profile profile = { .no_new_privs = true };

	if (!kernel)
		return err_set(e, ENOMEM, "out of memory");
	if (access(kernel, X_OK) < 0) {
		(void)err_sys(e, "the guest's kernel '%s'", kernel);
		err_hint(e, "in brig's source: make kernel, and install again");
		return -ENOENT;
	}
	return ns_probe(&profile, e);
}

const struct wall wall_sentry = {
	.name = "sentry",
	.strength = 40,
	.brief = "a Linux of its own in user space, jailed: no call of a program reaches "
		 "the "
		 "host's kernel",
	.passes = "a bug in that kernel together with one in its jail",
	.not_auto = "system calls cost more than behind the container wall: ask for it",
	.has_strict = true,
	.own_pids = true,
	.own_net = true,
	.probe = probe,
	.start = start,
	.stop = stop,
};
