/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/undo.h"

#include "base/clock.h"
#include "sandbox/place.h"
#include "sandbox/workspace-test.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* A workspace and two places for restore points on a file system of their own. */
struct world {
	char path[64];
	int top, ws, one, two;
	struct undo_ws at;
	struct undo_stats stats;
};

static void open_all(struct world *w)
{
	struct err e = { 0 };

	w->ws = file_open_dir(AT_FDCWD, "ws", 0755, &e);
	w->one = file_open_dir(AT_FDCWD, "one", 0700, &e);
	w->two = file_open_dir(AT_FDCWD, "two", 0700, &e);
	expect(w->ws >= 0 && w->one >= 0 && w->two >= 0);
	w->at = (struct undo_ws){ w->ws, "ws", PLACE_ANYONE, PLACE_ANYONE };
}

/* Also after an expectation that failed, before temp_gone(): that one crosses no mount. */
static void unmount(void)
{
	if (chdir("/") == 0)
		(void)sh("umount -l %s/m 2>/dev/null", temp_path);
}

static void world_make(struct world *w, const char *mkfs)
{
	*w = (struct world){ 0 };
	w->top = temp_tree(w->path);
	expect(chdir(w->path) == 0);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		test_skip("a file system with reflinks needs root to mount");
	if (sh("mount --make-rprivate / && truncate -s 400M img && %s img >/dev/null "
	       "2>&1 &&"
	       " mkdir m && mount -o loop img m 2>/dev/null",
		    mkfs) != 0) {
		(void)close(w->top);
		test_skip("this kernel or machine can't mount it");
	}
	expect(atexit(unmount) == 0 && chdir("m") == 0);
	open_all(w);
	must("cd ws && mkdir -p d/e ro t1 t2 && echo a > a && echo b > d/b && echo c > "
	     "d/e/c && "
	     "head -c 300000 /dev/urandom > big && ln big big2 && ln -s a l && chmod 755 "
	     "d/b && "
	     "echo r > ro/r && chmod 444 ro/r && chmod 555 ro && echo one > t1/f && echo "
	     "two > t2/f &&"
	     " touch -d 2001-01-01 a t1/f t2/f && mkfifo pipe && touch empty && chmod "
	     "4711 empty");
}

static void world_drop(struct world *w)
{
	(void)close(w->ws);
	(void)close(w->one);
	(void)close(w->two);
	unmount();
	(void)close(w->top);
}

#define auto_world AUTO(world_drop)

