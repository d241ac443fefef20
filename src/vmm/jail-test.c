/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/jail.h"

#include "base/err.h"
#include "base/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 200U

struct jailed {
	int (*jail)(struct err *e);
	void (*work)(void);
};

static void *in_thread(void *data)
{
	const struct jailed *j = data;
	struct err e = { 0 };

	if (j->jail(&e) < 0)
		_exit(9);
	j->work();
	(void)syscall(SYS_exit, 0);
	return NULL;
}

/* The wait status of a process with a thread that works in a jail. */
static int run(int (*jail)(struct err *e), void (*work)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct jailed j = { jail, work };
		struct err e = { 0 };
		pthread_t thread;

		jail_heap();
		if (jail_process(&e) < 0 ||
			pthread_create(&thread, NULL, in_thread, &j) != 0)
			_exit(8);
		(void)pthread_join(thread, NULL);
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

/* From small to larger than what malloc(3) maps by itself otherwise. */
static void use_memory(void)
{
	static char *block[BLOCKS];

	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < BLOCKS; i++) {
			size_t n = (size_t)16 << i % 16;

			block[i] = malloc(n);
			if (!block[i])
				_exit(7);
			memset(block[i], 1, n);
		}
		for (unsigned i = 0; i < BLOCKS; i++)
			free(block[i]);
	}
}

static void cut_a_file(void)
{
	(void)syscall(SYS_ftruncate, -1, 0);
}

static void make_a_socket(void)
{
	(void)syscall(SYS_socket, 1, 1, 0);
}

static void look_at_a_path(void)
{
	(void)syscall(SYS_faccessat, -100, "/", 0);
}

static int main_of(bool files, struct err *e)
{
	return jail_main(files, e);
}

static int main_alone(struct err *e)
{
	return main_of(false, e);
}

static int main_with_files(struct err *e)
{
	return main_of(true, e);
}

#define KEPT (MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE)

static char page[4096] __attribute__((aligned(4096)));

static void map_data(void)
{
	if (mmap(page, sizeof(page), PROT_READ | PROT_WRITE, KEPT | MAP_ANONYMOUS, -1,
		    0) != page)
		_exit(7);
}

static void map_code(void)
{
	(void)mmap(
		page, sizeof(page), PROT_READ | PROT_EXEC, KEPT | MAP_ANONYMOUS, -1, 0);
	_exit(7);
}

static void map_elsewhere(void)
{
	(void)mmap(NULL, sizeof(page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	_exit(7);
}

TEST(the_main_thread_maps_data_in_the_place_of_other_data_and_nothing_else)
{
#ifdef __SANITIZE_ADDRESS__
	test_skip("sanitizers map what they like");
#endif
	int status[] = { run(main_alone, map_code), run(main_alone, map_elsewhere),
		run(jail_vcpu, map_data) };

	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++)
		expect(WIFSIGNALED(status[i]) && WTERMSIG(status[i]) == SIGSYS);
	expect(WEXITSTATUS(run(main_alone, map_data)) != 7);
	expect(WEXITSTATUS(run(main_with_files, map_data)) != 7);
	/* there the heap asks for it, and is told that there is none */
	expect(run(main_with_files, map_code) == 7 << 8);
}

TEST(a_cpu_that_serves_files_has_memory_without_mapping_any)
{
	expect(run(jail_vcpu_files, use_memory) == 0);
}

TEST(a_call_that_is_not_listed_ends_the_process)
{
	int status[] = { run(jail_vcpu, cut_a_file), run(jail_vcpu, make_a_socket),
		run(jail_vcpu_files, make_a_socket),
		run(jail_vcpu_files, look_at_a_path) };

	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++)
		expect(WIFSIGNALED(status[i]) && WTERMSIG(status[i]) == SIGSYS);
	expect(run(jail_vcpu_files, cut_a_file) == 0);
}
