/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/overlay.h"

#include "base/clock.h"
#include "sandbox/place.h"
#include "sandbox/workspace-test.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/xattr.h>

struct world {
	char path[64], low[80];
	int top;
	struct overlay_ws ws;
	struct overlay_diff diff;
	struct overlay_report rep;
};

static void world_make(struct world *w)
{
	struct err e = { 0 };

	*w = (struct world){ 0 };
	w->top = temp_tree(w->path);
	(void)snprintf(w->low, sizeof(w->low), "%s/low", w->path);
	must("cd %s && mkdir low up work out && cd low && mkdir d old && echo a > a && "
	     "echo b > d/b &&"
	     " echo c > d/c && echo x > old/x && ln -s a l && touch -d 2001-01-01 a d/b "
	     "d/c old/x",
		w->path);
	expect(chdir(w->path) == 0);
	w->ws = (struct overlay_ws){
		.path = w->low, .uid = PLACE_ANYONE, .gid = PLACE_ANYONE
	};
	w->ws.lower = file_open_dir(w->top, "low", 0, &e);
	w->ws.upper = file_open_dir(w->top, "up", 0, &e);
}

static void world_drop(struct world *w)
{
	overlay_diff_clear(&w->diff);
	overlay_report_clear(&w->rep);
	(void)close(w->ws.lower);
	(void)close(w->ws.upper);
	(void)close(w->top);
}

#define auto_world AUTO(world_drop)

