/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of any length, slow readers, many at once: nothing piles up or is left over. */
#include "gate/inject/inject-rig.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/test.h"

#include <dirent.h>
#include <poll.h>

TEST(events_are_not_held_up)
{
	struct rig r = rig_start("{}");
	struct wire w = rig_exchange(&r);
	struct exchange_request q = rig_request(&r, "h1", "/sse");
	struct wire_frame f;
	uint64_t at, before = 0;

	expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
	rig_send_request(&w, &q);
	rig_send(&w, EXCHANGE_END, "", 0);
	expect(rig_next(&w, &f) && f.type == EXCHANGE_RESPONSE);
	for (int i = 0; i < 5; i++) {
		expect(rig_next(&w, &f) && f.type == EXCHANGE_DATA);
		at = clock_mono_ns();
		expect(f.len == 9 && memcmp(f.data, "data: ", 6) == 0);
		expect(!before || at - before > 50 * NS_PER_MS);
		before = at;
	}
	expect(rig_next(&w, &f) && f.type == EXCHANGE_END);
	exchange_request_clear(&q);
	wire_clear(&w);
	rig_stop(&r);
}

/* 64 MiB up, in frames of 32 KiB, the response only read at the end. */
static void upload(struct rig *r, const char *port, int64_t length)
{
	enum { PIECE = 32768, PIECES = 2048 };
	struct wire w = rig_exchange(r);
	struct exchange_request q = rig_request(r, port, "/upload");
	auto_free char *piece = calloc(1, PIECE);
	struct rig_reply p;

	rig_set(&q.method, "POST");
	q.length = length;
	rig_send_request(&w, &q);
	for (int i = 0; i < PIECES; i++)
		rig_send(&w, EXCHANGE_DATA, piece, PIECE);
	rig_send(&w, EXCHANGE_END, "", 0);
	rig_read_reply(&w, &p);
	expect(p.head.status == 200);
	/* sha256 of 64 MiB of zeros */
	expect_str(p.body.data,
		"67108864 "
		"3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351");
	rig_reply_clear(&p);
	exchange_request_clear(&q);
	wire_clear(&w);
}

TEST(large_uploads_stream)
{
	struct rig r = rig_start("{}");

	upload(&r, "h1", 64 << 20);
	upload(&r, "h1", EXCHANGE_LENGTH_UNKNOWN);
	upload(&r, "h2", 64 << 20);
	upload(&r, "h2", EXCHANGE_LENGTH_UNKNOWN);
	rig_stop(&r);
}

static size_t resident(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/statm", (int)pid);
	FILE *f = fopen(path, "re");
	size_t total = 0, pages = 0;

	expect(f && fscanf(f, "%zu %zu", &total, &pages) == 2);
	(void)fclose(f);
	return pages * 4096;
}

/* Nobody reads for a while: the server must be the one who waits. */
static void download(struct rig *r, const char *port, const char *target)
{
	struct wire w = rig_exchange(r);
	struct exchange_request q = rig_request(r, port, target);
	struct rig_reply p;
	size_t before = resident(r->injector), after;

	rig_send_request(&w, &q);
	rig_send(&w, EXCHANGE_END, "", 0);
	(void)poll(NULL, 0, 500);
	after = resident(r->injector);
	fprintf(stderr, "%s: %zu KiB before, %zu KiB while it waits\n", port,
		before / 1024, after / 1024);
	expect(after < before + (16 << 20));
	rig_read_reply(&w, &p);
	expect(p.head.status == 200 && p.body.len == 64 << 20);
	rig_reply_clear(&p);
	exchange_request_clear(&q);
	wire_clear(&w);
}

TEST(large_downloads_stream_and_wait_for_the_reader)
{
	struct rig r = rig_start("{}");

	download(&r, "h1", "/bytes/67108864");
	for (int i = 0; i < 3; i++)
		download(&r, "h2", "/file");
	rig_stop(&r);
}

TEST(a_reader_that_waits_holds_nobody_else_up)
{
	struct rig r = rig_start("{}");
	struct wire slow = rig_exchange(&r);
	struct exchange_request q = rig_request(&r, "h2", "/file");
	struct rig_reply p;

	rig_send_request(&slow, &q);
	rig_send(&slow, EXCHANGE_END, "", 0);
	exchange_request_clear(&q);
	(void)poll(NULL, 0, 300);
	for (int i = 0; i < 3; i++) {
		q = rig_request(&r, "h2", "/small");
		rig_ask_once(&r, &q, &p);
		expect(p.head.status == 200 && p.body.len == 5);
		rig_reply_clear(&p);
	}
	rig_read_reply(&slow, &p);
	expect(p.body.len == 64 << 20);
	rig_reply_clear(&p);
	wire_clear(&slow);
	rig_stop(&r);
}

static unsigned descriptors(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	unsigned n = 0;

	expect(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

TEST(nothing_is_left_of_exchanges_that_are_over)
{
	struct rig r = rig_start("{}");
	struct rig_reply p;
	unsigned fds = 0;
	size_t memory = 0;

	for (int i = 0; i < 2000; i++) {
		struct exchange_request q = rig_request(&r, "h2", "/small");

		expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
		rig_ask_once(&r, &q, &p);
		expect(p.head.status == 200);
		rig_reply_clear(&p);
		if (i == 500) {
			fds = descriptors(r.injector);
			memory = resident(r.injector);
		}
	}
	expect(descriptors(r.injector) <= fds + 1);
	fprintf(stderr, "%zu KiB, then %zu KiB\n", memory / 1024,
		resident(r.injector) / 1024);
	rig_stop(&r);
}

TEST(many_exchanges_at_once)
{
	enum { N = 200 };
	struct rig r = rig_start("{}");
	struct wire w[N];
	struct rig_reply p;

	for (int i = 0; i < N; i++) {
		struct exchange_request q = rig_request(&r, i % 2 ? "h2" : "h1", "/");

		w[i] = rig_exchange(&r);
		rig_send_request(&w[i], &q);
		rig_send(&w[i], EXCHANGE_END, "", 0);
		exchange_request_clear(&q);
	}
	for (int i = 0; i < N; i++) {
		if (i % 3 == 0) { /* the client went away */
			wire_clear(&w[i]);
			continue;
		}
		rig_read_reply(&w[i], &p);
		expect(p.head.status == 200);
		rig_reply_clear(&p);
		wire_clear(&w[i]);
	}
	rig_stop(&r);
}
