/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: memory after a fork: each has its own, of that moment, while threads go on writing
 * Expect: container=yes sentry=yes
 *
 * Pages of private memory, of a private file map and of a shared one, written and read by parent
 * and children in all orders. What was freed is filled by somebody else at once, so that a page
 * that a process still has and should not shows other content.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "probe.h"

#define PAGE     4096UL
#define PAGES    300
#define ROUNDS	 12
#define CHILDREN 3
#define WRITERS  3

static uint64_t *own, *file, *shared;
static atomic_bool over;

/* The word of a page says whose it is, of which round, and which page. */
static uint64_t word(unsigned who, unsigned round, unsigned page)
{
	return (uint64_t)who << 48 | (uint64_t)round << 24 | page;
}

static uint64_t *at(uint64_t *area, unsigned page)
{
	return area + page * (PAGE / 8);
}

static void fill(uint64_t *area, unsigned who, unsigned round, unsigned step)
{
	for (unsigned p = 0; p < PAGES; p += step)
		at(area, p)[p % 512] = word(who, round, p);
}

static void are(
	uint64_t *area, unsigned who, unsigned round, unsigned first, unsigned step)
{
	for (unsigned p = first; p < PAGES; p += step)
		need(at(area, p)[p % 512] == word(who, round, p));
}

/* A thread writes and frees memory of its own, and finds it as it left it. */
static void *churn(void *arg)
{
	unsigned who = 100 + (unsigned)(uintptr_t)arg;

	for (unsigned round = 0; !over; round++) {
		uint64_t *mine = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		need(mine != MAP_FAILED);
		fill(mine, who, round & 0xffff, 1);
		are(mine, who, round & 0xffff, 0, 1);
		need(munmap(mine, PAGES * PAGE) == 0);
	}
	return NULL;
}

/* It sees the fork's moment, whatever the parent does meanwhile, and writes what nobody else sees. */
static void child(unsigned who, unsigned round, bool grand)
{
	pid_t pid;
	int status;

	if (who % 2) {
		are(own, 0, round, 0, 1);
		are(file, 0, round, 0, 1);
	}
	fill(own, who, round, 2);
	are(own, 0, round, 1, 2);
	are(own, who, round, 0, 2);
	fill(file, who, round, 3);
	if (grand) {
		pid = fork();
		need(pid >= 0);
		if (pid == 0) {
			are(own, who, round, 0, 2);
			are(own, 0, round, 1, 2);
			fill(own, who + 10, round, 1);
			are(file, who, round, 0, 3);
			_exit(0);
		}
		fill(own, who, round, 1);
		need(waitpid(pid, &status, 0) == pid && status == 0);
		are(own, who, round, 0, 1);
	}
	at(shared, who)[0] = word(who, round, 1);
	are(file, who, round, 0, 3);
	_exit(0);
}

static void turn(unsigned round)
{
	pid_t pid[CHILDREN];
	int status;

	fill(own, 0, round, 1);
	fill(file, 0, round, 1);
	for (unsigned i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		need(pid[i] >= 0);
		if (pid[i] == 0)
			child(i + 1, round, i == 2);
	}
	fill(own, 9, round, 1);
	fill(file, 9, round, 2);
	for (unsigned i = 0; i < CHILDREN; i++) {
		need(waitpid(pid[i], &status, 0) == pid[i]);
		need(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		need(at(shared, i + 1)[0] == word(i + 1, round, 1));
	}
	are(own, 9, round, 0, 1);
	are(file, 9, round, 0, 2);
}

int main(void)
{
	pthread_t writer[WRITERS];
	char name[] = "fork-memory.XXXXXX";
	int fd = mkstemp(name);

	need(fd >= 0 && unlink(name) == 0 && ftruncate(fd, PAGES * PAGE) == 0);
	own = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	file = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(own != MAP_FAILED && file != MAP_FAILED && shared != MAP_FAILED);
	for (uintptr_t i = 0; i < WRITERS; i++)
		need(pthread_create(&writer[i], NULL, churn, (void *)i) == 0);
	for (unsigned round = 1; round <= ROUNDS; round++)
		turn(round);
	over = true;
	for (unsigned i = 0; i < WRITERS; i++)
		need(pthread_join(writer[i], NULL) == 0);
	return 0;
}
