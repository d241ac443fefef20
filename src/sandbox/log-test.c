/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/log.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

static char place[] = "/tmp/brig-log.XXXXXX";

static int begin(struct log *l)
{
	int dir;

	expect(mkdtemp(place));
	dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(dir >= 0 && log_open(l, dir, NULL) == 0);
	return dir;
}

static void end(struct log *l, int dir)
{
	log_close(l);
	(void)close(dir);
	expect(file_remove_tree(AT_FDCWD, place, NULL) == 0);
}

static void lines_of(int dir, struct strv *lines)
{
	auto_buf struct buf text = { 0 };

	expect(file_read(dir, "log", 1 << 20, &text, NULL) == 0);
	expect(strv_split(lines, text.data, "\n") == 0);
}

TEST(lines_and_pieces_of_lines_are_told_apart)
{
	static const struct {
		const char *text;
		bool partial, is_stderr;
	} want[] = { { "one", false, false }, { "two", false, false },
		{ "thr", true, false }, { "ee", false, false }, { "bad", false, true },
		{ "", false, true } };
	auto_strv struct strv lines = { 0 };
	struct log l;
	int dir = begin(&l);

	log_write(&l, "stdout", "one\ntwo\nthr", 11);
	log_write(&l, "stdout", "ee\n", 3);
	log_write(&l, "stderr", "bad\n\n", 5);
	lines_of(dir, &lines);
	expect(lines.n == 6);
	for (size_t i = 0; i < lines.n; i++) {
		struct log_line line;

		expect(log_parse(lines.v[i], strlen(lines.v[i]), &line));
		expect(line.text_len == strlen(want[i].text) &&
			memcmp(line.text, want[i].text, line.text_len) == 0);
		expect(line.partial == want[i].partial &&
			line.is_stderr == want[i].is_stderr);
		expect(line.time_len > 20 && line.time[line.time_len - 1] == 'Z');
	}
	end(&l, dir);
}

TEST(it_goes_on_where_it_was)
{
	auto_strv struct strv lines = { 0 };
	struct log l;
	int dir = begin(&l);

	log_write(&l, "stdout", "a\n", 2);
	log_close(&l);
	expect(log_open(&l, dir, NULL) == 0 && l.size > 0);
	log_write(&l, "stdout", "b\n", 2);
	lines_of(dir, &lines);
	expect(lines.n == 2);
	end(&l, dir);
}

TEST(two_files_of_bounded_size_are_kept)
{
	static char chunk[1 << 20];
	struct stat st;
	struct log l;
	int dir = begin(&l);

	memset(chunk, 'x', sizeof(chunk));
	chunk[sizeof(chunk) - 1] = '\n';
	for (int i = 0; i < 40; i++)
		log_write(&l, "stdout", chunk, sizeof(chunk));
	expect(fstatat(dir, "log", &st, 0) == 0 && (uint64_t)st.st_size <= LOG_MAX);
	expect(fstatat(dir, "log.1", &st, 0) == 0 && (uint64_t)st.st_size <= LOG_MAX);
	expect(!l.failed);
	end(&l, dir);
}

TEST(a_disk_that_is_full_ends_the_log_and_nothing_else)
{
	struct log l;
	int dir = begin(&l);

	(void)close(l.fd);
	l.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (l.fd < 0)
		test_skip("no /dev/full");
	log_write(&l, "stdout", "x\n", 2);
	expect(l.failed);
	log_write(&l, "stdout", "x\n", 2);
	end(&l, dir);
}

TEST(what_is_no_line_of_a_log_is_refused)
{
	static const char *const bad[] = { "", " ", "a", "a stdout", "a stdout F",
		"a stdout X b", "a std F b", "a stdoutx F b", "a  F b" };
	struct log_line l;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect(!log_parse(bad[i], strlen(bad[i]), &l));
	expect(log_parse("t stdout F ", 11, &l) && l.text_len == 0);
}
