/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock.h"

#include "base/err.h"
#include "base/test.h"
#include "vmm/virtio/testing.h"
#include "vmm/virtio/vsock-conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RX_BUFFERS 32U
#define RX_SIZE    4096U
#define ALLOC      65536U /* the guest's buffer for a stream */
#define PORT       1024U
#define SRC        5000U

/* A guest with one stream to keep account of. */
struct guest {
	struct testing t;
	int host; /* the far end of the stream */
	uint64_t rx_at[TESTING_SIZE], tx_at;
	uint32_t alloc, fwd;
	uint32_t peer_alloc, peer_fwd, sent;
	uint8_t data[RX_SIZE];
};

static void give(struct guest *g, uint64_t at)
{
	struct testing_seg seg = { at, RX_SIZE, true };

	g->rx_at[testing_add(&g->t, VSOCK_RX, &seg, 1)] = at;
}

static void live(struct guest *g, unsigned buffers)
{
	expect(testing_start(&g->t, VQ_F_EVENT_IDX | VQ_F_INDIRECT));
	g->tx_at = testing_alloc(&g->t, 1 << 18, 8);
	for (unsigned i = 0; i < buffers; i++)
		give(g, testing_alloc(&g->t, RX_SIZE, 8));
}

static void begin(struct guest *g, unsigned buffers)
{
	int pair[2];
	struct vsock_listener l = { .port = PORT };
	const struct vsock_options o = { .listeners = &l, .n_listeners = 1 };
	struct err e = { 0 };

	*g = (struct guest){ .alloc = ALLOC };
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	expect(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
	g->host = pair[0];
	l.fd = pair[1];
	testing_begin(&g->t, vsock_new(&o, &e), 1 << 20);
	live(g, buffers);
}

static void finish(struct guest *g)
{
	if (g->host >= 0)
		(void)close(g->host);
	testing_end(&g->t);
}

static void offer_from(struct guest *g, struct vsock_packet p, const void *data)
{
	struct testing_seg seg[2] = { { g->tx_at, VSOCK_HEADER, false },
		{ g->tx_at + VSOCK_HEADER, p.len, false } };

	p.src_cid = p.src_cid ? p.src_cid : 3;
	p.dst_cid = 2;
	p.src_port = p.src_port ? p.src_port : SRC;
	p.dst_port = p.dst_port ? p.dst_port : PORT;
	p.type = p.type ? p.type : VSOCK_STREAM;
	p.buf_alloc = g->alloc;
	p.fwd_cnt = g->fwd;
	vsock_packet_put(&p, testing_at(&g->t, g->tx_at, VSOCK_HEADER));
	if (p.len)
		memcpy(testing_at(&g->t, g->tx_at + VSOCK_HEADER, p.len), data, p.len);
	(void)testing_add(&g->t, VSOCK_TX, seg, p.len ? 2 : 1);
}

static void send_from(struct guest *g, struct vsock_packet p, const void *data)
{
	uint16_t head;
	uint32_t written;

	offer_from(g, p, data);
	testing_kick(&g->t, VSOCK_TX);
	expect(testing_used(&g->t, VSOCK_TX, &head, &written) && written == 0);
	g->sent += p.op == VSOCK_RW ? p.len : 0;
}

static void op(struct guest *g, enum vsock_op what, uint32_t flags)
{
	send_from(g, (struct vsock_packet){ .op = (uint16_t)what, .flags = flags }, NULL);
}

/* What the guest finds in its buffers. */
static bool look(struct guest *g, struct vsock_packet *p)
{
	uint16_t head;
	uint32_t n;
	const uint8_t *at;

	if (!testing_used(&g->t, VSOCK_RX, &head, &n))
		return false;
	at = testing_at(&g->t, g->rx_at[head], RX_SIZE);
	vsock_packet_get(p, at);
	expect(n == VSOCK_HEADER + p->len && p->src_cid == 2 && p->dst_cid == 3);
	memcpy(g->data, at + VSOCK_HEADER, p->len);
	give(g, g->rx_at[head]);
	g->peer_alloc = p->buf_alloc;
	g->peer_fwd = p->fwd_cnt;
	return true;
}

/* The next packet, after the main thread's turn where it takes one. */
static bool next(struct guest *g, struct vsock_packet *p)
{
	for (int i = 0; i < 4; i++) {
		if (look(g, p))
			return true;
		testing_kick(&g->t, VSOCK_RX);
		if (look(g, p))
			return true;
		(void)testing_poll(&g->t, 0);
	}
	return look(g, p);
}

static bool is_quiet(struct guest *g)
{
	struct vsock_packet p;

	return !next(g, &p) && !testing_poll(&g->t, 0);
}

#define expect_op(g, what, flags_)                                               \
	do {                                                                     \
		struct vsock_packet p_;                                          \
		expect(next(g, &p_) && p_.op == (what) && p_.flags == (flags_)); \
	} while (0)

static void connect_guest(struct guest *g)
{
	op(g, VSOCK_REQUEST, 0);
	expect_op(g, VSOCK_RESPONSE, 0);
}

static void say(struct guest *g, const char *text)
{
	send_from(g,
		(struct vsock_packet){ .op = VSOCK_RW, .len = (uint32_t)strlen(text) },
		text);
}

static bool host_hears(struct guest *g, const char *text)
{
	char got[64] = "";
	ssize_t n = read(g->host, got, sizeof(got) - 1);

	return n == (ssize_t)strlen(text) && !strcmp(got, text);
}

TEST(a_guest_connects_to_the_inherited_stream_and_both_sides_talk)
{
	struct vsock_packet p;
	struct guest g;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	say(&g, "hello");
	expect(host_hears(&g, "hello"));
	expect(write(g.host, "hi there", 8) == 8);
	expect(next(&g, &p) && p.op == VSOCK_RW && p.len == 8);
	expect(!memcmp(g.data, "hi there", 8));
	expect(p.src_port == PORT && p.dst_port == SRC && p.fwd_cnt == 5);
	expect(is_quiet(&g));
	finish(&g);
}

TEST(the_stream_takes_one_connection_and_other_ports_none)
{
	struct vsock_packet p;
	struct guest g;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	send_from(
		&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 6000 }, NULL);
	expect(next(&g, &p) && p.op == VSOCK_RST && p.dst_port == 6000);
	send_from(&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .dst_port = 22 }, NULL);
	expect(next(&g, &p) && p.op == VSOCK_RST && p.src_port == 22);
	send_from(&g,
		(struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 1, .type = 2 },
		NULL);
	expect(next(&g, &p) && p.op == VSOCK_RST);
	/* under a false name: not even an answer */
	send_from(&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_cid = 9 }, NULL);
	expect(is_quiet(&g));
	say(&g, "still");
	expect(host_hears(&g, "still"));
	finish(&g);
}

