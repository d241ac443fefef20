/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap-write.c - giving a user namespace its ids, and moving into one.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "linux/idmap.h"

#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define HELPER_WAIT_MS 10000
#define HELPER_SAYS    300 /* bytes of a helper's complaint that are kept */

/* Lines of "inside outside count"; with identity, of "inside inside count". */
static void map_text(
	const struct idmap_range *r, unsigned n, bool identity, char out[256])
{
	size_t len = 0;

	for (unsigned i = 0; i < n && len < 256; i++)
		len += (size_t)snprintf(out + len, 256 - len, "%u %u %u\n", r[i].inside,
			identity ? r[i].inside : r[i].outside, r[i].count);
}

static int poke_proc(
	int proc, pid_t pid, const char *file, const char *text, struct err *e)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s%d/%s", proc == AT_FDCWD ? "/proc/" : "",
		pid, file);
	return file_poke(proc, path, text, e);
}

static int write_direct(
	const struct idmap *m, int proc, pid_t pid, bool identity, struct err *e)
{
	char uid[256], gid[256];
	int r;

	map_text(m->uid, m->uid_n, identity, uid);
	map_text(m->gid, m->gid_n, identity, gid);
	/* An ordinary user may write gid_map only once setgroups is denied, as else
	 * dropping a group would open files that refuse the group (user_namespaces(7)).
	 */
	if (m->single && !identity) {
		r = poke_proc(proc, pid, "setgroups", "deny", e);
		if (r < 0)
			return r;
	}
	r = poke_proc(proc, pid, "uid_map", uid, e);
	return r < 0 ? r : poke_proc(proc, pid, "gid_map", gid, e);
}

/* newuidmap or newgidmap at work; what it writes to stderr comes through 'says' */
struct helper {
	const char *program;
	pid_t pid;
	int says;
	struct buf text;
};

static void helper_clear(struct helper *h)
{
	if (h->pid > 0) {
		(void)kill(h->pid, SIGKILL);
		(void)waitpid(h->pid, NULL, 0);
	}
	close_auto(&h->says);
	buf_clear(&h->text);
}

static int helper_start(struct helper *h, const struct idmap_range *r, unsigned n,
	pid_t target, struct err *e)
{
	char num[1 + 3 * IDMAP_RANGES_MAX][12], *argv[3 + 3 * IDMAP_RANGES_MAX] = { 0 };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	unsigned k = 0;
	int p[2], code;

	argv[0] = (char *)(uintptr_t)h->program;
	(void)snprintf(num[0], sizeof(num[0]), "%d", target);
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(num[++k], sizeof(num[0]), "%u", r[i].inside);
		(void)snprintf(num[++k], sizeof(num[0]), "%u", r[i].outside);
		(void)snprintf(num[++k], sizeof(num[0]), "%u", r[i].count);
	}
	for (unsigned i = 0; i <= k; i++)
		argv[i + 1] = num[i];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe for %s", h->program);
	auto_fd int writer = p[1];

	h->says = p[0];
	/* whoever calls may have signals blocked for a signalfd; the helper must not */
	sigemptyset(&none);
	code = posix_spawn_file_actions_init(&fa);
	if (code == 0)
		code = posix_spawnattr_init(&attr);
	if (code)
		return err_set(e, code, "start %s: %s", h->program, strerror(code));
	(void)posix_spawn_file_actions_adddup2(&fa, writer, 2);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	code = posix_spawnp(&h->pid, h->program, &fa, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (code) {
		h->pid = 0;
		return err_set(e, code, "start %s: %s", h->program, strerror(code));
	}
	return 0;
}

/* Wait until the helper is gone: its end of the pipe closes then. */
static int helper_finish(struct helper *h, uint64_t deadline, struct err *e)
{
	int status = 0;

	for (;;) {
		struct pollfd pfd = { .fd = h->says, .events = POLLIN };
		uint64_t now = clock_mono_ns();
		int left = now < deadline ? (int)((deadline - now) / NS_PER_MS) + 1 : 0;
		int n = poll(&pfd, 1, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "wait for %s", h->program);
		if (n == 0) {
			err_set(e, ETIMEDOUT, "%s has not finished in %d seconds",
				h->program, HELPER_WAIT_MS / 1000);
			err_hint(e,
				"it asks for users by name: does the directory service "
				"of "
				"this machine answer?");
			return -ETIMEDOUT;
		}
		char said[HELPER_SAYS];
		ssize_t got = read(h->says, said, sizeof(said));

		if (got <= 0)
			break;
		/* read on when there is enough: a full pipe would hold it up */
		if (h->text.len + (size_t)got <= HELPER_SAYS)
			(void)buf_add(&h->text, said, (size_t)got);
	}
	while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	h->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	while (h->text.len && h->text.data[h->text.len - 1] == '\n')
		h->text.data[--h->text.len] = '\0';
	auto_free char *said =
		str_escape(h->text.len ? h->text.data : "it gave no reason");

	err_set(e, EPERM, "write the id map: %s failed: %s", h->program,
		said ? said : "");
	err_hint(e,
		"it must be set-user-ID root or have file capabilities, and the range in "
		"/etc/subuid and /etc/subgid must be this user's");
	return -EPERM;
}

