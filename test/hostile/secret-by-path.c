/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: simply open the host's secrets: by absolute path, by "..", through links made in
 * the workspace, /etc/shadow, the caller's home.
 * Gain: keys, tokens, passwords.
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: root directory
 * Layer chroot: root directory
 *
 * What even a root directory alone is good for.
 */
#include "hostile.h"

int main(void)
{
	const char *secret = given("SECRET_FILE");
	char up[PATH_MAX];
	int fd;

	(void)snprintf(up, sizeof(up), "../../../../../../../../..%s", secret);
	(void)unlink("link");
	if (holds_secret(AT_FDCWD, secret) || holds_secret(AT_FDCWD, up) ||
		(symlink(secret, "link") == 0 && holds_secret(AT_FDCWD, "link")) ||
		(unlink("link") == 0 && symlink(up, "link") == 0 &&
			holds_secret(AT_FDCWD, "link")))
		escaped("read %s", secret);
	fd = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, up, sizeof(up)) > 0)
		escaped("read /etc/shadow");
	fd = open("/etc/ssl/private", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && getenv("HOST_KEY") &&
		faccessat(fd, getenv("HOST_KEY"), R_OK, 0) == 0)
		escaped("read a key in /etc/ssl/private");
	stopped("none of the host's secrets has a name in here");
}
