/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/keeper.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/title.h"
#include "linux/caps.h"
#include "linux/promise.h"
#include "sandbox/clean.h"
#include "sandbox/keeper-priv.h"
#include "sandbox/keeper-relay.h"
#include "sandbox/keeper-serve.h"

#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CLIENT_FD 3

/* Run by root: signals to the sandbox's ids, and their files, are still its business. */
#define KEPT_BY_ROOT                                                              \
	(CAPS_BIT(CAP_KILL) | CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FOWNER) | \
		CAPS_BIT(CAP_CHOWN))
#define SCOPE_FD 4 /* of a keeper in a scope: a byte on it says that it got there */

/* Variables that say where things are; the rest of the caller's environment stays behind.
 */
static const char *const kept_env[] = { "BRIG_HOME", "BRIG_LIBEXEC", "BRIG_DATADIR",
	"BRIG_TRACE", "HOME", "PATH", "USER", "LOGNAME", "XDG_STATE_HOME",
	"XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS",
	/* how the host reaches the world: the upstream side of the gate */
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
	"NO_PROXY", "SSL_CERT_FILE", "BRIG_SECRET_KEY", "BRIG_UNDO", "ASAN_OPTIONS",
	"UBSAN_OPTIONS", "LSAN_OPTIONS" };

/* What a keeper is started with. */
struct spawn {
	const struct sandbox *sandbox;
	struct strv env;
	struct strv
		scope; /* the command that starts it in a scope of systemd's, or none */
};

static void spawn_clear(struct spawn *sp)
{
	strv_clear(&sp->env);
	strv_clear(&sp->scope);
}

static int environment(struct strv *env)
{
	for (size_t i = 0; i < sizeof(kept_env) / sizeof(*kept_env); i++) {
		const char *value = getenv(kept_env[i]);

		if (value && strv_addf(env, "%s=%s", kept_env[i], value) < 0)
			return -ENOMEM;
	}
	return strv_add(env, "LC_ALL=C.UTF-8");
}

/*
 * The user's session has no control group that is the user's, so a limit takes a scope: a
 * group of systemd's making, given to the user. It costs a talk with systemd of some 20
 * ms, so a mere default doesn't get one.
 */
