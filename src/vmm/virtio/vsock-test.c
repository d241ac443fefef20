/* SPDX-License-Identifier: Apache-2.0 */
/* The device: who is connected to whom, and its life. */
#include "vmm/virtio/vsock.h"

#include "base/err.h"
#include "base/test.h"
#include "vmm/virtio/vsock-guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

TEST(a_guest_connects_to_the_inherited_stream_and_both_sides_talk)
{
	struct vsock_packet p;
	struct guest g;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	guest_say(&g, "hello");
	expect(guest_host_hears(&g, "hello"));
	expect(write(g.host, "hi there", 8) == 8);
	expect(guest_next(&g, &p) && p.op == VSOCK_RW && p.len == 8);
	expect(!memcmp(g.data, "hi there", 8));
	expect(p.src_port == PORT && p.dst_port == SRC && p.fwd_cnt == 5);
	expect(guest_is_quiet(&g));
	guest_finish(&g);
}

TEST(the_stream_takes_one_connection_and_other_ports_none)
{
	struct vsock_packet p;
	struct guest g;

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	guest_send(
		&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 6000 }, NULL);
	expect(guest_next(&g, &p) && p.op == VSOCK_RST && p.dst_port == 6000);
	guest_send(
		&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .dst_port = 22 }, NULL);
	expect(guest_next(&g, &p) && p.op == VSOCK_RST && p.src_port == 22);
	guest_send(&g,
		(struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 1, .type = 2 },
		NULL);
	expect(guest_next(&g, &p) && p.op == VSOCK_RST);
	/* under a false name: not even an answer */
	guest_send(&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_cid = 9 }, NULL);
	expect(guest_is_quiet(&g));
	guest_say(&g, "still");
	expect(guest_host_hears(&g, "still"));
	guest_finish(&g);
}

TEST(the_host_connects_to_the_guest)
{
	struct vsock_packet p;
	struct guest g;
	int pair[2], other[2];
	char got[8];

	guest_begin(&g, RX_BUFFERS);
	expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	expect(socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
	expect(write(pair[0], "early", 5) == 5);
	expect(vsock_dial(g.t.device, 80, pair[1]) == 0);
	expect(guest_next(&g, &p) && p.op == VSOCK_REQUEST && p.dst_port == 80);
	expect(guest_is_quiet(&g));
	guest_send(&g,
		(struct vsock_packet){
			.op = VSOCK_RESPONSE, .src_port = 80, .dst_port = p.src_port },
		NULL);
	expect(guest_next(&g, &p) && p.op == VSOCK_RW && !memcmp(g.data, "early", 5));
	guest_send(&g,
		(struct vsock_packet){ .op = VSOCK_RW,
			.src_port = 80,
			.dst_port = p.src_port,
			.len = 2 },
		"ok");
	expect(read(pair[0], got, sizeof(got)) == 2);
	expect(vsock_dial(g.t.device, 81, other[1]) == 0);
	expect(guest_next(&g, &p) && p.op == VSOCK_REQUEST && p.dst_port == 81);
	guest_send(&g,
		(struct vsock_packet){
			.op = VSOCK_RST, .src_port = 81, .dst_port = p.src_port },
		NULL);
	expect(read(other[0], got, 1) == 0); /* refused */
	testing_reset(&g.t);
	expect(read(pair[0], got, 1) == 0);
	expect(socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
	expect(vsock_dial(g.t.device, 81, other[1]) == -ENOTCONN);
	guest_finish(&g);
}

TEST(a_port_takes_one_stream_and_the_table_so_many)
{
	struct vsock_packet p;
	struct guest g;
	int pair[2];

	guest_begin(&g, RX_BUFFERS);
	guest_send(&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 1 }, NULL);
	expect(guest_next(&g, &p) && p.op == VSOCK_RESPONSE);
	guest_send(&g, (struct vsock_packet){ .op = VSOCK_REQUEST, .src_port = 2 }, NULL);
	expect(guest_next(&g, &p) && p.op == VSOCK_RST && p.dst_port == 2);
	for (unsigned i = 1; i <= VSOCK_CONNECTIONS_MAX; i++) {
		bool room = i < VSOCK_CONNECTIONS_MAX;

		expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		expect(vsock_dial(g.t.device, i, pair[1]) == (room ? 0 : -EMFILE));
		if (room)
			expect(guest_next(&g, &p) && p.op == VSOCK_REQUEST &&
				p.dst_port == i);
		(void)close(pair[0]);
	}
	guest_finish(&g);
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
		guest_offer(c->guest, c->packet, NULL);
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

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
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
	expect(!guest_next(&g, &p));
	guest_finish(&g);
}

TEST(a_reset_by_a_cpu_closes_in_the_main_thread)
{
	struct guest g;
	struct of_a_cpu c = { .guest = &g, .reset = true };
	char got[4];

	guest_begin(&g, RX_BUFFERS);
	guest_connect(&g);
	run_on_a_cpu(&c);
	expect(recv(g.host, got, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	testing_do_later(&g.t);
	expect(recv(g.host, got, 1, MSG_DONTWAIT) == 0);
	guest_finish(&g);
}

TEST(refusals_wait_for_buffers_and_none_is_forgotten)
{
	struct guest g;
	struct vsock_packet p;
	unsigned refused = 0, sent = 0, taken = 0;
	uint16_t head;
	uint32_t n;

	guest_begin(&g, 0);
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
		guest_give(&g, testing_alloc(&g.t, RX_SIZE, 8));
	while (guest_next(&g, &p)) {
		expect(p.op == VSOCK_RST);
		refused++;
	}
	expect(refused == 100);
	guest_finish(&g);
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

	guest_begin(&g, RX_BUFFERS);
	seg = (struct testing_seg){ testing_alloc(&g.t, 8, 8), 8, true };
	(void)testing_add(&g.t, VSOCK_EVENT, &seg, 1);
	guest_connect(&g);
	expect(!testing_used(&g.t, VSOCK_EVENT, &head, &n));
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	l.fd = pair[1];
	expect(testing_move(&g.t, vsock_new(&o, &e)) == 0);
	testing_kick(&g.t, VSOCK_EVENT);
	expect(testing_used(&g.t, VSOCK_EVENT, &head, &n) && n == 4);
	expect(read(g.host, &c, 1) == 0);
	(void)close(g.host);
	g.host = pair[0];
	guest_say(&g, "to the old one");
	expect_op(&g, VSOCK_RST, 0);
	guest_connect(&g);
	guest_say(&g, "again");
	expect(guest_host_hears(&g, "again"));
	guest_finish(&g);
}

TEST(a_packet_that_is_none_breaks_the_device_and_a_reset_mends_it)
{
	struct guest g;
	struct testing_seg seg;

	guest_begin(&g, RX_BUFFERS);
	seg = (struct testing_seg){ g.tx_at, VSOCK_HEADER - 1, false };
	(void)testing_add(&g.t, VSOCK_TX, &seg, 1);
	testing_kick(&g.t, VSOCK_TX);
	expect(g.t.device->broken && g.t.config_interrupts == 1);
	guest_live(&g, RX_BUFFERS);
	guest_connect(&g);
	guest_finish(&g);
}
