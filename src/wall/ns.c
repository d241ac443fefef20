/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns.c - namespaces around a new root.
 *
 * Theory of operation. Three processes take part:
 *
 *   keeper   the caller, in the host's namespaces. It can write id maps and control
 * groups. stage    its child, in user namespace A (the calling user's id map) and a mount
 * namespace. Takes hold of everything of the host's while it is still the calling user,
 * makes the next process, writes that one's id map, and is gone. init     PID 1 of a PID
 * namespace of A's. Builds the root out of what stage holds and enters it; then moves
 * into user namespace B, nested in A, with mount, network, IPC, UTS and cgroup namespaces
 * that belong to B; gives up what the wall says; and becomes the warder. It is the
 * keeper's child (CLONE_PARENT), so that it dies with the keeper and the keeper can wait
 * for it.
 *
 * Why two user namespaces: mounts that come into a mount namespace from a more privileged
 * user namespace are locked (mount_namespaces(7)). Root of B may have CAP_SYS_ADMIN, as
 * in the nspawn wall, and still can't take a mount away or make it writable again. And
 * what is A's and not B's (the gate's side of the network, the files' owners) is out of
 * B's reach.
 *
 * The PID namespace is A's because a /proc can only be mounted where the host's is still
 * to be seen (mount_too_revealing() in the kernel), which is before the root is entered.
 *
 * The network. With a gate, stage moves into a new network namespace of A's before it
 * makes init, and turns it into the gate's (linux/gatens.h); the listeners go to the keeper.
 * When init has made its own, stage links the two. Root of B has every power over its own
 * end and none over the other.
 *
 * Errors of stage and init come back through a pipe as a struct err; end of file on it
 * means that the warder runs.
 */
#include "wall/ns.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "linux/caps.h"
#include "linux/cgroup.h"
#include "linux/idmap.h"
#include "linux/landlock-confine.h"
#include "linux/mounts.h"
#include "linux/netns.h"
#include "linux/ns.h"
#include "linux/pidfds.h"
#include "linux/seccomp-filter.h"
#include "wall/root.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* How long the keeper waits for the two processes to have done their part. */
#define START_TIMEOUT_MS 30000
/* Longer than the warder takes to kill what doesn't want to die (procs_kill). */
#define SOFT_WAIT_MS 4000

struct plan {
	const struct ns_profile *profile;
	const struct wall_spec *spec;
	struct root root;
	bool userns;     /* false for the chroot wall run by root */
	bool born_in_v2; /* stage is in the version 2 control group from its birth */
	int stream;      /* the first process's end */
	int proc;       /* the host's /proc, of which nothing is seen from the new root */
	int net;        /* its packet socket, with a kernel of its own */
	int console[2]; /* what that says: 0 is the keeper's */
	int sync[2];    /* keeper and stage: 0 is the keeper's */
	int report[2];  /* struct err of stage or init */
};

static void __attribute__((noreturn)) fail(const struct plan *p, const struct err *e)
{
	/* one write below PIPE_BUF arrives whole or not at all */
	if (write(p->report[1], e, sizeof(*e)) < 0)
		_exit(126);
	_exit(125);
}

/* Become user and group 0 of the user namespace, without other groups. */
static int become_root(const struct idmap *ids, struct err *e)
{
	if (!ids->single && setgroups(0, NULL) < 0)
		return err_sys(e, "drop groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	/* what a change of ids takes away is needed: /proc/PID must stay ours for the map
	 * of B */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return err_sys(e, "stay dumpable");
	return 0;
}

static int confine(const struct ns_profile *p, int program, struct err *e)
{
	/* a kernel of its own executes nothing that it was given */
	unsigned beneath =
		LANDLOCK_ALL & ~LANDLOCK_IOCTL & ~(p->become ? LANDLOCK_EXEC : 0U);
	/*
	 * Everything beneath the root with every right: the point is what Landlock
	 * refuses by itself: any change of mounts, tracing what is outside, signals and
	 * abstract sockets to the outside, and ioctl on devices that are not listed.
	 */
	const struct landlock_rule rules[] = {
		{ .path = "/", .rights = beneath },
		/* on a mount of its own, beneath no directory */
		{ .fd = program, .rights = LANDLOCK_READ | LANDLOCK_EXEC },
		{ .path = "/dev", .rights = LANDLOCK_IOCTL },
		/* mq_open(3) goes to the kernel's own mount of it, beneath no directory */
		{ .path = "/dev/mqueue", .rights = beneath },
	};
	unsigned n = p->become ? 2 : access("/dev/mqueue", F_OK) == 0 ? 4 : 3;
	int r;

	if (p->caps && (r = caps_bound(*p->caps, e)) < 0)
		return r;
	if (p->no_new_privs && (r = caps_no_new_privs(e)) < 0)
		return r;
	if (p->landlock) {
		r = landlock_confine(
			rules, n, LANDLOCK_NO_SIGNALS | LANDLOCK_NO_SOCKETS, e);
		if (r < 0)
			return r;
	}
	if (p->caps && (r = caps_reduce(*p->caps, e)) < 0)
		return r;
	return p->seccomp ? seccomp_install(p->seccomp, e) : 0;
}

static int exec_warder(const struct plan *p, struct err *e)
{
	char fd[16], reaper[] = "--reaper";
	/* nothing of the caller's environment or arguments: /proc/1 is the sandbox's to
	 * read */
	char *argv[] = { (char[]){ "brig-warder" }, NULL, NULL, NULL };
	char *envp[] = { NULL };
	size_t n = 1;

	if (p->profile->host_view)
		argv[n++] = reaper;
	(void)snprintf(fd, sizeof(fd), "%d", p->stream);
	argv[n] = fd;
	if (fcntl(p->stream, F_SETFD, 0) < 0)
		return err_sys(e, "hand on the stream");
	if (prctl(PR_SET_PDEATHSIG, p->profile->host_view ? SIGTERM : SIGKILL) < 0)
		return err_sys(e, "bind its life to the keeper's");
	(void)syscall(SYS_execveat, p->root.program, "", argv, envp, AT_EMPTY_PATH);
	return err_sys(e, "execute the warder");
}

static int become(const struct plan *p, struct err *e)
{
	auto_fd int root = -1;
	struct ns_inside in = { .spec = p->spec,
		.program = p->root.program,
		.stream = p->stream,
		.net = p->net,
		.console = p->console[1] };

	if (!p->profile->become)
		return exec_warder(p, e);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open the root");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(e, "bind its life to the keeper's");
	in.root = root;
	return p->profile->become(&in, p->profile->with, e);
}

/* Ask stage, over its pipe, for the map of namespace B. */
static int get_map(int ask, int answer, struct err *e)
{
	char byte = 'm';

	if (write(ask, &byte, 1) != 1 || read(answer, &byte, 1) != 1)
		return err_set(e, EIO, "the stage process is gone");
	return 0;
}

/* The sandbox's own end of the network. */
static int start_network(struct plan *p, struct err *e)
{
	if (!p->spec->gated)
		return p->profile->become ? 0 : net_loopback_up(e);
	if (!p->profile->become)
		return gatens_guest_up(e);
	p->net = gatens_guest_socket(e);
	return p->net < 0 ? p->net : 0;
}

static int nest(struct plan *p, int ask, int answer, struct err *e)
{
	int r = ns_unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
			CLONE_NEWUTS | CLONE_NEWCGROUP,
		e);

	/* lost with every change of file-system ids; stage writes to its files in /proc */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 1) < 0)
		r = err_sys(e, "stay dumpable");
	if (r == 0)
		r = get_map(ask, answer, e);
	if (r < 0)
		return err_wrap(e, "make the sandbox's namespaces");
	if (sethostname(p->spec->hostname, strlen(p->spec->hostname)) < 0)
		return err_sys(e, "set the host name");
	return start_network(p, e);
}

