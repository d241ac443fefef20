/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit-read.c - the lines of an audit log, over all of its files, and whether they chain.
 */
#include "sandbox/audit.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#define READ_BYTES 65536U
/* A line that is longer is none of ours, and ends the reading. */
#define LINE_BYTES ((size_t)32 << 20)

static void file_name(const struct audit_reader *r, char out[24])
{
	unsigned i = r->at < r->old_n ? r->old_n - r->at : 0;

	(void)snprintf(out, 24, i ? AUDIT_FILE ".%u" : AUDIT_FILE, i);
}

void audit_reader_close(struct audit_reader *r)
{
	for (unsigned i = 0; i <= AUDIT_OLD; i++)
		if (r->fd[i] >= 0)
			(void)close(r->fd[i]);
	buf_clear(&r->rest);
	r->taken = 0;
}

/* All at once, from the newest on: being rotated later does not matter, and what is
 * rotated meanwhile is seen twice at most, and then left out. */
int audit_reader_open(struct audit_reader *r, int dir, struct err *e)
{
	int found[AUDIT_OLD + 1];
	unsigned n = 0;

	*r = (struct audit_reader){ .dir = dir, .rest.max = LINE_BYTES };
	for (unsigned i = 0; i <= AUDIT_OLD; i++)
		r->fd[i] = -1;
	for (unsigned i = 0; i <= AUDIT_OLD; i++) {
		char name[24];
		struct stat st, before;
		int fd;

		(void)snprintf(name, sizeof(name), i ? AUDIT_FILE ".%u" : AUDIT_FILE, i);
		fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && errno == ENOENT && i > 0)
			break;
		if (fd >= 0 && n && fstat(fd, &st) == 0 &&
			fstat(found[n - 1], &before) == 0 && st.st_ino == before.st_ino) {
			(void)close(fd);
			continue;
		}
		if (fd >= 0) {
			found[n++] = fd;
			continue;
		}
		(void)err_sys(e, "open '%s'", name);
		while (n)
			(void)close(found[--n]);
		return -e->code;
	}
	r->old_n = n - 1;
	for (unsigned i = 0; i < n; i++)
		r->fd[i] = found[n - 1 - i];
	return 0;
}

