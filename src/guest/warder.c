/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brig-warder [--reaper | --last | --last-restart] FD - PID 1 of a sandbox.
 *
 * Theory of operation. One loop: frames from the keeper on FD, SIGCHLD, and the pipes of
 * the commands. The warder holds nothing worth stealing: its environment is wiped, its
 * one valuable descriptor leads to a keeper that believes it nothing, and it is
 * undumpable, so /proc/1 shows little. As PID 1 the kernel drops signals that it has no
 * handler for. When the keeper's stream ends, everything is killed.
 *
 * With --last the kernel is the sandbox's own and ends with it: when every process is gone, and
 * with them what they had open, the machine is switched off; or restarted, where that is the only
 * end it has.
 *
 * With --reaper it is an ordinary process and the subreaper of its descendants, for a
 * wall without a PID namespace.
 */
#include "guest/warder.h"

#include "base/clock.h"
#include "base/err.h"
#include "guest/suspend.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#define WIRE_HIGH   (256U << 10) /* stop reading from commands */
#define WIRE_LOW    (64U << 10)  /* and go on */
#define REAP_MAX    256          /* a round; a fork bomb must not starve the keeper */
#define FAREWELL_MS 1000         /* the keeper's time to take what is queued at the end */
#define IDLE_MS     1000         /* without a command, before memory is given back */
#define HEAP_PIECE  (32 << 10)   /* larger pieces go back to the kernel when freed */

static void watch_wire(struct warder *w)
{
	size_t pending = wire_pending(&w->wire);
	bool congested = pending > (w->congested ? WIRE_LOW : WIRE_HIGH);
	uint32_t events = (congested ? 0 : EPOLLIN) | (pending ? EPOLLOUT : 0);

	if (w->wire_src)
		warder_must(w, loop_source_events(w->wire_src, events));
	if (congested == w->congested)
		return;
	w->congested = congested;
	warder_watch_commands(w);
}

void warder_watch_commands(struct warder *w)
{
	for (unsigned i = 0; i < WARDER_BUCKETS; i++)
		for (struct command *c = w->by_channel[i]; c; c = c->next_channel)
			command_io_watch(c);
}

void warder_must(struct warder *w, int r)
{
	if (r < 0)
		loop_quit(w->loop, -r);
}

void warder_flush(struct warder *w)
{
	warder_must(w, wire_flush(&w->wire));
	watch_wire(w);
}

void warder_none_left(struct warder *w)
{
	if (w->n_commands)
		return;
	wire_trim(&w->wire);
	loop_timer_arm(w->idle, IDLE_MS * NS_PER_MS);
	if (w->stopping)
		loop_quit(w->loop, 0);
}

extern char __executable_start[], etext[]; /* end(3), ld(1): the program's text */

/*
 * The kernel maps text in pieces of 64 KiB around what is touched, and start-up touches
 * most of it. Forgetting the mapping costs the next command some minor faults; the pages
 * are the page cache's. What waits for ever should weigh little.
 */
static void on_idle(struct loop_source *timer, void *data)
{
	const struct warder *w = data;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)__executable_start, to = (uintptr_t)etext;

	(void)timer;
	from = (from + page - 1) & ~(page - 1);
	if (!w->n_commands && to > from)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

static void kill_all(struct warder *w)
{
	(void)procs_signal(&w->procs, SIGKILL);
	command_signal_all(w, SIGKILL);
}

static void on_grace(struct loop_source *timer, void *data)
{
	struct warder *w = data;

	/* Again: a subreaper's walk may have missed what was forked meanwhile. */
	kill_all(w);
	loop_timer_arm(timer, 100 * NS_PER_MS);
}

static void stop(struct warder *w, const struct guest_stop *how)
{
	w->stopping = true;
	(void)procs_signal(&w->procs, SIGCONT);
	if (how->grace_ms)
		command_signal_all(w, how->signal ? (int)how->signal : SIGTERM);
	loop_timer_arm(w->grace, (w->n_running ? how->grace_ms : 0) * NS_PER_MS);
	warder_none_left(w);
}

static void send_stats(struct warder *w)
{
	struct guest_stats s = { .commands = w->n_running };
	uint8_t body[GUEST_BODY_MAX];

	procs_stats(&w->procs, &s);
	s.cpu_us += w->reaped_us;
	warder_must(w,
		guest_send_body(
			&w->wire, 0, GUEST_STATS, body, guest_stats_encode(&s, body)));
}

