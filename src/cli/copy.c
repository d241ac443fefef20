/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/copy.h"

#include "base/auto.h"
#include "base/path.h"
#include "base/str.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Where the path is looked up from: "rest" beneath 'root', or as it stands. */
struct origin {
	int root; /* of a workspace; -1: none of them holds the path */
	char *rest;
};

/* What of 'full' is beneath the directory 'dir'; NULL, too, for the directory itself. */
static const char *beneath(const char *full, const char *dir)
{
	const char *rest = path_beneath(full, dir) ? full + strlen(dir) : "";

	rest += strspn(rest, "/");
	return *rest ? rest : NULL;
}

/* The way to 'path' with the links in it resolved, but for the last component. */
static char *resolved(const char *full)
{
	auto_free char *dir = path_join(full, "..");
	auto_free char *real = dir ? realpath(dir, NULL) : NULL;

	return real ? path_join(real, path_base(full)) : NULL;
}

/* Look for the path in what one sandbox can write to. 1 when it is there. */
static int look_in(
	const struct sandbox *s, char *const full[2], struct origin *o, struct err *e)
{
	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		const struct mount_spec *m = record_mount(&s->rec, i);

		for (size_t k = 0; k < 2 && m->mode == MOUNT_RW; k++) {
			const char *rest = full[k] ? beneath(full[k], m->src) : NULL;

			if (!rest)
				continue;
			o->root = open(m->src, O_PATH | O_DIRECTORY | O_CLOEXEC);
			o->rest = strdup(rest);
			if (o->root < 0)
				return err_sys(e, "open '%s'", m->src);
			return o->rest ? 1 : err_set(e, ENOMEM, "out of memory");
		}
	}
	return 0;
}

/* "." and "/" at the end of a path mean something to a copy. */
static const char *ending(const char *path)
{
	if (str_eq(path, ".") || str_ends(path, "/."))
		return "/.";
	return str_ends(path, "/") ? "/" : "";
}

/*
 * A sandbox may put links into the directories it can write to, also in the moment in
 * which we look. Whatever is beneath one of those is opened so that links can't lead out
 * of it.
 */
static int find_origin(const char *path, struct origin *o, struct err *e)
{
	auto_free char *cwd = getcwd(NULL, 0);
	auto_free char *plain = path_join(cwd ? cwd : "/", path);
	auto_free char *real = plain ? resolved(plain) : NULL;
	auto_strv struct strv names = { 0 };
	char *full[2] = { plain, real };
	int r = sandbox_names(&names, e);

	if (!plain)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < names.n && r == 0; i++) {
		auto_sandbox struct sandbox s = SANDBOX_INIT;

		if (sandbox_open(names.v[i], &s, NULL) == 0)
			r = look_in(&s, full, o, e);
	}
	if (r == 1) {
		char *rest = str_printf("%s%s", o->rest, ending(path));

		free(o->rest);
		o->rest = rest;
		r = rest ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	return r;
}

static void work(const struct copy_spec *spec, const struct origin *o, const int *fd,
	struct copy_result *ret)
{
	int dirfd = o->rest ? o->root : AT_FDCWD;
	const char *path = o->rest ? o->rest : spec->path;
	unsigned flags =
		(spec->follow ? FILES_FOLLOW : 0) | (o->rest ? FILES_BENEATH : 0);
	struct files_source source = files_source_fd(fd);
	struct files_sink sink = files_sink_fd(fd);
	struct files_dest dest = { .dirfd = dirfd, .path = path, .flags = flags };

	if (spec->unpack)
		ret->r = files_unpack(&source, &dest, &ret->count, &ret->err);
	else
		ret->r = files_pack(dirfd, path, flags, &sink, &ret->count, &ret->err);
}

/* What ends the sandbox's side ends the stream, and with it this: nothing is left half
 * done. */
static void ignore_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		(void)signal(signals[i], SIG_IGN);
}

int copy_start(const struct copy_spec *spec, struct copy *ret, struct err *e)
{
	struct origin o = { .root = -1 };
	struct copy c = { .pipe = -1 };
	int fds[2], mine, r = find_origin(spec->path, &o, e);

	if (r == 0 && pipe2(fds, O_CLOEXEC) < 0)
		r = err_sys(e, "make a pipe");
	if (r == 0) {
		mine = spec->unpack ? fds[0] : fds[1];
		c.pipe = spec->unpack ? fds[1] : fds[0];
		c.shared = mmap(NULL, sizeof(*c.shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		c.pid = c.shared == MAP_FAILED ? -1 : fork();
		if (c.pid == 0) {
			(void)close(c.pipe);
			ignore_signals();
			work(spec, &o, &mine, c.shared);
			_exit(0);
		}
		(void)close(mine);
		if (c.pid < 0) {
			r = err_sys(e, "start a process");
			(void)close(c.pipe);
		}
	}
	if (o.root >= 0)
		(void)close(o.root);
	free(o.rest);
	if (r == 0)
		*ret = c;
	return r;
}

void copy_finish(struct copy *c, struct copy_result *ret)
{
	int status = 0;

	(void)close(c->pipe);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret = *c->shared;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		ret->r = err_set(&ret->err, EIO, "a process of brig's was killed");
	(void)munmap(c->shared, sizeof(*c->shared));
}
