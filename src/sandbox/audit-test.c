/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/audit.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

#include <sys/wait.h>

#define ID "0123456789abcdef0123456789abcdef"

static int new_dir(void)
{
	char path[] = "/tmp/audit-test.XXXXXX";
	int dir;

	expect(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(dir >= 0);
	return dir;
}

static void remove_dir(int dir)
{
	char link[64], path[256] = "";

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	expect(readlink(link, path, sizeof(path) - 1) > 0);
	expect(file_remove_tree(AT_FDCWD, path, NULL) == 0);
	(void)close(dir);
}

static struct json *number(uint64_t n)
{
	struct json *j = json_new_object();

	expect(json_add(j, "n", json_new_uint(n)) == 0);
	return j;
}

static void put(struct audit *a, uint64_t n)
{
	struct err e = { 0 };

	if (audit_write(a, "exec", number(n), &e) < 0)
		fprintf(stderr, "%s\n", e.msg);
	expect(e.code == 0);
}

static void fill(int dir, uint64_t n)
{
	struct audit a = AUDIT_INIT;

	expect(audit_open(&a, dir, ID, NULL) == 0);
	for (uint64_t i = 0; i < n; i++)
		put(&a, i);
	audit_close(&a);
}

static struct audit_check verify(int dir, const char *head)
{
	struct audit_check c;
	struct err e = { 0 };

	expect(audit_verify(dir, ID, head, &c, &e) == 0);
	return c;
}

static void whole(int dir, uint64_t lines)
{
	struct audit_check c = verify(dir, NULL);

	if (c.broken)
		fprintf(stderr, "%s:%llu: %s\n", c.file, (unsigned long long)c.number,
			c.why);
	expect(!c.broken && c.lines == lines);
}

static void broken_at(int dir, uint64_t number)
{
	struct audit_check c = verify(dir, NULL);

	expect(c.broken && c.why[0]);
	if (c.number != number)
		fprintf(stderr, "broken at %llu: %s\n", (unsigned long long)c.number,
			c.why);
	expect(c.number == number);
}

/* The lines of the file, as they are; and back. */
static void load(int dir, struct strv *lines)
{
	auto_buf struct buf b = { 0 };

	expect(file_read(dir, AUDIT_FILE, 1 << 20, &b, NULL) == 0);
	expect(strv_split(lines, b.data, "\n") == 0);
}

static void store(int dir, const struct strv *lines)
{
	auto_free char *text = str_join(lines->v, "\n");
	auto_free char *all = str_printf("%s\n", text);

	expect(file_replace(dir, AUDIT_FILE, all, strlen(all), 0600, 0, NULL) == 0);
}

TEST(a_log_that_nobody_touched_verifies)
{
	int dir = new_dir();
	struct audit_check c;

	fill(dir, 20);
	fill(dir, 5);
	whole(dir, 25);
	c = verify(dir, NULL);
	expect(c.first == 1 && c.last == 25 && c.torn == 0 && strlen(c.head) == 64);
	remove_dir(dir);
}

TEST(the_first_line_has_the_id_and_begins_the_chain)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };
	struct audit_check c;

	fill(dir, 1);
	load(dir, &l);
	expect(str_starts(l.v[0], "{\"seq\":1,\"time\":\"20"));
	expect(strstr(l.v[0], "\"id\":\"" ID "\""));
	expect(strstr(l.v[0], "\"prev\":\"00000000"));
	expect(audit_verify(dir, "another", NULL, &c, NULL) == 0 && c.broken);
	remove_dir(dir);
}

TEST(a_line_that_was_changed_shows)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };
	char *n;

	fill(dir, 9);
	load(dir, &l);
	n = strstr(l.v[4], "\"n\":4");
	expect(n);
	n[4] = '7';
	store(dir, &l);
	/* the line after it knows how it was */
	broken_at(dir, 6);
	remove_dir(dir);
}

TEST(a_line_that_was_removed_shows)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };

	fill(dir, 9);
	load(dir, &l);
	free(l.v[4]);
	memmove(l.v + 4, l.v + 5, (l.n - 4) * sizeof(*l.v));
	l.n--;
	store(dir, &l);
	broken_at(dir, 5);
	remove_dir(dir);
}