static void take(struct world *w, int dest)
{
	struct err e = { 0 };

	if (undo_take(&w->at, dest, NULL, &w->stats, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
}

static void restore(struct world *w, int from, int keep)
{
	struct err e = { 0 };

	if (undo_restore(&w->at, from, keep, NULL, &w->stats, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
}

/* Everything that an undo promises, as text. */
#define LISTING                                                                      \
	"(cd ws && find . -type f -printf '%%p %%m %%n %%T@ ' -exec md5sum {} ';' ;" \
	" cd ../ws && find . ! -type f -printf '%%p %%y %%m %%l\\n') | sort"

static void remember(const char *file)
{
	must(LISTING " > %s", file);
}

static void is_as(const char *file)
{
	must(LISTING " > now.txt && diff %s now.txt", file);
}

static void wreck(void)
{
	must("cd ws && chmod 755 ro && rm -rf d a l && echo A > l && rm big2 && echo x "
	     ">> "
	     "big && mkdir a &&"
	     " echo y > a/y && ln -s / d && mv t1 t && mv t2 t1 && mv t t2 && echo new > "
	     "new &&"
	     " mkdir -p deep/er && touch deep/er/x && rm -f ro/r && mkdir ro/r && chmod "
	     "000 ro &&"
	     " rm empty && ln new empty && chmod 700 .");
}

static void cycle(const char *mkfs)
{
	auto_world struct world w;

	world_make(&w, mkfs);
	remember("before.txt");
	take(&w, w.one);
	expect(undo_exists(w.one, NULL) && w.stats.entries == 16 && w.stats.skipped == 1);
	expect(w.stats.copied == 0);
	is_as("before.txt");
	wreck();
	remember("wrecked.txt");
	restore(&w, w.one, w.two);
	is_as("before.txt");
	expect(w.stats.kept && w.stats.changed > 8 && w.stats.removed == 2);
	restore(&w, w.one, -1);
	expect(w.stats.changed == 0 && w.stats.removed == 0);
	restore(&w, w.two, -1);
	is_as("wrecked.txt");
}

TEST(everything_comes_back_on_btrfs)
{
	cycle("mkfs.btrfs -q");
}

TEST(everything_comes_back_on_xfs)
{
	cycle("mkfs.xfs -q -m reflink=1");
}

TEST(an_undo_that_is_killed_completes_the_next_time)
{
	auto_world struct world w;

	world_make(&w, "mkfs.btrfs -q");
	must("cd ws && for i in $(seq 200); do mkdir n$i && echo $i > n$i/f; done");
	remember("before.txt");
	take(&w, w.one);
	for (unsigned us = 200; us < 20000; us = us * 3 / 2) {
		pid_t pid;

		must("cd ws && rm -rf n1* && for i in $(seq 20 120); do echo x > n$i; "
		     "done 2>/dev/null;"
		     "for i in $(seq 2 9); do echo y > n$i/f; rm -f n$i/g; ln n$i/f "
		     "n$i/g; done; true");
		pid = fork();
		if (pid == 0) {
			restore(&w, w.one, -1);
			_exit(0);
		}
		(void)usleep(us);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		restore(&w, w.one, -1);
		is_as("before.txt");
	}
}

TEST(links_in_place_of_directories_are_not_followed)
{
	auto_world struct world w;

	world_make(&w, "mkfs.btrfs -q");
	take(&w, w.one);
	must("mkdir -p out/e && echo keep > out/b && echo keep > out/e/c && echo keep > "
	     "out/z &&"
	     "rm -rf ws/d && ln -s ../out ws/d && ln -s ../out ws/other");
	restore(&w, w.one, -1);
	must("test \"$(cat out/b out/e/c out/z | sort -u)\" = keep && test -f ws/d/e/c "
	     "&& "
	     "test ! -L ws/d && test ! -e ws/other");
}

TEST(a_bound_leaves_nothing_behind)
{
	auto_world struct world w;
	struct undo_terms few = { .entries = 5, .before = -1 },
			  fast = { .time_ns = 1, .before = -1 };
	struct err e = { 0 };

	world_make(&w, "mkfs.btrfs -q");
	expect(undo_take(&w.at, w.one, &few, &w.stats, &e) == -E2BIG);
	expect(strstr(e.msg, "in 16 files: it is more than 5 files"));
	expect(undo_take(&w.at, w.one, &fast, &w.stats, &e) == -ETIMEDOUT);
	must("rmdir one");
	expect(!undo_exists(w.one, NULL));
	expect(undo_restore(&w.at, w.two, -1, NULL, &w.stats, &e) == -ENOENT);
}

/* Copies: on ext4 by root, on tmpfs by anyone. Ctimes are old enough to be believed. */
static void copy_world(struct world *w, const char *mount)
{
	*w = (struct world){ 0 };
	w->top = temp_tree(w->path);
	expect(chdir(w->path) == 0);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		test_skip("a file system of one's own needs root to mount");
	if (sh("mount --make-rprivate / && mkdir m && %s", mount) != 0) {
		(void)close(w->top);
		test_skip("this kernel or machine can't mount it");
	}
	expect(atexit(unmount) == 0 && chdir("m") == 0);
	open_all(w);
	must("cd ws && mkdir -p d/e ro && echo a > a && echo b > d/b && echo c > d/e/c "
	     "&& "
	     "head -c 300000 /dev/urandom > big && ln big big2 && ln -s a l && "
	     "truncate -s 30M sparse && echo x >> sparse && touch empty && "
	     "echo r > ro/r && chmod 444 ro/r && chmod 555 ro && mkfifo pipe; sleep 0.1");
}

#define EXT4  "truncate -s 200M img && mkfs.ext4 -q img && mount -o loop img m"
#define TMPFS "mount -t tmpfs -o size=100m tmpfs m"

static void take_after(struct world *w, int dest, int before)
{
	struct undo_terms terms = { .before = before };
	struct err e = { 0 };

	if (undo_take(&w->at, dest, &terms, &w->stats, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
}

static bool shared(const char *path)
{
	struct stat a, b;
	char one[128], two[128];

	(void)snprintf(one, sizeof(one), "one/tree/%s", path);
	(void)snprintf(two, sizeof(two), "two/tree/%s", path);
	expect(lstat(one, &a) == 0 && lstat(two, &b) == 0);
	return a.st_ino == b.st_ino;
}

/* Everything in a restore point, owners and links between them apart. */
#define POINT                                                                          \
	"(cd %s/tree && find . -type f -printf '%%p %%m %%T@ ' -exec md5sum {} ';' | " \
	"sort)"

static void copies_cycle(const char *mount)
{
	auto_world struct world w;
	struct undo_links seen = { 0 };
	struct undo_cost cost;
	struct err e = { 0 };

	copy_world(&w, mount);
	remember("before.txt");
	take(&w, w.one);
	expect(w.stats.skipped == 1 && w.stats.copied > 300000 &&
		w.stats.copied < (1 << 20));
	is_as("before.txt");
	must("test $(du -k one/tree/sparse | cut -f1) -lt 1000");
	must("test $(stat -c %%h one/tree/big) = 2");
	must(POINT " > one.txt", "one");
	must("sleep 0.1; cd ws && chmod 600 a && echo B > d/b && "
	     "cp -p d/e/c x && mv x d/e/c && chmod 755 ro && rm -r ro && "
	     "rm big2 && touch -d 2001-01-01 empty && echo new > new; sleep 0.1");
	remember("changed.txt");
	take_after(&w, w.two, w.one);
	expect(shared("sparse") && w.stats.copied < 400000);
	/* mode; same size; another inode with all else the same; links; times */
	expect(!shared("a") && !shared("d/b") && !shared("d/e/c") && !shared("big") &&
		!shared("empty"));
	must(POINT " | diff one.txt -", "one");
	expect(undo_cost(w.one, &seen, &cost, &e) == 0 && !cost.clones);
	expect(cost.disk > 300000 && cost.disk < (1 << 20));
	expect(undo_cost(w.two, &seen, &cost, &e) == 0 && cost.disk > 300000);
	undo_links_clear(&seen);
	must("cd ws && echo evil >> sparse && echo evil > a && chmod 777 d/b && rm -rf "
	     "d/e");
	restore(&w, w.one, -1);
	is_as("before.txt");
	must(POINT " | diff one.txt -", "one");
	/* what came back is the workspace's own */
	must("for f in sparse a d/b big; do test $(stat -c %%i ws/$f) != $(stat -c %%i "
	     "one/tree/$f) || exit 1; done; echo evil >> ws/sparse; echo evil >> ws/a");
	must("test $(du -k ws/sparse | cut -f1) -lt 1000");
	must(POINT " | diff one.txt -", "one");
	restore(&w, w.two, -1);
	is_as("changed.txt");
	/* the first goes, the second has it all */
	must("rm -rf one && rm -rf ws/* 2>/dev/null; chmod -R u+rwx ws; rm -rf ws/* && "
	     "mkfifo "
	     "ws/pipe");
	restore(&w, w.two, -1);
	is_as("changed.txt");
}

TEST(copies_bring_everything_back_on_ext4)
{
	copies_cycle(EXT4);
}

TEST(copies_bring_everything_back_on_tmpfs)
{
	copies_cycle(TMPFS);
}

TEST(an_unchanged_workspace_is_not_copied_again)
{
	auto_world struct world w;
	struct undo_terms terms = { .bytes = 1 };
	struct err e = { 0 };

	copy_world(&w, EXT4);
	take(&w, w.one);
	terms.before = w.one;
	expect(undo_take(&w.at, w.two, &terms, &w.stats, &e) == 0);
	expect(w.stats.copied == 0 && shared("a") && shared("big2") && shared("ro/r") &&
		shared("empty"));
	must("test $(stat -c %%h two/tree/big) = 4");
	restore(&w, w.two, -1);
	expect(w.stats.changed == 0 && w.stats.removed == 0);
}

/* Without the restore points there are. */
static void again(struct world *w)
{
	(void)close(w->ws);
	(void)close(w->one);
	(void)close(w->two);
	must("rm -rf one two");
	open_all(w);
}

TEST(a_young_ctime_proves_nothing)
{
	auto_world struct world w;

	bool kept_apart = false;

	copy_world(&w, TMPFS);
	/* a machine that stands still for a moment makes it old: then once more */
	for (int i = 0; i < 100 && !kept_apart; i++) {
		again(&w);
		must("echo young > ws/young");
		take(&w, w.one);
		take_after(&w, w.two, w.one);
		expect(shared("a"));
		kept_apart = !shared("young");
	}
	expect(kept_apart);
}

TEST(an_undo_keeps_the_state_before_by_links_too)
{
	auto_world struct world w;

	copy_world(&w, EXT4);
	take(&w, w.one);
	must("echo more >> ws/a && rm -r ws/d");
	remember("wrecked.txt");
	restore(&w, w.one, w.two);
	expect(w.stats.kept && shared("big") && shared("sparse") && !shared("a"));
	restore(&w, w.two, -1);
	is_as("wrecked.txt");
}

TEST(bounds_of_copies_leave_nothing_behind)
{
	auto_world struct world w;
	struct undo_terms few = { .bytes = 100000, .before = -1 },
			  fast = { .time_ns = 1, .before = -1 };
	struct err e = { 0 };

	copy_world(&w, EXT4);
	expect(undo_take(&w.at, w.one, &few, &w.stats, &e) == -E2BIG);
	expect(strstr(e.msg, "files: more than 97.7 KiB would have to be copied"));
	expect(undo_take(&w.at, w.one, &fast, &w.stats, &e) == -ETIMEDOUT);
	expect(strstr(e.msg, "it takes longer than 0.0 s"));
	must("test -z \"$(ls one)\" && truncate -s 0 ws/big && "
	     "fallocate -l $(($(df --output=avail -B1 . | tail -1) - 4000000)) fill && "
	     "head -c 3000000 /dev/zero > ws/big");
	expect(undo_take(&w.at, w.one, NULL, &w.stats, &e) == -E2BIG);
	expect(strstr(e.msg, "a quarter of the space that is free"));
	must("test -z \"$(ls one)\"");
}

TEST(a_disk_that_fills_up_leaves_nothing_behind)
{
	auto_world struct world w;
	struct rlimit whole, small = { 100000, 100000 };
	struct err e = { 0 };

	/* no write(2) fails with less ado: a quota, or others that fill the disk meanwhile,
	 * look the same from here */
	copy_world(&w, TMPFS);
	expect(getrlimit(RLIMIT_FSIZE, &whole) == 0);
	small.rlim_max = whole.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	expect(setrlimit(RLIMIT_FSIZE, &small) == 0);
	expect(undo_take(&w.at, w.one, NULL, &w.stats, &e) == -EFBIG);
	expect(setrlimit(RLIMIT_FSIZE, &whole) == 0);
	expect(strstr(e.msg, "take 'big'"));
	must("test -z \"$(ls one)\"");
	/* and one without inodes */
	must("mkdir small && mount -t tmpfs -o nr_inodes=12 tmpfs small");
	(void)close(w.one);
	w.one = file_open_dir(AT_FDCWD, "small", 0700, &e);
	expect(w.one >= 0);
	expect(undo_take(&w.at, w.one, NULL, &w.stats, &e) == -E2BIG);
	expect(strstr(e.msg, "a quarter of the files that there is room for"));
	must("test -z \"$(ls small)\" && umount -l small");
}

TEST(a_disk_that_is_full_leaves_nothing_behind)
{
	auto_world struct world w;
	struct err e = { 0 };

	/* directories take blocks that are not foreseen */
	copy_world(&w, TMPFS);
	must("truncate -s 8M img && mkfs.ext4 -q -O ^has_journal -b 4096 -N 20000 img && "
	     "mkdir small && "
	     "mount -o loop img small && rmdir small/lost+found && "
	     "cd ws && mkdir $(seq 3000)");
	(void)close(w.one);
	w.one = file_open_dir(AT_FDCWD, "small", 0700, &e);
	expect(w.one >= 0);
	expect(undo_take(&w.at, w.one, NULL, &w.stats, &e) == -ENOSPC);
	expect(strstr(e.msg, "'ws': create 'tree/") && strstr(e.msg, "No space left"));
	must("test -z \"$(ls small)\" && umount -l small");
}

TEST(a_copy_that_a_power_cut_took_is_not_put_back)
{
	auto_world struct world w;
	struct err e = { 0 };

	copy_world(&w, TMPFS);
	take(&w, w.one);
	must(": > one/tree/d/b && echo mine > ws/d/b && echo mine > ws/a");
	expect(undo_restore(&w.at, w.one, -1, NULL, &w.stats, &e) == -EBADMSG);
	expect(strstr(e.msg, "the copy of 'd/b' is not whole"));
	must("test $(cat ws/d/b) = mine && test $(cat ws/a) = a");
	take_after(&w, w.two, w.one);
	must("test $(cat two/tree/d/b) = mine");
}

TEST(half_of_one_is_known)
{
	auto_world struct world w;

	copy_world(&w, TMPFS);
	expect(undo_is_half(w.one) && !undo_exists(w.one, NULL));
	take(&w, w.one);
	expect(!undo_is_half(w.one) && undo_exists(w.one, NULL));
	undo_break(w.one);
	expect(undo_is_half(w.one) && !undo_exists(w.one, NULL));
}
