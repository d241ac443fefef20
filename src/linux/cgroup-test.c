/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup.h"

#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "base/test.h"
#include "linux/cgroup-file.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

/* A directory that looks like a version 2 hierarchy in which 'uid' was given a subtree.
 */
struct fake {
	char top[40];
	char *delegated, *own;
};

static void put(const char *dir, const char *file, const char *text)
{
	auto_free char *path = str_printf("%s/%s", dir, file);
	struct err e = { 0 };

	expect(file_replace(AT_FDCWD, path, text, strlen(text), 0600, 0, &e) == 0);
}

static char *fake_group(const char *parent, const char *name, const char *controllers)
{
	char *path = str_printf("%s/%s", parent, name);
	struct err e = { 0 };

	expect(file_mkdirs(AT_FDCWD, path, 0755, &e) == 0);
	put(path, "cgroup.procs", "");
	put(path, "cgroup.controllers", controllers);
	put(path, "cgroup.subtree_control", "");
	return path;
}

static struct cgroup_host fake_host(const char *top, const char *own, bool manager)
{
	auto_free char *mounts =
		str_printf("41 31 0:38 / %s rw - cgroup2 cgroup2 rw\n", top);
	auto_free char *groups = str_printf("0::%s\n", own);
	AUTO(cgroup_mounts_clear) struct cgroup_mounts m = { 0 };
	struct cgroup_host h = { 0 };
	struct err e = { 0 };

	expect(cgroup_mounts_parse(mounts, groups, &m, &e) == 0);
	/* never 0, so that the walk for an ordinary user is taken; the directories are
	 * ours */
	expect(cgroup_host_of(&m, geteuid() ? geteuid() : 0, manager, &h, &e) == 0);
	return h;
}

TEST(v2_groups_go_where_the_user_may_write)
{
	char top[] = "/tmp/cgroup-test.XXXXXX";
	struct err e = { 0 };

	expect(mkdtemp(top));
	put(top, "cgroup.procs", "");
	put(top, "cgroup.controllers", "cpuset cpu io memory pids\n");
	auto_free char *user = fake_group(top, "user@7", "memory pids\n");
	auto_free char *own = fake_group(user, "app.slice/mine.scope", "memory pids\n");
	auto_free char *slice = str_printf("%s/app.slice", user);

	put(slice, "cgroup.procs", "");
	AUTO(cgroup_host_clear)
	struct cgroup_host h = fake_host(top, "/user@7/app.slice/mine.scope", false);

	expect(h.layout == CGROUP_V2 && h.base_n == 1 && h.base[0].v2 && !h.needs_scope);
	/* the whole tree is ours here, so its top is the topmost; and root's place anyway
	 */
	expect_str(h.base[0].path, top);
	expect(path_beneath(own, h.base[0].path));
	expect(h.support[CGROUP_CPU].ok && h.support[CGROUP_MEMORY].ok &&
		h.support[CGROUP_PIDS].ok && h.support[CGROUP_FREEZER].ok);
	expect(file_remove_tree(AT_FDCWD, top, &e) == 0);
}

TEST(v2_groups_go_into_a_scope_of_our_own)
{
	char top[] = "/tmp/cgroup-test.XXXXXX";
	auto_strv struct strv argv = { 0 };
	struct err e = { 0 };

	expect(cgroup_scope_argv(&argv, "web-7") == 0 && argv.n > 2);
	expect_str(argv.v[0], "systemd-run");
	expect_str(argv.v[argv.n - 2], "--unit=brig-web-7");
	if (geteuid() == 0)
		test_skip("for an ordinary user: root has no scope");
	expect(mkdtemp(top));
	put(top, "cgroup.procs", "");
	auto_free char *user = fake_group(top, "user@7", "memory pids\n");
	auto_free char *own = fake_group(user, "brig-web-7.scope", "memory pids\n");
	AUTO(cgroup_host_clear)
	struct cgroup_host h = fake_host(top, "/user@7/brig-web-7.scope", true);

	expect(h.base_n == 1 && !h.needs_scope);
	expect_str(h.base[0].path, own);
	expect(file_remove_tree(AT_FDCWD, top, &e) == 0);
}

TEST(v2_without_delegation_names_the_remedy)
{
	struct err e = { 0 };

	if (geteuid() == 0)
		test_skip("for an ordinary user: root may write everywhere");
	AUTO(cgroup_host_clear)
	struct cgroup_host h =
		fake_host("/proc", "/1", true); /* root's, as a session's is */

	expect(h.base_n == 0 && h.needs_scope && !h.support[CGROUP_MEMORY].ok);
	expect(strstr(h.support[CGROUP_MEMORY].remedy, "systemd-run --user"));
	struct cgroup c;

	expect(cgroup_create(&h, "x", &(struct cgroup_limits){ .memory = 1 }, &c, &e) ==
		-EOPNOTSUPP);
	expect(strstr(e.msg, "memory") && strstr(e.hint, "systemd-run"));
	/* without limits there is just no group */
	expect(cgroup_create(&h, "x", &(struct cgroup_limits){ 0 }, &c, &e) == 0 &&
		c.n == 0);
	expect(cgroup_kill(&c, 10, &e) == 0 && cgroup_remove(&c, 10, &e) == 0);
}