static int control_frame(struct warder *w, const struct wire_frame *f)
{
	struct guest_stop how;
	int r;

	switch (f->type) {
	case GUEST_STOP:
		r = guest_stop_decode(f, &how);
		if (r == 0)
			stop(w, &how);
		return r;
	case GUEST_FREEZE:
	case GUEST_THAW:
		if (w->suspended && f->type == GUEST_THAW)
			suspend_end(w);
		r = procs_signal(&w->procs, f->type == GUEST_FREEZE ? SIGSTOP : SIGCONT);
		return guest_send_pair(&w->wire, GUEST_DONE, f->type, (uint32_t)-r);
	case GUEST_GET_STATS: send_stats(w); return 0;
	case GUEST_SUSPEND: return suspend_begin(w);
	case GUEST_IDENTITY: return suspend_take_identity(w, f);
	default: return -EPROTO;
	}
}

static int serve_frame(struct warder *w, const struct wire_frame *f)
{
	struct command *c;

	if (f->channel == 0)
		return control_frame(w, f);
	if (f->type == GUEST_EXEC)
		return command_exec(w, f);
	c = command_by_channel(w, f->channel);
	return c ? command_frame(c, f) : 0;
}

static void on_wire(struct loop_source *src, uint32_t events, void *data)
{
	struct warder *w = data;
	struct wire_frame f;
	int r = 0;

	(void)src;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		r = wire_read(&w->wire);
		if (r == 0)
			r = -EPIPE;
		else if (r == -EAGAIN || r == -ENOBUFS)
			r = 0;
		while (r >= 0 && (r = wire_next(&w->wire, &f)) > 0)
			r = serve_frame(w, &f);
		/* the machine was copied, and this is the copy */
		if (r < 0 && w->suspended)
			r = suspend_reconnect(w);
		warder_must(w, r);
	}
	warder_flush(w);
}

static uint64_t micros(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* SIGCHLD tells of one or of many: ask until none is left, but let the keeper have a
 * turn. */
static void reap(struct warder *w)
{
	struct rusage u;
	int status;
	pid_t pid;

	for (int i = 0; i < REAP_MAX; i++) {
		pid = wait4(-1, &status, WNOHANG, &u);
		if (pid <= 0)
			break;
		struct command *c = command_by_pid(w, pid);
		struct guest_exited how = {
			.status = status,
			.user_us = micros(u.ru_utime),
			.system_us = micros(u.ru_stime),
			.max_rss_kib = (uint64_t)u.ru_maxrss,
		};

		w->reaped_us += how.user_us + how.system_us;
		if (c)
			command_reaped(c, &how);
		if (i == REAP_MAX - 1)
			loop_timer_arm(w->reap_again, 0);
	}
	if (w->stopping && !w->n_running && w->n_commands)
		kill_all(w);
	warder_flush(w);
}

static void on_child(
	struct loop_source *src, const struct signalfd_siginfo *info, void *data)
{
	(void)src;
	(void)info;
	reap(data);
}

static void on_reap_again(struct loop_source *timer, void *data)
{
	(void)timer;
	reap(data);
}

/* argv and environ can be read through /proc/1 by who may trace us: leave nothing there.
 */
static void scrub(char **argv, char **envp)
{
	for (char **p = envp; *p; p++)
		memset(*p, 0, strlen(*p));
	*envp = NULL;
	for (char **p = argv + 1; *p; p++)
		memset(*p, 0, strlen(*p));
}

/* Hold what commands may cover or replace later, before the first of them runs. */
static int hold_places(struct warder *w, struct err *e)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (null < 0)
		return err_sys(e, "open '/dev/null'");
	/* Descriptors 0 to 2 must be taken, or a pipe could get such a number. */
	for (int fd = 0; fd < 3; fd++)
		if (fd != null && fcntl(fd, F_GETFD) < 0 && dup2(null, fd) < 0)
			return err_sys(e, "dup '/dev/null'");
	w->spawn.null = fcntl(null, F_DUPFD_CLOEXEC, 3);
	if (w->spawn.null < 0)
		return err_sys(e, "dup '/dev/null'");
	if (null > 2)
		(void)close(null);
	w->random = open("/dev/urandom", O_RDWR | O_CLOEXEC | O_NOCTTY);
	w->spawn.pts = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->procs.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static int settle_process(struct warder *w, struct err *e)
{
	struct rlimit lim;
	sigset_t all;

	if (!w->procs.reaper && getpid() != 1)
		return err_set(
			e, EINVAL, "not PID 1: --reaper is for ordinary processes");
	if (w->procs.reaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_sys(e, "become a subreaper");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "become undumpable");
		/* One arena, and what was large goes back: an idle warder is small. */
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_PIECE);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_PIECE);
#endif
	/* A fault of our own still kills: the kernel forces what it can't deliver. */
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return err_sys(e, "block signals");
	if (getrlimit(RLIMIT_NOFILE, &w->spawn.nofile) < 0)
		return err_sys(e, "getrlimit");
	lim = (struct rlimit){ w->spawn.nofile.rlim_max, w->spawn.nofile.rlim_max };
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	return hold_places(w, e);
}

