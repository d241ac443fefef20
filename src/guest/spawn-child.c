/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. What runs here is still the warder's own code, undumpable and
 * single-threaded, on its way to become a hostile program: first every descriptor of the
 * warder goes, then rights are given up for good, then the program takes over. The
 * order matters: nothing that follows the change of user needs a right, and files that
 * the sandbox may have tampered with (/etc/passwd) are read in this child, so that
 * only this command suffers when they stall.
 */
#include "guest/spawn.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "guest/accept.h"
#include "guest/builtin.h"
#include "guest/user.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define STATUS_FD    3
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static _Noreturn void report(enum guest_step step, int code, const char *what)
{
	struct guest_failed f = { .step = step, .code = code };
	uint8_t body[GUEST_BODY_MAX];

	(void)snprintf(f.what, sizeof(f.what), "%s", what);
	/* Less than PIPE_BUF into an empty pipe: whole or not at all. */
	(void)!write(STATUS_FD, body, guest_failed_encode(&f, body));
	_exit(127);
}

static _Noreturn void fail(enum guest_step step, const char *verb, const char *object)
{
	char what[256];
	int code = errno;

	(void)snprintf(what, sizeof(what), object ? "%s '%.200s'" : "%s", verb, object);
	report(step, code, what);
}

static void settle_descriptors(const struct spawn_child *c)
{
	unsigned first = STATUS_FD + 1;

	for (int i = 0; i < 3; i++)
		if (dup2(c->stdio[i], i) < 0)
			_exit(127);
	if (c->status == STATUS_FD ? 0 : dup3(c->status, STATUS_FD, O_CLOEXEC) < 0)
		_exit(127);
	if (c->listener >= 0) {
		if (dup3(c->listener, ACCEPT_FD, O_CLOEXEC) < 0)
			_exit(127);
		first = ACCEPT_FD + 1;
	}
	if (syscall(SYS_close_range, first, ~0U, 0) < 0)
		fail(GUEST_STEP_SPAWN, "close descriptors", NULL);
}

static void settle_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig <= 64; sig++)
		(void)sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void settle_limits(const struct spawn_child *c)
{
	(void)setrlimit(RLIMIT_NOFILE, &c->env->nofile);
	for (uint32_t i = 0; i < c->x->n_rlimits; i++) {
		const struct guest_rlimit *l = &c->x->rlimits[i];
		struct rlimit lim = { .rlim_cur = l->soft, .rlim_max = l->hard };

		if (setrlimit((int)l->resource, &lim) < 0)
			fail(GUEST_STEP_SPAWN, "set a resource limit", NULL);
	}
	(void)umask(c->x->mask);
}

static void find_user(const char *spec, struct user *u)
{
	auto_buf struct buf passwd = { 0 }, group = { 0 };
	struct err e = { 0 };

	if (user_read_text("/etc/passwd", &passwd, &e) < 0 ||
		user_read_text("/etc/group", &group, &e) < 0 ||
		user_resolve(spec, passwd.data ? passwd.data : "",
			group.data ? group.data : "", u, &e) < 0)
		report(GUEST_STEP_USER, e.code ? e.code : EIO, e.msg);
}

/* Does the kernel forbid setgroups(2) in this user namespace? See user_namespaces(7). */
static bool setgroups_denied(void)
{
	auto_fd int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[8] = "";

	return fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
		str_starts(text, "deny");
}

