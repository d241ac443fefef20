/* SPDX-License-Identifier: Apache-2.0 */
/* One stream: bytes, credit, and its ends. */
#include "vmm/virtio/vsock-conn.h"

#include "base/err.h"
#include "base/test.h"
#include "vmm/virtio/vsock-guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

TEST(the_host_s_end_is_told_after_its_last_byte_and_the_guest_talks_on)
{
	struct guest g;
	struct vsock_packet p;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	expect(write(g.host, "last", 4) == 4 && shutdown(g.host, SHUT_WR) == 0);
	expect(guest_next(&g, &p) && p.op == VSOCK_RW && p.len == 4);
	expect_op(&g, VSOCK_SHUTDOWN, VSOCK_NO_SEND);
	guest_say(&g, "more");
	expect(guest_host_hears(&g, "more"));
	expect(guest_is_quiet(&g));
	(void)close(g.host);
	g.host = -1;
	expect_op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect(guest_is_quiet(&g));
	guest_op(&g, VSOCK_RST, 0);
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}

TEST(the_guest_s_end_is_told_after_its_last_byte_and_the_host_talks_on)
{
	struct guest g;
	struct vsock_packet p;
	char c;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	guest_say(&g, "end");
	guest_op(&g, VSOCK_SHUTDOWN, VSOCK_NO_SEND);
	expect(guest_host_hears(&g, "end") && read(g.host, &c, 1) == 0);
	expect(write(g.host, "answer", 6) == 6);
	expect(guest_next(&g, &p) && p.op == VSOCK_RW && p.len == 6);
	guest_op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect_op(&g, VSOCK_RST, 0);
	expect(send(g.host, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}

TEST(a_guest_that_receives_no_more_is_a_broken_pipe_to_the_host)
{
	struct guest g;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	guest_op(&g, VSOCK_SHUTDOWN, VSOCK_NO_RECEIVE);
	expect(send(g.host, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	guest_say(&g, "yet");
	expect(guest_host_hears(&g, "yet"));
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}

TEST(a_host_that_reads_no_more_is_told_and_its_own_bytes_arrive)
{
	struct guest g;
	struct vsock_packet p;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	expect(shutdown(g.host, SHUT_RD) == 0);
	guest_say(&g, "into nothing");
	expect_op(&g, VSOCK_SHUTDOWN, VSOCK_NO_RECEIVE);
	guest_say(&g, "as above");
	expect(write(g.host, "but", 3) == 3);
	expect(guest_next(&g, &p) && p.op == VSOCK_RW && p.len == 3);
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 11));
}

TEST(nothing_is_lost_of_a_long_transfer_to_the_guest)
{
	const size_t total = 6 << 20;
	size_t put = 0, got = 0, idle = 0;
	struct guest g;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	while (got < total) {
		uint8_t piece[30000];
		struct vsock_packet p;
		size_t n = total - put < sizeof(piece) ? total - put : sizeof(piece);
		ssize_t w = 0;

		for (size_t i = 0; i < n; i++)
			piece[i] = pattern(put + i);
		if (n)
			w = send(g.host, piece, n, MSG_DONTWAIT);
		put += w > 0 ? (size_t)w : 0;
		idle++;
		while (guest_next(&g, &p)) {
			idle = 0;
			if (p.op == VSOCK_CREDIT_REQUEST)
				continue;
			expect(p.op == VSOCK_RW);
			for (uint32_t i = 0; i < p.len; i++)
				expect(g.data[i] == pattern(got + i));
			got += p.len;
			expect((uint32_t)got - g.fwd <= ALLOC); /* within the credit */
			if ((uint32_t)got - g.fwd > ALLOC - 20000)
				break;
		}
		if (g.fwd != (uint32_t)got) {
			g.fwd = (uint32_t)got;
			guest_op(&g, VSOCK_CREDIT_UPDATE, 0);
		}
		expect(idle < 100);
	}
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}

TEST(nothing_is_lost_of_a_long_transfer_from_the_guest)
{
	const size_t total = 6 << 20;
	size_t put = 0, got = 0, turns = 0;
	struct guest g;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	while (got < total) {
		static uint8_t piece[65536];
		struct vsock_packet p;
		uint32_t room = g.peer_alloc - (g.sent - g.peer_fwd);
		size_t n = total - put < sizeof(piece) ? total - put : sizeof(piece);
		ssize_t r;

		n = n < room ? n : room;
		for (size_t i = 0; i < n; i++)
			piece[i] = pattern(put + i);
		if (n)
			guest_send(&g,
				(struct vsock_packet){
					.op = VSOCK_RW, .len = (uint32_t)n },
				piece);
		put += n;
		r = read(g.host, piece, 1 + turns * 7919 % sizeof(piece));
		for (ssize_t i = 0; i < r; i++)
			expect(piece[i] == pattern(got + (size_t)i));
		got += r > 0 ? (size_t)r : 0;
		while (guest_next(&g, &p))
			expect(p.op == VSOCK_CREDIT_UPDATE);
		expect(++turns < 100000);
	}
	guest_op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect_op(&g, VSOCK_RST, 0);
	guest_finish(&g);
}

/* Bytes of which the host takes none, up to what the guest may send. Returns how many. */
static uint32_t fill_up(struct guest *g)
{
	static const uint8_t piece[16384];
	struct vsock_packet p;

	for (;;) {
		uint32_t room = g->peer_alloc - (g->sent - g->peer_fwd);

		if (room == 0)
			return g->sent;
		guest_send(g,
			(struct vsock_packet){ .op = VSOCK_RW,
				.len = room < sizeof(piece) ? room : sizeof(piece) },
			piece);
		while (guest_next(g, &p))
			expect(p.op == VSOCK_CREDIT_UPDATE);
	}
}

static size_t drain(struct guest *g)
{
	static uint8_t piece[65536];
	size_t sum = 0;
	ssize_t n;

	for (int i = 0; i < 1000; i++) {
		n = read(g->host, piece, sizeof(piece));
		if (n == 0)
			return sum;
		sum += n > 0 ? (size_t)n : 0;
		(void)testing_poll(&g->t, 0);
	}
	return 0;
}

TEST(what_was_sent_before_the_end_still_arrives)
{
	struct guest g;
	uint32_t all;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	all = fill_up(&g);
	expect(all > VSOCK_BUFFER);
	guest_op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect(guest_is_quiet(&g)); /* not confirmed before it is out */
	expect(drain(&g) == all);
	expect_op(&g, VSOCK_RST, 0);
	guest_finish(&g);
	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	all = fill_up(&g);
	guest_op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	guest_op(&g, VSOCK_RST, 0); /* it has waited long enough */
	expect(guest_is_quiet(&g));
	expect(drain(&g) == all);
	guest_finish(&g);
}

TEST(more_than_the_credit_ends_the_connection)
{
	static const uint8_t much[VSOCK_BUFFER];
	struct guest g;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	(void)fill_up(&g);
	guest_send(&g,
		(struct vsock_packet){ .op = VSOCK_RW, .len = VSOCK_BUFFER - 4096 },
		much);
	expect_op(&g, VSOCK_RST, 0);
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}

TEST(without_credit_or_buffers_the_host_waits_and_nobody_spins)
{
	struct guest g;
	struct vsock_packet p;
	static const uint8_t much[20000];

	guest_begin(&g, 0);
	guest_op(&g, VSOCK_REQUEST, 0);
	expect(write(g.host, much, sizeof(much)) == (ssize_t)sizeof(much));
	expect(!guest_look(&g, &p));
	(void)testing_poll(&g.t, 0);
	expect(!testing_poll(&g.t, 0));
	guest_give(&g, testing_alloc(&g.t, RX_SIZE, 8));
	g.alloc = 0;
	expect_op(&g, VSOCK_RESPONSE, 0);
	g.alloc = 100;
	guest_finish(&g);

	guest_begin(&g, RX_BUFFERS);
	g.alloc = 100;
	guest_connect(&g);
	expect(write(g.host, much, sizeof(much)) == (ssize_t)sizeof(much));
	expect(guest_next(&g, &p) && p.op == VSOCK_RW && p.len == 100);
	expect_op(&g, VSOCK_CREDIT_REQUEST, 0);
	expect(guest_is_quiet(&g));
	guest_op(&g, VSOCK_CREDIT_UPDATE, 0); /* nothing new */
	expect(guest_is_quiet(&g));
	g.fwd = 60;
	guest_op(&g, VSOCK_CREDIT_UPDATE, 0);
	expect(guest_next(&g, &p) && p.op == VSOCK_RW && p.len == 60);
	(void)close(g.host); /* even of one that is gone */
	g.host = -1;
	(void)guest_next(&g, &p);
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}