TEST(v2_limits_and_figures_use_the_files_of_version_2)
{
	char top[] = "/tmp/cgroup-test.XXXXXX";
	struct cgroup_limits l = {
		.memory = 1 << 30, .swap = 7, .cpu_milli = 1500, .pids = 99
	};
	AUTO(cgroup_clear) struct cgroup c = { 0 };
	struct cgroup_stats s;
	struct err e = { 0 };

	expect(mkdtemp(top));
	auto_free char *dir = fake_group(top, "brig/web", "cpu memory pids\n");
	static const char *const files[] = { "memory.max", "memory.swap.max", "cpu.max",
		"pids.max", "cgroup.freeze", "cgroup.kill" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(dir, files[i], "max\n");
	put(dir, "memory.current", "4096\n");
	put(dir, "memory.peak", "8192\n");
	put(dir, "memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n");
	put(dir, "cpu.stat", "usage_usec 1234\nuser_usec 1000\n");
	put(dir, "pids.current", "5\n");
	put(dir, "cgroup.events", "populated 1\nfrozen 1\n");
	expect(cgroup_open_paths((char *[]){ dir, NULL }, &c, &e) == 0 && c.n == 1);
	expect(c.dir[0].v2 && c.dir[0].has == (1U << CGROUP_CONTROLLERS_N) - 1);
	expect(cgroup_stats(&c, &s, &e) == 0 && s.memory == 4096 &&
		s.memory_peak == 8192);
	expect(s.cpu_ns == 1234000 && s.pids == 5 && s.oom_kills == 2);
	expect(s.memory_limit == 0 && s.pids_limit == 0);
	expect(cgroup_limit(&c, &l, &e) == 0);
	auto_free char *cpu = cgroup_text(dir, "cpu.max", 64);

	expect(str_starts(cpu, "150000 100000"));
	expect(cgroup_number(dir, "memory.max") == 1 << 30);
	expect(cgroup_number(dir, "memory.swap.max") == 7);
	expect(cgroup_number(dir, "pids.max") == 99);
	expect(cgroup_freeze(&c, 100, &e) == 0 &&
		cgroup_number(dir, "cgroup.freeze") == 1);
	expect(cgroup_thaw(&c, &e) == 0 && cgroup_number(dir, "cgroup.freeze") == 0);
	expect(cgroup_kill(&c, 100, &e) == 0 && cgroup_number(dir, "cgroup.kill") == 1);
	put(dir, "cgroup.events", "populated 1\nfrozen 0\n");
	expect(cgroup_freeze(&c, 20, &e) == -ETIMEDOUT && strstr(e.msg, dir));
	put(dir, "cgroup.procs", "4194999\n");
	expect(cgroup_kill(&c, 20, &e) == -ETIMEDOUT);
	expect(file_remove_tree(AT_FDCWD, top, &e) == 0);
}

TEST(v2_controllers_are_switched_on_once)
{
	char top[] = "/tmp/cgroup-test.XXXXXX";
	struct err e = { 0 };

	expect(mkdtemp(top));
	auto_free char *dir = fake_group(top, "g", "cpu memory pids\n");

	put(dir, "cgroup.subtree_control", "memory pids\n");
	expect(cgroup2_enable(dir, CGROUP_BIT(CGROUP_MEMORY)) ==
		CGROUP_BIT(CGROUP_MEMORY));
	auto_free char *same = cgroup_text(dir, "cgroup.subtree_control", 64);

	expect_str(same, "memory pids\n");
	expect(cgroup2_enable(dir, CGROUP_BIT(CGROUP_CPU)) == CGROUP_BIT(CGROUP_CPU));
	auto_free char *asked = cgroup_text(dir, "cgroup.subtree_control", 64);

	expect(str_starts(asked, "+cpu"));
	expect(file_remove_tree(AT_FDCWD, top, &e) == 0);
}

static int open_one(const char *path, struct cgroup *c)
{
	char text[64], *paths[] = { text, NULL };
	struct err e = { 0 };

	(void)snprintf(text, sizeof(text), "%s", path);
	return cgroup_open_paths(paths, c, &e);
}

TEST(paths_of_a_record_must_be_ours)
{
	struct cgroup c = { 0 };
	struct err e = { 0 };

	expect(open_one("/sys/fs/cgroup", &c) == -EINVAL);
	expect(open_one("/x/brig/../y", &c) == -EINVAL);
	expect(open_one("x/brig/y", &c) == -EINVAL);
	expect(open_one("/x/brig/gone", &c) == 0);
	expect(c.n == 0 && cgroup_open_paths(NULL, &c, &e) == 0);
}

/* A group of this host, or a skip. */
static struct cgroup real_group(const struct cgroup_limits *l)
{
	AUTO(cgroup_host_clear) struct cgroup_host h = { 0 };
	struct err e = { 0 };
	struct cgroup c;
	char name[40];

	expect(cgroup_probe(&h, &e) == 0);
	if (!h.support[CGROUP_MEMORY].ok || !h.support[CGROUP_PIDS].ok ||
		!h.support[CGROUP_FREEZER].ok) {
		fprintf(stderr, "%s\n", h.support[CGROUP_MEMORY].why);
		test_skip("this host gives the tester no control groups");
	}
	(void)snprintf(name, sizeof(name), "test-%d", getpid());
	if (cgroup_create(&h, name, l, &c, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	return c;
}

static pid_t spinner(const struct cgroup *c)
{
	pid_t pid = fork();

	expect(pid >= 0);
	if (pid == 0) {
		if (cgroup_join(c, false, NULL) < 0)
			_exit(1);
		(void)fork();
		for (;;)
			(void)sched_yield();
	}
	return pid;
}

TEST(a_group_freezes_kills_and_goes)
{
	struct cgroup_limits l = { .memory = 64 << 20, .pids = 20 };
	AUTO(cgroup_clear) struct cgroup c = real_group(&l), again = { 0 };
	auto_strv struct strv paths = { 0 };
	struct cgroup_stats s = { 0 };
	struct err e = { 0 };
	pid_t pid = spinner(&c);
	uint64_t cpu;
	int status;

	for (int i = 0; i < 200 && (s.pids < 2 || s.cpu_ns == 0); i++) {
		(void)usleep(5000);
		expect(cgroup_stats(&c, &s, &e) == 0);
	}
	expect(s.pids == 2 && s.cpu_ns > 0 && s.memory > 0);
	expect(s.memory_limit == 64 << 20 && s.pids_limit == 20);
	expect(cgroup_freeze(&c, 2000, &e) == 0);
	expect(cgroup_stats(&c, &s, &e) == 0);
	cpu = s.cpu_ns;
	(void)usleep(30000);
	expect(cgroup_stats(&c, &s, &e) == 0 && s.cpu_ns == cpu);
	/* as after a crash: found by its paths, killed while it is frozen */
	expect(cgroup_paths(&c, &paths) == 0 && paths.n == c.n);
	expect(cgroup_open_paths(paths.v, &again, &e) == 0 && again.n == c.n);
	expect(cgroup_remove(&again, 10, &e) == -EBUSY);
	expect(cgroup_kill(&again, 5000, &e) == 0);
	expect(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	expect(cgroup_remove(&again, 2000, &e) == 0);
	expect(access(paths.v[0], F_OK) < 0 && cgroup_remove(&c, 0, &e) == 0);
}

TEST(the_limit_of_processes_holds)
{
	struct cgroup_limits l = { .pids = 3 };
	AUTO(cgroup_clear) struct cgroup c = real_group(&l);
	struct err e = { 0 };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (cgroup_join(&c, false, NULL) < 0)
			_exit(1);
		for (int i = 0; i < 10; i++) {
			pid_t child = fork();

			if (child == 0)
				for (;;)
					(void)pause();
			if (child < 0)
				_exit(i == 2 && errno == EAGAIN ? 42 : 2);
		}
		_exit(3);
	}
	expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 42);
	expect(cgroup_kill(&c, 5000, &e) == 0 && cgroup_remove(&c, 2000, &e) == 0);
}

TEST(the_limit_of_memory_holds)
{
	struct cgroup_limits l = { .memory = 16 << 20 };
	AUTO(cgroup_clear) struct cgroup c = real_group(&l);
	struct cgroup_stats s;
	struct err e = { 0 };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (cgroup_join(&c, false, NULL) < 0)
			_exit(1);
		for (int i = 0; i < 64; i++) {
			char *p = malloc(1 << 20);

			for (size_t k = 0; p && k < 1 << 20; k += 4096)
				((volatile char *)p)[k] = 1;
		}
		_exit(0);
	}
	expect(waitpid(pid, &status, 0) == pid);
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	expect(cgroup_stats(&c, &s, &e) == 0 && s.oom_kills >= 1);
	expect(s.memory_peak <= 16 << 20);
	expect(cgroup_remove(&c, 2000, &e) == 0);
}
