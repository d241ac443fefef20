/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/kernel.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "linux/gatens.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#define MEMORY_DEFAULT_MAX (4ULL << 30)
#define MEMORY_MIN         (64ULL << 20)
#define CPUS_DEFAULT_MAX   4U
/* Host processes and threads: of a process of the guest's, and of the kernel itself. */
#define THREADS_EACH 3
#define THREADS_OWN  64
#define MIB          (1ULL << 20)

uint64_t sentry_default_memory(void)
{
	struct sysinfo host;
	uint64_t half;

	if (sysinfo(&host) < 0)
		return MEMORY_DEFAULT_MAX / 4;
	half = (uint64_t)host.totalram * host.mem_unit / 2;
	half = half > MEMORY_DEFAULT_MAX ? MEMORY_DEFAULT_MAX : half;
	return half < 2 * MEMORY_MIN ? 2 * MEMORY_MIN : half;
}

unsigned sentry_default_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > (int)CPUS_DEFAULT_MAX ? CPUS_DEFAULT_MAX : (unsigned)n;
}

/* A word of the command line about a descriptor, which so is handed on. */
static int add_fd(struct strv *argv, const char *before, int fd, const char *after)
{
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_SETFD, 0) < 0)
		return -errno;
	return strv_addf(argv, "%s%d%s", before, fd, after);
}

static int words(const struct sentry_kernel *k, struct strv *argv)
{
	static const char *const fixed[] = { "con=null", "con0=null", "quiet",
		"rdinit=/init", "panic=-1", "random.trust_cpu=on", "dummy.numdummies=0" };
	uint64_t mib = (k->memory < MEMORY_MIN ? MEMORY_MIN : k->memory) / MIB;
	/* who traces is one thread */
	unsigned cpus = k->strict ? 1 : k->cpus;
	int r = strv_add(argv, "brig-sentry");

	if (r == 0)
		r = strv_addf(argv, "mem=%lluM", (unsigned long long)mib);
	if (r == 0)
		r = strv_addf(argv, "seccomp=%s", k->strict ? "off" : "on");
	if (r == 0)
		r = strv_addf(argv, "ncpus=%u", cpus);
	/* else every wait for RCU is several ticks of 10 ms */
	if (r == 0 && cpus > 1)
		r = strv_add(argv, "rcupdate.rcu_expedited=1");
	if (r == 0)
		r = add_fd(argv, "initrd=fd:", k->initramfs, "");
	if (r == 0)
		r = add_fd(argv, "brigfs=", k->root, "");
	if (r == 0)
		r = add_fd(argv, "brig_stream=fd:", k->stream, "");
	if (r == 0)
		r = add_fd(argv, "brig_filter=fd:", k->filter, "");
	if (r == 0)
		r = add_fd(
			argv, "vec0:transport=fd,fd=", k->net, ",mac=" GATENS_GUEST_MAC);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed) && r == 0; i++)
		r = strv_add(argv, fixed[i]);
	/* what the kernel has no use for becomes the environment of boot/boot.c */
	if (r == 0)
		r = strv_addf(argv, "BRIG_ROOT=brigfs,fd=%d,squash=65534", k->root);
	if (r == 0)
		r = strv_addf(argv, "BRIG_HOSTNAME=%s", k->hostname);
	if (r == 0 && k->net >= 0)
		r = strv_add(argv, "BRIG_LINK=vec0");
	if (r == 0 && k->pids)
		r = strv_addf(argv, "BRIG_PIDS=%llu", (unsigned long long)k->pids);
	return r;
}

/* Descriptors 0 and 1 lead nowhere, 2 to the console. */
static int settle_descriptors(const struct sentry_kernel *k, struct err *e)
{
	if (k->console >= 0 && dup2(k->console, STDERR_FILENO) < 0)
		return err_sys(e, "hand on the console");
	return 0;
}

/* Nothing of it goes to a file of the host's, and every file it may have open it may. */
static int settle_limits(uint64_t pids, struct err *e)
{
	const struct rlimit none = { 0, 0 };
	/* counted in its own user namespace (Linux 5.14), so no other sandbox is held up */
	const rlim_t most = pids * THREADS_EACH + THREADS_OWN;
	struct rlimit files;

	if (pids && setrlimit(RLIMIT_NPROC, &(struct rlimit){ most, most }) < 0)
		return err_sys(e, "set limits");

	if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(e, "set limits");
	files.rlim_cur = files.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &files) < 0 ? err_sys(e, "set limits") : 0;
}

int sentry_kernel_exec(const struct sentry_kernel *k, struct err *e)
{
	auto_strv struct strv argv = { 0 };
	char *envp[] = { NULL };
	int r = words(k, &argv);

	if (r < 0)
		return err_set(e, -r, "make the kernel's command line: %s", err_text(-r));
	r = settle_limits(k->pids, e);
	if (r == 0)
		r = settle_descriptors(k, e);
	if (r < 0)
		return r;
	/* the kernel is linked to fixed addresses, and the stack and the vDSO mustn't be there */
	if (personality(ADDR_NO_RANDOMIZE) < 0)
		return err_sys(e, "fix addresses");
	(void)syscall(SYS_execveat, k->program, "", argv.v, envp, AT_EMPTY_PATH);
	return err_sys(e, "execute the guest's kernel");
}
