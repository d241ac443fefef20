/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: ls /proc; read what the host's processes were started with.
 * Gain: what runs, for whom, and secrets in arguments.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Layer: PID namespace
 */
#include "hostile.h"

static void look(const char *path)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
		strstr(text, "hostile-host"))
		escaped("%s shows the host's process '%.60s'", path, text);
	if (fd >= 0)
		(void)close(fd);
}

int main(void)
{
	each_process("/cmdline", look);
	stopped("no process of the host's is to be seen");
}