TEST(the_first_line_missing_shows)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };
	char *first;

	fill(dir, 4);
	load(dir, &l);
	first = l.v[0];
	l.v[0] =
		strdup("{\"seq\":1,\"time\":\"x\",\"type\":\"start\",\"id\":\"" ID "\"}");
	store(dir, &l);
	free(first);
	broken_at(dir, 1);
	remove_dir(dir);
}

TEST(lines_that_changed_places_show)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };
	char *at;

	fill(dir, 9);
	load(dir, &l);
	at = l.v[3];
	l.v[3] = l.v[4];
	l.v[4] = at;
	store(dir, &l);
	broken_at(dir, 4);
	remove_dir(dir);
}

TEST(a_line_that_was_put_in_shows)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };

	fill(dir, 9);
	load(dir, &l);
	free(l.v[3]);
	l.v[3] = strdup("not the log's");
	store(dir, &l);
	broken_at(dir, 5);
	remove_dir(dir);
}

TEST(the_middle_cut_out_shows)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };

	fill(dir, 30);
	load(dir, &l);
	for (size_t i = 10; i < 20; i++) {
		free(l.v[i]);
		l.v[i] = l.v[i + 10];
	}
	l.n -= 10;
	l.v[l.n] = NULL;
	store(dir, &l);
	broken_at(dir, 11);
	remove_dir(dir);
}

TEST(an_end_that_was_cut_off_shows_against_a_head_noted_before)
{
	int dir = new_dir();
	auto_strv struct strv l = { 0 };
	struct audit_check noted, c;

	fill(dir, 9);
	noted = verify(dir, NULL);
	fill(dir, 3);
	expect(!verify(dir, noted.head).broken);
	load(dir, &l);
	while (l.n > 8) {
		l.n--;
		free(take_ptr(&l.v[l.n]));
	}
	store(dir, &l);
	whole(dir, 8);
	c = verify(dir, noted.head);
	expect(c.broken && c.number == 0 && strstr(c.why, "cut off"));
	remove_dir(dir);
}

static void cut(int dir, off_t by)
{
	int fd = openat(dir, AUDIT_FILE, O_RDWR | O_CLOEXEC);
	struct stat st;

	expect(fd >= 0 && fstat(fd, &st) == 0);
	expect(ftruncate(fd, st.st_size - by) == 0);
	(void)close(fd);
}

static void add_raw(int dir, const void *data, size_t len)
{
	int fd = openat(dir, AUDIT_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);

	expect(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	(void)close(fd);
}

TEST(a_line_that_a_crash_cut_short_is_noted_and_the_chain_goes_on)
{
	/* in the middle of a line; all but the newline; only a part of its first word */
	static const off_t cuts[] = { 30, 1, 120 };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		int dir = new_dir();
		struct audit_check c;

		fill(dir, 5);
		cut(dir, cuts[i]);
		c = verify(dir, NULL);
		expect(!c.broken && c.torn == 1);
		fill(dir, 3);
		c = verify(dir, NULL);
		expect(!c.broken && c.torn == 1 && c.lines == 9);
		remove_dir(dir);
	}
}

TEST(zeroes_after_a_power_cut_are_noted_like_a_torn_line)
{
	static const char zeroes[70000];
	int dir = new_dir();
	struct audit_check c;

	fill(dir, 5);
	add_raw(dir, zeroes, sizeof(zeroes));
	fill(dir, 3);
	c = verify(dir, NULL);
	expect(!c.broken && c.torn == 1 && c.lines == 10 && c.last == 9);
	remove_dir(dir);
}

TEST(a_crash_while_a_torn_line_was_noted_is_no_break_either)
{
	int dir = new_dir();
	struct audit_check c;

	fill(dir, 5);
	cut(dir, 30);
	add_raw(dir, "\n", 1);
	fill(dir, 3);
	c = verify(dir, NULL);
	expect(!c.broken && c.torn == 1);
	remove_dir(dir);
}