static void __attribute__((noreturn)) run_init(struct plan *p, int ask, int answer)
{
	struct err e = { 0 };
	int r = root_build(&p->root, &e);

	if (r == 0 && !p->profile->host_view)
		r = nest(p, ask, answer, &e);
	if (r == 0)
		r = root_finish(&p->root, &e);
	if (r == 0)
		r = confine(p->profile, p->root.program, &e);
	if (r == 0)
		r = become(p, &e);
	fail(p, &e);
}

/* Make the network that init will be linked to, and send the keeper its listeners. */
static int make_gate(const struct plan *p, struct err *e)
{
	int fds[GATENS_FDS], r = gatens_make(fds, e);

	if (r < 0)
		return r;
	r = gatens_send(p->sync[1], fds);
	for (int i = 0; i < GATENS_FDS; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return r < 0 ? err_set(e, EIO, "the keeper is gone") : 0;
}

/* Serve init's one request, then end. */
static void __attribute__((noreturn))
serve_init(const struct plan *p, pid_t init, int ask, int answer)
{
	struct err e = { 0 };
	char byte;

	/* while init builds its root */
	if (p->spec->gated && make_gate(p, &e) < 0)
		fail(p, &e);
	if (read(ask, &byte, 1) != 1)
		_exit(0); /* init has said why itself */
	if (p->spec->gated && gatens_link(init, &e) < 0) {
		(void)err_wrap(&e, "link the sandbox with the gate");
		fail(p, &e);
	}
	if (idmap_write_identity(p->spec->ids, p->proc, init, &e) < 0) {
		(void)err_wrap(&e, "map the ids of the sandbox");
		fail(p, &e);
	}
	_exit(write(answer, &byte, 1) == 1 ? 0 : 1);
}

/*
 * Processes inherit the session keyring, and with it the right to the keys in it; no
 * namespace holds it back. A filter that refuses keyctl(2) does; else an empty one takes
 * its place. While this is still the calling user: its quota of keys pays for it.
 */
static int leave_keyring(const struct ns_profile *p, struct err *e)
{
	if (p->host_view || p->seccomp)
		return 0;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		return 0;
	/* a kernel without keys, or a filter around us that refuses them */
	if (errno == ENOSYS || errno == EPERM)
		return 0;
	(void)err_sys(e, "leave the caller's session keyring");
	err_hint(e, "raise kernel.keys.maxkeys, or take --wall container");
	return e ? -e->code : -EDQUOT;
}

static int stage_open(struct plan *p, struct err *e)
{
	char go;
	int r;

	/* nothing mounted from here on is seen by the host, nor the other way round */
	/* by itself and now: moved from outside, or later, it would cost a grace period
	 * of RCU */
	r = p->spec->cgroup ? cgroup_join(p->spec->cgroup, p->born_in_v2, e) : 0;
	if (r == 0)
		r = leave_keyring(p->profile, e);
	if (r == 0)
		r = mount_isolate(e);
	if (r == 0)
		r = root_open(&p->root, e);
	if (r < 0)
		return r;
	/* meanwhile the keeper has the id maps written, which takes two other programs */
	if (read(p->sync[1], &go, 1) != 1)
		return err_set(e, EIO, "the keeper is gone");
	return p->userns ? become_root(p->spec->ids, e) : 0;
}

static void __attribute__((noreturn)) run_stage(struct plan *p)
{
	int ask[2], answer[2];
	struct err e = { 0 };
	pid_t pid;

	if (stage_open(p, &e) < 0)
		fail(p, &e);
	p->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->proc < 0) {
		(void)err_sys(&e, "open '/proc'");
		fail(p, &e);
	}
	if (pipe2(ask, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0) {
		(void)err_sys(&e, "make a pipe");
		fail(p, &e);
	}
	if (p->spec->gated && ns_unshare(CLONE_NEWNET, &e) < 0)
		fail(p, &e);
	pid = ns_clone(CLONE_PARENT | (p->profile->host_view ? 0 : CLONE_NEWPID), NULL);
	if (pid == 0) {
		(void)close(ask[0]);
		(void)close(answer[1]);
		run_init(p, ask[1], answer[0]);
	}
	if (pid < 0) {
		(void)err_set(
			&e, -pid, "make the first process: %s", strerrordesc_np(-pid));
		fail(p, &e);
	}
	if (write(p->sync[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	(void)close(ask[1]);
	(void)close(answer[0]);
	if (p->profile->host_view)
		_exit(0);
	serve_init(p, pid, ask[0], answer[1]);
}

/* Wait for 'fd' to be readable, bounded. */
static int wait_readable(int fd, const char *what, struct err *e)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&pfd, 1, START_TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return err_set(e, ETIMEDOUT, "no sign of %s for %d seconds", what,
			START_TIMEOUT_MS / 1000);
	return n < 0 ? err_sys(e, "wait for %s", what) : 0;
}

/* The listeners that stage sends. */
static int take_gate(int sync, int gate[GATENS_FDS], struct err *e)
{
	int r = wait_readable(sync, "the gate's network", e);

	if (r < 0)
		return r;
	return gatens_receive(sync, gate) < 0
		? err_set(e, EIO, "the stage process ended early")
		: 0;
}

/* The error that stage or init sent, if any; 0 once the warder's program runs. */
static int read_report(int fd, struct err *e)
{
	struct err theirs;
	ssize_t n;
	int r = wait_readable(fd, "the sandbox's first process", e);

	if (r < 0)
		return r;
	n = read(fd, &theirs, sizeof(theirs));
	if (n == 0)
		return 0;
	if (n != sizeof(theirs) || theirs.code <= 0)
		return err_set(
			e, EIO, "the sandbox's first process ended without a word");
	theirs.msg[sizeof(theirs.msg) - 1] = '\0';
	theirs.hint[sizeof(theirs.hint) - 1] = '\0';
	if (e)
		*e = theirs;
	return -theirs.code;
}

static bool has_report(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* What the keeper does for stage, until init is known. */
static int help_stage(struct plan *p, pid_t stage, struct wall_run *run, struct err *e)
{
	pid_t init = 0;
	int r = 0;

	if (p->userns && (r = idmap_write(p->spec->ids, stage, e)) < 0)
		return err_wrap(e, "map ids");
	if (p->userns) {
		run->userns = ns_open(stage, "user", e);
		if (run->userns < 0)
			return run->userns;
	}
	if (write(p->sync[0], "g", 1) != 1)
		return err_set(e, EIO, "the stage process is gone");
	if ((r = wait_readable(p->sync[0], "the stage process", e)) < 0)
		return r;
	if (read(p->sync[0], &init, sizeof(init)) != sizeof(init))
		return err_set(e, EIO, "the stage process ended early");
	run->init = init;
	run->pidfd = pidfd_open_pid(init, e);
	if (run->pidfd < 0)
		return run->pidfd;
	return p->spec->gated ? take_gate(p->sync[0], run->gate, e) : 0;
}

static int start_stage(struct plan *p, struct wall_run *run, struct err *e)
{
	struct err mine = { 0 }, *first = e ? e : &mine;
	uint64_t flags = (p->userns ? CLONE_NEWUSER : 0) | CLONE_NEWNS;
	auto_fd int group = p->spec->cgroup ? cgroup_v2_fd(p->spec->cgroup, &mine) : -1;
	pid_t stage;
	int r, theirs;

	p->born_in_v2 = group >= 0;
	stage = group >= 0 ? ns_clone_into(flags, group, NULL) : ns_clone(flags, NULL);
	if (stage == 0) {
		(void)close(p->sync[0]);
		(void)close(p->report[0]);
		run_stage(p);
	}
	if (stage < 0) {
		(void)err_set(e, -stage, "make a namespace: %s", strerrordesc_np(-stage));
		err_hint(e, "brig doctor says what this machine lacks");
		return stage;
	}
	(void)close(p->sync[1]);
	(void)close(p->report[1]);
	(void)close(p->stream);
	p->sync[1] = p->report[1] = p->stream = -1;
	r = help_stage(p, stage, run, first);
	if (r < 0) {
		/* What went wrong over there says more than that it is gone; and of a process
		 * that has ended for it the files in /proc are root's, so no map is written. */
		if ((r == -EIO || has_report(p->report[0])) &&
			(theirs = read_report(p->report[0], &mine)) < 0) {
			*first = mine;
			r = theirs;
		}
		(void)kill(stage, SIGKILL);
	} else {
		r = read_report(p->report[0], first);
	}
	(void)waitpid(stage, NULL, 0);
	if (r == 0)
		mntns_of(run->init, &run->mnt);
	return r;
}

static void plan_close(struct plan *p)
{
	int *fds[] = { &p->stream, &p->sync[0], &p->sync[1], &p->report[0], &p->report[1],
		&p->console[0], &p->console[1], &p->net, &p->proc };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
	root_close(&p->root);
}

int ns_start(const struct ns_profile *profile, const struct wall_spec *spec,
	struct wall_run *ret, struct err *e)
{
	struct plan p = { .profile = profile,
		.spec = spec,
		.stream = -1,
		.sync = { -1, -1 },
		.report = { -1, -1 },
		.proc = -1,
		.net = -1,
		.console = { -1, -1 },
		.userns = !(profile->host_ids_for_root && spec->ids->root) };
	struct wall_run run = WALL_RUN_INIT;
	int stream[2], r;

	r = root_prepare(&p.root, spec, profile->host_view, e);
	p.root.masked = profile->masked;
	p.root.bare = profile->become;
	/* as full as it gets: what says more than a pipe holds is not listened to */
	if (r == 0 && profile->become && pipe2(p.console, O_CLOEXEC | O_NONBLOCK) < 0)
		r = err_sys(e, "make a pipe");
	if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) < 0)
		r = err_sys(e, "make a socket");
	if (r == 0) {
		run.stream = stream[0];
		p.stream = stream[1];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p.sync) < 0 ||
			pipe2(p.report, O_CLOEXEC) < 0)
			r = err_sys(e, "make a socket");
	}
	if (r == 0)
		r = start_stage(&p, &run, e);
	if (r < 0 && run.pidfd >= 0)
		(void)ns_stop(&run, 5000000000ULL, NULL);
	run.console = p.console[0];
	p.console[0] = -1;
	plan_close(&p);
	if (r < 0) {
		wall_run_clear(&run);
		return r;
	}
	*ret = run;
	return 0;
}

int ns_stop_softly(struct wall_run *run, uint64_t wait_ns, struct err *e)
{
	/* the end of the stream makes the warder kill what it has; not being PID 1 it must
	 * live to do so */
	if (run->stream >= 0)
		(void)shutdown(run->stream, SHUT_RDWR);
	(void)pidfd_wait_gone(run->pidfd, SOFT_WAIT_MS);
	return ns_stop(run, wait_ns, e);
}

int ns_stop(struct wall_run *run, uint64_t wait_ns, struct err *e)
{
	int r;

	if (run->stream >= 0)
		(void)shutdown(run->stream, SHUT_RDWR);
	/* PID 1 takes its namespace along */
	(void)pidfd_kill(run->pidfd, SIGKILL);
	r = pidfd_wait(run->pidfd, (int)(wait_ns / 1000000), NULL);
	if (r == -ECHILD)
		r = 0;
	if (r < 0)
		return err_set(
			e, -r, "process %d of the sandbox does not end", run->init);
	return 0;
}
