/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/remote.h"

#include "base/buf.h"
#include "base/clock.h"
#include "vmm/jail.h"
#include "vmm/payload.h"
#include "vmm/virtio/balloon.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define WAIT  (20 * NS_PER_SEC)
#define COUNT 0x300000

static const uint8_t counts[] = { 0xff, 0x05, 0, 0, 0x30, 0, /* incl 0x300000 */
	0xeb, 0xf8 };

struct pair {
	struct machine *machine;
	int fd;
	struct err e;
};

static void pause_ms(unsigned ms)
{
	struct timespec t = { .tv_nsec = (long)ms * 1000000 };

	(void)nanosleep(&t, NULL);
}

static uint32_t count(const struct pair *p)
{
	return *(volatile uint32_t *)memory_span(machine_memory(p->machine), COUNT, 4);
}

static bool stands(const struct pair *p)
{
	uint32_t before = count(p);

	pause_ms(30);
	return count(p) == before;
}

static bool goes(const struct pair *p)
{
	uint32_t before = count(p);

	for (unsigned i = 0; i < 1000 && count(p) == before; i++)
		pause_ms(10);
	return count(p) != before;
}

static void *keeper(void *data)
{
	struct pair *p = data;
	struct remote_figures f = { .memory = 1 };

	expect(goes(p));
	for (unsigned i = 0; i < 20; i++) {
		expect(remote_ask(p->fd, REMOTE_PAUSE, NULL, WAIT, &p->e) == 0);
		expect(remote_ask(p->fd, REMOTE_RESUME, NULL, WAIT, &p->e) == 0);
	}
	expect(goes(p));
	/* twice is once */
	expect(remote_ask(p->fd, REMOTE_PAUSE, NULL, WAIT, &p->e) == 0);
	expect(remote_ask(p->fd, REMOTE_PAUSE, NULL, WAIT, &p->e) == 0);
	expect(stands(p));
	expect(remote_ask(p->fd, REMOTE_FIGURES, &f, WAIT, &p->e) == 0 && f.memory == 0);
	expect(stands(p));
	expect(remote_ask(p->fd, REMOTE_RESUME, NULL, WAIT, &p->e) == 0 && goes(p));
	/* a question that is none */
	expect(remote_ask(p->fd, (enum remote_verb)77, NULL, WAIT, &p->e) == 0);
	expect(send(p->fd, "x", 1, 0) == 1);
	expect(remote_ask(p->fd, REMOTE_PAUSE, NULL, WAIT, &p->e) == 0 && stands(p));
	/* who asked is gone */
	(void)close(p->fd);
	expect(goes(p));
	machine_stop(p->machine, MACHINE_OFF);
	return NULL;
}

TEST(a_machine_is_paused_and_goes_on_when_it_is_told_or_nobody_can_tell)
{
	struct remote r = { .machine = payload_machine(counts, sizeof(counts), 2, -1) };
	struct pair p = { .machine = r.machine };
	struct err e = { 0 };
	pthread_t other;
	int fd[2];

	expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
	r.fd = fd[0];
	p.fd = fd[1];
	r.balloon = balloon_new(&e);
	expect(machine_add_device(r.machine, r.balloon, &e) == 0);
	expect(remote_listen(&r, &e) == 0);
	expect(machine_start(r.machine, NULL, &e) == 0);
	expect(pthread_create(&other, NULL, keeper, &p) == 0);
	expect(machine_run(r.machine, &e) == MACHINE_OFF);
	expect(pthread_join(other, NULL) == 0);
	machine_free(r.machine);
	buf_clear(&r.state);
	(void)close(fd[0]);
}

TEST(silence_an_end_and_nonsense_are_errors_in_time)
{
	struct remote_figures f = { .memory = 1 };
	uint8_t junk[64] = { 0 };
	struct err e = { 0 };
	int fd[2];

	expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
	expect(remote_ask(fd[1], REMOTE_PAUSE, NULL, 20 * NS_PER_MS, &e) == -ETIMEDOUT);
	/* too short, too long, with the number of no question */
	expect(send(fd[0], junk, 1, 0) == 1 && send(fd[0], junk, 64, 0) == 64);
	expect(send(fd[0], junk, 8 + sizeof(f), 0) == 8 + sizeof(f));
	expect(remote_ask(fd[1], REMOTE_FIGURES, &f, 20 * NS_PER_MS, &e) == -ETIMEDOUT);
	expect(f.memory == 1);
	(void)close(fd[0]);
	expect(remote_ask(fd[1], REMOTE_PAUSE, NULL, WAIT, &e) < 0);
	(void)close(fd[1]);
}