TEST(a_writer_that_is_still_there_notices_a_torn_line)
{
	int dir = new_dir();
	struct audit a = AUDIT_INIT;
	struct audit_check c;

	expect(audit_open(&a, dir, ID, NULL) == 0);
	put(&a, 1);
	put(&a, 2);
	add_raw(dir, "{\"seq\":3,\"ti", 12);
	put(&a, 3);
	put(&a, 4);
	audit_close(&a);
	c = verify(dir, NULL);
	expect(!c.broken && c.torn == 1 && c.last == 5);
	remove_dir(dir);
}

TEST(full_files_are_rotated_and_the_chain_goes_over_them)
{
	int dir = new_dir();
	struct audit a = AUDIT_INIT;
	struct audit_check c;

	expect(audit_open(&a, dir, ID, NULL) == 0);
	a.max = 2000;
	for (uint64_t i = 0; i < 40; i++)
		put(&a, i);
	expect(faccessat(dir, "audit.jsonl.2", F_OK, 0) == 0);
	whole(dir, 40);
	for (uint64_t i = 0; i < 100; i++)
		put(&a, i);
	audit_close(&a);
	expect(faccessat(dir, "audit.jsonl.4", F_OK, 0) == 0);
	expect(faccessat(dir, "audit.jsonl.5", F_OK, 0) < 0);
	c = verify(dir, NULL);
	expect(!c.broken && c.first > 1 && c.last == 140);
	/* one that comes anew goes on, in a file that has just begun or not */
	for (int i = 0; i < 12; i++) {
		expect(audit_open(&a, dir, ID, NULL) == 0);
		a.max = 2000;
		put(&a, 1);
		audit_close(&a);
	}
	c = verify(dir, NULL);
	expect(!c.broken && c.last == 152);
	remove_dir(dir);
}

TEST(a_crash_in_the_middle_of_a_rotation_loses_nothing)
{
	int dir = new_dir();

	fill(dir, 5);
	expect(renameat(dir, AUDIT_FILE, dir, AUDIT_FILE ".1") == 0);
	fill(dir, 5);
	whole(dir, 10);
	remove_dir(dir);
}

TEST(two_writers_make_one_chain)
{
	int dir = new_dir(), status;
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			struct audit a = AUDIT_INIT;

			expect(audit_open(&a, dir, ID, NULL) == 0);
			a.max = 60000;
			for (uint64_t n = 0; n < 400; n++)
				put(&a, n);
			audit_close(&a);
			_exit(0);
		}
	}
	for (int i = 0; i < 3; i++)
		expect(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
	whole(dir, 1200);
	remove_dir(dir);
}

TEST(an_event_that_is_too_long_is_written_without_its_details)
{
	int dir = new_dir();
	struct json *j = json_new_object();
	auto_free char *text = malloc(AUDIT_LINE_MAX + 1);
	auto_strv struct strv l = { 0 };

	memset(text, 'x', AUDIT_LINE_MAX);
	text[AUDIT_LINE_MAX] = '\0';
	expect(json_add_str(j, "text", text) == 0);
	expect(audit_note(dir, ID, "apply", j, NULL) == 0);
	load(dir, &l);
	expect(l.n == 1 && strstr(l.v[0], "\"too_long\":") && strlen(l.v[0]) < 400);
	whole(dir, 1);
	remove_dir(dir);
}

TEST(a_reader_follows_what_is_written_over_a_rotation)
{
	int dir = new_dir();
	struct audit a = AUDIT_INIT;
	struct audit_reader r;
	struct audit_line l;
	uint64_t seen = 0;

	expect(audit_open(&a, dir, ID, NULL) == 0);
	a.max = 3000;
	put(&a, 0);
	expect(audit_reader_open(&r, dir, NULL) == 0);
	for (uint64_t i = 1; i <= 60; i++) {
		while (audit_next(&r, &l, NULL) > 0)
			seen++;
		expect(seen == i);
		put(&a, i);
	}
	audit_reader_close(&r);
	audit_close(&a);
	remove_dir(dir);
}
