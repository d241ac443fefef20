/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bare payloads on /dev/kvm: a few instructions in 32-bit protected mode, as an ELF kernel is
 * entered. They run where no ordinary guest does, too.
 */
#include "vmm/machine.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "vmm/jail.h"
#include "vmm/payload.h"

#include <fcntl.h>

struct ran {
	enum machine_end end;
	unsigned word;
	struct err e;
	char said[256];
};

static struct ran run(const uint8_t *code, size_t n, unsigned cpus)
{
	struct ran r = { 0 };
	int p[2];

	expect(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	struct machine *m = payload_machine(code, n, cpus, p[1]);

	expect(machine_start(m, NULL, &r.e) == 0);
	r.end = machine_run(m, &r.e);
	r.word = machine_word(m);
	machine_free(m);
	(void)!read(p[0], r.said, sizeof(r.said) - 1);
	(void)close(p[0]);
	(void)close(p[1]);
	return r;
}

TEST(a_payload_speaks_and_switches_off_with_a_word)
{
	static const uint8_t code[] = { 0x66, 0xba, 0xf8, 0x03,     /* mov $0x3f8, %dx */
		0xb0, 'h', 0xee, 0xb0, 'i', 0xee, 0xb0, '\n', 0xee, /* out */
		0xb0, 42, OFF, 0xf4 };
	struct ran r = run(code, sizeof(code), 1);

	expect(r.end == MACHINE_OFF && r.word == 42);
	expect_str(r.said, "hi\n");
}

TEST(a_payload_is_entered_as_pvh_says)
{
	static const uint8_t code[] = { 0x8b, 0x03, /* mov (%ebx), %eax: the magic */
		0x3d, 0x78, 0xc5, 0x6e, 0x33,       /* cmp */
		0x0f, 0x94, 0xc0,                   /* sete %al */
		OFF, 0xf4 };
	struct ran r = run(code, sizeof(code), 1);

	expect(r.end == MACHINE_OFF && r.word == 1);
}

TEST(a_payload_reads_and_writes_the_registers_of_a_device)
{
	static const uint8_t code[] = { 0xbe, 0x00, 0x00, 0x00,
		0xd0,                         /* mov $0xd0000000, %esi */
		0xc7, 0x46, 0x70, 3, 0, 0, 0, /* movl $3, 0x70(%esi): status */
		0x8b, 0x46, 0x70,             /* mov 0x70(%esi), %eax */
		0xc1, 0xe0, 0x04,             /* shl $4, %eax */
		0x03, 0x46, 0x08,             /* add 8(%esi), %eax: id 42 */
		OFF, 0xf4 };
	struct ran r = run(code, sizeof(code), 1);

	expect(r.end == MACHINE_OFF && r.word == 3 * 16 + 42);
}

TEST(the_keyboard_controller_resets)
{
	static const uint8_t code[] = { 0xb0, 0xfe, 0xe6, 0x64, 0xf4 };

	expect(run(code, sizeof(code), 1).end == MACHINE_RESET);
}

TEST(a_triple_fault_is_a_reset)
{
	/* no interrupt table: lidt of zeros, and an undefined instruction */
	static const uint8_t code[] = { 0x6a, 0, 0x6a, 0, 0xbc, 0, 0, 0x21, 0, 0x0f, 0x01,
		0x1c, 0x24, 0x0f, 0x0b };
	struct ran r = run(code, sizeof(code), 1);

	expect(r.end == MACHINE_RESET || r.end == MACHINE_ERROR);
	if (r.end ==
		MACHINE_ERROR) /* an emulator that gives up where a processor would fault */
		expect(r.e.code == EIO && r.e.msg[0]);
}

TEST(other_cpus_wait_and_all_end_together)
{
	static const uint8_t code[] = { 0xb0, 7, OFF, 0xf4 };
	struct ran r = run(code, sizeof(code), 8);

	expect(r.end == MACHINE_OFF && r.word == 7);
}

static void *stop_soon(void *data)
{
	struct timespec t = { .tv_nsec = 50000000 };

	(void)nanosleep(&t, NULL);
	for (unsigned i = 0; i < 20; i++) {
		machine_pause(data);
		machine_resume(data);
	}
	machine_pause(data);
	uint32_t *count = memory_span(machine_memory(data), 0x300000, 4), before = *count;

	(void)nanosleep(&t, NULL);
	expect(*count == before && before > 0);
	machine_resume(data);
	(void)nanosleep(&t, NULL);
	expect(*count != before);
	machine_stop(data, MACHINE_OFF);
	return NULL;
}

TEST(a_machine_that_spins_is_paused_resumed_and_stopped)
{
	static const uint8_t code[] = { 0xff, 0x05, 0, 0, 0x30, 0, /* incl 0x300000 */
		0xeb, 0xf8 };
	struct machine *m = payload_machine(code, sizeof(code), 2, -1);
	struct err e = { 0 };
	pthread_t other;

	expect(machine_start(m, NULL, &e) == 0);
	expect(pthread_create(&other, NULL, stop_soon, m) == 0);
	expect(machine_run(m, &e) == MACHINE_OFF);
	expect(pthread_join(other, NULL) == 0);
	machine_free(m);
}

static int refuse(struct err *e)
{
	return err_set(e, EPERM, "no jail to be had");
}

TEST(without_its_jail_a_cpu_runs_nothing)
{
	static const uint8_t code[] = { 0xb0, 7, OFF, 0xf4 };
	struct machine *m = payload_machine(code, sizeof(code), 2, -1);
	struct err e = { 0 };

	expect(machine_start(m, refuse, &e) == 0);
	expect(machine_run(m, &e) == MACHINE_ERROR);
	expect_str(e.msg, "no jail to be had");
	machine_free(m);
}

TEST(in_their_jails_the_threads_can_do_what_they_have_to)
{
	static const uint8_t code[] = { 0x66, 0xba, 0xf8, 0x03, 0xb0, 'x', 0xee, 0xb0, 9,
		OFF, 0xf4 };
	struct machine *m = payload_machine(code, sizeof(code), 2, -1);
	struct err e = { 0 };

	expect(jail_process(&e) == 0);
	expect(machine_start(m, jail_vcpu, &e) == 0);
	expect(jail_main(false, &e) == 0);
	/* nothing else may be done in there, not even what ends a test */
	_exit(machine_run(m, &e) == MACHINE_OFF && machine_word(m) == 9 ? 0 : 1);
}

TEST(a_shell_of_a_machine_is_made_quickly)
{
	static const uint8_t code[] = { 0xf4 };
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < 20; i++) {
		uint64_t at = clock_mono_ns();
		struct machine *m = payload_machine(code, sizeof(code), 1, -1);

		machine_free(m);
		at = clock_mono_ns() - at;
		best = at < best ? at : best;
	}
	/* a measure, and a bound that only something absurd misses */
	fprintf(stderr, "# made and freed in %llu us\n", (unsigned long long)best / 1000);
	expect(best < 1000000000);
}
