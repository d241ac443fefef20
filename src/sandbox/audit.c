/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. What a writer knows of the tail (length, number, hash) holds while
 * the file is as long as it left it, so the next line costs a hash, an fstat() and a
 * write(). Who finds it longer, or another file in its place, reads the end of it anew.
 */
#include "sandbox/audit.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <sha2.h>
#include <sys/file.h>

#define ZEROES     "0000000000000000000000000000000000000000000000000000000000000000"
#define TAIL_BYTES (2 * AUDIT_LINE_MAX) /* holds a whole line, whatever comes after it */

void audit_hash(const char *line, size_t len, char out[AUDIT_HASH])
{
	(void)SHA256Data((const uint8_t *)line, len, out);
}

static void old_name(unsigned i, char out[24])
{
	(void)snprintf(out, 24, i ? AUDIT_FILE ".%u" : AUDIT_FILE, i);
}

static int open_file(const struct audit *a, struct err *e)
{
	int fd = openat(a->dir, AUDIT_FILE,
		O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? err_sys(e, "open '%s'", AUDIT_FILE) : fd;
}

int audit_open(struct audit *a, int dir, const char *id, struct err *e)
{
	*a = (struct audit){ .dir = dir, .fd = -1, .max = AUDIT_FILE_MAX };
	(void)snprintf(a->id, sizeof(a->id), "%s", id ? id : "");
	a->fd = open_file(a, e);
	return a->fd < 0 ? a->fd : 0;
}

void audit_close(struct audit *a)
{
	if (a->fd >= 0)
		(void)close(a->fd);
	a->fd = -1;
}

/* Our own lines begin with their number; anything else is what a crash left. */
static bool line_seq(const char *line, size_t len, uint64_t *ret)
{
	static const char begin[] = "{\"seq\":";
	uint64_t n = 0;
	size_t i = sizeof(begin) - 1;

	if (len < i + 2 || memcmp(line, begin, i) != 0 || line[len - 1] != '}')
		return false;
	for (; i < len && line[i] >= '0' && line[i] <= '9' && n < UINT64_MAX / 16; i++)
		n = n * 10 + (uint64_t)(line[i] - '0');
	*ret = n;
	return line[i] == ',';
}

struct tail {
	bool any; /* a line with a number was found */
	bool open_end;
	uint64_t seq, torn;
	char head[AUDIT_HASH];
};

/* 'text' begins where a line does. */
static void scan_tail(const char *text, size_t len, struct tail *t)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		uint64_t seq;
		bool good = line_seq(p, n, &seq);

		if (good) {
			t->any = true;
			t->seq = seq;
		}
		t->torn = good && nl ? 0 : n;
		t->open_end = !nl;
		if (!nl || nl + 1 == end)
			audit_hash(p, n, t->head);
		p += n + 1;
	}
}

