/* SPDX-License-Identifier: Apache-2.0 */
/*
 * microvm.c - a Linux of its own on a virtual machine: KVM, and a VMM in a jail.
 *
 * Theory of operation. Two layers, and an attacker has to break both.
 *
 * 1. Programs run on a Linux of their own, on a virtual machine that the processor keeps apart.
 *    What it can reach outside of itself are KVM and the few devices of brig-vmm (src/vmm).
 * 2. brig-vmm is taken as captured. It lives where a command of the container wall would, as
 *    the sentry's kernel does (sentry.c): in namespaces of its own, over a root that holds only
 *    what the sandbox was given, with protected names as mounts, without a network but the
 *    frames of one packet socket. Each of its threads gives up all calls but its own
 *    (linux/seccomp-vmm.inc) before the guest's first instruction.
 *
 * The guest sees that root as one virtio-fs, and the keeper's stream as a connection of vsock.
 * /dev/kvm is opened here, as there is none in the jail.
 *
 * To pause it and for figures the VMM is asked over a socket (vmm/remote.h). What it says is
 * the word of somebody who may have been captured; what it uses is measured from outside.
 */
#include "wall/microvm/microvm.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "linux/caps.h"
#include "linux/initramfs.h"
#include "linux/pidfds.h"
#include "sentry/kernel.h"
#include "vmm/memory.h"
#include "vmm/prove.h"
#include "vmm/remote.h"
#include "wall/ns.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KERNEL "linux-microvm"
#define VMM    "brig-vmm"
#define KVM    "/dev/kvm"
/* Ending processes takes milliseconds. */
#define END_WAIT_MS 2000
#define MIB         (1ULL << 20)
/* A CPU may have a request to a slow file under way. Figures can be missed. */
#define PAUSE_WAIT_NS   (5 * NS_PER_SEC)
#define FIGURES_WAIT_NS (NS_PER_SEC / 2)
/* One that has left its file writes all of its memory. */
#define SAVE_WAIT_NS (60 * NS_PER_SEC)

/* Over files of the sandbox's own ids, and nothing else. */
static const uint64_t caps = CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) |
	CAPS_BIT(CAP_FOWNER) | CAPS_BIT(CAP_FSETID);

/* What start() has prepared for the first process. */
struct prepared {
	int kvm, kernel, initramfs;
	int memory; /* what the guest's memory is in; or, 'state', was */
	int state;  /* -1: it starts from the kernel */
	uint64_t bytes;
	int64_t copied;
	int remote[2]; /* 0 is the keeper's */
};

static unsigned cpus_of(const struct wall_limits *l)
{
	uint64_t n = l->cpu_milli ? (l->cpu_milli + 999) / 1000 : sentry_default_cpus();

	return n > SENTRY_CPUS_MAX ? SENTRY_CPUS_MAX : (unsigned)n;
}

/* The kernel's own words; what it has no use for becomes the environment of boot/boot.c. */
static char *command_line(const struct ns_inside *in)
{
	const struct wall_limits *l = &in->spec->limits;
	auto_free char *pids = l->pids
		? str_printf(" BRIG_PIDS=%llu", (unsigned long long)l->pids)
		: strdup("");

	if (!pids)
		return NULL;
	return str_printf(
		"console=ttyS0 quiet reboot=t panic=-1 random.trust_cpu=on rdinit=/init "
		"BRIG_ROOT=virtiofs BRIG_STREAM=vsock:1024 BRIG_END=restart "
		"BRIG_HOSTNAME=%s%s%s",
		in->spec->hostname, in->net >= 0 ? " BRIG_LINK=eth0" : "", pids);
}

/* A word about a descriptor, which so is handed on. */
static int add_fd(struct strv *argv, const char *name, int fd)
{
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_SETFD, 0) < 0)
		return -errno;
	return strv_addf(argv, "%s=%d", name, fd);
}

static int words(const struct ns_inside *in, const struct prepared *p, struct strv *argv)
{
	const struct wall_limits *l = &in->spec->limits;
	const struct {
		const char *name;
		int fd;
	} fds[] = { { "kvm", p->kvm }, { "kernel", p->kernel },
		{ "initrd", p->initramfs }, { "root", in->root },
		{ "stream", in->stream }, { "net", in->net }, { "console", in->console },
		{ "remote", p->remote[1] }, { "state", p->state },
		{ p->state < 0 ? "memory-file" : "apart", p->memory } };
	auto_free char *line = command_line(in);
	int r = line ? strv_add(argv, VMM) : -ENOMEM;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds) && r == 0; i++)
		r = add_fd(argv, fds[i].name, fds[i].fd);
	if (r == 0)
		r = strv_addf(argv, "memory=%llu", (unsigned long long)p->bytes);
	if (r == 0)
		r = strv_addf(argv, "cpus=%u", cpus_of(l));
	if (r == 0 && l->net_rate)
		r = strv_addf(argv, "net-rate=%llu", (unsigned long long)l->net_rate);
	if (r == 0)
		r = p->state < 0 ? strv_addf(argv, "cmdline=%s", line)
				 : strv_addf(argv, "copied=%lld", (long long)p->copied);
	return r;
}

