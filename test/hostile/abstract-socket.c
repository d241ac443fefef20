/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: connect to an abstract unix socket of the host's: they have no file, so no root
 * directory hides them.
 * Gain: containerd, X11, D-Bus and others have listened on such.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Layer: network namespace
 */
#include "hostile.h"

#include <stddef.h>
#include <sys/un.h>

int main(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *name = given("HOST_ABSTRACT");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64] = "";

	(void)snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", name);
	if (fd < 0 ||
		connect(fd, (struct sockaddr *)&a,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				strlen(name))) < 0)
		failed("connect");
	if (read(fd, text, sizeof(text) - 1) > 0)
		escaped("the host's socket said '%.12s...'", text);
	stopped("connected, to nobody who knows");
}
