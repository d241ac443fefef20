/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines that go on from what another one has kept. What tells a restored machine from one that
 * started again is a number that is only in its memory, and a counter that goes on.
 */
#include "base/auto.h"
#include "base/clock.h"
#include "vmm/payload.h"

#include <pthread.h>
#include <string.h>

#define NONCE   0x300000
#define COUNT   0x300008
#define TOLD    0x300010 /* what the payload is told from outside */
#define AP_TRAP 0x300020

#define MEMORY (32ULL << 20)

/*
 * Makes a number of the time stamp counter, keeps a copy of it in a register, and counts until
 * it is told a byte. Then it goes off: with that byte where register and memory agree.
 */
static const uint8_t counts[] = { 0x0f, 0x31, /* rdtsc */
	0x83, 0xc8, 0x01,                     /* or $1, %eax */
	0xa3, 0x00, 0x00, 0x30, 0x00,         /* mov %eax, NONCE */
	0x89, 0xc3,                           /* mov %eax, %ebx */
	0xff, 0x05, 0x08, 0x00, 0x30, 0x00,   /* again: incl COUNT */
	0xa0, 0x10, 0x00, 0x30, 0x00,         /* mov TOLD, %al */
	0x84, 0xc0,                           /* test %al, %al */
	0x74, 0xf1,                           /* jz again */
	0x3b, 0x1d, 0x00, 0x00, 0x30, 0x00,   /* cmp NONCE, %ebx */
	0x74, 0x02,                           /* je off */
	0xb0, 0xff,                           /* mov $255, %al */
	OFF, 0xf4 };

struct kept {
	struct buf state;
	int memory; /* a file that nobody writes to */
	uint32_t nonce, count;
};

static volatile uint32_t *word(struct machine *m, uint64_t at)
{
	return memory_span(machine_memory(m), at, 4);
}

static void wait_for(struct machine *m, uint64_t at, uint32_t more_than)
{
	struct timespec t = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < 20000 && *word(m, at) <= more_than; i++)
		(void)nanosleep(&t, NULL);
	expect(*word(m, at) > more_than);
}

/* Keep what it is while it stands, and let it go on. */
static struct kept keep(struct machine *m)
{
	struct kept k = { .memory = -1 };
	struct err e = { 0 };
	int spare, r;

	machine_pause(m);
	expect(machine_save(m, &k.state, &e) == 0);
	k.nonce = *word(m, NONCE);
	k.count = *word(m, COUNT);
	spare = memory_file(MEMORY, &e);
	expect(spare >= 0);
	r = machine_freeze_memory(m, spare, &e);
	expect(r >= 0);
	k.memory = r == 1 ? fcntl(machine_memory(m)->fd, F_DUPFD_CLOEXEC, 3) : dup(spare);
	(void)close(spare);
	/* whoever could still change it would hold it mapped */
	expect(fcntl(k.memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) ==
		0);
	machine_resume(m);
	return k;
}

static void forget(struct kept *k)
{
	buf_clear(&k->state);
	(void)close(k->memory);
}

static int restore(
	struct machine **ret, const struct kept *k, unsigned cpus, struct err *e)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct machine_options o = { .kvm = kvm,
		.cpus = cpus,
		.memory = MEMORY,
		.console = -1,
		.memory_kind = MACHINE_MEMORY_APART,
		.memory_fd = dup(k->memory) };
	struct span s = { (uint8_t *)k->state.data, k->state.len };
	int r = machine_new(ret, &o, e);

	expect(r == 0);
	expect(machine_add_device(*ret, toy_new(), e) == 0);
	r = machine_restore(*ret, &s, e);
	(void)close(kvm);
	return r;
}

struct other {
	struct machine *machine;
	struct kept kept, again;
};

static void *keep_one(void *data)
{
	struct other *o = data;

	wait_for(o->machine, COUNT, 1000);
	o->kept = keep(o->machine);
	wait_for(o->machine, COUNT, o->kept.count + 1000);
	/* its memory is its own by now, and is copied */
	o->again = keep(o->machine);
	expect(o->again.nonce == o->kept.nonce && o->again.count > o->kept.count);
	wait_for(o->machine, COUNT, o->again.count);
	*word(o->machine, TOLD) = 7;
	return NULL;
}

static struct other original(unsigned cpus)
{
	struct other o = { .machine = payload_machine(counts, sizeof(counts), cpus, -1) };
	struct err e = { 0 };
	pthread_t thread;

	expect(machine_start(o.machine, NULL, &e) == 0);
	expect(pthread_create(&thread, NULL, keep_one, &o) == 0);
	expect(machine_run(o.machine, &e) == MACHINE_OFF && machine_word(o.machine) == 7);
	expect(pthread_join(thread, NULL) == 0);
	machine_free(o.machine);
	return o;
}

