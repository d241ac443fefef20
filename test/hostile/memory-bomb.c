/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: fill memory (256 MiB).
 * Gain: a machine that swaps, or kills other people's processes.
 * Options: -m 64m
 * Refusal: stops
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: control group
 * Layer chroot: control group
 */
#include "hostile.h"

#include <sys/mman.h>

int main(void)
{
	size_t size = (size_t)256 << 20;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			_exit(1);
		for (size_t i = 0; i < size; i += 4096)
			p[i] = 1;
		_exit(0);
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		WEXITSTATUS(status) == 0)
		escaped("filled 256 MiB with a limit of 64");
	stopped("killed on the way");
}
