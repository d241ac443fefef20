/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.c - how long a machine takes to go on from a snapshot, and what a copy weighs.
 *
 * Theory of operation. The guest is a payload of a few instructions that has written to FILLED of
 * its memory and waits; it is kept once. A restore is from nothing to a machine whose guest has
 * been told to go on, did, and stands: machine_new(), the state, memory mapped apart, a thread, the first
 * instructions. Forks are that many at once, all alive; their weight is what the process's
 * private memory has grown by (smaps_rollup), so without what the host's kernel keeps for each.
 *
 *   restore [RESTORES [FORKS]]
 */
#include "base/auto.h"
#include "base/clock.h"
#include "vmm/payload.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#define BEGAN    0x300000
#define TOLD     0x300010
#define WENT     0x300020
#define MEMORY   (128ULL << 20)
#define FILLED   (16U << 20)
#define RUNS_MAX 10000U

static const uint8_t waits[] = { 0xfe, 0x05, 0x00, 0x00, 0x30,
	0x00,                               /* again: incb BEGAN */
	0xa0, 0x10, 0x00, 0x30, 0x00,       /* mov TOLD, %al */
	0x84, 0xc0,                         /* test %al, %al */
	0x74, 0xf1,                         /* jz again */
	0xff, 0x05, 0x20, 0x00, 0x30, 0x00, /* incl WENT */
	0xf4 };

struct copy {
	struct machine *machine;
	pthread_t thread;
};

static struct {
	int kvm, memory;
	struct buf state;
} kept;

static volatile uint32_t *word(struct machine *m, uint64_t at)
{
	return memory_span(machine_memory(m), at, 4);
}

static void must(bool ok, const char *what, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "restore: %s: %s\n", what, e ? e->msg : "");
	exit(1);
}

static void *run(void *data)
{
	struct err e = { 0 };

	(void)machine_run(data, &e);
	return NULL;
}

static void wait_for(struct machine *m, uint64_t at)
{
	uint64_t end = clock_mono_ns() + 20 * NS_PER_SEC;

	while (!*word(m, at)) {
		must(clock_mono_ns() < end, "the guest doesn't run", NULL);
		(void)sched_yield();
	}
}

static void end(struct copy *c)
{
	machine_stop(c->machine, MACHINE_OFF);
	(void)pthread_join(c->thread, NULL);
	machine_free(c->machine);
}

static void start(struct copy *c, struct err *e)
{
	must(machine_start(c->machine, NULL, e) == 0, "start", e);
	must(pthread_create(&c->thread, NULL, run, c->machine) == 0, "make a thread",
		NULL);
}

static void keep(void)
{
	struct machine_options o = { kept.kvm, 1, MEMORY, -1 };
	struct err e = { 0 };
	struct copy c;
	int kernel = payload_kernel(waits, sizeof(waits));
	uint64_t at;

	must(machine_new(&c.machine, &o, &e) == 0, "make a machine", &e);
	must(machine_add_device(c.machine, toy_new(), &e) == 0, "add a device", &e);
	must(machine_load(c.machine, &(struct load){ kernel, -1, "" }, &e) == 0, "load",
		&e);
	(void)close(kernel);
	memset(memory_span(machine_memory(c.machine), 32 << 20, FILLED), 1, FILLED);
	start(&c, &e);
	wait_for(c.machine, BEGAN);
	at = clock_mono_ns();
	machine_pause(c.machine);
	must(machine_save(c.machine, &kept.state, &e) == 0, "save", &e);
	must(machine_freeze_memory(c.machine, -1, &e) == 1, "freeze", &e);
	machine_resume(c.machine);
	printf("pause of the one that is kept: %.3f ms\n",
		(double)(clock_mono_ns() - at) / 1e6);
	kept.memory = dup(machine_memory(c.machine)->fd);
	end(&c);
	printf("state: %zu bytes\n", kept.state.len);
}

static void restore(struct copy *c)
{
	struct machine_options o = { .kvm = kept.kvm,
		.cpus = 1,
		.memory = MEMORY,
		.console = -1,
		.memory_kind = MACHINE_MEMORY_APART,
		.memory_fd = dup(kept.memory) };
	struct span s = { (uint8_t *)kept.state.data, kept.state.len };
	struct err e = { 0 };

	must(machine_new(&c->machine, &o, &e) == 0, "make a machine", &e);
	must(machine_add_device(c->machine, toy_new(), &e) == 0, "add a device", &e);
	must(machine_restore(c->machine, &s, &e) == 0, "restore", &e);
	*word(c->machine, TOLD) = 1;
	start(c, &e);
}

static uint64_t private_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	unsigned long long kib, sum = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %llu", &kib) == 1 ||
			sscanf(line, "Private_Clean: %llu", &kib) == 1)
			sum += kib;
	if (f)
		(void)fclose(f);
	return sum;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure_restores(unsigned n)
{
	static double shell[RUNS_MAX], first[RUNS_MAX];
	struct copy c;

	for (unsigned i = 0; i < n; i++) {
		uint64_t at = clock_mono_ns();

		restore(&c);
		shell[i] = (double)(clock_mono_ns() - at) / 1e3;
		wait_for(c.machine, WENT);
		first[i] = (double)(clock_mono_ns() - at) / 1e3;
		end(&c);
	}
	qsort(shell, n, sizeof(*shell), by_size);
	qsort(first, n, sizeof(*first), by_size);
	printf("restored, %u times: best %.0f us, p50 %.0f, p99 %.0f\n", n, shell[0],
		shell[n / 2], shell[n * 99 / 100]);
	printf("to the guest's next instructions: best %.0f us, p50 %.0f, p99 %.0f\n",
		first[0], first[n / 2], first[n * 99 / 100]);
}

static void measure_forks(unsigned n)
{
	struct copy *c = calloc(n, sizeof(*c));
	uint64_t before = private_kib(), at = clock_mono_ns(), weight;

	must(c, "out of memory", NULL);
	for (unsigned i = 0; i < n; i++)
		restore(&c[i]);
	at = clock_mono_ns() - at;
	for (unsigned i = 0; i < n; i++)
		wait_for(c[i].machine, WENT);
	weight = private_kib() - before;
	printf("%u forks: made in %.1f ms, %.0f KiB each\n", n, (double)at / 1e6,
		(double)weight / n);
	for (unsigned i = 0; i < n; i++)
		end(&c[i]);
	free(c);
}

int main(int argc, char **argv)
{
	unsigned restores = argc > 1 ? (unsigned)atoi(argv[1]) : 500,
		 forks = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
	struct rlimit files;

	/* three descriptors a machine, and more for each device */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	kept.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	must(kept.kvm >= 0, "open /dev/kvm", NULL);
	must(restores && restores <= RUNS_MAX && forks, "how many?", NULL);
	keep();
	measure_restores(restores);
	measure_forks(forks);
	buf_clear(&kept.state);
	return 0;
}