static int become(const struct ns_inside *in, void *with, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	char *envp[] = { NULL };
	struct rlimit files;
	int r = words(in, with, &argv);

	if (r < 0)
		return err_set(e, -r, "make the VMM's command line: %s", err_text(-r));
	if (in->console >= 0 && dup2(in->console, STDERR_FILENO) < 0)
		return err_sys(e, "hand on the console");
	/* an inode that the guest knows is a descriptor */
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(e, "set limits");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(e, "set limits");
	(void)syscall(SYS_execveat, in->program, "", argv.v, envp, AT_EMPTY_PATH);
	return err_sys(e, "execute the VMM");
}

static int open_kernel(struct err *e)
{
	auto_free char *kernel = dirs_helper(KERNEL);
	int fd = kernel ? open(kernel, O_RDONLY | O_CLOEXEC) : -1;

	if (!kernel)
		return err_set(e, ENOMEM, "out of memory");
	if (fd < 0) {
		int code = errno;

		(void)err_sys(e, "the guest's kernel '%s'", kernel);
		err_hint(e, "in brig's source: make kernel, and install again");
		return -code;
	}
	return fd;
}

static int open_kvm(struct err *e)
{
	int fd = open(KVM, O_RDWR | O_CLOEXEC);
	int code = errno;

	if (fd >= 0)
		return fd;
	(void)err_set(e, code, "open '" KVM "': %s", err_text(code));
	if (code == EACCES)
		err_hint(e, "as root: usermod -aG kvm USER, and log in again");
	else
		err_hint(e,
			"the processor's virtualisation is off, or this is a virtual "
			"machine "
			"without it: --wall sentry needs none");
	return -code;
}

static void prepared_close(struct prepared *p)
{
	const int fds[] = { p->kvm, p->kernel, p->initramfs, p->memory, p->state,
		p->remote[0], p->remote[1] };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

/* A kernel, and memory for it. */
static int prepare_new(const struct wall_spec *spec, struct prepared *p, struct err *e)
{
	auto_free char *boot = dirs_helper("brig-boot");
	const struct initramfs_file files[] = { { "init", boot, 0755 },
		{ "warder", spec->program, 0755 } };
	uint64_t memory =
		spec->limits.memory ? spec->limits.memory : sentry_default_memory();

	if (!boot)
		return err_set(e, ENOMEM, "out of memory");
	p->kernel = open_kernel(e);
	if (p->kernel < 0)
		return p->kernel;
	p->initramfs = initramfs_make(files, sizeof(files) / sizeof(*files), e);
	if (p->initramfs < 0)
		return p->initramfs;
	p->bytes = memory / MIB * MIB;
	p->memory = memory_file(p->bytes, e);
	return p->memory < 0 ? p->memory : 0;
}

/* What another machine has kept. */
static int prepare_from(
	const struct wall_snapshot *from, struct prepared *p, struct err *e)
{
	struct stat st;

	p->state = fcntl(from->state, F_DUPFD_CLOEXEC, 3);
	p->memory = fcntl(from->memory, F_DUPFD_CLOEXEC, 3);
	if (p->state < 0 || p->memory < 0 || fstat(p->memory, &st) < 0)
		return err_sys(e, "what the machine is to go on from");
	p->bytes = (uint64_t)st.st_size;
	p->copied = from->copied;
	return 0;
}

static int prepare(const struct wall_spec *spec, struct prepared *p, struct err *e)
{
	int r;

	p->kvm = open_kvm(e);
	if (p->kvm < 0)
		return p->kvm;
	r = spec->from ? prepare_from(spec->from, p, e) : prepare_new(spec, p, e);
	if (r < 0)
		return r;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->remote) < 0
		? err_sys(e, "make a socket")
		: 0;
}

static int start(const struct wall_spec *spec, struct wall_run *ret, struct err *e)
{
	auto_free char *helper = dirs_helper(VMM);
	/* a mount is made of it, and no link */
	auto_free char *vmm = helper ? realpath(helper, NULL) : NULL;
	struct prepared p = { -1, -1, -1, -1, -1, 0, 0, { -1, -1 } };
	const struct ns_profile profile = { .caps = &caps,
		.no_new_privs = true,
		.landlock = true,
		.become = become,
		.with = &p };
	struct wall_spec own = *spec;
	int r;

	if (!helper)
		return err_set(e, ENOMEM, "out of memory");
	if (!vmm)
		return err_sys(e, "the VMM '%s'", helper);
	own.program = vmm;
	r = prepare(spec, &p, e);
	if (r == 0)
		r = ns_start(&profile, &own, ret, e);
	if (r == 0) {
		ret->remote = take_fd(&p.remote[0]);
		ret->memory = spec->from ? -1 : take_fd(&p.memory);
		ret->bytes = p.bytes;
	}
	prepared_close(&p);
	return r;
}

