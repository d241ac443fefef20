/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - what happened in and around a sandbox, one JSON object a line, chained.
 *
 *	{"seq":7,"time":"2026-01-31T12:00:00.123456789Z","type":"exec",...,"prev":"<hex>"}
 *
 * "prev" is the SHA-256 of the line before, without its newline; in the first line, which
 * also holds the sandbox's "id", it is 64 zeroes. So what is changed, removed or moved
 * later breaks the chain from there on; what is cut off at the end shows against a head
 * that was noted elsewhere (audit_verify()).
 *
 * The file is "audit.jsonl" in the sandbox's directory. At AUDIT_FILE_MAX it becomes
 * audit.jsonl.1, that .2 and so on to .AUDIT_OLD, and the chain goes on. Any number of
 * processes may write: each holds a flock(2) on the file meanwhile. A line that a crash
 * has cut short stays as it is, a line of type "torn" follows it and goes on from it.
 */
#ifndef BRIG_SANDBOX_AUDIT_H
#define BRIG_SANDBOX_AUDIT_H

#include "base/buf.h"
#include "base/json.h"

#include <sys/types.h>

struct err;

#define AUDIT_FILE     "audit.jsonl"
#define AUDIT_FILE_MAX ((uint64_t)16 << 20)
#define AUDIT_OLD      4U
#define AUDIT_LINE_MAX 8192U /* bytes; what is longer is written without its details */
#define AUDIT_HASH     65U   /* 64 hex digits and a NUL */

struct audit {
	int dir; /* borrowed */
	char id[40];
	uint64_t max;
	int fd;
	ino_t ino;
	/* the tail, as long as the file is no longer than we left it */
	uint64_t size, seq;
	char head[AUDIT_HASH];
	uint64_t torn; /* bytes of a line that a crash cut short */
	bool open_end; /* it has no newline */
};

#define AUDIT_INIT       \
	{                \
		.fd = -1 \
	}

/* 'dir' is the sandbox's directory, 'id' the one in its record. */
int audit_open(struct audit *a, int dir, const char *id, struct err *e);

/* Append an event with these fields (taken over; NULL for none). */
int audit_write(struct audit *a, const char *type, struct json *fields, struct err *e);
void audit_close(struct audit *a);

/* Open, append, close: for a command line that has one thing to tell. */
int audit_note(
	int dir, const char *id, const char *type, struct json *fields, struct err *e);

/* Reading, from the oldest line there is; more can be asked for after the end. */
struct audit_reader {
	int dir;
	int fd[AUDIT_OLD + 1]; /* from the oldest on; -1: read, or not there */
	unsigned at;           /* which of them; AUDIT_OLD is the newest */
	unsigned old_n;
	struct buf rest;
	size_t taken; /* of 'rest' */
	uint64_t number;
};

struct audit_line {
	char file[24];
	uint64_t number; /* from 1, in that file */
	const char
		*text; /* until the next call; ended by a NUL in place of the newline */
	size_t len;
};

int audit_reader_open(struct audit_reader *r, int dir, struct err *e);
/* 1, or 0 when there is no whole line now. */
int audit_next(struct audit_reader *r, struct audit_line *ret, struct err *e);
/* Bytes of a last line that is not whole. */
size_t audit_rest(const struct audit_reader *r);
void audit_reader_close(struct audit_reader *r);

struct audit_check {
	uint64_t lines, first, last; /* sequence numbers */
	uint64_t torn;               /* places where a crash cut a line short */
	char head[AUDIT_HASH];
	/* the first break */
	bool broken;
	char file[24];
	uint64_t number; /* 0: none of its lines */
	char why[128];
};

/*
 * Recompute the chain. 'id' and 'head' may be NULL: with them the log must be this
 * sandbox's, and hold the line whose hash was noted as the head before. A chain that is
 * broken is no error: ret->broken.
 */
int audit_verify(int dir, const char *id, const char *head, struct audit_check *ret,
	struct err *e);

void audit_hash(const char *line, size_t len, char out[AUDIT_HASH]);

#endif
