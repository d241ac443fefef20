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
#include <sys/stat.h>
#include <sys/wait.h>

#define LINKS_MAX 40

/* Where the path is looked up from: "rest" beneath 'root', or as it stands. */
struct origin {
	int root; /* of a workspace; -1: none of them holds the path */
	char *rest;
};

/* The directories that some sandbox can write to. */
static int list_shared(struct strv *ret, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int r = sandbox_names(&names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		auto_sandbox struct sandbox s = SANDBOX_INIT;

		if (sandbox_open(names.v[i], &s, NULL) < 0)
			continue;
		for (size_t k = 0; k < s.rec.mounts.n && r == 0; k++) {
			const struct mount_spec *m = record_mount(&s.rec, k);

			if (m->mode == MOUNT_RW)
				r = strv_add(ret, m->src);
		}
	}
	return r == -ENOMEM ? err_set(e, ENOMEM, "out of memory") : r;
}

/* A path on its way to be resolved: 'done' holds no link any more, 'todo' is to come. */
struct walk {
	char *done, *todo;
	unsigned links;
	bool follow; /* a link at the end, too */
};

static void walk_clear(struct walk *w)
{
	free(w->done);
	free(w->todo);
}

/* Put what a link leads to in its place. 0, or -errno. */
static int follow(struct walk *w, const char *link)
{
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	char *todo;

	if (n < 0 || ++w->links > LINKS_MAX)
		return n < 0 ? -errno : -ELOOP;
	target[n] = '\0';
	todo = str_printf("%s%s%s", target, *w->todo ? "/" : "", w->todo);
	if (!todo || (*target == '/' && str_set(&w->done, "/") < 0)) {
		free(todo);
		return -ENOMEM;
	}
	free(w->todo);
	w->todo = todo;
	return 0;
}

/* One component from 'todo' to 'done'. */
static int step(struct walk *w)
{
	size_t from = strspn(w->todo, "/"), len = strcspn(w->todo + from, "/");
	auto_free char *name = strndup(w->todo + from, len);
	auto_free char *full = name ? path_join(w->done, name) : NULL;
	struct stat st;

	if (!full)
		return -ENOMEM;
	memmove(w->todo, w->todo + from + len, strlen(w->todo + from + len) + 1);
	/* the file's own name need not be there yet */
	if (lstat(full, &st) == 0 && S_ISLNK(st.st_mode) && (*w->todo || w->follow))
		return follow(w, full);
	free(w->done);
	w->done = take_ptr(&full);
	return 0;
}

static bool is_up(const char *path)
{
	return str_starts(path, "..") && (path[2] == '/' || !path[2]);
}

/* Resolve until there is a directory that a sandbox can write to: from there on the
 * kernel has to do it, in one step. 1 when there is. */
static int enter_shared(
	const struct strv *shared, struct walk *w, struct origin *o, struct err *e)
{
	for (size_t i = 0; i < shared->n; i++) {
		const char *rest = w->done + strlen(shared->v[i]);

		if (!path_beneath(w->done, shared->v[i]))
			continue;
		rest += strspn(rest, "/");
		/* through it and out again */
		if (!*rest && is_up(w->todo + strspn(w->todo, "/")))
			continue;
		o->rest = *rest ? str_printf("%s%s%s", rest, *w->todo ? "/" : "",
					  w->todo + strspn(w->todo, "/"))
				: strdup(w->todo + strspn(w->todo, "/"));
		if (!o->rest)
			return err_set(e, ENOMEM, "out of memory");
		if (!*o->rest) {
			/* the directory itself: its name is out of the sandbox's reach */
			free(take_ptr(&o->rest));
			return 1;
		}
		o->root = open(shared->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		return o->root < 0 ? err_sys(e, "open '%s'", shared->v[i]) : 1;
	}
	return 0;
}

/*
 * The directory that a path begins in: where we are is known without a link, so that the
 * way up from there is, too. Moves '*path' past it. Caller frees.
 */
static char *start_of(const char **path)
{
	auto_free char *at = **path == '/' ? strdup("/") : getcwd(NULL, 0);

	while (at && (is_up(*path) || str_starts(*path, "./"))) {
		size_t n = is_up(*path) ? 2 : 1;
		char *next = path_join(at, n == 2 ? ".." : ".");

		free(at);
		at = next;
		*path += n;
		*path += strspn(*path, "/");
	}
	return take_ptr(&at);
}

/*
 * A sandbox may put links into the directories it can write to, also in the moment in
 * which we look. Whatever is beneath one of those is opened so that links can't lead out
 * of it.
 */
static int find_origin(const struct copy_spec *spec, struct origin *o, struct err *e)
{
	const char *path = spec->path;
	auto_free char *cwd = start_of(&path);
	AUTO(walk_clear)
	struct walk w = { .todo = cwd ? str_printf("%s/%s", cwd, path) : NULL,
		.follow = spec->follow };
	auto_strv struct strv shared = { 0 };
	int r = list_shared(&shared, e);

	if (r < 0 || !cwd || !w.todo || str_set(&w.done, "/") < 0)
		return r < 0 ? r : err_set(e, ENOMEM, "out of memory");
	while (w.todo[strspn(w.todo, "/")]) {
		r = enter_shared(&shared, &w, o, e);
		if (r != 0)
			return r < 0 ? r : 0;
		r = step(&w);
		if (r < 0)
			return err_set(
				e, -r, "copy '%s': %s", spec->path, strerrordesc_np(-r));
	}
	/* the last component may be in one: 'done' is all of it by now */
	r = enter_shared(&shared, &w, o, e);
	return r < 0 ? r : 0;
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
	int fds[2], mine, r = find_origin(spec, &o, e);

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