TEST(the_host_s_end_is_told_after_its_last_byte_and_the_guest_talks_on)
{
	struct guest g;
	struct vsock_packet p;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	expect(write(g.host, "last", 4) == 4 && shutdown(g.host, SHUT_WR) == 0);
	expect(next(&g, &p) && p.op == VSOCK_RW && p.len == 4);
	expect_op(&g, VSOCK_SHUTDOWN, VSOCK_NO_SEND);
	say(&g, "more");
	expect(host_hears(&g, "more"));
	expect(is_quiet(&g));
	(void)close(g.host);
	g.host = -1;
	expect_op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect(is_quiet(&g));
	op(&g, VSOCK_RST, 0);
	expect(is_quiet(&g));
	finish(&g);
}

TEST(the_guest_s_end_is_told_after_its_last_byte_and_the_host_talks_on)
{
	struct guest g;
	struct vsock_packet p;
	char c;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	say(&g, "end");
	op(&g, VSOCK_SHUTDOWN, VSOCK_NO_SEND);
	expect(host_hears(&g, "end") && read(g.host, &c, 1) == 0);
	expect(write(g.host, "answer", 6) == 6);
	expect(next(&g, &p) && p.op == VSOCK_RW && p.len == 6);
	op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect_op(&g, VSOCK_RST, 0);
	expect(send(g.host, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	expect(is_quiet(&g));
	finish(&g);
}

TEST(a_guest_that_receives_no_more_is_a_broken_pipe_to_the_host)
{
	struct guest g;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	op(&g, VSOCK_SHUTDOWN, VSOCK_NO_RECEIVE);
	expect(send(g.host, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	say(&g, "yet");
	expect(host_hears(&g, "yet"));
	expect(is_quiet(&g));
	finish(&g);
}

TEST(a_host_that_reads_no_more_is_told_and_its_own_bytes_arrive)
{
	struct guest g;
	struct vsock_packet p;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	expect(shutdown(g.host, SHUT_RD) == 0);
	say(&g, "into nothing");
	expect_op(&g, VSOCK_SHUTDOWN, VSOCK_NO_RECEIVE);
	say(&g, "as above");
	expect(write(g.host, "but", 3) == 3);
	expect(next(&g, &p) && p.op == VSOCK_RW && p.len == 3);
	expect(is_quiet(&g));
	finish(&g);
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

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
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
		while (next(&g, &p)) {
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
			op(&g, VSOCK_CREDIT_UPDATE, 0);
		}
		expect(idle < 100);
	}
	expect(is_quiet(&g));
	finish(&g);
}

TEST(nothing_is_lost_of_a_long_transfer_from_the_guest)
{
	const size_t total = 6 << 20;
	size_t put = 0, got = 0, turns = 0;
	struct guest g;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
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
			send_from(&g,
				(struct vsock_packet){
					.op = VSOCK_RW, .len = (uint32_t)n },
				piece);
		put += n;
		r = read(g.host, piece, 1 + turns * 7919 % sizeof(piece));
		for (ssize_t i = 0; i < r; i++)
			expect(piece[i] == pattern(got + (size_t)i));
		got += r > 0 ? (size_t)r : 0;
		while (next(&g, &p))
			expect(p.op == VSOCK_CREDIT_UPDATE);
		expect(++turns < 100000);
	}
	op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect_op(&g, VSOCK_RST, 0);
	finish(&g);
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
		send_from(g,
			(struct vsock_packet){ .op = VSOCK_RW,
				.len = room < sizeof(piece) ? room : sizeof(piece) },
			piece);
		while (next(g, &p))
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

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	all = fill_up(&g);
	expect(all > VSOCK_BUFFER);
	op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	expect(is_quiet(&g)); /* not confirmed before it is out */
	expect(drain(&g) == all);
	expect_op(&g, VSOCK_RST, 0);
	finish(&g);
	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	all = fill_up(&g);
	op(&g, VSOCK_SHUTDOWN, VSOCK_NEITHER);
	op(&g, VSOCK_RST, 0); /* it has waited long enough */
	expect(is_quiet(&g));
	expect(drain(&g) == all);
	finish(&g);
}

TEST(more_than_the_credit_ends_the_connection)
{
	static const uint8_t much[VSOCK_BUFFER];
	struct guest g;

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	(void)fill_up(&g);
	send_from(&g, (struct vsock_packet){ .op = VSOCK_RW, .len = VSOCK_BUFFER - 4096 },
		much);
	expect_op(&g, VSOCK_RST, 0);
	expect(is_quiet(&g));
	finish(&g);
}

TEST(without_credit_or_buffers_the_host_waits_and_nobody_spins)
{
	struct guest g;
	struct vsock_packet p;
	static const uint8_t much[20000];

	begin(&g, 0);
	op(&g, VSOCK_REQUEST, 0);
	expect(write(g.host, much, sizeof(much)) == (ssize_t)sizeof(much));
	expect(!look(&g, &p));
	(void)testing_poll(&g.t, 0);
	expect(!testing_poll(&g.t, 0));
	give(&g, testing_alloc(&g.t, RX_SIZE, 8));
	g.alloc = 0;
	expect_op(&g, VSOCK_RESPONSE, 0);
	g.alloc = 100;
	finish(&g);

	begin(&g, RX_BUFFERS);
	g.alloc = 100;
	connect_guest(&g);
	expect(write(g.host, much, sizeof(much)) == (ssize_t)sizeof(much));
	expect(next(&g, &p) && p.op == VSOCK_RW && p.len == 100);
	expect_op(&g, VSOCK_CREDIT_REQUEST, 0);
	expect(is_quiet(&g));
	op(&g, VSOCK_CREDIT_UPDATE, 0); /* nothing new */
	expect(is_quiet(&g));
	g.fwd = 60;
	op(&g, VSOCK_CREDIT_UPDATE, 0);
	expect(next(&g, &p) && p.op == VSOCK_RW && p.len == 60);
	(void)close(g.host); /* even of one that is gone */
	g.host = -1;
	(void)next(&g, &p);
	expect(is_quiet(&g));
	finish(&g);
}

TEST(the_host_connects_to_the_guest)
{
	struct vsock_packet p;
	struct guest g;
	int pair[2], other[2];
	char got[8];

	begin(&g, RX_BUFFERS);
	expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	expect(socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
	expect(write(pair[0], "early", 5) == 5);
	expect(vsock_dial(g.t.device, 80, pair[1]) == 0);
	expect(next(&g, &p) && p.op == VSOCK_REQUEST && p.dst_port == 80);
	expect(is_quiet(&g));
	send_from(&g,
		(struct vsock_packet){
			.op = VSOCK_RESPONSE, .src_port = 80, .dst_port = p.src_port },
		NULL);
	expect(next(&g, &p) && p.op == VSOCK_RW && !memcmp(g.data, "early", 5));
	send_from(&g,
		(struct vsock_packet){ .op = VSOCK_RW,
			.src_port = 80,
			.dst_port = p.src_port,
			.len = 2 },
		"ok");
	expect(read(pair[0], got, sizeof(got)) == 2);
	expect(vsock_dial(g.t.device, 81, other[1]) == 0);
	expect(next(&g, &p) && p.op == VSOCK_REQUEST && p.dst_port == 81);
	send_from(&g,
		(struct vsock_packet){
			.op = VSOCK_RST, .src_port = 81, .dst_port = p.src_port },
		NULL);
	expect(read(other[0], got, 1) == 0); /* refused */
	testing_reset(&g.t);
	expect(read(pair[0], got, 1) == 0);
	expect(socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
	expect(vsock_dial(g.t.device, 81, other[1]) == -ENOTCONN);
	finish(&g);
}

TEST(a_port_takes_one_stream_and_the_table_so_many)
{
	struct vsock_packet p;
	struct guest g;
	int pair[2];

	begin(&g, RX_BUFFERS);
	send_from(&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 1 }, NULL);
	expect(next(&g, &p) && p.op == VSOCK_RESPONSE);
	send_from(&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 2 }, NULL);
	expect(next(&g, &p) && p.op == VSOCK_RST && p.dst_port == 2);
	for (unsigned i = 1; i <= VSOCK_CONNECTIONS_MAX; i++) {
		bool room = i < VSOCK_CONNECTIONS_MAX;

		expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		expect(vsock_dial(g.t.device, i, pair[1]) == (room ? 0 : -EMFILE));
		if (room)
			expect(next(&g, &p) && p.op == VSOCK_REQUEST && p.dst_port == i);
		(void)close(pair[0]);
	}
	finish(&g);
}

struct of_a_cpu {
	struct guest *guest;
	struct vsock_packet packet;
	bool reset;
};

/* What a vCPU's thread does by itself; the harness's main thread has yet to do its part. */
static void *on_a_cpu(void *data)
{
	struct of_a_cpu *c = data;
	struct testing *t = &c->guest->t;

	virtio_leave_main();
	if (c->reset) {
		(void)pthread_mutex_lock(&t->device->lock);
		virtio_set_status(t->device, 0);
		(void)pthread_mutex_unlock(&t->device->lock);
	} else {
		offer_from(c->guest, c->packet, NULL);
		virtio_kick(t->device, VSOCK_TX);
	}
	return NULL;
}

static void run_on_a_cpu(struct of_a_cpu *c)
{
	pthread_t thread;

	expect(pthread_create(&thread, NULL, on_a_cpu, c) == 0);
	expect(pthread_join(thread, NULL) == 0);
}

TEST(a_cpu_leaves_the_end_of_a_stream_to_the_main_thread)
{
	struct guest g;
	struct vsock_packet p;
	struct of_a_cpu c = { .guest = &g,
		.packet = { .op = VSOCK_SHUTDOWN, .flags = VSOCK_NO_SEND } };
	char got[4];

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	run_on_a_cpu(&c);
	expect(g.t.later == 1U << VIRTIO_TIDY);
	expect(recv(g.host, got, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	testing_do_later(&g.t);
	expect(recv(g.host, got, 1, MSG_DONTWAIT) == 0);
	/* a socket that goes while its CPU can't close it: nobody else gets its place */
	c.packet = (struct vsock_packet){ .op = VSOCK_RST };
	run_on_a_cpu(&c);
	expect(g.t.later == 1U << VIRTIO_TIDY);
	expect(send(g.host, "x", 1, MSG_NOSIGNAL) == 1);
	testing_do_later(&g.t);
	expect(send(g.host, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	expect(!next(&g, &p));
	finish(&g);
}

TEST(a_reset_by_a_cpu_closes_in_the_main_thread)
{
	struct guest g;
	struct of_a_cpu c = { .guest = &g, .reset = true };
	char got[4];

	begin(&g, RX_BUFFERS);
	connect_guest(&g);
	run_on_a_cpu(&c);
	expect(recv(g.host, got, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	testing_do_later(&g.t);
	expect(recv(g.host, got, 1, MSG_DONTWAIT) == 0);
	finish(&g);
}

TEST(refusals_wait_for_buffers_and_none_is_forgotten)
{
	struct guest g;
	struct vsock_packet p;
	unsigned refused = 0, sent = 0, taken = 0;
	uint16_t head;
	uint32_t n;

	begin(&g, 0);
	for (; sent < 50; sent++) {
		struct testing_seg seg = { g.tx_at + sent * VSOCK_HEADER, VSOCK_HEADER,
			false };

		vsock_packet_put(&(struct vsock_packet){ .src_cid = 3,
					 .dst_cid = 2,
					 .src_port = sent,
					 .dst_port = 7,
					 .op = VSOCK_REQUEST,
					 .type = VSOCK_STREAM },
			testing_at(&g.t, seg.at, VSOCK_HEADER));
		(void)testing_add(&g.t, VSOCK_TX, &seg, 1);
	}
	testing_kick(&g.t, VSOCK_TX);
	while (testing_used(&g.t, VSOCK_TX, &head, &n))
		taken++;
	for (; sent < 100; sent++) {
		struct testing_seg seg = { g.tx_at + sent * VSOCK_HEADER, VSOCK_HEADER,
			false };

		vsock_packet_put(&(struct vsock_packet){ .src_cid = 3,
					 .dst_cid = 2,
					 .src_port = sent,
					 .dst_port = 7,
					 .op = VSOCK_REQUEST,
					 .type = VSOCK_STREAM },
			testing_at(&g.t, seg.at, VSOCK_HEADER));
		(void)testing_add(&g.t, VSOCK_TX, &seg, 1);
	}
	testing_kick(&g.t, VSOCK_TX);
	while (testing_used(&g.t, VSOCK_TX, &head, &n))
		taken++;
	expect(taken == 64);
	for (int i = 0; i < 4; i++)
		give(&g, testing_alloc(&g.t, RX_SIZE, 8));
	while (next(&g, &p)) {
		expect(p.op == VSOCK_RST);
		refused++;
	}
	expect(refused == 100);
	finish(&g);
}

TEST(a_restored_guest_is_told_of_the_reset_and_connects_again)
{
	int pair[2];
	struct vsock_listener l = { .port = PORT };
	const struct vsock_options o = { .listeners = &l, .n_listeners = 1 };
	struct err e = { 0 };
	struct guest g;
	struct testing_seg seg;
	uint16_t head;
	uint32_t n;
	char c;

	begin(&g, RX_BUFFERS);
	seg = (struct testing_seg){ testing_alloc(&g.t, 8, 8), 8, true };
	(void)testing_add(&g.t, VSOCK_EVENT, &seg, 1);
	connect_guest(&g);
	expect(!testing_used(&g.t, VSOCK_EVENT, &head, &n));
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	l.fd = pair[1];
	expect(testing_move(&g.t, vsock_new(&o, &e)) == 0);
	testing_kick(&g.t, VSOCK_EVENT);
	expect(testing_used(&g.t, VSOCK_EVENT, &head, &n) && n == 4);
	expect(read(g.host, &c, 1) == 0);
	(void)close(g.host);
	g.host = pair[0];
	say(&g, "to the old one");
	expect_op(&g, VSOCK_RST, 0);
	connect_guest(&g);
	say(&g, "again");
	expect(host_hears(&g, "again"));
	finish(&g);
}

TEST(a_packet_that_is_none_breaks_the_device_and_a_reset_mends_it)
{
	struct guest g;
	struct testing_seg seg;

	begin(&g, RX_BUFFERS);
	seg = (struct testing_seg){ g.tx_at, VSOCK_HEADER - 1, false };
	(void)testing_add(&g.t, VSOCK_TX, &seg, 1);
	testing_kick(&g.t, VSOCK_TX);
	expect(g.t.device->broken && g.t.config_interrupts == 1);
	live(&g, RX_BUFFERS);
	connect_guest(&g);
	finish(&g);
}