static int write_by_helpers(const struct idmap *m, pid_t pid, struct err *e)
{
	AUTO(helper_clear) struct helper u = { .program = "newuidmap", .says = -1 };
	AUTO(helper_clear) struct helper g = { .program = "newgidmap", .says = -1 };
	uint64_t deadline = clock_mono_ns() + HELPER_WAIT_MS * NS_PER_MS;
	int r;

	r = helper_start(&u, m->uid, m->uid_n, pid, e);
	if (r == 0)
		r = helper_start(&g, m->gid, m->gid_n, pid, e);
	if (r == 0)
		r = helper_finish(&u, deadline, e);
	return r < 0 ? r : helper_finish(&g, deadline, e);
}

int idmap_write(const struct idmap *m, pid_t pid, struct err *e)
{
	if (m->root || m->single)
		return write_direct(m, AT_FDCWD, pid, false, e);
	return write_by_helpers(m, pid, e);
}

int idmap_write_identity(const struct idmap *m, int proc, pid_t pid, struct err *e)
{
	return write_direct(m, proc, pid, true, e);
}

/* How a helper process tells its error: the whole object through a pipe. */
static void tell_error(int fd, const struct err *e)
{
	(void)file_write_all(fd, e, sizeof(*e));
}

static int hear_error(int fd, struct err *e)
{
	struct err got = { 0 };
	ssize_t n;

	do {
		n = read(fd, &got, sizeof(got));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(got))
		return err_set(e, EIO, "the id map's helper broke off");
	if (e)
		*e = got;
	return -got.code;
}

static int become_root(const struct idmap *m, struct err *e)
{
	if (!m->single && syscall(SYS_setgroups, 0, NULL) < 0)
		return err_sys(e, "drop supplementary groups");
	if (syscall(SYS_setresgid, 0, 0, 0) < 0)
		return err_sys(e, "become group 0 of the user namespace");
	if (syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(e, "become user 0 of the user namespace");
	/* A change of ids makes a process undumpable, and its /proc files and those of
	 * its children the property of the host's root; then no nested map could be
	 * written. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_sys(e, "become dumpable");
	return 0;
}

int idmap_enter(const struct idmap *m, struct err *e)
{
	pid_t self = getpid(), helper;
	int go[2], told[2], r, failed;
	char c = 0;

	if (pipe2(go, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	auto_fd int go_r = go[0], go_w = go[1];

	if (pipe2(told, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	auto_fd int told_r = told[0], told_w = told[1];

	/* The maps must be written from outside, by one who stays behind there. */
	helper = fork();
	if (helper < 0)
		return err_sys(e, "fork");
	if (helper == 0) {
		struct err why = { 0 };

		(void)close(go_w);
		if (read(go_r, &c, 1) == 1 && idmap_write(m, self, &why) < 0)
			tell_error(told_w, &why);
		_exit(0);
	}
	close_auto(&told_w);
	told_w = -1;
	failed = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
	if (!failed)
		(void)file_write_all(go_w, &c, 1);
	close_auto(&go_w);
	go_w = -1;
	r = hear_error(told_r, e);
	while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
		;
	if (failed) {
		errno = failed;
		err_sys(e, "make a user namespace");
		err_hint(e, "run 'brig doctor' to see what forbids user namespaces here");
		return -failed;
	}
	return r < 0 ? r : become_root(m, e);
}

int idmap_open_userns(const struct idmap *m, struct err *e)
{
	int p[2], r, fd = -1;
	char path[64], c;
	pid_t child;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	auto_fd int reader = p[0], writer = p[1];

	/* SIGCHLD alone beside the flag: a fork whose child is in the new namespace. */
	child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (child < 0)
		return err_sys(e, "make a user namespace");
	if (child == 0) {
		(void)close(writer);
		(void)!read(reader, &c, 1);
		_exit(0);
	}
	r = idmap_write(m, child, e);
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", child);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? err_sys(e, "open '%s'", path) : 0;
	}
	close_auto(&writer);
	writer = -1;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : fd;
}
