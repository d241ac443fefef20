/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: read the environment, the memory and the arguments of the first process; write
 * to its memory.
 * Gain: what the caller's environment held; the warder, and through it the keeper's ear.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=any
 * Layer: PID namespace, a warder that is not dumpable
 *
 * In the chroot wall the first process is the host's init, which may protect itself. In
 * nspawn root inside has CAP_SYS_PTRACE over the warder, which therefore has an empty
 * environment: taking it over gives its stream to the keeper, which trusts it in nothing.
 */
#include "hostile.h"

#include <sys/uio.h>

int main(void)
{
	int environ = open("/proc/1/environ", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = environ < 0 ? -1 : read(environ, text, sizeof(text));

	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '=')
			escaped("/proc/1/environ holds '%.40s'", text);
	/* in the sandbox's own PID namespace process 1 is the sandbox's */
	if (kill((pid_t)atoi(given("CANARY_PID")), 0) < 0 && errno == ESRCH)
		stopped("environ: %s; process 1 is the sandbox's own",
			n < 0 ? strerror(errno) : "empty");
	if (open("/proc/1/mem", O_RDWR | O_CLOEXEC) >= 0)
		escaped("the memory of the host's first process can be written");
	failed("/proc/1/mem");
}
