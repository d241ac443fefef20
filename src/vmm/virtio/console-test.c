/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/console.h"

#include "base/err.h"
#include "base/test.h"
#include "vmm/virtio/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct guest {
	struct testing t;
	int out, in; /* the host's ends */
	uint64_t at;
};

static void begin(struct guest *g)
{
	int out[2], in[2];
	struct err e = { 0 };

	expect(pipe2(out, O_CLOEXEC) == 0 && pipe2(in, O_CLOEXEC) == 0);
	expect(fcntl(out[0], F_SETFL, O_NONBLOCK) == 0);
	(void)signal(SIGPIPE, SIG_IGN);
	g->out = out[0];
	g->in = in[1];
	testing_begin(&g->t, console_new(out[1], in[0], &e), 2 << 20);
	expect(testing_start(&g->t, ~0ULL));
	g->at = testing_alloc(&g->t, 1 << 20, 8);
}

static void finish(struct guest *g)
{
	(void)close(g->out);
	(void)close(g->in);
	testing_end(&g->t);
}

static void print(struct guest *g, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		*(uint8_t *)testing_at(&g->t, g->at + i, 1) = (uint8_t)(i * 13 + i / 256);
	(void)testing_add(
		&g->t, CONSOLE_TX, &(struct testing_seg){ g->at, len, false }, 1);
	testing_kick(&g->t, CONSOLE_TX);
}

TEST(output_arrives)
{
	struct guest g;
	char got[16];
	uint16_t head;
	uint32_t n;

	begin(&g);
	print(&g, 10);
	expect(read(g.out, got, sizeof(got)) == 10);
	expect(testing_used(&g.t, CONSOLE_TX, &head, &n));
	finish(&g);
}

TEST(a_full_pipe_holds_output_up_and_none_is_lost)
{
	static uint8_t got[300000];
	const uint32_t all = sizeof(got);
	struct guest g;
	uint32_t n = 0, written;
	uint16_t head;

	begin(&g);
	print(&g, all);
	expect(!testing_used(&g.t, CONSOLE_TX, &head, &written));
	for (int i = 0; i < 1000 && n < all; i++) {
		ssize_t r = read(g.out, got + n, 5000);

		n += r > 0 ? (uint32_t)r : 0;
		(void)testing_poll(&g.t, 0);
	}
	expect(n == all && testing_used(&g.t, CONSOLE_TX, &head, &written));
	for (uint32_t i = 0; i < all; i++)
		expect(got[i] == (uint8_t)(i * 13 + i / 256));
	expect(!testing_poll(&g.t, 0));
	finish(&g);
}

TEST(output_to_nobody_is_dropped)
{
	struct guest g;
	uint16_t head;
	uint32_t n;

	begin(&g);
	(void)close(g.out);
	print(&g, 100000);
	expect(testing_used(&g.t, CONSOLE_TX, &head, &n));
	expect(!testing_poll(&g.t, 0));
	g.out = -1;
	finish(&g);
}

TEST(input_waits_for_buffers_and_its_end_wakes_nobody)
{
	struct guest g;
	uint16_t head;
	uint32_t n;

	begin(&g);
	expect(write(g.in, "hello", 5) == 5);
	(void)testing_poll(&g.t, 0);
	expect(!testing_poll(&g.t, 0));
	(void)testing_add(&g.t, CONSOLE_RX, &(struct testing_seg){ g.at, 64, true }, 1);
	testing_kick(&g.t, CONSOLE_RX);
	expect(testing_poll(&g.t, 1000));
	expect(testing_used(&g.t, CONSOLE_RX, &head, &n) && n == 5);
	expect(!memcmp(testing_at(&g.t, g.at, 5), "hello", 5));
	(void)testing_add(&g.t, CONSOLE_RX, &(struct testing_seg){ g.at, 64, true }, 1);
	testing_kick(&g.t, CONSOLE_RX);
	(void)close(g.in);
	(void)testing_poll(&g.t, 0);
	expect(!testing_poll(&g.t, 0));
	g.in = -1;
	finish(&g);
}