/* The next file, when the one that is read has come to its end for good. */
static bool next_file(struct audit_reader *r)
{
	struct stat here, there;
	int fd;

	if (r->at < r->old_n) {
		(void)close(r->fd[r->at]);
		r->fd[r->at++] = -1;
		r->number = 0;
		return true;
	}
	if (fstat(r->fd[r->at], &here) < 0 ||
		fstatat(r->dir, AUDIT_FILE, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
		here.st_ino == there.st_ino ||
		lseek(r->fd[r->at], 0, SEEK_CUR) < here.st_size)
		return false;
	fd = openat(r->dir, AUDIT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	(void)close(r->fd[r->at]);
	r->fd[r->at] = fd;
	r->number = 0;
	return true;
}

static bool take_line(struct audit_reader *r, struct audit_line *ret)
{
	char *from = r->rest.data ? r->rest.data + r->taken : NULL;
	char *nl = from ? memchr(from, '\n', r->rest.len - r->taken) : NULL;

	if (!nl)
		return false;
	*nl = '\0';
	*ret = (struct audit_line){
		.number = ++r->number, .text = from, .len = (size_t)(nl - from)
	};
	file_name(r, ret->file);
	r->taken += ret->len + 1;
	return true;
}

int audit_next(struct audit_reader *r, struct audit_line *ret, struct err *e)
{
	for (;;) {
		ssize_t n;

		if (take_line(r, ret))
			return 1;
		buf_drop(&r->rest, r->taken);
		r->taken = 0;
		n = buf_read(&r->rest, r->fd[r->at], READ_BYTES);
		if (n < 0)
			return err_set(
				e, (int)-n, "read the audit log: %s", err_text((int)-n));
		if (n == 0 && !next_file(r))
			return 0;
	}
}

size_t audit_rest(const struct audit_reader *r)
{
	return r->rest.len - r->taken;
}

/* Where the chain stands. */
struct chain {
	struct audit_check *check;
	const char *id, *head;
	bool head_seen;
	bool torn;  /* the line before is one that a crash cut short, it seems */
	bool begun; /* 'seq' and check->head hold */
	uint64_t seq;
};

static void broken(struct chain *c, const struct audit_line *l, const char *why)
{
	c->check->broken = true;
	c->check->number = l->number;
	memcpy(c->check->file, l->file, sizeof(l->file));
	(void)snprintf(c->check->why, sizeof(c->check->why), "%s", why);
}

static bool is_zeroes(const char *hash)
{
	return strspn(hash, "0") == AUDIT_HASH - 1 && !hash[AUDIT_HASH - 1];
}

/* The oldest line there is. */
static const char *check_first(const struct chain *c, const struct json *j, uint64_t seq)
{
	const char *prev = json_get_str(j, "prev"), *id = json_get_str(j, "id");

	if (seq != 1)
		return NULL; /* what came before was rotated away */
	if (!prev || !is_zeroes(prev))
		return "the first line doesn't begin the chain";
	if (c->id && !str_eq(c->id, id))
		return "this is the log of another sandbox";
	return NULL;
}

/* Why it breaks the chain; NULL: it doesn't. */
static const char *check_line(struct chain *c, const struct json *j)
{
	const char *prev = json_get_str(j, "prev");
	uint64_t seq = json_get_uint(j, "seq");
	bool torn = str_eq(json_get_str(j, "type"), "torn");

	if (c->torn && !torn)
		return "the line before is none of the log's";
	if (!c->begun)
		c->check->first = seq;
	else if (!str_eq(prev, c->check->head))
		return "it doesn't follow the line before: one of the two was changed, "
		       "or "
		       "lines between them are gone";
	else if (seq != c->seq + 1)
		return "its number doesn't follow";
	c->check->torn += torn;
	c->torn = false;
	if (!c->begun) {
		const char *why = check_first(c, j, seq);

		if (why)
			return why;
	}
	c->seq = seq;
	return NULL;
}

static void verify_line(struct chain *c, const struct audit_line *l)
{
	auto_json struct json *j = NULL;
	const char *why = NULL;

	if (json_parse(l->text, l->len, l->file, &j, NULL) < 0 || !json_is_object(j)) {
		if (c->torn || !c->begun)
			why = "it is none of the log's";
		c->torn = true;
	} else {
		why = check_line(c, j);
	}
	if (why) {
		broken(c, l, why);
		return;
	}
	c->begun = true;
	c->check->lines++;
	audit_hash(l->text, l->len, c->check->head);
	if (c->head && strcasecmp(c->head, c->check->head) == 0)
		c->head_seen = true;
}

/* What there is to say when all lines have been seen. */
static void verify_end(struct chain *c, size_t rest)
{
	struct audit_check *k = c->check;

	k->last = c->seq;
	/* cut short, and nothing was written since */
	if (!k->broken && (rest || c->torn))
		k->torn++;
	if (k->broken || !c->head || c->head_seen)
		return;
	k->broken = true;
	(void)snprintf(k->why, sizeof(k->why),
		"no line has the head that was noted: its end was cut off, or the log "
		"written anew");
}

int audit_verify(
	int dir, const char *id, const char *head, struct audit_check *ret, struct err *e)
{
	struct chain c = { .check = ret, .id = id, .head = head };
	struct audit_reader reader;
	struct audit_line line;
	int r;

	*ret = (struct audit_check){ 0 };
	r = audit_reader_open(&reader, dir, e);
	if (r < 0)
		return r;
	while (!ret->broken && (r = audit_next(&reader, &line, e)) > 0)
		verify_line(&c, &line);
	verify_end(&c, audit_rest(&reader));
	audit_reader_close(&reader);
	return r < 0 ? r : 0;
}