static int resume(struct wall_run *run, struct err *e)
{
	return remote_ask(run->remote, REMOTE_RESUME, NULL, PAUSE_WAIT_NS, e);
}

static int pause_it(struct wall_run *run, struct err *e)
{
	int r = remote_ask(run->remote, REMOTE_PAUSE, NULL, PAUSE_WAIT_NS, e);

	/* in case that it only is late: it isn't to stay behind our back */
	if (r < 0)
		(void)remote_ask(run->remote, REMOTE_RESUME, NULL, 0, NULL);
	return r;
}

/*
 * What the VMM says of it isn't taken for granted: a seal that the kernel grants proves that
 * nobody holds the file mapped to be written to, and nobody will.
 */
static int seal(int fd, struct err *e)
{
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_sys(e, "the VMM still writes to what it has kept");
	return 0;
}

static int save(struct wall_run *run, struct wall_snapshot *ret, struct err *e)
{
	auto_fd int state = memory_file(0, e);
	auto_fd int spare = -1;
	int r;

	if (state < 0)
		return state;
	spare = memory_file(run->bytes, e);
	if (spare < 0)
		return spare;
	r = remote_save(
		run->remote, &(struct remote_save){ state, spare }, SAVE_WAIT_NS, e);
	if (r < 0)
		return r;
	if (r == 1 && run->memory < 0)
		return err_set(e, EPROTO, "the VMM says that its memory is in no file");
	ret->memory = r == 1 ? take_fd(&run->memory) : take_fd(&spare);
	ret->state = take_fd(&state);
	return 0;
}

static int snapshot(struct wall_run *run, struct wall_snapshot *ret, struct err *e)
{
	struct wall_snapshot kept = { -1, -1, 0 };
	int r = save(run, &kept, e);

	if (r == 0)
		r = seal(kept.state, e);
	if (r == 0)
		r = seal(kept.memory, e);
	if (r == 0) {
		*ret = kept;
		return 0;
	}
	(void)remote_ask(run->remote, REMOTE_RESUME, NULL, PAUSE_WAIT_NS, NULL);
	close_auto(&kept.state);
	close_auto(&kept.memory);
	return r;
}

/* Resident memory of a process: proc_pid_statm(5). */
static uint64_t resident(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/statm", (int)pid);
	auto_buf struct buf text = { 0 };
	unsigned long long pages = 0;

	if (!path || file_read(AT_FDCWD, path, 256, &text, NULL) < 0 || !text.data ||
		sscanf(text.data, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int stats(struct wall_run *run, struct wall_stats *ret, struct err *e)
{
	struct remote_figures f = { 0 };
	struct timespec cpu = { 0 };
	clockid_t clock;
	int r = remote_ask(run->remote, REMOTE_FIGURES, &f, FIGURES_WAIT_NS, e);

	if (clock_getcpuclockid(run->init, &clock) == 0)
		(void)clock_gettime(clock, &cpu);
	*ret = (struct wall_stats){ .memory = resident(run->init),
		.cpu_ns = (uint64_t)cpu.tv_sec * NS_PER_SEC + (uint64_t)cpu.tv_nsec,
		.guest_memory = f.memory,
		.guest_free = f.memory_free,
		.guest_available = f.memory_available,
		.guest_cached = f.memory_cached,
		.guest_returned = f.memory_returned,
		.net_in = f.net_in,
		.net_out = f.net_out };
	return r;
}

/* As the sentry's: the warder ends every process and then the machine, or it is killed. */
static int stop(struct wall_run *run, uint64_t wait_ns, struct err *e)
{
	/* one that is paused goes on by this */
	if (run->remote >= 0)
		(void)shutdown(run->remote, SHUT_RDWR);
	if (run->stream >= 0)
		(void)shutdown(run->stream, SHUT_RDWR);
	(void)pidfd_wait_gone(run->pidfd, END_WAIT_MS);
	return ns_stop(run, wait_ns, e);
}

static int probe(struct err *e)
{
	const struct ns_profile profile = { .no_new_privs = true };
	auto_fd int kernel = open_kernel(e);
	auto_fd int kvm = -1;
	int r;

	if (kernel < 0)
		return kernel;
	kvm = open_kvm(e);
	if (kvm < 0)
		return kvm;
	r = vmm_prove(kvm, e);
	return r < 0 ? r : ns_probe(&profile, e);
}

const struct wall wall_microvm = {
	.name = "microvm",
	.strength = 60,
	.brief = "a virtual machine with a Linux of its own: KVM, under a VMM that is "
		 "jailed",
	.passes = "a bug in KVM, or one in the VMM together with one in its jail",
	.not_auto = "it is new: ask for it",
	.own_pids = true,
	.own_net = true,
	.limits_net = true,
	.probe = probe,
	.start = start,
	.stop = stop,
	.stats = stats,
	.pause = pause_it,
	.resume = resume,
	.snapshot = snapshot,
};
