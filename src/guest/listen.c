/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/listen.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "guest/accept.h"
#include "guest/user.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 128
/* A name for as long as it takes to put it elsewhere; /dev is the kernel's own. */
#define BORN_AT "/dev/.brig-listener"

struct listener {
	struct listener *next;
	int fd;
	char path[];
};

static struct listener *listeners;
static unsigned n_listeners;

/*
 * bind(2) wants a name that isn't there. So the socket is made under another one, mounted over
 * the node, and loses the first; the mount keeps it.
 */
static int put_over(const char *path, const struct user *u, mode_t mode)
{
	int r = 0;

	if (chown(BORN_AT, u->uid, u->gid) < 0 || chmod(BORN_AT, mode & 0777) < 0 ||
		mount(BORN_AT, path, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	(void)unlink(BORN_AT);
	return r;
}

static int make(const char *path, const struct user *u)
{
	const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = BORN_AT };
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	int r;

	if (fd < 0 || stat(path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	r = put_over(path, u, st.st_mode);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	/* above those numbers that a child has a use for */
	r = fcntl(fd, F_DUPFD_CLOEXEC, ACCEPT_FD + 1);
	return r < 0 ? -errno : r;
}

static int add(const char *path, const struct user *u)
{
	struct listener *l;
	int fd;

	if (n_listeners >= LISTEN_MAX)
		return -EMFILE;
	l = malloc(sizeof(*l) + strlen(path) + 1);
	if (!l)
		return -ENOMEM;
	fd = make(path, u);
	if (fd < 0) {
		free(l);
		return fd;
	}
	(void)strcpy(l->path, path);
	l->fd = fd;
	l->next = listeners;
	listeners = l;
	n_listeners++;
	return fd;
}

int listen_for(const struct guest_exec *x, int *ret, struct guest_failed *fail)
{
	const char *path = x->argv[1];
	struct user u = { 0 };
	struct err e = { 0 };
	int r = 0;

	*ret = -1;
	if (!(x->flags & GUEST_EXEC_BUILTIN) || !str_eq(x->argv[0], "@accept") || !path)
		return 0;
	for (const struct listener *l = listeners; l; l = l->next)
		if (str_eq(l->path, path)) {
			*ret = l->fd;
			return 0;
		}
	r = user_resolve(x->user, "", "", &u, &e);
	if (r == 0)
		r = add(path, &u);
	if (r < 0) {
		*fail = (struct guest_failed){ GUEST_STEP_SPAWN, -r, "" };
		(void)snprintf(
			fail->what, sizeof(fail->what), "listen at '%.200s'", path);
		return r;
	}
	*ret = r;
	return 0;
}
