/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/filestream.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "base/wire.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

static int to_buf(void *data, const void *bytes, size_t len)
{
	return buf_add(data, bytes, len);
}

struct reader {
	const struct buf *b;
	size_t at;
};

static ssize_t from_buf(void *data, void *into, size_t len)
{
	struct reader *r = data;
	size_t n = r->b->len - r->at < len ? r->b->len - r->at : len;

	n = n > 777 ? 777 : n; /* so that everything is cut somewhere */
	if (n)
		memcpy(into, r->b->data + r->at, n);
	r->at += n;
	return (ssize_t)n;
}

static char dir[64];
static struct files_count sent, got;
static struct err err;

static void enter_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/brig-files-XXXXXX");
	expect(mkdtemp(dir) && chdir(dir) == 0);
	(void)umask(022);
}

static void leave_dir(void)
{
	expect(chdir("/") == 0);
	expect(file_remove_tree(AT_FDCWD, dir, &err) == 0);
}

static void put(const char *path, const char *text)
{
	expect(file_replace(AT_FDCWD, path, text, strlen(text), 0644, 0, &err) == 0);
}

static void expect_text(const char *path, const char *want)
{
	auto_buf struct buf b = { 0 };

	if (file_read(AT_FDCWD, path, 1 << 20, &b, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	expect_str(b.data ? b.data : "", want);
}

static int pack(const char *path, unsigned flags, struct buf *b)
{
	struct files_sink sink = { to_buf, b };

	return files_pack(AT_FDCWD, path, flags, &sink, &sent, &err);
}

static int unpack(const struct buf *b, const char *path)
{
	struct reader r = { b, 0 };
	struct files_source src = { from_buf, &r };
	struct files_dest dest = { .dirfd = AT_FDCWD, .path = path };

	return files_unpack(&src, &dest, &got, &err);
}

static int copy(const char *from, const char *to)
{
	auto_buf struct buf b = { 0 };
	int r = pack(from, 0, &b);

	return r < 0 ? r : unpack(&b, to);
}

static void make_tree(void)
{
	expect(mkdir("src", 0750) == 0 && mkdir("src/sub", 0700) == 0 &&
		mkdir("src/empty", 0755) == 0);
	put("src/a", "one");
	put("src/sub/b", "two");
	expect(chmod("src/sub/b", 04751) == 0);
	expect(symlink("sub/b", "src/link") == 0 &&
		symlink("../../etc", "src/sub/out") == 0);
	expect(mkfifo("src/fifo", 0644) == 0);
}

TEST(a_tree_is_copied_as_it_is_but_for_what_is_no_file)
{
	struct timespec t[2] = { { 1000000, 5 }, { 1234567, 89 } };
	struct stat st;
	char link[64] = "";

	enter_dir();
	make_tree();
	expect(utimensat(AT_FDCWD, "src/a", t, 0) == 0 &&
		utimensat(AT_FDCWD, "src/sub", t, 0) == 0);
	expect(copy("src", "dst") == 0);
	expect_text("dst/a", "one");
	expect_text("dst/sub/b", "two");
	expect(readlink("dst/link", link, sizeof(link)) > 0);
	expect_str(link, "sub/b");
	expect(stat("dst/a", &st) == 0 && st.st_mtim.tv_sec == 1234567 &&
		st.st_mtim.tv_nsec == 89);
	expect(stat("dst/sub", &st) == 0 && st.st_mtim.tv_sec == 1234567);
	expect((st.st_mode & 07777) == 0700);
	expect(stat("dst/sub/b", &st) == 0 && (st.st_mode & 07777) == 0751);
	expect(stat("dst", &st) == 0 && (st.st_mode & 07777) == 0750);
	expect(lstat("dst/fifo", &st) < 0);
	expect(got.files == 2 && got.dirs == 3 && got.links == 2 && got.skipped == 1);
	expect(got.links_out == 1 && got.failed == 0 && got.bytes == 6);
	leave_dir();
}

TEST(the_destination_is_named_as_docker_cp_does)
{
	enter_dir();
	make_tree();
	expect(mkdir("there", 0755) == 0);
	expect(copy("src", "there") == 0);
	expect_text("there/src/a", "one");
	expect(copy("src/.", "there") == 0);
	expect_text("there/a", "one");
	expect(copy("src/.", "new/") == 0);
	expect_text("new/sub/b", "two");
	expect(copy("src/a", "there") == 0 && copy("src/a", "renamed") == 0);
	expect_text("there/a", "one");
	expect_text("renamed", "one");
	put("renamed", "old");
	expect(copy("src/a", "renamed") == 0);
	expect_text("renamed", "one");
	expect(copy("src/a", "missing/") == -ENOENT);
	expect_str(err.msg, "copy to 'missing/': no such directory");
	expect(copy("src/a", "no/such/name") == -ENOENT);
	expect(copy("src", "renamed") == -ENOTDIR);
	expect(copy("src/a", "renamed/") == -ENOTDIR);
	expect(copy("nothing", "x") == -ENOENT);
	expect_str(err.msg, "copy 'nothing': No such file or directory");
	leave_dir();
}

TEST(a_link_at_the_destination_is_neither_followed_nor_written_through)
{
	char link[64] = "";

	enter_dir();
	make_tree();
	expect(mkdir("victim", 0755) == 0 && mkdir("dst", 0755) == 0);
	put("victim/a", "mine");
	expect(symlink("victim", "trap") == 0 && symlink("../victim/a", "dst/a") == 0);
	expect(symlink("../victim", "dst/sub") == 0);
	expect(copy("src", "trap") == -ELOOP);
	expect(err.hint[0]);
	expect(copy("src/a", "trap/") == 0);
	expect_text("victim/a", "one");
	put("victim/a", "mine");
	expect(copy("src/a", "dst") == 0);
	expect_text("dst/a", "one");
	expect_text("victim/a", "mine");
	expect(copy("src/.", "dst") < 0);
	expect_text("victim/a", "mine");
	expect(access("victim/b", F_OK) < 0);
	expect(readlink("dst/sub", link, sizeof(link)) > 0);
	leave_dir();
}

TEST(links_are_followed_only_where_asked_and_only_at_the_top)
{
	auto_buf struct buf b = { 0 };
	struct stat st;

	enter_dir();
	make_tree();
	expect(symlink("src", "alias") == 0);
	expect(copy("alias", "x") == 0 && lstat("x", &st) == 0 && S_ISLNK(st.st_mode));
	expect(copy("alias/", "y") == 0 && lstat("y", &st) == 0 && S_ISDIR(st.st_mode));
	expect(lstat("y/link", &st) == 0 && S_ISLNK(st.st_mode));
	expect(pack("src/link", FILES_FOLLOW, &b) == 0 && unpack(&b, "z") == 0);
	expect_text("z", "two");
	leave_dir();
}

TEST(holes_stay_holes)
{
	struct stat st;
	int fd;

	enter_dir();
	fd = open("sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	expect(fd >= 0 && pwrite(fd, "x", 1, 3LL << 30) == 1 &&
		ftruncate(fd, 5LL << 30) == 0);
	expect(close(fd) == 0);
	expect(copy("sparse", "copy") == 0);
	expect(stat("copy", &st) == 0 && st.st_size == 5LL << 30 && st.st_blocks < 2048);
	expect(got.bytes < 1 << 20);
	leave_dir();
}

TEST(what_cannot_be_read_is_counted_and_named)
{
	enter_dir();
	expect(mkdir("src", 0755) == 0);
	put("src/ok", "ok");
	put("src/proc", "");
	expect(unlink("src/proc") == 0);
	for (int i = 0; i < 250; i++) {
		expect(chdir(i ? "d" : "src") == 0 && mkdir("d", 0755) == 0);
	}
	expect(chdir(dir) == 0);
	expect(copy("src", "dst") == 0);
	expect(sent.failed == 1 && got.failed == 1);
	expect(strstr(sent.problem.msg, "read 'd'"));
	expect_text("dst/ok", "ok");
	leave_dir();
}

/* A stream by hand. */
static void add_entry(
	struct buf *b, uint8_t type, uint32_t mode, const char *name, uint64_t size)
{
	uint8_t h[FILES_HEADER] = { type };

	wire_put16(h + 2, (uint16_t)strlen(name));
	wire_put32(h + 4, mode);
	wire_put64(h + 20, size);
	expect(buf_add(b, h, sizeof(h)) == 0 && buf_add_str(b, name) == 0);
}

static void add_u32(struct buf *b, uint32_t v)
{
	uint8_t raw[4];

	wire_put32(raw, v);
	expect(buf_add(b, raw, 4) == 0);
}

static void begin(struct buf *b)
{
	b->len = 0;
	expect(buf_add_str(b, FILES_MAGIC) == 0);
}

TEST(a_hostile_name_is_refused)
{
	static const char *const names[] = { "..", ".", "", "a/b", "/etc/passwd",
		"../x" };
	auto_buf struct buf b = { 0 };

	enter_dir();
	expect(mkdir("in", 0755) == 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		begin(&b);
		add_entry(&b, FILES_FILE, 0644, names[i], 0);
		add_u32(&b, 0);
		expect(unpack(&b, "in") == -EPROTO);
	}
	expect(rmdir("in") == 0);
	leave_dir();
}

TEST(a_stream_that_breaks_leaves_no_half_file)
{
	auto_buf struct buf b = { 0 }, cut = { 0 };
	struct stat st;

	enter_dir();
	make_tree();
	expect(pack("src", 0, &b) == 0);
	for (size_t n = 0; n < b.len; n += 3) {
		cut.len = 0;
		expect(buf_add(&cut, b.data, n) == 0);
		expect(unpack(&cut, "dst") == -EPROTO);
		if (stat("dst/a", &st) == 0)
			expect_text("dst/a", "one");
		expect(system("ls -A dst 2>/dev/null | grep -q '^.brig-cp'") != 0);
	}
	leave_dir();
}

TEST(modes_depth_sizes_and_counts_are_bounded)
{
	auto_buf struct buf b = { 0 };
	struct reader r = { &b, 0 };
	struct files_source src = { from_buf, &r };
	struct files_dest dest = {
		.dirfd = AT_FDCWD, .path = "x", .max_bytes = 10, .max_entries = 3
	};

	enter_dir();
	begin(&b);
	add_entry(&b, FILES_FILE, 04755, "suid", 0);
	expect(unpack(&b, "x") == -EPROTO);
	begin(&b);
	for (int i = 0; i < 300; i++)
		add_entry(&b, FILES_DIR, 0700, "d", 0);
	expect(unpack(&b, "deep") == -EFBIG);
	begin(&b);
	add_entry(&b, FILES_FILE, 0644, "huge", UINT64_MAX);
	for (int i = 0; i < 20000; i++)
		add_u32(&b, FILES_CHUNK_HOLE | FILES_HOLE_MAX);
	expect(unpack(&b, "huge") == -EFBIG && access("huge", F_OK) < 0);
	begin(&b);
	add_entry(&b, FILES_FILE, 0644, "f", 0);
	add_u32(&b, 11);
	expect(buf_add(&b, "12345678901", 11) == 0);
	expect(files_unpack(&src, &dest, &got, &err) == -EFBIG);
	begin(&b);
	for (int i = 0; i < 4; i++)
		add_entry(&b, FILES_DIR, 0755, "d", 0);
	r.at = 0;
	expect(files_unpack(&src, &dest, &got, &err) == -EFBIG);
	leave_dir();
}

TEST(a_file_that_the_sender_could_not_finish_is_dropped)
{
	auto_buf struct buf b = { 0 };
	uint8_t end[FILES_END_LEN] = { 0, 0, 0, 0, 0, 0, 0, 0, 1 };

	enter_dir();
	put("f", "before");
	begin(&b);
	add_entry(&b, FILES_FILE, 0644, "f", 4);
	add_u32(&b, 2);
	expect(buf_add_str(&b, "xy") == 0);
	add_u32(&b, FILES_CHUNK_BAD);
	add_entry(&b, FILES_END, 0, "", 0);
	expect(buf_add(&b, end, sizeof(end)) == 0);
	expect(unpack(&b, "f") == 0 && got.failed == 1 && got.files == 0);
	expect_text("f", "before");
	leave_dir();
}
