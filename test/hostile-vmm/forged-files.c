/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for files with numbers of inodes and handles that were never given, with names that
 * lead out of the directory, of every sort there is and of those that there aren't. What is
 * outside stays as it is and is never read.
 * host: files
 */
#include "guest/virtio.h"

enum { LOOKUP = 1, FORGET, GETATTR, SETATTR, READLINK, SYMLINK, MKNOD = 8, MKDIR, UNLINK, RMDIR, RENAME,
	LINK, OPEN, READ, WRITE, RELEASE = 18, SETXATTR = 21, GETXATTR, INIT = 26, OPENDIR, READDIR,
	CREATE = 35, RENAME2 = 45, COPY = 47, STATX = 52 };

#define ROOM 8192U

struct head {
	uint32_t len, opcode;
	uint64_t unique, nodeid;
	uint32_t uid, gid, pid;
	uint16_t extlen, padding;
};

static struct device d;
static struct {
	struct head head;
	uint8_t body[ROOM];
} request;
static struct {
	uint32_t len;
	int32_t error;
	uint64_t unique;
	uint8_t body[ROOM];
} answer;

/* The error, or 0. */
static int32_t call(uint32_t opcode, uint64_t node, uint32_t len)
{
	uint32_t n;

	request.head = (struct head){ .len = 40 + len, .opcode = opcode, .unique = 7, .nodeid = node };
	*(volatile int32_t *)&answer.error = 1;
	expect(ask(&d.q[1], &request, 40 + len, &answer, sizeof(answer), &n));
	if (opcode != FORGET)
		expect(n >= 16 && answer.len == n && answer.unique == 7);
	return *(volatile int32_t *)&answer.error;
}

static void clear(uint32_t n)
{
	memset(request.body, 0, n);
}

static uint32_t put(uint32_t at, const char *text)
{
	do
		request.body[at++] = (uint8_t)*text;
	while (*text++);
	return at;
}

static void init(void)
{
	uint32_t in[4] = { 7, 38, 65536, 1U << 22 | 1U << 28 };

	clear(64);
	memcpy(request.body, in, sizeof(in));
	expect(call(INIT, 0, 64) == 0);
}

static void names(void)
{
	static const char *const bad[] = { "..", ".", "a/b", "../outside", "/", "/etc/passwd", "",
		"./x", "x/", "../../../../etc/passwd" };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		expect(call(LOOKUP, 1, put(0, bad[i])) < 0);
		expect(call(UNLINK, 1, put(0, bad[i])) < 0);
		expect(call(RMDIR, 1, put(0, bad[i])) < 0);
		clear(16);
		expect(call(MKNOD, 1, put(16, bad[i])) < 0);
		expect(call(MKDIR, 1, put(8, bad[i])) < 0);
		expect(call(CREATE, 1, put(16, bad[i])) < 0);
		expect(call(SYMLINK, 1, put(put(0, bad[i]), "x")) < 0);
		/* to there, and from there */
		clear(16);
		request.body[0] = 1;
		expect(call(RENAME, 1, put(put(8, "given"), bad[i])) < 0);
		expect(call(RENAME2, 1, put(put(16, bad[i]), "taken")) < 0);
		expect(call(LINK, 1, put(8, bad[i])) < 0);
	}
	/* no end, and too long a one */
	memset(request.body, 'x', 5000);
	expect(call(LOOKUP, 1, 4) < 0 && call(LOOKUP, 1, 300) < 0 && call(LOOKUP, 1, 5000) < 0);
	request.body[299] = 0;
	expect(call(LOOKUP, 1, 300) < 0);
}