static void become(const struct spawn_child *c, const struct user *u)
{
	struct stat st;

	/* So that the command can open /dev/stdout and /proc/self/fd/1 anew. */
	for (int i = 0; i < 3; i++)
		if (fstat(i, &st) == 0 && (S_ISFIFO(st.st_mode) || isatty(i)))
			(void)!fchown(
				i, u->uid, S_ISFIFO(st.st_mode) ? u->gid : (gid_t)-1);
	if (setgroups(u->n_groups, u->groups) < 0 &&
		(errno != EPERM || !setgroups_denied()))
		fail(GUEST_STEP_USER, "set the groups of", c->x->user);
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		fail(GUEST_STEP_USER, "take the group of", c->x->user);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		fail(GUEST_STEP_USER, "become", c->x->user);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static void settle_session(const struct spawn_child *c)
{
	if (setsid() < 0)
		fail(GUEST_STEP_SPAWN, "start a session", NULL);
	if ((c->x->flags & GUEST_EXEC_TTY) && ioctl(0, TIOCSCTTY, 0) < 0)
		fail(GUEST_STEP_SPAWN, "take the terminal", NULL);
}

static const char *env_get(char *const *env, const char *key)
{
	size_t len = strlen(key);

	for (; env && *env; env++)
		if (strncmp(*env, key, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

static void env_default(struct strv *env, const char *key, const char *value)
{
	if (value[0] && !env_get(env->v, key) && strv_addf(env, "%s=%s", key, value) < 0)
		report(GUEST_STEP_SPAWN, ENOMEM, "make the environment");
}

static void make_env(const struct spawn_child *c, const struct user *u, struct strv *env)
{
	if (strv_add_all(env, c->x->env) < 0)
		report(GUEST_STEP_SPAWN, ENOMEM, "make the environment");
	env_default(env, "PATH", DEFAULT_PATH);
	env_default(env, "HOME", u->home);
	env_default(env, "USER", u->name);
	env_default(env, "LOGNAME", u->name);
	env_default(env, "SHELL", u->shell);
	env_default(env, "TERM", c->x->flags & GUEST_EXEC_TTY ? "xterm" : "");
}

/*
 * Try each directory of PATH, as execvp(3) does but with the command's own PATH and
 * without a shell for files that are no programs. Leaves the errno that tells most.
 */
static void exec_search(char *const *argv, char *const *env)
{
	const char *path = env_get(env, "PATH");
	int told = ENOENT;
	char file[4096];

	for (const char *p = path; p;) {
		const char *colon = strchr(p, ':');
		size_t len = colon ? (size_t)(colon - p) : strlen(p);
		int n = snprintf(file, sizeof(file), "%.*s/%s", len ? (int)len : 1,
			len ? p : ".", argv[0]);

		if (n > 0 && (size_t)n < sizeof(file)) {
			(void)execve(file, argv, env);
			if (errno == EACCES ||
				(errno == ENOENT && access(file, X_OK) == 0))
				told = EACCES;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		p = colon ? colon + 1 : NULL;
	}
	errno = told;
}

static _Noreturn void run_program(char *const *argv, char *const *env)
{
	if (argv[0][0] == '\0') {
		errno = ENOENT;
	} else if (strchr(argv[0], '/')) {
		(void)execve(argv[0], argv, env);
		/* ENOENT of a file that is there: its interpreter or loader is missing.
		 */
		if (errno == ENOENT && access(argv[0], F_OK) == 0)
			fail(GUEST_STEP_EXEC, "find the interpreter of", argv[0]);
	} else {
		exec_search(argv, env);
	}
	fail(GUEST_STEP_EXEC, "exec", argv[0]);
}

void spawn_child_run(const struct spawn_child *c)
{
	const char *cwd = c->x->cwd[0] ? c->x->cwd : "/";
	struct strv env = { 0 };
	struct user u = { 0 };

	settle_descriptors(c);
	settle_signals();
	settle_session(c);
	settle_limits(c);
	find_user(c->x->user, &u);
	become(c, &u);
	if (chdir(cwd) < 0)
		fail(GUEST_STEP_CWD, "chdir", cwd);
	if (c->x->flags & GUEST_EXEC_BUILTIN) {
		if (!builtin_exists(c->x->argv[0])) {
			errno = ENOENT;
			fail(GUEST_STEP_EXEC, "exec", c->x->argv[0]);
		}
		(void)close(STATUS_FD);
		_exit(builtin_run(c->x->argv));
	}
	make_env(c, &u, &env);
	run_program(c->x->argv, env.v);
}
