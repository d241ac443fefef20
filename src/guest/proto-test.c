/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/proto.h"

#include "base/err.h"
#include "base/test.h"
#include "guest/exec.h"
#include "guest/window.h"

#include <sys/resource.h>

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

static char *arg(const char *text)
{
	return (char *)(uintptr_t)text;
}

TEST(a_request_survives_the_trip)
{
	struct guest_exec x = {
		.flags = GUEST_EXEC_TTY | GUEST_EXEC_STDIN,
		.rows = 24,
		.cols = 80,
		.mask = 077,
		.user = "ann:staff",
		.cwd = "/w",
		.argv = ARGV(arg("a"), arg(""), arg("c d")),
		.env = ARGV(arg("K=V")),
		.rlimits = { { RLIMIT_NOFILE, 10, UINT64_MAX } },
		.n_rlimits = 1,
	};
	auto_buf struct buf b = { 0 };
	struct guest_exec got;
	struct err e;

	expect(guest_exec_encode(&x, &b, &e) == 0);
	expect(guest_exec_decode(b.data, b.len, &got) == 0);
	expect(got.flags == x.flags && got.rows == 24 && got.cols == 80 &&
		got.mask == 077);
	expect_str(got.user, "ann:staff");
	expect_str(got.cwd, "/w");
	expect_str(got.argv[2], "c d");
	expect(!got.argv[3] && !got.env[1] && got.rlimits[0].hard == UINT64_MAX);
	expect_str(got.env[0], "K=V");
	guest_exec_clear(&got);
	for (size_t cut = 0; cut < b.len; cut++)
		expect(guest_exec_decode(b.data, cut, &got) == -EPROTO);
	expect(buf_add(&b, "x", 1) == 0);
	expect(guest_exec_decode(b.data, b.len, &got) == -EPROTO);
}

TEST(a_request_that_is_too_large_says_so)
{
	auto_free char *big = calloc(1, GUEST_EXEC_MAX + 1);
	struct guest_exec x = { .argv = ARGV(arg("x"), big) };
	auto_buf struct buf b = { 0 };
	struct err e;

	memset(big, 'y', GUEST_EXEC_MAX);
	expect(guest_exec_encode(&x, &b, &e) == -E2BIG);
	expect_str(e.msg, "run 'x': arguments and environment are too long");
	x.argv = NULL;
	expect(guest_exec_encode(&x, &b, &e) == -EINVAL);
}

TEST(a_failure_reaches_the_terminal_without_control_characters)
{
	struct guest_failed f = { GUEST_STEP_EXEC, ENOENT, "exec 'a\033[2Jb'" }, got;
	uint8_t body[GUEST_BODY_MAX];
	struct wire_frame frame = { .type = GUEST_FAILED, .channel = 1, .data = body };

	frame.len = (uint32_t)guest_failed_encode(&f, body);
	expect(guest_check_from_warder(&frame) == 0);
	expect(guest_failed_decode(&frame, &got) == 0);
	expect_str(got.what, "exec 'a?[2Jb'");
	expect(guest_failed_status(&got) == 127);
	got.code = EACCES;
	expect(guest_failed_status(&got) == 126);
	wire_put32(body, 99);
	expect(guest_failed_decode(&frame, &got) == -EPROTO);
	wire_put32(body, 0);
	wire_put32(body + 4, 0);
	expect(guest_failed_decode(&frame, &got) == -EPROTO);
}

TEST(a_wait_status_that_no_process_can_have_is_refused)
{
	static const int bad[] = { 0x7f, 0x137f, 0xffff, 0x10000, -1 };
	struct guest_exited m = { .status = 0x0300, .max_rss_kib = 7 }, got;
	uint8_t body[GUEST_BODY_MAX];
	struct wire_frame f = { .type = GUEST_EXITED, .channel = 1, .data = body };

	f.len = (uint32_t)guest_exited_encode(&m, body);
	expect(guest_exited_decode(&f, &got) == 0 && got.status == 0x0300 &&
		got.max_rss_kib == 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		m.status = bad[i];
		(void)guest_exited_encode(&m, body);
		expect(guest_exited_decode(&f, &got) == -EPROTO);
	}
}

TEST(a_warder_may_send_only_what_is_its_to_send)
{
	struct wire_frame f = {
		.type = GUEST_DATA, .channel = 1, .flags = GUEST_STDOUT, .len = 1
	};

	expect(guest_check_from_warder(&f) == 0);
	f.flags = GUEST_STDIN;
	expect(guest_check_from_warder(&f) == -EPROTO);
	f = (struct wire_frame){ .type = GUEST_DATA, .flags = GUEST_STDOUT, .len = 1 };
	expect(guest_check_from_warder(&f) == -EPROTO);
	f = (struct wire_frame){ .type = GUEST_EXEC, .channel = 1, .len = 100 };
	expect(guest_check_from_warder(&f) == -EPROTO);
	f = (struct wire_frame){ .type = GUEST_EOF, .channel = 1, .flags = GUEST_STDIN };
	expect(guest_check_from_warder(&f) == 0);
	f.flags = 3;
	expect(guest_check_from_warder(&f) == -EPROTO);
	f = (struct wire_frame){ .type = GUEST_READY, .channel = 1, .len = 8 };
	expect(guest_check_from_warder(&f) == -EPROTO);
}

TEST(a_window_is_neither_overspent_nor_overgrown)
{
	struct guest_window w = { .left = GUEST_WINDOW };
	uint32_t give = 0;

	expect(guest_window_grow(&w, 1) == -EPROTO);
	expect(guest_window_spend(&w, GUEST_WINDOW + 1) == -EPROTO);
	expect(guest_window_spend(&w, GUEST_WINDOW) == 0);
	expect(guest_window_spend(&w, 1) == -EPROTO);
	for (uint32_t i = 0; i < GUEST_WINDOW / 4096; i++)
		give += guest_window_passed(&w, 4096);
	expect(give == GUEST_WINDOW && w.left == GUEST_WINDOW);
}
