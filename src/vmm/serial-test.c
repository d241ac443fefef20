/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/serial.h"

#include "base/auto.h"
#include "base/test.h"

#include <fcntl.h>
#include <linux/serial_reg.h>

struct seen {
	unsigned raised, off;
};

static void on_raise(void *data)
{
	((struct seen *)data)->raised++;
}

static void on_off(void *data)
{
	((struct seen *)data)->off++;
}

static void begin(struct serial *s, struct seen *seen, int fd)
{
	*seen = (struct seen){ 0 };
	serial_init(s, fd);
	s->raise = on_raise;
	s->power_off = on_off;
	s->data = seen;
}

TEST(bytes_go_out_line_by_line)
{
	struct serial s;
	struct seen seen;
	char text[64] = "";
	int p[2];

	expect(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	begin(&s, &seen, p[1]);
	serial_write(&s, 0, 'h');
	serial_write(&s, 0, 'i');
	expect(read(p[0], text, sizeof(text)) < 0);
	serial_write(&s, 0, '\n');
	expect(read(p[0], text, sizeof(text)) == 3 && memcmp(text, "hi\n", 3) == 0);
	for (unsigned i = 0; i < SERIAL_LINE; i++)
		serial_write(&s, 0, 'x');
	expect(read(p[0], text, sizeof(text)) == sizeof(text));
	serial_write(&s, 0, '>');
	serial_clear(&s);
	(void)close(p[1]);
	while (read(p[0], text, 1) == 1)
		;
	expect(text[0] == '>');
	(void)close(p[0]);
}

TEST(the_transmitter_tells_once_that_it_is_empty)
{
	struct serial s;
	struct seen seen;

	begin(&s, &seen, -1);
	serial_write(&s, 0, 'a');
	expect(seen.raised == 0);
	serial_write(&s, UART_IER, UART_IER_THRI);
	expect(seen.raised == 1);
	expect(serial_read(&s, UART_IIR) == UART_IIR_THRI);
	expect(serial_read(&s, UART_IIR) == UART_IIR_NO_INT);
	serial_write(&s, 0, 'b');
	expect(seen.raised == 2);
	expect(serial_read(&s, UART_LSR) == (UART_LSR_THRE | UART_LSR_TEMT));
	serial_clear(&s);
}

TEST(a_driver_that_looks_for_the_chip_finds_one)
{
	struct serial s;
	struct seen seen;

	begin(&s, &seen, -1);
	serial_write(&s, UART_FCR, UART_FCR_ENABLE_FIFO);
	expect((serial_read(&s, UART_IIR) & 0xc0) == 0xc0);
	serial_write(&s, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	expect((serial_read(&s, UART_MSR) & 0xf0) == (UART_MSR_DCD | UART_MSR_CTS));
	serial_write(&s, 0, 0x5a);
	expect(serial_read(&s, UART_LSR) & UART_LSR_DR);
	expect(serial_read(&s, UART_RX) == 0x5a &&
		!(serial_read(&s, UART_LSR) & UART_LSR_DR));
	serial_write(&s, UART_LCR, UART_LCR_DLAB);
	serial_write(&s, UART_DLL, 1);
	serial_write(&s, UART_DLM, 2);
	expect(serial_read(&s, UART_DLL) == 1 && serial_read(&s, UART_DLM) == 2);
	serial_write(&s, UART_SCR, 0x77);
	expect(serial_read(&s, UART_SCR) == 0x77);
	expect(seen.raised == 0);
	serial_clear(&s);
}

TEST(out1_switches_off_and_in_the_loop_it_does_not)
{
	struct serial s;
	struct seen seen;

	begin(&s, &seen, -1);
	serial_write(&s, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1);
	expect(seen.off == 0);
	serial_write(&s, UART_MCR, UART_MCR_OUT2 | UART_MCR_RTS | UART_MCR_DTR);
	expect(seen.off == 0);
	serial_write(&s, UART_MCR, UART_MCR_OUT1);
	expect(seen.off == 1);
	serial_clear(&s);
}

TEST(a_reader_that_is_gone_or_full_does_not_stop_the_guest)
{
	struct serial s;
	struct seen seen;
	int p[2];

	expect(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	begin(&s, &seen, p[1]);
	for (unsigned i = 0; i < 300000; i++)
		serial_write(&s, 0, 'x');
	serial_clear(&s);
	(void)close(p[0]);
	(void)close(p[1]);
}

TEST(a_waiting_interrupt_survives_a_restore)
{
	struct serial a, b;
	struct seen seen, other;
	struct buf state = { 0 };

	begin(&a, &seen, -1);
	begin(&b, &other, -1);
	serial_write(&a, UART_IER, UART_IER_THRI);
	expect(serial_save(&a, &state) == 0);
	struct span from = { (const uint8_t *)state.data, state.len };

	expect(serial_restore(&b, &from) == 0 && from.left == 0);
	expect(other.raised == 1 && serial_read(&b, UART_IIR) == UART_IIR_THRI);
	buf_clear(&state);
	serial_clear(&a);
	serial_clear(&b);
}
