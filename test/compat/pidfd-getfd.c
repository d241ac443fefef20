/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: a process takes a file of its child's
 * Expect: container=no sentry=yes
 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "probe.h"

int main(void)
{
	int p[2], fd, got;
	char word[3] = "";
	pid_t pid;

	need(pipe(p) == 0);
	need((pid = fork()) >= 0);
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	need((fd = (int)syscall(SYS_pidfd_open, pid, 0)) >= 0);
	got = (int)syscall(SYS_pidfd_getfd, fd, p[1], 0);
	(void)kill(pid, SIGKILL);
	need(got >= 0);
	need(write(got, "hi", 2) == 2 && read(p[0], word, 2) == 2);
	need(strcmp(word, "hi") == 0);
	need(waitpid(pid, NULL, 0) == pid);
	return 0;
}