int warder_watch_wire(struct warder *w, struct err *e)
{
	return loop_add_fd(w->loop, w->wire.fd, EPOLLIN, on_wire, w, &w->wire_src, e);
}

static int settle_loop(struct warder *w, struct err *e)
{
	sigset_t child;
	int r;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	r = loop_new(&w->loop, e);
	if (r == 0)
		r = loop_add_signals(w->loop, &child, on_child, w, NULL, e);
	if (r == 0)
		r = loop_add_timer(w->loop, on_reap_again, w, &w->reap_again, e);
	if (r == 0)
		r = loop_add_timer(w->loop, on_grace, w, &w->grace, e);
	if (r == 0)
		r = loop_add_timer(w->loop, on_idle, w, &w->idle, e);
	return r < 0 ? r : warder_watch_wire(w, e);
}

/* The last frames (EXITED, above all) are worth a moment; a keeper that hangs is not. */
static void farewell(struct warder *w)
{
	struct pollfd p = { .fd = w->wire.fd, .events = POLLOUT };
	uint64_t end = clock_mono_ns() + FAREWELL_MS * NS_PER_MS;

	while (wire_flush(&w->wire) == 0 && wire_pending(&w->wire)) {
		uint64_t now = clock_mono_ns();

		if (now >= end || poll(&p, 1, (int)((end - now) / NS_PER_MS) + 1) <= 0)
			return;
	}
}

static int serve(struct warder *w, int fd, struct err *e)
{
	int r = settle_process(w, e);

	if (r < 0)
		return r;
	wire_init(&w->wire, fd);
	suspend_note_host(w);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(e, "descriptor %d", fd);
	r = settle_loop(w, e);
	if (r < 0)
		return r;
	/* standard error is the keeper's log, a file of the host's: who may trace us must
	 * not find it */
	if (dup2(w->spawn.null, STDERR_FILENO) < 0)
		return err_sys(e, "dup '/dev/null'");
	warder_must(w,
		guest_send_pair(
			&w->wire, GUEST_READY, GUEST_VERSION, (uint32_t)getpid()));
	warder_flush(w);
	loop_timer_arm(w->idle, IDLE_MS * NS_PER_MS);
	r = loop_run(w->loop);
	if (r == 0)
		farewell(w);
	procs_kill(&w->procs);
	if (w->last)
		(void)reboot(w->last);
	return r;
}

int main(int argc, char **argv, char **envp)
{
	static struct warder w;
	struct err e = { 0 };
	const char *option = argc == 3 ? argv[1] : "";
	char *end = NULL;
	long fd = -1;
	int r;

	w.procs.reaper = strcmp(option, "--reaper") == 0;
	if (strcmp(option, "--last") == 0)
		w.last = RB_POWER_OFF;
	else if (strcmp(option, "--last-restart") == 0)
		w.last = RB_AUTOBOOT;
	if (argc == 2 || w.procs.reaper || w.last)
		fd = strtol(argv[argc - 1], &end, 10);
	if (!end || *end || end == argv[argc - 1] || fd < 0 || fd > 1 << 20) {
		fprintf(stderr,
			"usage: brig-warder [--reaper | --last | --last-restart] FD\n");
		return 125;
	}
	scrub(argv, envp);
	r = serve(&w, (int)fd, &e);
	if (r < 0)
		fprintf(stderr, "brig-warder: %s\n", e.msg);
	return r == 0 ? 0 : 1;
}
