/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: memory with a descriptor: seals, sharing, execution
 * Expect: container=yes sentry=yes
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "probe.h"

static void execute(void)
{
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC), status;
	int fd = memfd_create("program", MFD_CLOEXEC);
	char *argv[] = { "true", NULL }, *env[] = { NULL };
	struct stat st;
	pid_t pid;

	need(from >= 0 && fd >= 0 && fstat(from, &st) == 0);
	need(sendfile(fd, from, NULL, (size_t)st.st_size) == st.st_size);
	need((pid = fork()) >= 0);
	if (pid == 0) {
		(void)fexecve(fd, argv, env);
		_exit(1);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING), status;
	char *p;
	pid_t pid;

	need(fd >= 0 && ftruncate(fd, 8192) == 0);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED);
	need((pid = fork()) >= 0);
	if (pid == 0) {
		(void)strcpy(p, "from the child");
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0);
	need(strcmp(p, "from the child") == 0);
	need(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY);
	need(munmap(p, 8192) == 0);
	need(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
	need(write(fd, "x", 1) == -1 && errno == EPERM);
	need(ftruncate(fd, 1) == -1 && errno == EPERM);
	execute();
	return 0;
}
