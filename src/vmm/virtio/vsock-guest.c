/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/vsock-guest.h"

#include "base/err.h"
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void guest_give(struct guest *g, uint64_t at)
{
	struct testing_seg seg = { at, RX_SIZE, true };

	g->rx_at[testing_add(&g->t, VSOCK_RX, &seg, 1)] = at;
}

void guest_live(struct guest *g, unsigned buffers)
{
	expect(testing_start(&g->t, VQ_F_EVENT_IDX | VQ_F_INDIRECT));
	g->tx_at = testing_alloc(&g->t, 1 << 18, 8);
	for (unsigned i = 0; i < buffers; i++)
		guest_give(g, testing_alloc(&g->t, RX_SIZE, 8));
}

void guest_begin(struct guest *g, unsigned buffers)
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
	guest_live(g, buffers);
}

void guest_finish(struct guest *g)
{
	if (g->host >= 0)
		(void)close(g->host);
	testing_end(&g->t);
}

void guest_offer(struct guest *g, struct vsock_packet p, const void *data)
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

void guest_send(struct guest *g, struct vsock_packet p, const void *data)
{
	uint16_t head;
	uint32_t written;

	guest_offer(g, p, data);
	testing_kick(&g->t, VSOCK_TX);
	expect(testing_used(&g->t, VSOCK_TX, &head, &written) && written == 0);
	g->sent += p.op == VSOCK_RW ? p.len : 0;
}

void guest_op(struct guest *g, enum vsock_op what, uint32_t flags)
{
	guest_send(
		g, (struct vsock_packet){ .op = (uint16_t)what, .flags = flags }, NULL);
}

bool guest_look(struct guest *g, struct vsock_packet *p)
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
	guest_give(g, g->rx_at[head]);
	g->peer_alloc = p->buf_alloc;
	g->peer_fwd = p->fwd_cnt;
	return true;
}

bool guest_next(struct guest *g, struct vsock_packet *p)
{
	for (int i = 0; i < 4; i++) {
		if (guest_look(g, p))
			return true;
		testing_kick(&g->t, VSOCK_RX);
		if (guest_look(g, p))
			return true;
		(void)testing_poll(&g->t, 0);
	}
	return guest_look(g, p);
}

bool guest_is_quiet(struct guest *g)
{
	struct vsock_packet p;

	return !guest_next(g, &p) && !testing_poll(&g->t, 0);
}

void guest_connect(struct guest *g)
{
	guest_op(g, VSOCK_REQUEST, 0);
	expect_op(g, VSOCK_RESPONSE, 0);
}

void guest_say(struct guest *g, const char *text)
{
	guest_send(g,
		(struct vsock_packet){ .op = VSOCK_RW, .len = (uint32_t)strlen(text) },
		text);
}

bool guest_host_hears(struct guest *g, const char *text)
{
	char got[64] = "";
	ssize_t n = read(g->host, got, sizeof(got) - 1);

	return n == (ssize_t)strlen(text) && !strcmp(got, text);
}
