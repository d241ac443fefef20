/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wire.h"

#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

static void pair(struct wire *a, struct wire *b)
{
	int sv[2];

	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	wire_init(a, sv[0]);
	wire_init(b, sv[1]);
}

TEST(a_frame_arrives_as_it_was_sent)
{
	struct wire a, b;
	struct wire_frame f = {
		.channel = 0xabcd, .type = 3, .flags = 4, .len = 5, .data = "hello"
	};
	struct wire_frame got;

	pair(&a, &b);
	expect(wire_read(&b) == -EAGAIN);
	expect(wire_send(&a, &f) == 0);
	expect(wire_pending(&a) == WIRE_HEADER + 5);
	expect(wire_flush(&a) == 0 && wire_pending(&a) == 0);
	expect(wire_next(&b, &got) == 0);
	expect(wire_read(&b) == 1);
	expect(wire_read(&b) == -ENOBUFS);
	expect(wire_next(&b, &got) == 1);
	expect(got.channel == 0xabcd && got.type == 3 && got.flags == 4 && got.len == 5);
	expect(memcmp(got.data, "hello", 5) == 0);
	expect(wire_next(&b, &got) == 0);
	wire_clear(&a);
	expect(wire_read(&b) == 0);
	wire_clear(&b);
}

TEST(a_frame_that_arrives_byte_by_byte_is_put_together)
{
	uint8_t bytes[] = { 2, 0, 0, 0, 1, 0, 9, 0, 'o', 'k' };
	struct wire a, b;
	struct wire_frame got;

	pair(&a, &b);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		expect(wire_next(&b, &got) == 0);
		expect(write(a.fd, bytes + i, 1) == 1);
		expect(wire_read(&b) == 1);
	}
	expect(wire_next(&b, &got) == 1 && got.type == 9 && got.len == 2);
	wire_clear(&a);
	wire_clear(&b);
}

TEST(a_length_past_the_bound_is_a_violation)
{
	uint8_t bytes[] = { 0xf9, 0xff, 0, 0, 1, 0, 9, 0 };
	struct wire a, b;
	struct wire_frame got;

	pair(&a, &b);
	expect(write(a.fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
	expect(wire_read(&b) == 1);
	expect(wire_next(&b, &got) == -EPROTO);
	expect(wire_read(&b) == -EPROTO);
	wire_clear(&a);
	wire_clear(&b);
}

TEST(many_large_frames_pass_a_peer_that_reads_now_and_then)
{
	static uint8_t payload[WIRE_PAYLOAD_MAX];
	struct wire_frame f = {
		.channel = 1, .type = 2, .len = WIRE_PAYLOAD_MAX, .data = payload
	};
	struct wire_frame got;
	struct wire a, b;
	unsigned sent = 0, received = 0;
	int r;

	pair(&a, &b);
	for (unsigned round = 0; received < 300; round++) {
		expect(round < 100000);
		if (sent < 300 && wire_pending(&a) < 3 * WIRE_FRAME_MAX) {
			memset(payload, (int)sent, sizeof(payload));
			f.len = WIRE_PAYLOAD_MAX - sent;
			expect(wire_send(&a, &f) == 0);
			sent++;
		}
		expect(wire_flush(&a) == 0);
		if (round % 3)
			continue;
		r = wire_read(&b);
		expect(r == 1 || r == -EAGAIN);
		while ((r = wire_next(&b, &got)) == 1) {
			expect(got.len == WIRE_PAYLOAD_MAX - received);
			expect(((const uint8_t *)got.data)[got.len - 1] ==
				(uint8_t)received);
			received++;
		}
		expect(r == 0);
	}
	wire_trim(&a);
	wire_trim(&b);
	expect(!a.out.data && !b.in.data);
	wire_clear(&a);
	wire_clear(&b);
}

TEST(the_queue_is_bounded_and_a_payload_too)
{
	static uint8_t payload[WIRE_FRAME_MAX];
	struct wire_frame f = { .len = WIRE_PAYLOAD_MAX + 1, .data = payload };
	struct wire a, b;
	int r;

	pair(&a, &b);
	expect(wire_send(&a, &f) == -EMSGSIZE);
	f.len = WIRE_PAYLOAD_MAX;
	while ((r = wire_send(&a, &f)) == 0)
		expect(wire_pending(&a) <= WIRE_OUT_MAX);
	expect(r == -ENOBUFS);
	wire_clear(&a);
	wire_clear(&b);
}

TEST(a_closed_peer_is_an_error_and_no_signal)
{
	struct wire_frame f = { .type = 1 };
	struct wire a, b;

	pair(&a, &b);
	wire_clear(&b);
	expect(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	expect(wire_send(&a, &f) == 0);
	expect(wire_flush(&a) == -EPIPE);
	wire_clear(&a);
}

TEST(a_pipe_carries_frames_too)
{
	struct wire_frame f = { .type = 8, .len = 2, .data = "ab" }, got;
	struct wire out, in;
	int p[2];

	expect(pipe2(p, O_CLOEXEC) == 0);
	wire_init(&in, p[0]);
	wire_init(&out, p[1]);
	expect(wire_read(&in) == -EAGAIN);
	expect(wire_send(&out, &f) == 0 && wire_flush(&out) == 0);
	expect(wire_read(&in) == 1 && wire_next(&in, &got) == 1 && got.type == 8);
	wire_clear(&in);
	wire_clear(&out);
}
