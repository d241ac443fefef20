/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/snapshot.h"

#include "base/err.h"
#include "base/file.h"
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char home[64];

static void begin(void)
{
	strcpy(home, "/tmp/brig-snap.XXXXXX");
	expect(mkdtemp(home));
	expect(setenv("BRIG_HOME", home, 1) == 0);
}

static void end(void)
{
	expect(file_remove_tree(AT_FDCWD, home, NULL) == 0);
}

static int bytes(const char *text, off_t at, off_t size)
{
	int fd = memfd_create("bytes", MFD_CLOEXEC);

	expect(fd >= 0 && pwrite(fd, text, strlen(text), at) > 0 &&
		ftruncate(fd, size) == 0);
	return fd;
}

static char word[] = "x", here[] = "/tmp", container[] = "microvm";

static struct record record(void)
{
	return (struct record){ .name = word,
		.id = word,
		.wall = container,
		.root = { .image = word },
		.cwd = here,
		.home = here,
		.hostname = word,
		.net = word };
}

/* Steps of making one; 'until': the last that is done. */
static int make(const char *name, unsigned until)
{
	AUTO(snapshot_abandon) struct snapshot_new n = SNAPSHOT_NEW_INIT;
	int files[2] = { bytes("state of a machine", 0, 4096),
		bytes("memory", 1 << 20, 4 << 20) };
	struct snapshot_info info = { .name = word, .sandbox = word, .channel = 7 };
	struct record rec = record();
	struct err e = { 0 };
	int r = 0;

	for (unsigned step = 0; r == 0 && step <= until; step++)
		switch (step) {
		case 0: r = snapshot_begin(&n, &e); break;
		case 1: r = mkdirat(n.dir, "upper", 0700); break;
		case 2: r = snapshot_write(&n, &info, &rec, files, &e); break;
		case 3: r = snapshot_commit(&n, name, &e); break;
		default: break;
		}
	(void)close(files[0]);
	(void)close(files[1]);
	if (r < 0)
		fprintf(stderr, "# %s\n", e.msg);
	/* as by a power cut: nothing is tidied up */
	if (until < 3)
		_exit(0);
	return r;
}

static size_t entries(void)
{
	auto_free char *path = str_printf("%s/state/snapshots", home);
	auto_free char *other = str_printf("ls -A %s 2>/dev/null | wc -l", path);
	FILE *f = popen(other, "re");
	int n = -1;

	expect(f && fscanf(f, "%d", &n) == 1);
	(void)pclose(f);
	return (size_t)n;
}

TEST(a_snapshot_is_made_found_checked_and_removed)
{
	auto_snapshot struct snapshot s = SNAPSHOT_INIT;
	auto_strv struct strv names = { 0 };
	struct err e = { 0 };

	begin();
	expect(make("one", 3) == 0);
	expect(make("one", 3) == -EEXIST);
	expect(snapshot_names(&names, &e) == 0 && names.n == 1);
	expect_str(names.v[0], "one");
	expect(snapshot_load("one", &s, &e) == 0 && s.info.channel == 7);
	expect(snapshot_check_memory(&s, &e) == 0 && snapshot_check_memory(&s, &e) == 0);
	expect(snapshot_remove("one", &e) == 0);
	expect(snapshot_remove("one", &e) == -ENOENT);
	expect(entries() == 0);
	end();
}

TEST(one_that_dies_on_its_way_leaves_no_snapshot_and_the_next_tidies_up)
{
	auto_strv struct strv names = { 0 };
	struct err e = { 0 };
	int status;

	begin();
	for (unsigned step = 0; step < 3; step++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(make("dies", step) == 0 ? 0 : 1);
		expect(waitpid(pid, &status, 0) == pid && status == 0);
		expect(snapshot_names(&names, &e) == 0 && names.n == 0);
		expect(entries() >= 1);
	}
	expect(make("lives", 3) == 0 && entries() == 1);
	end();
}

static void spoil(const char *file, off_t at, bool cut)
{
	auto_free char *path = str_printf("%s/state/snapshots/one/%s", home, file);
	auto_fd int fd = -1;
	char byte;

	expect(chmod(path, 0600) == 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	expect(fd >= 0);
	if (cut) {
		expect(ftruncate(fd, at) == 0);
		return;
	}
	expect(pread(fd, &byte, 1, at) == 1);
	byte ^= 4;
	expect(pwrite(fd, &byte, 1, at) == 1);
}

static int whole(void)
{
	auto_snapshot struct snapshot s = SNAPSHOT_INIT;
	struct err e = { 0 };
	int r = snapshot_load("one", &s, &e);

	r = r < 0 ? r : snapshot_check_memory(&s, &e);
	expect(r == 0 || e.msg[0]);
	return r;
}

TEST(one_that_is_damaged_is_never_whole)
{
	static const char *const files[] = { "state", "memory", "record.json",
		"snapshot.json", "sums" };
	struct err e = { 0 };

	begin();
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		expect(make("one", 3) == 0 && whole() == 0);
		/* the memory's own check is kept: of another file it doesn't count */
		(void)usleep(20000);
		spoil(files[i], i == 1 ? 1 << 20 : 5, false);
		expect(whole() < 0);
		expect(snapshot_remove("one", &e) == 0);
		expect(make("one", 3) == 0);
		spoil(files[i], 4, true);
		expect(whole() < 0);
		expect(snapshot_remove("one", &e) == 0);
	}
	end();
}