static void *babble(void *data)
{
	uint8_t junk[64] = { 0 };
	uint64_t end = clock_mono_ns() + 300 * NS_PER_MS;

	while (clock_mono_ns() < end)
		(void)send(*(int *)data, junk, 8 + sizeof(struct remote_figures),
			MSG_DONTWAIT | MSG_NOSIGNAL);
	return NULL;
}

TEST(who_never_stops_talking_holds_nobody_up)
{
	struct err e = { 0 };
	uint64_t from = clock_mono_ns();
	pthread_t other;
	int fd[2];

	expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
	expect(pthread_create(&other, NULL, babble, &fd[0]) == 0);
	expect(remote_ask(fd[1], REMOTE_PAUSE, NULL, 50 * NS_PER_MS, &e) == -ETIMEDOUT);
	expect(clock_mono_ns() - from < 10 * NS_PER_SEC);
	expect(pthread_join(other, NULL) == 0);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

/* What a machine in its jail keeps is what another one goes on from, and it goes on itself. */
static void *keep(void *data)
{
	struct pair *p = data;
	struct remote_save to = { memory_file(0, &p->e), memory_file(32 << 20, &p->e) };
	int own = fcntl(machine_memory(p->machine)->fd, F_DUPFD_CLOEXEC, 3);
	uint32_t first, second;

	expect(goes(p));
	/* no files, no snapshot */
	expect(remote_ask(p->fd, REMOTE_SAVE, NULL, WAIT, &p->e) == 0 && goes(p));
	expect(remote_save(p->fd, &to, WAIT, &p->e) == 1);
	expect(fcntl(own, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	expect(stands(p) && lseek(to.state, 0, SEEK_END) > 4096);
	expect(pread(own, &first, 4, COUNT) == 4 && first == count(p));
	expect(remote_ask(p->fd, REMOTE_RESUME, NULL, WAIT, &p->e) == 0 && goes(p));
	/* again: by now its memory is its own */
	(void)close(to.state);
	to.state = memory_file(0, &p->e);
	expect(remote_save(p->fd, &to, WAIT, &p->e) == 0);
	expect(fcntl(to.spare, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	expect(pread(to.spare, &second, 4, COUNT) == 4 && second > first);
	expect(stands(p) && lseek(to.state, 0, SEEK_END) > 4096);
	expect(remote_ask(p->fd, REMOTE_RESUME, NULL, WAIT, &p->e) == 0 && goes(p));
	/* a file that can't be written to: it says so, and goes on */
	(void)close(to.state);
	to.state = open("/dev/null", O_RDONLY | O_CLOEXEC);
	expect(remote_save(p->fd, &to, WAIT, &p->e) < 0 && p->e.msg[0] && goes(p));
	(void)close(p->fd);
	return NULL;
}

static void *end_after(void *data)
{
	struct pair *p = data;

	(void)keep(data);
	machine_stop(p->machine, MACHINE_OFF);
	return NULL;
}

TEST(a_jailed_machine_is_kept_twice_and_goes_on)
{
	struct remote r = { .machine = payload_machine(counts, sizeof(counts), 2, -1) };
	struct pair p = { .machine = r.machine };
	struct err e = { 0 };
	pthread_t other;
	int fd[2];

	expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
	r.fd = fd[0];
	p.fd = fd[1];
	expect(remote_listen(&r, &e) == 0);
	/* the filter is a thread's: the other one is no part of the VMM */
	expect(pthread_create(&other, NULL, end_after, &p) == 0);
	jail_heap();
	expect(jail_process(&e) == 0);
	expect(machine_start(r.machine, jail_vcpu, &e) == 0);
	expect(jail_main(false, &e) == 0);
	/* nothing else may be done in there, not even what ends a test */
	(void)syscall(SYS_exit_group, machine_run(r.machine, &e) == MACHINE_OFF ? 0 : 1);
}