static void links(void)
{
	uint64_t node;

	/* a link out is a link, and nobody follows it */
	expect(call(SYMLINK, 1, put(put(0, "way-out"), "../outside")) == 0);
	expect(call(LOOKUP, 1, put(0, "way-out")) == 0);
	memcpy(&node, answer.body, 8);
	clear(64);
	expect(call(OPEN, node, 8) < 0 && call(OPENDIR, node, 8) < 0);
	expect(call(LOOKUP, node, put(0, "secret")) < 0);
	clear(88);
	request.body[0] = 8; /* FATTR_SIZE */
	expect(call(SETATTR, node, 88) < 0);
	/* a device is none of the host's */
	clear(16);
	request.body[1] = 0x60;
	request.body[4] = 1;
	expect(call(MKNOD, 1, put(16, "device")) < 0);
	request.body[1] = 0x20;
	expect(call(MKNOD, 1, put(16, "device")) < 0);
}

static void numbers(void)
{
	for (unsigned i = 0; i < 400; i++) {
		uint64_t node = below(3) ? odd() : 1 + below(5), fh = below(3) ? odd() : below(8);
		static const uint32_t with_handle[] = { READ, WRITE, RELEASE, READDIR, COPY, 20, 25, 29, 43, 44,
			46, 30 };
		uint32_t op = with_handle[below(sizeof(with_handle) / sizeof(*with_handle))];

		for (unsigned k = 0; k < 64; k++)
			request.body[k] = (uint8_t)any();
		memcpy(request.body, &fh, 8);
		/* nothing is open */
		expect(call(op, node, 64) < 0);
	}
	for (unsigned i = 0; i < 100; i++) {
		uint64_t node = 100 + (uint64_t)odd();

		clear(100);
		expect(call(GETATTR, node, 16) < 0 && call(OPEN, node, 8) < 0 && call(READLINK, node, 0) < 0 &&
			call(LOOKUP, node, put(0, "given")) < 0);
		memcpy(request.body, &node, 8);
		expect(call(LINK, 1, put(8, "made")) < 0);
	}
	/* a file's handle under another's number: of the file that is given */
	expect(call(LOOKUP, 1, put(0, "given")) == 0);
	uint64_t node, fh;

	memcpy(&node, answer.body, 8);
	clear(64);
	expect(call(OPEN, node, 8) == 0);
	memcpy(&fh, answer.body, 8);
	clear(64);
	memcpy(request.body, &fh, 8);
	request.body[16] = 4;
	expect(call(READ, 1, 40) < 0 && call(READ, node + 1, 40) < 0 && call(RELEASE, 1, 24) < 0);
	expect(call(READ, node, 40) == 0 && answer.body[0] == 'g');
	/* given back more often than it was given */
	clear(16);
	memset(request.body, 0xff, 8);
	for (unsigned i = 0; i < 3; i++) {
		describe(&d.q[1], 0, (uint32_t)&request, 48, 0, 0);
		request.head = (struct head){ .len = 48, .opcode = FORGET, .nodeid = node };
		post(&d.q[1], 0);
		kick(&d.q[1]);
		expect(came(&d.q[1], NULL));
	}
}

static void anything(void)
{
	for (unsigned i = 0; i < 1500; i++) {
		uint32_t len = below(4) ? below(120) : below(ROOM), op = below(8) ? below(60) : any(), n;

		for (unsigned k = 0; k < len && k < 200; k++)
			request.body[k] = (uint8_t)(below(3) ? 0 : any());
		request.head = (struct head){ .len = below(8) ? 40 + len : odd(), .opcode = op,
			.nodeid = below(3) ? 1 + below(6) : odd(),
			.uid = below(2) ? 0 : odd(), .gid = below(2) ? 0 : odd(),
			.extlen = (uint16_t)(below(8) ? 0 : any()) };
		expect(ask(&d.q[1], &request, 40 + len, &answer, below(4) ? sizeof(answer) : 16 + below(200), &n));
	}
}

void main(void)
{
	set_up(&d, need(ID_FS), 0);
	/* before the first word */
	expect(call(LOOKUP, 1, put(0, "given")) < 0 && call(OPENDIR, 1, 8) < 0);
	init();
	names();
	links();
	numbers();
	anything();
	/* all is forgotten */
	set_up(&d, d.slot, 0);
	init();
	expect(call(LOOKUP, 1, put(0, "given")) == 0);
	still_served();
}
