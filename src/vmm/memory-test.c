/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/memory.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(a_span_is_given_only_where_all_of_it_is_memory)
{
	uint8_t *host = (uint8_t *)0x1000;
	struct guest_memory m = { .host = host, .size = 1 << 20, .fd = -1 };

	expect(memory_span(&m, 0, 1 << 20) == host);
	expect(memory_span(&m, 0, (1 << 20) + 1) == NULL);
	expect(memory_span(&m, (1 << 20) - 1, 1) == host + (1 << 20) - 1);
	expect(memory_span(&m, (1 << 20) - 1, 2) == NULL);
	expect(memory_span(&m, 1 << 20, 0) == NULL);
	expect(memory_span(&m, 5, 0) == host + 5);
	expect(memory_span(&m, 16, UINT64_MAX) == NULL);
	expect(memory_span(&m, UINT64_MAX, 2) == NULL);
	expect(memory_span(&m, MEMORY_HIGH_BEGIN, 0) == NULL);
}

TEST(a_span_never_crosses_the_devices)
{
	uint8_t *host = (uint8_t *)0x1000;
	struct guest_memory m = { .host = host, .size = MEMORY_LOW_END + 8192, .fd = -1 };

	expect(memory_low_size(&m) == MEMORY_LOW_END && memory_high_size(&m) == 8192);
	expect(memory_span(&m, MEMORY_LOW_END - 1, 1) == host + MEMORY_LOW_END - 1);
	expect(memory_span(&m, MEMORY_LOW_END - 1, 2) == NULL);
	expect(memory_span(&m, MEMORY_LOW_END, 1) == NULL);
	expect(memory_span(&m, MEMORY_HIGH_BEGIN - 1, 1) == NULL);
	expect(memory_span(&m, MEMORY_HIGH_BEGIN, 8192) == host + MEMORY_LOW_END);
	expect(memory_span(&m, MEMORY_HIGH_BEGIN, 8193) == NULL);
	expect(memory_span(&m, MEMORY_HIGH_BEGIN + 8191, UINT64_MAX - 8190) == NULL);
}

/* Whether a process dies of writing there. */
static bool dies_at(volatile uint8_t *at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's */
		*at = 1;
		_exit(0);
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

TEST(beside_memory_nothing_can_be_touched)
{
	struct guest_memory m;
	struct err e = { 0 };

	expect(memory_make(&m, MEMORY_MIN, &e) == 0);
	expect((uintptr_t)m.host % MEMORY_GUARD == 0);
	expect(!dies_at(m.host) && !dies_at(m.host + m.size - 1));
	expect(dies_at(m.host - 1) && dies_at(m.host - MEMORY_GUARD));
	expect(dies_at(m.host + m.size) && dies_at(m.host + m.size + MEMORY_GUARD - 1));
	memory_clear(&m);
}

TEST(memory_is_made_zeroed_and_copied_in_and_out)
{
	struct guest_memory m;
	struct err e = { 0 };
	char text[8];

	expect(memory_make(&m, 4096, &e) == -EINVAL);
	expect(memory_make(&m, MEMORY_MIN + 1, &e) == -EINVAL);
	expect(memory_make(&m, MEMORY_MIN, &e) == 0);
	expect(m.host[0] == 0 && m.host[MEMORY_MIN - 1] == 0);
	expect(memory_copy_in(&m, 100, "hello", 6) == 0);
	expect(memory_copy_out(&m, 100, text, 6) == 0);
	expect_str(text, "hello");
	expect(memory_copy_in(&m, MEMORY_MIN - 3, "hello", 6) == -EFAULT);
	expect(memory_copy_out(&m, MEMORY_MIN, text, 1) == -EFAULT);
	memory_clear(&m);
	memory_clear(&m);
}

static int sealed(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
}

TEST(frozen_memory_goes_on_apart_from_its_file)
{
	struct guest_memory m, copy;
	struct err e = { 0 };
	char text[8];
	int fd;

	expect(memory_make(&m, MEMORY_MIN, &e) == 0);
	expect(memory_copy_in(&m, 5 << 20, "first", 6) == 0);
	/* while it is written to, nobody can say that it isn't */
	expect(sealed(m.fd) < 0 && errno == EBUSY);
	expect(memory_freeze(&m, -1, &e) == 1 && sealed(m.fd) == 0);
	expect(memory_copy_out(&m, 5 << 20, text, 6) == 0);
	expect_str(text, "first");
	expect(memory_copy_in(&m, 5 << 20, "other", 6) == 0);
	expect(memory_copy_in(&m, 9 << 20, "new", 4) == 0);
	expect(pread(m.fd, text, 6, 5 << 20) == 6);
	expect_str(text, "first");
	/* once more: that takes a file */
	expect(memory_freeze(&m, -1, &e) == -EINVAL);
	fd = memory_file(MEMORY_MIN, &e);
	expect(memory_freeze(&m, fd, &e) == 0 && sealed(fd) == 0);
	expect(memory_open(&copy, fd, MEMORY_MIN, true, &e) == 0);
	expect(memory_copy_out(&copy, 5 << 20, text, 6) == 0);
	expect_str(text, "other");
	expect(memory_copy_out(&copy, 9 << 20, text, 4) == 0);
	expect_str(text, "new");
	expect(memory_copy_in(&copy, 9 << 20, "own", 4) == 0);
	expect(memory_copy_out(&m, 9 << 20, text, 4) == 0);
	expect_str(text, "new");
	memory_clear(&m);
	memory_clear(&copy);
}

TEST(a_file_of_another_size_is_no_memory)
{
	struct guest_memory m;
	struct err e = { 0 };

	expect(memory_open(&m, memory_file(MEMORY_MIN, &e), 2 * MEMORY_MIN, true, &e) ==
		-EBADMSG);
	expect(memory_open(&m, memory_file(MEMORY_MIN + 4096, &e), MEMORY_MIN, true,
		       &e) == -EBADMSG);
}
