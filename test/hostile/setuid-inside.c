/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: run set-user-ID programs: one of the image's, one left in the workspace, one in
 * /tmp (made by root inside).
 * Gain: root inside, from an ordinary user.
 * Expect: chroot=any nspawn=any container=stops sentry=own
 * Layer: no_new_privs
 *
 * It takes root to make such a file, and then gains what was there before; so what counts
 * is no_new_privs, which the container wall sets for all.
 */
#include "hostile.h"

#include <sys/prctl.h>

static int as_nobody(const char *program)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 ||
			setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		(void)execl(program, program, "asked", (char *)NULL);
		_exit(2);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
								    : 2;
}

static bool copy_with_bit(const char *to)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char text[65536];
	ssize_t n;

	while ((n = read(in, text, sizeof(text))) > 0)
		if (write(out, text, (size_t)n) != n)
			return false;
	n = fchmod(out, 04755);
	(void)close(out);
	(void)close(in);
	return n == 0;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc == 2)
		return geteuid() == 0 ? 0 : 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		escaped("no_new_privs is off");
	if (geteuid() == 0 && copy_with_bit("/tmp/suid") && as_nobody("/tmp/suid") == 0)
		escaped("a set-user-ID program made root of nobody");
	stopped("set-user-ID bits have no effect");
}
