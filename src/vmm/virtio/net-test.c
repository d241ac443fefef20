/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/net.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "vmm/virtio/testing.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ALL  (~0ULL)
#define SIZE 1536U

struct guest {
	struct testing t;
	int host; /* the other end of the wire: one datagram a frame, with its header */
	uint64_t at[TESTING_SIZE];
	uint64_t tx;
	uint8_t frame[70000];
	struct virtio_net_hdr_mrg_rxbuf h;
	unsigned n; /* buffers of the frame that was received last */
};

static struct virtio_device *make(int fd, const struct net_options *limits)
{
	struct net_options o = limits ? *limits : (struct net_options){ 0 };
	struct err e = { 0 };

	o.fd = fd;
	o.mtu = 1400;
	memcpy(o.mac, "\2\1\2\3\4\5", 6);
	return net_new(&o, &e);
}

static void begin(struct guest *g, uint64_t features, const struct net_options *limits)
{
	int pair[2], size = 1 << 20;

	*g = (struct guest){ 0 };
	expect(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) ==
		0);
	expect(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	g->host = pair[0];
	testing_begin(&g->t, make(pair[1], limits), 2 << 20);
	expect(testing_start(&g->t, features));
	g->tx = testing_alloc(&g->t, 1 << 17, 8);
}

static void finish(struct guest *g)
{
	(void)close(g->host);
	testing_end(&g->t);
}

static void give(struct guest *g, unsigned n, uint32_t size)
{
	while (n--) {
		uint64_t at = testing_alloc(&g->t, size, 8);
		struct testing_seg seg = { at, size, true };

		g->at[testing_add(&g->t, NET_RX, &seg, 1)] = at;
	}
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 17 + (i >> 9));
}

static bool wire_in(struct guest *g, size_t len, struct virtio_net_hdr h)
{
	static uint8_t raw[70000];

	memcpy(raw, &h, 10);
	for (size_t i = 0; i < len; i++)
		raw[10 + i] = pattern(i);
	return send(g->host, raw, 10 + len, 0) == (ssize_t)(10 + len);
}

/* The length of the next frame in the guest's buffers, 0 for none. */
static size_t receive(struct guest *g)
{
	uint16_t head;
	uint32_t n;
	size_t len = 0;

	if (!testing_used(&g->t, NET_RX, &head, &n))
		return 0;
	memcpy(&g->h, testing_at(&g->t, g->at[head], 12), 12);
	memcpy(g->frame, testing_at(&g->t, g->at[head] + 12, n - 12), n - 12);
	len = n - 12;
	for (g->n = 1; g->n < g->h.num_buffers; g->n++) {
		expect(testing_used(&g->t, NET_RX, &head, &n));
		memcpy(g->frame + len, testing_at(&g->t, g->at[head], n), n);
		len += n;
	}
	for (size_t i = 0; i < len; i++)
		expect(g->frame[i] == pattern(i));
	return len;
}

static void add_tx(struct guest *g, struct virtio_net_hdr h, size_t len)
{
	struct testing_seg seg[2] = { { g->tx, 12, false },
		{ g->tx + 12, (uint32_t)len, false } };
	uint8_t *at = testing_at(&g->t, g->tx, 12 + len);

	memset(at, 0, 12);
	memcpy(at, &h, 10);
	for (size_t i = 0; i < len; i++)
		at[12 + i] = pattern(i);
	(void)testing_add(&g->t, NET_TX, seg, 2);
}

/* Send a frame; what comes out at the other end, header and all, or 0. */
static size_t through(struct guest *g, struct virtio_net_hdr h, size_t len)
{
	uint16_t head;
	uint32_t n;
	ssize_t r;

	add_tx(g, h, len);
	testing_kick(&g->t, NET_TX);
	expect(testing_used(&g->t, NET_TX, &head, &n) && n == 0);
	r = recv(g->host, g->frame, sizeof(g->frame), 0);
	return r > 0 ? (size_t)r : 0;
}

TEST(a_frame_goes_out_as_it_is)
{
	struct guest g;

	begin(&g, ALL, NULL);
	expect(through(&g, (struct virtio_net_hdr){ 0 }, 60) == 70);
	for (size_t i = 0; i < 60; i++)
		expect(g.frame[10 + i] == pattern(i));
	expect(through(&g, (struct virtio_net_hdr){ 0 }, 13) == 0); /* no frame at all */
	finish(&g);
}