/* What the last 'want' bytes of a file say; all of it when that is not enough. */
static int read_tail(int fd, uint64_t size, uint64_t want, struct tail *t, struct err *e)
{
	auto_buf struct buf b = { 0 };
	uint64_t from = size > want ? size - want : 0;
	const char *start;
	ssize_t n;

	if (buf_reserve(&b, size - from) < 0)
		return err_set(e, ENOMEM, "out of memory");
	while (b.len < size - from) {
		n = pread(fd, b.data + b.len, size - from - b.len, (off_t)(from + b.len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "read '%s'", AUDIT_FILE);
		b.len += (size_t)n;
	}
	start = from ? memchr(b.data, '\n', b.len) : b.data;
	if (start && from)
		start++;
	*t = (struct tail){ 0 };
	if (start)
		scan_tail(start, (size_t)(b.data + b.len - start), t);
	return t->any || !from ? 0 : read_tail(fd, size, size, t, e);
}

/* The tail of the newest of the files that holds anything. */
static int find_tail(struct audit *a, uint64_t size, struct err *e)
{
	struct tail t = { .head = ZEROES };
	char name[24];
	int r = size ? read_tail(a->fd, size, TAIL_BYTES, &t, e) : 0;

	if (r == 0 && !size) {
		auto_fd int old = -1;
		struct stat st;

		old_name(1, name);
		old = openat(a->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (old >= 0 && fstat(old, &st) == 0 && st.st_size > 0)
			r = read_tail(old, (uint64_t)st.st_size, TAIL_BYTES, &t, e);
		/* nothing can be added there */
		t.torn = 0;
		t.open_end = false;
	}
	if (r < 0)
		return r;
	a->seq = t.seq;
	a->torn = t.torn;
	a->open_end = t.open_end;
	memcpy(a->head, t.head, sizeof(a->head));
	a->size = size;
	return 0;
}

/* Hold the file that has the name now, and know its end. */
static int take_lock(struct audit *a, struct err *e)
{
	struct stat here, there;

	for (;;) {
		if (a->fd < 0 && (a->fd = open_file(a, e)) < 0)
			return a->fd;
		while (flock(a->fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return err_sys(e, "lock '%s'", AUDIT_FILE);
		if (fstat(a->fd, &here) < 0)
			return err_sys(e, "look at '%s'", AUDIT_FILE);
		if (fstatat(a->dir, AUDIT_FILE, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
			here.st_ino == there.st_ino)
			break;
		/* another writer has rotated it away */
		audit_close(a);
	}
	if (here.st_ino == a->ino && (uint64_t)here.st_size == a->size && !a->torn)
		return 0;
	a->ino = here.st_ino;
	return find_tail(a, (uint64_t)here.st_size, e);
}

static int add_field(const char *key, struct json *value, void *data)
{
	return json_add(data, key, json_ref(value));
}

/* A line, without the newline. */
static int compose(const struct audit *a, const char *type, const struct json *fields,
	struct buf *out)
{
	auto_json struct json *j = json_new_object();
	char now[CLOCK_TEXT_MAX];
	int r = json_add(j, "seq", json_new_uint(a->seq + 1));

	if (r == 0)
		r = json_add_str(j, "time", clock_text(clock_real_ns(), now));
	if (r == 0)
		r = json_add_str(j, "type", type);
	if (r == 0 && a->seq == 0)
		r = json_add_str(j, "id", a->id);
	if (r == 0 && fields)
		r = json_each(fields, add_field, j);
	if (r == 0)
		r = json_add_str(j, "prev", a->head);
	return r == 0 ? json_print(j, false, out) : r;
}

static int compose_bounded(const struct audit *a, const char *type,
	const struct json *fields, struct buf *out)
{
	auto_json struct json *less = NULL;
	size_t before = out->len;
	int r = compose(a, type, fields, out);

	if (r < 0 || out->len - before < AUDIT_LINE_MAX)
		return r;
	less = json_new_object();
	r = json_add(less, "too_long", json_new_uint(out->len - before));
	out->len = before;
	return r == 0 ? compose(a, type, less, out) : r;
}

/* Write lines whole or not at all. */
static int append(struct audit *a, const struct buf *lines, struct err *e)
{
	int r = file_write_all(a->fd, lines->data, lines->len);

	if (r == 0) {
		a->size += lines->len;
		return 0;
	}
	/* a full disk, say; what remains is found to be torn */
	if (ftruncate(a->fd, (off_t)a->size) < 0)
		a->size = 0;
	return err_set(e, -r, "write '%s': %s", AUDIT_FILE, err_text(-r));
}

static int rotate(struct audit *a, struct err *e)
{
	char from[24], to[24];
	struct stat st;
	int fd;

	for (unsigned i = AUDIT_OLD; i-- > 0;) {
		old_name(i, from);
		old_name(i + 1, to);
		if (renameat(a->dir, from, a->dir, to) < 0 && errno != ENOENT)
			return err_sys(e, "rename '%s'", from);
	}
	fd = open_file(a, e);
	if (fd < 0)
		return fd;
	/* before the old one's is dropped, on which others wait */
	(void)flock(fd, LOCK_EX);
	(void)close(a->fd);
	a->fd = fd;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at '%s'", AUDIT_FILE);
	a->ino = st.st_ino;
	a->size = (uint64_t)st.st_size;
	return 0;
}

static int write_one(
	struct audit *a, const char *type, const struct json *fields, struct err *e)
{
	auto_buf struct buf line = { 0 };
	/* of what a crash left */
	const size_t newline = a->open_end ? 1 : 0;
	int r = buf_add(&line, "\n", newline);

	if (r == 0)
		r = compose_bounded(a, type, fields, &line);
	if (r == 0)
		r = buf_add(&line, "\n", 1);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = append(a, &line, e);
	if (r == 0) {
		audit_hash(line.data + newline, line.len - newline - 1, a->head);
		a->seq++;
		a->torn = 0;
		a->open_end = false;
	}
	return r;
}

static int write_torn(struct audit *a, struct err *e)
{
	auto_json struct json *j = json_new_object();

	if (json_add(j, "bytes", json_new_uint(a->torn)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return write_one(a, "torn", j, e);
}

int audit_write(struct audit *a, const char *type, struct json *fields, struct err *e)
{
	auto_json struct json *taken = fields;
	int r = take_lock(a, e);

	if (r == 0 && a->torn)
		r = write_torn(a, e);
	if (r == 0 && a->size >= a->max)
		r = rotate(a, e);
	if (r == 0)
		r = write_one(a, type, taken, e);
	if (a->fd >= 0)
		(void)flock(a->fd, LOCK_UN);
	return r < 0 ? err_wrap(e, "audit log") : 0;
}

int audit_note(
	int dir, const char *id, const char *type, struct json *fields, struct err *e)
{
	struct audit a = AUDIT_INIT;
	int r = audit_open(&a, dir, id, e);

	if (r == 0)
		r = audit_write(&a, type, fields, e);
	else
		json_free(fields);
	audit_close(&a);
	return r;
}