static int find_scope(struct spawn *sp, struct err *e)
{
	auto_free char *name = str_printf("%s-%d", sp->sandbox->name, getpid());
	char self[PATH_MAX], bus[64];
	struct cgroup_host host;
	ssize_t n;
	int r;

	if (geteuid() == 0 || !record_limits_asked(&sp->sandbox->rec))
		return 0;
	r = cgroup_probe(&host, e);
	if (r < 0)
		return r;
	cgroup_host_clear(&host);
	if (!host.needs_scope || host.layout != CGROUP_V2)
		return 0;
	/* not /proc/self/exe, which is systemd-run where it is looked at */
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return err_sys(e, "find this program");
	self[n] = '\0';
	r = name ? cgroup_scope_argv(&sp->scope, name) : -ENOMEM;
	if (r == 0)
		r = strv_add(&sp->scope, self);
	if (r == 0)
		r = strv_add(&sp->scope, KEEPER_WORD);
	if (r == 0)
		r = strv_add(&sp->scope, sp->sandbox->name);
	(void)snprintf(bus, sizeof(bus), "/run/user/%u/bus", geteuid());
	/* after su or in a cron job nothing tells where the user's systemd is */
	if (r == 0 && !getenv("XDG_RUNTIME_DIR") && !getenv("DBUS_SESSION_BUS_ADDRESS"))
		r = strv_addf(&sp->env, "DBUS_SESSION_BUS_ADDRESS=unix:path=%s", bus);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/*
 * Have systemd-run become the keeper. Comes back when that failed: the keeper without a
 * scope says then what can't be enforced and what helps, better than systemd-run does.
 */
static void become_in_scope(const struct spawn *sp)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		if (dup2(ready[1], SCOPE_FD) < 0 || fcntl(SCOPE_FD, F_SETFD, 0) < 0)
			_exit(EXIT_STATUS_BRIG);
		(void)syscall(SYS_close_range, SCOPE_FD + 1, ~0U, 0U);
		(void)execvpe(sp->scope.v[0], sp->scope.v, sp->env.v);
		_exit(EXIT_STATUS_BRIG);
	}
	(void)close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) == 1)
		_exit(0);
	(void)close(ready[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

static void __attribute__((noreturn)) become(const struct spawn *sp, int fd)
{
	char *argv[] = { (char[]){ KEEPER_ARGV0 }, sp->sandbox->name, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = openat(sp->sandbox->dir, "keeper.log",
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	auto_free char *title = str_printf(KEEPER_ARGV0 " %s", sp->sandbox->name);
	sigset_t none;

	(void)setsid();
	/* the terminal's Ctrl-C and the caller's mask are no business of the keeper's */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
		dup2(log < 0 ? null : log, 2) < 0)
		_exit(EXIT_STATUS_BRIG);
	if (fd == CLIENT_FD ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, CLIENT_FD) < 0)
		_exit(EXIT_STATUS_BRIG);
	(void)syscall(SYS_close_range, CLIENT_FD + 1, ~0U, 0U);
	environ = sp->env.v;
	if (title)
		title_set(title);
	if (sp->scope.n)
		become_in_scope(sp);
	/*
	 * Not executed anew: loading and relocating the same program a second time takes as
	 * long as the namespaces do. What the command line knew is wiped or harmless.
	 */
	_exit(keeper_main(2, argv));
}

int keeper_spawn(const struct sandbox *s, struct err *e)
{
	AUTO(spawn_clear) struct spawn sp = { .sandbox = s };
	int pair[2], r;
	pid_t pid;

	if (environment(&sp.env) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if ((r = find_scope(&sp, e)) < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket");
	pid = fork();
	if (pid == 0)
		become(&sp, pair[1]);
	/* a child of ours for as long as we live; nobody waits for it */
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return err_sys(e, "start the keeper");
	}
	return pair[0];
}

void keeper_end(struct keeper *k, const char *reason, uint64_t status)
{
	if (k->ending)
		return;
	k->ending = true;
	/* a command that was told to end and did has not ended by itself */
	k->reason = k->stop_reason ? k->stop_reason : reason;
	k->status = str_eq(k->reason, "timeout") ? EXIT_STATUS_TIMEOUT : status;
	loop_quit(k->loop, 0);
}

void keeper_stop(struct keeper *k, const char *reason, uint64_t grace_ns, int sig)
{
	if (k->ending)
		return;
	k->stop_reason = reason;
	if (!relay_find(k, MAIN_CHANNEL)) {
		keeper_end(k, reason, 0);
		return;
	}
	(void)guest_send_u32(&k->guest, MAIN_CHANNEL, GUEST_SIGNAL, (uint32_t)sig);
	relay_flush(k);
	loop_timer_arm(k->grace, grace_ns ? grace_ns : 1);
}

/* An exec had started the sandbox: it ends with the last of them. */
void keeper_maybe_idle(struct keeper *k)
{
	if (k->ending || k->main_wanted || relay_has_commands(k) || !k->run.init)
		return;
	for (struct client *c = k->clients; c; c = c->next)
		if (c->verb < 0 && !c->closing)
			return; /* has not said yet what it wants */
	keeper_end(k, "exited", 0);
}

static void grace_over(struct loop_source *src, void *data)
{
	struct keeper *k = data;

	(void)src;
	keeper_end(k, "stopped", 137);
}

static void time_is_up(struct loop_source *src, void *data)
{
	struct keeper *k = data;

	(void)src;
	keeper_stop(k, "timeout", 10 * NS_PER_SEC, SIGTERM);
}

static void signalled(
	struct loop_source *src, const struct signalfd_siginfo *info, void *data)
{
	struct keeper *k = data;

	(void)src;
	if (info->ssi_signo == SIGTERM || info->ssi_signo == SIGINT)
		keeper_stop(k, "stopped", 10 * NS_PER_SEC, SIGTERM);
}

static void init_ended(struct loop_source *src, uint32_t events, void *data)
{
	struct keeper *k = data;

	(void)events;
	loop_source_free(src);
	k->init_src = NULL;
	keeper_end(k, GUEST_DIED, 137);
}

static int set_up(struct keeper *k, struct err *e)
{
	sigset_t set;
	int r = loop_new(&k->loop, e);

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (r == 0)
		r = loop_add_signals(k->loop, &set, signalled, k, NULL, e);
	if (r == 0)
		r = loop_add_timer(k->loop, time_is_up, k, &k->timeout, e);
	if (r == 0)
		r = loop_add_timer(k->loop, grace_over, k, &k->grace, e);
	return r;
}

/* Serve the first client alone until what it started has been said to have failed. */
static void refuse(struct keeper *k, const struct err *e)
{
	if (!k->clients)
		return;
	serve_error(k->clients, e);
	/* it reads the reply and goes; bounded in case it doesn't */
	for (int i = 0; i < 100 && k->clients; i++)
		if (loop_once(k->loop, 50) < 0)
			break;
}

static void serve(struct keeper *k, struct err *e)
{
	(void)loop_add_fd(k->loop, k->run.pidfd, EPOLLIN, init_ended, k, &k->init_src, e);
	/* what the first client said while we were starting is in its socket */
	(void)loop_run(k->loop);
	loop_source_free(k->init_src);
	loop_source_free(k->guest_src);
	loop_source_free(k->listen_src);
	k->init_src = k->guest_src = k->listen_src = NULL;
}

/* The last words, after everything is down: so that who hears them finds it so. */
static void say_goodbye(struct keeper *k)
{
	serve_end_all(k);
	for (int i = 0; i < 100 && k->clients; i++)
		if (loop_once(k->loop, 50) < 0)
			break;
}

int keeper_main(int argc, char **argv)
{
	struct keeper k = { .sandbox = SANDBOX_INIT,
		.run = WALL_RUN_INIT,
		.net = NET_INIT,
		.lock = -1,
		.listener = -1,
		.log = { .fd = -1 },
		.audit = AUDIT_INIT,
		.reason = "exited",
		.next_channel = MAIN_CHANNEL };
	struct err e = { 0 };
	int r = argc == 2 ? 0 : -EINVAL;

	if (r == 0 && strcmp(argv[0], KEEPER_WORD) == 0) {
		if (write(SCOPE_FD, "", 1) != 1)
			r = -EBADF; /* nobody of ours started it */
		(void)close(SCOPE_FD);
	}
	/* it may have come over an execve(2); the warder's must not bring it inside */
	(void)fcntl(CLIENT_FD, F_SETFD, FD_CLOEXEC);
	/* orphans of stages that died come here, not to the host's init */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (r == 0)
		r = set_up(&k, &e);
	if (r == 0 && !serve_add(&k, CLIENT_FD, &e))
		r = -EIO;
	if (r == 0)
		r = sandbox_open(argv[1], &k.sandbox, &e);
	if (r == 0)
		r = keeper_up(&k, &e);
	/* from here on it talks to the sandbox and to clients, and cleans up; no more */
	if (r == 0) {
		r = promise_keeping(
			PROMISE_KEEPER, k.ids.root ? KEPT_BY_ROOT : CAPS_NONE, &e);
		if (r < 0)
			keeper_down(&k);
	}
	if (r < 0) {
		fprintf(stderr, "brig-keeper: %s\n", e.msg);
		refuse(&k, &e);
	} else {
		serve(&k, &e);
		keeper_down(&k);
		say_goodbye(&k);
	}
	if (clean_empty(k.gone, &k.ids, k.run.userns, &e) < 0)
		fprintf(stderr, "brig-keeper: %s\n", e.msg);
	/* what runs at exit (a leak checker, say) may not keep the promise */
	_exit(r < 0 ? EXIT_STATUS_BRIG : 0);
}
