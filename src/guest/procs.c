/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/procs.h"

#include "base/auto.h"
#include "base/clock.h"
#include "guest/proto.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PROCS_MAX     65536U
#define KILL_MAX_NS   (3 * NS_PER_SEC)
#define MARK_ROUNDS   64
#define STOP_ROUNDS   16
#define ROUND_WAIT_US 500U
#define KERNEL_THREAD 0x00200000U /* PF_KTHREAD of the kernel's linux/sched.h */

struct proc {
	pid_t pid, ppid;
	bool ours, kernel; /* kernel: a thread of the kernel's own */
	uint64_t start;    /* clock ticks since boot, field 22 of proc(5) stat */
	uint64_t cpu_ticks, threads, rss_pages;
};

struct table {
	struct proc *v;
	size_t n, cap;
};

/* Field 'want' (counted as proc(5) does, from 4 on) of what follows the name in
 * parentheses. */
static uint64_t stat_field(const char *after, int want)
{
	const char *p = after;

	for (int i = 3; i < want && p; i++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

static bool read_proc(int proc, pid_t pid, struct proc *ret)
{
	char path[32], text[1024];
	const char *after;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
	auto_fd int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name is the program's choice and may hold anything, ")" and spaces too. */
	after = strrchr(text, ')');
	if (!after || after[1] != ' ')
		return false;
	after += 2;
	*ret = (struct proc){
		.pid = pid,
		.ppid = (pid_t)stat_field(after, 4),
		.kernel = stat_field(after, 9) & KERNEL_THREAD,
		.cpu_ticks = stat_field(after, 14) + stat_field(after, 15),
		.threads = stat_field(after, 20),
		.start = stat_field(after, 22),
		.rss_pages = stat_field(after, 24),
	};
	return true;
}

static bool table_add(struct table *t, const struct proc *p)
{
	struct proc *grown;

	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 32;

		grown = cap > PROCS_MAX ? NULL : realloc(t->v, cap * sizeof(*grown));
		if (!grown)
			return false;
		t->v = grown;
		t->cap = cap;
	}
	t->v[t->n++] = *p;
	return true;
}

static int by_pid(const void *a, const void *b)
{
	const struct proc *p = a, *q = b;

	return (p->pid > q->pid) - (p->pid < q->pid);
}

/*
 * Mark the descendants of this process. Children mostly have larger numbers than their
 * parents, so that one pass in order of the numbers nearly does; the rounds are bounded
 * because the shape of the tree is the sandbox's choice.
 */
static void mark_ours(struct table *t)
{
	pid_t self = getpid();
	bool more = true;

	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), by_pid);
	for (int round = 0; more && round < MARK_ROUNDS; round++) {
		more = false;
		for (size_t i = 0; i < t->n; i++) {
			const struct proc key = { .pid = t->v[i].ppid };
			const struct proc *parent;

			if (t->v[i].ours)
				continue;
			parent = bsearch(&key, t->v, t->n, sizeof(key), by_pid);
			t->v[i].ours = key.pid == self || (parent && parent->ours);
			more |= t->v[i].ours;
		}
	}
}

static void scan(const struct procs *p, struct table *t)
{
	int fd = p->proc < 0 ? -1
			     : openat(p->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct proc one;

	if (!dir) {
		close_auto(&fd);
		return;
	}
	for (struct dirent *d; (d = readdir(dir));) {
		long pid = strtol(d->d_name, NULL, 10);

		if (pid <= 0 || pid == getpid() || !read_proc(p->proc, (pid_t)pid, &one))
			continue;
		one.ours = !p->reaper;
		if (!table_add(t, &one))
			break;
	}
	(void)closedir(dir);
	if (p->reaper)
		mark_ours(t);
}

static void signal_one(const struct procs *p, const struct proc *want, int sig)
{
	auto_fd int fd = (int)syscall(SYS_pidfd_open, want->pid, 0);
	struct proc now;

	if (fd >= 0 && read_proc(p->proc, want->pid, &now) && now.start == want->start)
		(void)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}

/* One walk. Returns how many there were. */
static size_t signal_round(const struct procs *p, int sig)
{
	struct table t = { 0 };
	size_t n = 0;

	scan(p, &t);
	for (size_t i = 0; i < t.n; i++)
		if (t.v[i].ours) {
			signal_one(p, &t.v[i], sig);
			n++;
		}
	free(t.v);
	return n;
}

int procs_signal(const struct procs *p, int sig)
{
	size_t before = 0, n;

	if (!p->reaper)
		return kill(-1, sig) < 0 && errno != ESRCH ? -errno : 0;
	if (p->proc < 0)
		return -ENOTSUP;
	/* A child forked behind the walk is met by the next one. */
	for (int i = 0; i < STOP_ROUNDS; i++) {
		n = signal_round(p, sig);
		if (n == before || sig != SIGSTOP)
			break;
		before = n;
	}
	return 0;
}

static bool reap_all(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	return pid == 0;
}

void procs_kill(const struct procs *p)
{
	uint64_t end = clock_mono_ns() + KILL_MAX_NS;

	do {
		if (p->reaper)
			(void)signal_round(p, SIGKILL);
		else
			(void)kill(-1, SIGKILL);
		if (!reap_all())
			return;
		(void)usleep(ROUND_WAIT_US);
	} while (clock_mono_ns() < end);
}

void procs_stats(const struct procs *p, struct guest_stats *ret)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct table t = { 0 };

	scan(p, &t);
	for (size_t i = 0; i < t.n; i++) {
		if (!t.v[i].ours || t.v[i].kernel)
			continue;
		ret->processes++;
		ret->threads += (uint32_t)t.v[i].threads;
		ret->rss_bytes += t.v[i].rss_pages * page;
		ret->cpu_us += t.v[i].cpu_ticks * 1000000 / (hz ? hz : 100);
	}
	free(t.v);
}