TEST(good_headers_pass_and_wild_ones_are_dropped)
{
	const struct virtio_net_hdr tso = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 66,
		.gso_size = 1448,
		.csum_start = 34,
		.csum_offset = 16 };
	struct virtio_net_hdr h = tso;
	struct net_stats s;
	struct guest g;

	begin(&g, ALL, NULL);
	expect(through(&g, tso, 65549) == 65559);
	expect(!memcmp(g.frame, &tso, 10));
	h.csum_start = 65000;
	expect(through(&g, h, 1000) == 0);
	h = tso;
	h.csum_offset = 0xffff;
	expect(through(&g, h, 1000) == 0);
	h = tso;
	h.gso_size = 0;
	expect(through(&g, h, 1000) == 0);
	h = tso;
	h.flags = 0;
	expect(through(&g, h, 1000) == 0);
	h = tso;
	h.gso_type = VIRTIO_NET_HDR_GSO_UDP; /* never offered */
	expect(through(&g, h, 1000) == 0);
	h = tso;
	h.hdr_len = 1001;
	expect(through(&g, h, 1000) == 0);
	h = (struct virtio_net_hdr){ .flags = 0x80, .csum_start = 7, .hdr_len = 9 };
	expect(through(&g, h, 60) == 70); /* without meaning: not passed on */
	expect(!memcmp(g.frame, (uint8_t[10]){ 0 }, 10));
	net_stats(g.t.device, &s);
	expect(s.tx_frames == 2 && s.tx_dropped == 6);
	finish(&g);
	begin(&g, 0, NULL);
	expect(through(&g, tso, 65549) == 0); /* not agreed on */
	finish(&g);
}

TEST(frames_come_in_as_many_buffers_as_they_need)
{
	const size_t sizes[] = { 60, SIZE - 12, SIZE - 11, 4000, 65550 };
	struct guest g;

	begin(&g, ALL, NULL);
	for (unsigned i = 0; i < 5; i++) {
		give(&g, i == 4 ? 44 : 5, SIZE);
		expect(wire_in(&g, sizes[i], (struct virtio_net_hdr){ 0 }));
		expect(testing_poll(&g.t, 1000));
		expect(receive(&g) == sizes[i]);
		expect(g.n == (sizes[i] + 12 + SIZE - 1) / SIZE);
		expect(receive(&g) == 0);
	}
	finish(&g);
}

TEST(many_frames_come_in_one_turn)
{
	struct guest g;

	begin(&g, ALL, NULL);
	give(&g, 60, SIZE);
	for (size_t i = 0; i < 8; i++)
		expect(wire_in(&g, 100 + i, (struct virtio_net_hdr){ 0 }));
	expect(testing_poll(&g.t, 1000));
	for (size_t i = 0; i < 8; i++)
		expect(receive(&g) == 100 + i);
	expect(!testing_poll(&g.t, 0));
	finish(&g);
}

TEST(without_buffers_frames_wait_and_nobody_spins)
{
	struct guest g;

	begin(&g, ALL, NULL);
	expect(wire_in(&g, 5000, (struct virtio_net_hdr){ 0 }));
	expect(testing_poll(&g.t, 1000));
	expect(!testing_poll(&g.t, 0) && receive(&g) == 0);
	give(&g, 2, SIZE); /* not enough yet */
	testing_kick(&g.t, NET_RX);
	expect(!testing_poll(&g.t, 0) && receive(&g) == 0);
	give(&g, 2, SIZE);
	testing_kick(&g.t, NET_RX);
	expect(receive(&g) == 5000);
	finish(&g);
}

TEST(a_guest_without_mergeable_buffers_gets_what_one_holds)
{
	struct net_stats s;
	struct guest g;

	begin(&g, ~(1ULL << VIRTIO_NET_F_MRG_RXBUF), NULL);
	give(&g, 4, SIZE);
	expect(wire_in(&g, 1514, (struct virtio_net_hdr){ 0 }));
	expect(wire_in(&g, 1600, (struct virtio_net_hdr){ 0 }));
	expect(wire_in(&g, 60, (struct virtio_net_hdr){ 0 }));
	expect(testing_poll(&g.t, 1000));
	expect(receive(&g) == 1514 && g.h.num_buffers == 1);
	expect(receive(&g) == 60);
	net_stats(g.t.device, &s);
	expect(s.rx_dropped == 1);
	finish(&g);
}

TEST(a_guest_gets_no_work_that_it_did_not_agree_to)
{
	const struct virtio_net_hdr sum = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16
	};
	struct virtio_net_hdr tso = sum;
	struct guest g;

	tso.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	tso.gso_size = 1400;
	begin(&g, 0, NULL);
	give(&g, 8, SIZE);
	expect(wire_in(&g, 100, sum));
	expect(wire_in(&g, 100, tso));
	expect(testing_poll(&g.t, 1000) && receive(&g) == 0);
	finish(&g);
	begin(&g, ALL, NULL);
	give(&g, 8, SIZE);
	expect(wire_in(&g, 100, tso));
	expect(testing_poll(&g.t, 1000) && receive(&g) == 100);
	expect(!memcmp(&g.h, &tso, 10));
	finish(&g);
}

