/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: connect to the sockets in files that rule a machine: Docker, containerd, D-Bus,
 * systemd, X11, ssh-agent's, and brig's own control sockets.
 * Gain: whoever may speak to Docker is root; whoever may speak to brig's keeper runs what
 * he likes in a sandbox with a weaker wall.
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: mount namespace
 * Layer chroot: root directory
 */
#include "hostile.h"

#include <ftw.h>
#include <sys/un.h>

static void try_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		return;
	(void)strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		escaped("connected to %s", path);
	(void)close(fd);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	if (S_ISSOCK(st->st_mode))
		try_connect(path);
	return 0;
}

int main(void)
{
	static const char *const known[] = { "/run/docker.sock", "/var/run/docker.sock",
		"/run/containerd/containerd.sock", "/run/podman/podman.sock",
		"/run/dbus/system_bus_socket", "/run/systemd/private",
		"/run/systemd/notify", "/run/systemd/journal/socket",
		"/tmp/.X11-unix/X0" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		try_connect(known[i]);
	try_connect(given("HOST_SOCKET"));
	(void)nftw(given("BRIG_RUN"), visit, 16, FTW_PHYS);
	(void)nftw("/run", visit, 16, FTW_PHYS);
	(void)nftw("/tmp", visit, 16, FTW_PHYS);
	(void)nftw("/var", visit, 16, FTW_PHYS);
	stopped("none of the host's sockets has a name in here");
}