/* It has to have the number, and to count on from where it was. */
static void *watch_copy(void *data)
{
	struct other *o = data;

	wait_for(o->machine, COUNT, o->kept.count);
	expect(*word(o->machine, NONCE) == o->kept.nonce);
	*word(o->machine, TOLD) = 9;
	return NULL;
}

static void run_copy(const struct kept *k, unsigned cpus)
{
	struct other o = { .kept = *k };
	struct err e = { 0 };
	pthread_t thread;

	if (restore(&o.machine, k, cpus, &e) < 0) {
		fprintf(stderr, "# %s\n", e.msg);
		expect(!"restored");
	}
	expect(*word(o.machine, COUNT) == k->count);
	expect(machine_start(o.machine, NULL, &e) == 0);
	expect(pthread_create(&thread, NULL, watch_copy, &o) == 0);
	expect(machine_run(o.machine, &e) == MACHINE_OFF);
	expect(machine_word(o.machine) == 9);
	expect(pthread_join(thread, NULL) == 0);
	machine_free(o.machine);
}

TEST(thirty_copies_of_a_machine_go_on_where_it_was)
{
	struct other o = original(1);

	for (unsigned i = 0; i < 30; i++)
		run_copy(i % 2 ? &o.kept : &o.again, 1);
	forget(&o.kept);
	forget(&o.again);
}

TEST(a_machine_of_four_cpus_goes_on)
{
	struct other o = original(4);

	run_copy(&o.kept, 4);
	forget(&o.kept);
	forget(&o.again);
}

static void *keep_copy(void *data)
{
	struct other *o = data;

	wait_for(o->machine, COUNT, o->kept.count);
	o->again = keep(o->machine);
	*word(o->machine, TOLD) = 5;
	return NULL;
}

TEST(copies_of_copies_have_the_number_of_the_first)
{
	struct other first = original(1);
	struct kept k = first.kept;

	for (unsigned i = 0; i < 5; i++) {
		struct other o = { .kept = k };
		struct err e = { 0 };
		pthread_t thread;

		expect(restore(&o.machine, &k, 1, &e) == 0);
		expect(machine_start(o.machine, NULL, &e) == 0);
		expect(pthread_create(&thread, NULL, keep_copy, &o) == 0);
		expect(machine_run(o.machine, &e) == MACHINE_OFF);
		expect(machine_word(o.machine) == 5);
		expect(pthread_join(thread, NULL) == 0);
		machine_free(o.machine);
		expect(o.again.nonce == first.kept.nonce && o.again.count > k.count);
		forget(&k);
		k = o.again;
	}
	forget(&k);
	forget(&first.again);
}

TEST(copies_do_not_see_what_one_of_them_writes)
{
	struct other o = original(1);
	struct machine *a, *b;
	struct err e = { 0 };
	uint32_t in_file;

	expect(restore(&a, &o.kept, 1, &e) == 0 && restore(&b, &o.kept, 1, &e) == 0);
	*word(a, COUNT) = 1;
	*word(a, 0x500000) = 77; /* where the file has a hole */
	expect(*word(b, COUNT) == o.kept.count && *word(b, 0x500000) == 0);
	expect(pread(o.kept.memory, &in_file, 4, COUNT) == 4 && in_file == o.kept.count);
	machine_free(a);
	machine_free(b);
	forget(&o.kept);
	forget(&o.again);
}

TEST(damage_anywhere_is_refused)
{
	struct other o = original(1);
	struct buf *b = &o.kept.state;
	struct machine *m;
	struct err e = { 0 };
	size_t whole = b->len;

	for (size_t at = 0; at < whole; at += 1 + whole / 40) {
		b->data[at] ^= 0x10;
		expect(restore(&m, &o.kept, 1, &e) < 0 && e.msg[0]);
		machine_free(m);
		b->data[at] ^= 0x10;
		b->len = at;
		expect(restore(&m, &o.kept, 1, &e) == -EBADMSG);
		machine_free(m);
		b->len = whole;
	}
	expect(restore(&m, &o.kept, 1, &e) == 0);
	machine_free(m);
	forget(&o.kept);
	forget(&o.again);
}

TEST(a_machine_of_another_shape_is_refused_in_words)
{
	struct other o = original(1);
	struct machine *m;
	struct err e = { 0 };

	expect(restore(&m, &o.kept, 2, &e) == -ENOTSUP);
	expect(strstr(e.msg, "1 CPUs") && strstr(e.msg, "has 2"));
	machine_free(m);
	forget(&o.kept);
	forget(&o.again);
}