TEST(a_full_descriptor_holds_frames_up_and_none_is_lost)
{
	struct guest g;
	uint16_t head;
	uint32_t n;
	unsigned sent = 0, got = 0;

	begin(&g, ALL, NULL);
	for (; sent < 50; sent++)
		add_tx(&g, (struct virtio_net_hdr){ 0 }, 1000);
	testing_kick(&g.t, NET_TX);
	expect(g.t.watched != 0);
	for (int i = 0; i < 100 && got < sent; i++) {
		while (recv(g.host, g.frame, sizeof(g.frame), 0) == 1010)
			got++;
		(void)testing_poll(&g.t, 0);
	}
	expect(got == 50);
	while (testing_used(&g.t, NET_TX, &head, &n))
		sent--;
	expect(sent == 0 && !testing_poll(&g.t, 0));
	finish(&g);
}

TEST(a_limit_holds_in_both_directions)
{
	const struct net_options o = { .tx.bytes = { 100000, 1000 },
		.rx.ops = { 200, 1 } };
	uint64_t from;
	struct guest g;
	unsigned got = 0, in = 0;

	begin(&g, ALL, &o);
	give(&g, 60, SIZE);
	from = clock_mono_ns();
	for (unsigned i = 0; i < 22; i++)
		add_tx(&g, (struct virtio_net_hdr){ 0 }, 1000);
	for (unsigned i = 0; i < 8; i++)
		(void)wire_in(&g, 60, (struct virtio_net_hdr){ 0 });
	testing_kick(&g.t, NET_TX);
	while ((got < 22 || in < 8) && clock_mono_ns() - from < 20 * NS_PER_SEC) {
		while (recv(g.host, g.frame, sizeof(g.frame), 0) == 1010)
			got++;
		(void)testing_poll(&g.t, 1);
		while (receive(&g) == 60)
			in++;
	}
	/* 21000 bytes after the burst, at 100000 a second */
	expect(got == 22 && in == 8 && clock_mono_ns() - from >= 200 * NS_PER_MS);
	finish(&g);
}

TEST(who_waits_long_to_send_waits_no_longer_to_receive)
{
	const struct net_options o = { .tx.bytes = { 500, 1 }, .rx.ops = { 50, 1 } };
	uint64_t from;
	struct guest g;
	unsigned in = 0;

	begin(&g, ALL, &o);
	give(&g, 20, SIZE);
	from = clock_mono_ns();
	for (unsigned i = 0; i < 4; i++)
		(void)wire_in(&g, 60, (struct virtio_net_hdr){ 0 });
	(void)testing_poll(&g.t, 0);
	/* the second has to wait for ten seconds */
	for (unsigned i = 0; i < 2; i++)
		add_tx(&g, (struct virtio_net_hdr){ 0 }, 5000);
	testing_kick(&g.t, NET_TX);
	while (in < 4 && clock_mono_ns() - from < 8 * NS_PER_SEC) {
		(void)testing_poll(&g.t, 50);
		while (receive(&g) == 60)
			in++;
	}
	expect(in == 4);
	finish(&g);
}

TEST(an_end_of_the_descriptor_is_no_reason_to_spin)
{
	struct net_options o = { 0 };
	struct err e = { 0 };
	struct guest g = { .host = -1 };
	int pair[2];

	expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	o.fd = pair[1];
	testing_begin(&g.t, net_new(&o, &e), 1 << 20);
	expect(testing_start(&g.t, ALL));
	give(&g, 4, SIZE);
	(void)close(pair[0]);
	(void)testing_poll(&g.t, 0);
	expect(!testing_poll(&g.t, 0));
	testing_end(&g.t);
}

TEST(a_moved_device_goes_on)
{
	struct guest g;
	int pair[2];

	begin(&g, ALL, NULL);
	give(&g, 8, SIZE);
	expect(wire_in(&g, 60, (struct virtio_net_hdr){ 0 }));
	expect(testing_poll(&g.t, 1000) && receive(&g) == 60);
	expect(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0);
	expect(testing_move(&g.t, make(pair[1], NULL)) == 0);
	(void)close(g.host);
	g.host = pair[0];
	expect(wire_in(&g, 70, (struct virtio_net_hdr){ 0 }));
	expect(testing_poll(&g.t, 1000) && receive(&g) == 70);
	expect(through(&g, (struct virtio_net_hdr){ 0 }, 60) == 70);
	finish(&g);
}

TEST(the_configuration_says_address_and_mtu)
{
	struct guest g;
	uint8_t c[12];

	begin(&g, ALL, NULL);
	virtio_read_config(g.t.device, 0, c, 12);
	expect(!memcmp(c, "\2\1\2\3\4\5\1\0\1\0\x78\5", 12));
	finish(&g);
}