/* The differences as "A x\nD y\n". */
static void differs(struct world *w, const char *want)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	overlay_diff_clear(&w->diff);
	if (overlay_diff(&w->ws, &w->diff, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	for (size_t i = 0; i < w->diff.n; i++)
		expect(buf_addf(&b, "%c %s\n", w->diff.v[i].op, w->diff.v[i].path) == 0);
	expect_str(b.data ? b.data : "", want);
}

static void apply(struct world *w, uint64_t since, unsigned flags)
{
	struct err e = { 0 };

	overlay_report_clear(&w->rep);
	if (overlay_apply(&w->ws, since, flags, &w->rep, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	for (size_t i = 0; i < w->rep.n; i++)
		if (w->rep.v[i].why)
			fprintf(stderr, "# %s: %s\n", w->rep.v[i].path, w->rep.v[i].why);
}

static bool got(const struct world *w, const char *path, enum overlay_outcome outcome)
{
	for (size_t i = 0; i < w->rep.n; i++)
		if (strcmp(w->rep.v[i].path, path) == 0)
			return w->rep.v[i].outcome == outcome;
	return false;
}

static void mark(const char *path, const char *name, const char *value)
{
	if (setxattr(path, name, value, strlen(value), 0) < 0)
		test_skip("no user attributes here");
}

static void whiteout(const char *path)
{
	if (sh("mknod %s c 0 0 2>&-", path) != 0)
		test_skip("no whiteouts for this user");
}

TEST(every_kind_of_change_is_listed_and_applied)
{
	auto_world struct world w;
	struct stat st;

	world_make(&w);
	must("mkdir -p up/d up/new/sub && echo A2 > up/a && echo n > up/new/sub/n && cp "
	     "low/d/b up/d/b"
	     "&& chmod 4755 up/new/sub/n && ln -s b up/new/l && mkdir up/l && echo y > "
	     "up/l/y &&"
	     "chmod 555 up/new/sub && touch -d 2002-02-02 up/a");
	whiteout("up/d/c");
	whiteout("up/gone");
	mkdir("up/old", 0755);
	mark("up/old", "user.overlay.opaque", "y");
	must("echo z > up/old/z");
	differs(&w,
		"M a\nD d/c\nT l\nA l/y\nA new\nA new/l\nA new/sub\nA new/sub/n\nD "
		"old/x\nA old/z\n");
	apply(&w, 0, 0);
	expect(w.rep.left == 0 && w.rep.n == 10);
	differs(&w, "");
	holds(w.top, "low/a", "A2\n");
	holds(w.top, "low/new/sub/n", "n\n");
	holds(w.top, "low/l/y", "y\n");
	expect(!exists(w.top, "low/d/c") && !exists(w.top, "low/old/x"));
	expect(fstatat(w.top, "low/new/sub/n", &st, 0) == 0 &&
		(st.st_mode & 07777) == 0755);
	expect(fstatat(w.top, "low/new/sub", &st, 0) == 0 &&
		(st.st_mode & 07777) == 0555);
	must("test \"$(stat -c %%y low/a | cut -c1-10)\" = 2002-02-02 && ! ls -A low | "
	     "grep brig");
	must("chmod 755 low/new/sub up/new/sub");
}

TEST(newer_whiteouts_count_and_redirects_are_refused)
{
	auto_world struct world w;
	struct err e = { 0 };

	world_make(&w);
	must("mkdir up/d && touch up/d/c");
	mark("up/d", "user.overlay.opaque", "x");
	mark("up/d/c", "user.overlay.whiteout", "");
	differs(&w, "D d/c\n");
	mark("up/d", "user.overlay.redirect", "/old");
	expect(overlay_diff(&w.ws, &w.diff, &e) == -EOPNOTSUPP);
	must("rm -r up/d && truncate -s 2 up/a");
	mark("up/a", "user.overlay.metacopy", "");
	expect(overlay_diff(&w.ws, &w.diff, &e) == -EOPNOTSUPP);
}

TEST(an_overlay_of_the_kernel_gives_what_was_done_in_it)
{
	auto_world struct world w;

	world_make(&w);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		test_skip("mounting needs root");
	must("mount --make-rprivate / && mkdir m && mount -t overlay o m -o "
	     "userxattr,lowerdir=low,upperdir=up,workdir=work");
	must("cd m && rm -r d && mkdir d && echo 2 > d/b && echo q > q && mv a a2 && rm "
	     "old/x && "
	     "rmdir old && echo file > old && rm l && ln -s d l && touch d/b && cp -a . "
	     "../want");
	must("umount m");
	apply(&w, 0, 0);
	expect(w.rep.left == 0);
	must("diff -r --no-dereference want low");
	differs(&w, "");
	{
		struct err e = { 0 };
		auto_fd int work = file_open_dir(w.top, "work", 0, &e);

		expect(overlay_discard(w.ws.upper, work, &e) == 0);
		must("test -z \"$(ls -A up work | grep -v :)\"");
	}
}

TEST(what_the_host_changed_meanwhile_is_a_conflict)
{
	auto_world struct world w;
	uint64_t start;

	world_make(&w);
	(void)usleep(50 * 1000);
	start = clock_real_ns();
	(void)usleep(50 * 1000);
	must("mkdir -p up/d && echo box > up/a && echo box > up/d/b && echo same > "
	     "up/same");
	whiteout("up/old");
	must("echo host > low/a && echo host > low/old/y && echo same > low/same");
	apply(&w, start, 0);
	expect(got(&w, "a", OVERLAY_CONFLICT) && got(&w, "old", OVERLAY_CONFLICT));
	expect(got(&w, "d/b", OVERLAY_APPLIED) && w.rep.left == 2);
	holds(w.top, "low/a", "host\n");
	apply(&w, start, 0);
	expect(w.rep.n == 2 && w.rep.left == 2);
	apply(&w, start, OVERLAY_FORCE);
	expect(w.rep.left == 0 && !exists(w.top, "low/old"));
	holds(w.top, "low/a", "box\n");
}

TEST(what_the_host_would_run_is_held_back_unless_asked_for)
{
	auto_world struct world w;

	world_make(&w);
	if (sh("git init -q low && git -C low config core.hooksPath gh && mkdir "
	       "low/gh") != 0)
		test_skip("no git");
	must("mkdir -p up/.git/hooks up/s/.vscode up/gh up/n/.git up/bare up/l2 up/w &&"
	     "echo e > up/.git/hooks/pre-commit && echo e > up/s/.vscode/tasks.json && "
	     "echo e > up/gh/x &&"
	     "cp low/.git/config up/.git/config && git config -f up/.git/config "
	     "core.fsmonitor ./e &&"
	     "git config -f up/.git/config remote.o.url https://e/ && ln -s /x "
	     "up/n/.git/hooks &&"
	     "git init -q --bare up/bare && echo e > up/bare/hooks/update && echo "
	     "gitdir: /x > up/l2/.git &&"
	     "git config -f up/bare/config core.pager ./e && echo gitdir: ../bare > "
	     "up/w/.git &&"
	     "ln -s %s/up up/priv && echo fine > up/fine && echo '[x' > up/n/.git/config",
		w.path);
	w.ws.avoid = w.path;
	apply(&w, 0, 0);
	expect(got(&w, ".git/hooks/pre-commit", OVERLAY_HELD) &&
		got(&w, "gh/x", OVERLAY_HELD));
	expect(got(&w, "s/.vscode/tasks.json", OVERLAY_HELD));
	expect(got(&w, "n/.git/hooks", OVERLAY_HELD) &&
		got(&w, "n/.git/config", OVERLAY_HELD));
	expect(got(&w, ".git/config", OVERLAY_TRIMMED) &&
		got(&w, "bare/config", OVERLAY_TRIMMED));
	expect(got(&w, "bare/hooks/update", OVERLAY_HELD) &&
		got(&w, "l2/.git", OVERLAY_HELD));
	expect(got(&w, "w/.git", OVERLAY_APPLIED) && got(&w, "priv", OVERLAY_HELD));
	expect(got(&w, "fine", OVERLAY_APPLIED) &&
		got(&w, "bare/objects", OVERLAY_APPLIED));
	must("git -C low/bare rev-parse");
	must("cd low && ! git config core.fsmonitor && test $(git config remote.o.url) = "
	     "https://e/");
	apply(&w, 0, OVERLAY_PROTECTED);
	expect(w.rep.left == 0);
	must("cd low && test $(git config core.fsmonitor) = ./e && test -e "
	     ".git/hooks/pre-commit");
}

TEST(a_repository_can_not_be_completed_in_two_steps)
{
	auto_world struct world w;

	world_make(&w);
	must("mkdir -p up/b/hooks && echo e > up/b/hooks/update && echo ref: x > "
	     "up/b/HEAD");
	apply(&w, 0, 0);
	expect(w.rep.left == 0);
	must("rm -r up/b && mkdir -p up/b/objects up/b/refs && touch up/b/refs/x");
	apply(&w, 0, 0);
	expect(w.rep.left > 0);
	must("! { test -d low/b/refs && test -d low/b/objects; }");
}

TEST(links_on_the_host_are_not_followed)
{
	auto_world struct world w;

	world_make(&w);
	must("mkdir -p up/d/e up/esc && echo evil > up/d/e/f && echo evil > up/esc/f && "
	     "rm -r low/d &&"
	     "ln -s ../out low/d && ln -s ../out low/esc && echo evil > up/l");
	apply(&w, 0, 0);
	must("test -z \"$(ls -A out)\" && test -f low/d/e/f && test ! -L low/d");
	holds(w.top, "low/l", "evil\n");
	holds(w.top, "low/a", "a\n");
}

/* Swap low/d and a link to out/, as fast as it goes. */
static pid_t start_swapping(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (;;) {
		(void)renameat2(AT_FDCWD, "low/d", AT_FDCWD, "low/evil", RENAME_EXCHANGE);
		(void)sched_yield();
	}
}

TEST(swapping_a_directory_for_a_link_does_not_lead_out)
{
	auto_world struct world w;
	uint64_t end = clock_mono_ns() + 3 * NS_PER_SEC;
	pid_t pid;
	unsigned rounds = 0;

	world_make(&w);
	must("ln -s ../out low/evil && mkdir -p up/d/s && touch out/victim out/b && for "
	     "i in 1 2 3 4 5; do"
	     " echo evil > up/d/n$i; echo evil > up/d/s/$i; done && echo evil > up/d/b");
	whiteout("up/d/victim");
	pid = start_swapping();
	expect(pid > 0);
	while (clock_mono_ns() < end) {
		struct err e = { 0 };

		overlay_report_clear(&w.rep);
		(void)overlay_apply(&w.ws, 0, rounds % 2 ? OVERLAY_FORCE : 0, &w.rep, &e);
		if (rounds++ % 8 == 0)
			(void)sh("rm -rf low/d/n* low/evil/n* 2>&-; rm -f out/n*");
		expect(exists(w.top, "out/victim") && !exists(w.top, "out/s"));
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	must("test \"$(ls -A out | tr '\\n' ' ')\" = 'b victim ' && test ! -s out/b");
	expect(rounds > 10);
}

TEST(special_files_are_named_and_left_out)
{
	auto_world struct world w;

	world_make(&w);
	must("mkfifo up/p");
	apply(&w, 0, 0);
	expect(got(&w, "p", OVERLAY_SPECIAL) && !exists(w.top, "low/p"));
}

static void apply_inside(void *arg)
{
	struct world *w = arg;

	w->ws.uid = 1000;
	w->ws.gid = 1000;
	apply(w, 0, 0);
	if (w->rep.left != 0)
		_exit(1);
}

TEST(in_a_user_namespace_what_is_applied_becomes_the_users)
{
	auto_world struct world w;

	world_make(&w);
	must("mkdir -p up/d up/n && echo n > up/n/f && echo b2 > up/d/b && ln -s x "
	     "up/n/l && chmod 700 up/n");
	whiteout("up/a");
	if (geteuid() == 0)
		must("chown -hR %d:%d . && chown -hR %d:%d up && chown %d up/d/b",
			TEST_UID, TEST_UID, TEST_RANGE, TEST_RANGE, TEST_UID);
	in_userns(apply_inside, &w);
	must("test \"$(stat -c %%u:%%g low/n low/n/f low/n/l low/d/b | sort -u)\" = "
	     "%d:%d && test ! -e low/a",
		TEST_UID, TEST_UID);
}
