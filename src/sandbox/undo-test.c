/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/undo.h"

#include "base/clock.h"
#include "sandbox/place.h"
#include "sandbox/workspace-test.h"

#include <sched.h>
#include <signal.h>
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
	expect(chdir("m") == 0);
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
	if (chdir("/") < 0)
		abort();
	(void)sh("umount %s/m", w->path);
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
	struct undo_limits few = { .entries = 5 }, fast = { .time_ns = 1 };
	struct err e = { 0 };

	world_make(&w, "mkfs.btrfs -q");
	expect(undo_take(&w.at, w.one, &few, &w.stats, &e) == -E2BIG);
	expect_str(e.msg, "'ws' has more than 5 files");
	expect(undo_take(&w.at, w.one, &fast, &w.stats, &e) == -E2BIG);
	must("rmdir one");
	expect(!undo_exists(w.one, NULL));
	expect(undo_restore(&w.at, w.two, -1, NULL, &w.stats, &e) == -ENOENT);
}

TEST(without_reflinks_the_remedy_is_named)
{
	struct world w = { 0 };
	struct err e = { 0 };

	must("test -d /dev/shm");
	(void)snprintf(w.path, sizeof(w.path), "/dev/shm/brig-test-XXXXXX");
	expect(mkdtemp(w.path) && chdir(w.path) == 0);
	open_all(&w);
	expect(undo_take(&w.at, w.one, NULL, &w.stats, &e) == -EOPNOTSUPP);
	expect(strstr(e.hint, ":overlay"));
	must("rmdir one two ws && rmdir %s", w.path);
}
