/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A byte is sent the moment it is written, so the transmitter is always
 * empty; what makes it tell is that it fell empty after a byte, or that its interrupt was
 * switched on. Linux drives a console by polling and a terminal by that interrupt.
 *
 * A write costs a system call. So bytes are kept until the end of a line; the guest's
 * interrupts, which come at the end of each of its writes, don't wait for that.
 */
#include "vmm/serial.h"

#include "base/auto.h"

#include <linux/serial_reg.h>

#define STATE_VERSION 1
#define DIVISOR       12U /* 9600 baud */

void serial_init(struct serial *s, int fd)
{
	*s = (struct serial){ .fd = fd, .divisor = DIVISOR };
	(void)pthread_mutex_init(&s->lock, NULL);
}

static void flush(struct serial *s)
{
	for (unsigned at = 0; s->fd >= 0 && at < s->line_len;) {
		ssize_t n = write(s->fd, s->line + at, s->line_len - at);

		if (n <= 0 && errno != EINTR)
			break;
		if (n > 0)
			at += (unsigned)n;
	}
	s->line_len = 0;
}

void serial_clear(struct serial *s)
{
	flush(s);
	(void)pthread_mutex_destroy(&s->lock);
}

static void send(struct serial *s, uint8_t v)
{
	s->line[s->line_len++] = (char)v;
	if (v == '\n' || s->line_len == SERIAL_LINE)
		flush(s);
}

/* The most urgent cause, as register IIR tells it. */
static uint8_t cause(const struct serial *s)
{
	if (s->loop_full && s->ier & UART_IER_RDI)
		return UART_IIR_RDI;
	if (s->thr_pending && s->ier & UART_IER_THRI)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

/* The line is gated by OUT2 on this sort of computer, and by the loop. */
static void tell(struct serial *s)
{
	if (cause(s) != UART_IIR_NO_INT && !(s->mcr & UART_MCR_LOOP))
		s->raise(s->data);
}

static uint8_t modem_status(const struct serial *s)
{
	uint8_t m = s->mcr;

	if (!(m & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	/* each output comes back on an input */
	return (uint8_t)((m & UART_MCR_DTR ? UART_MSR_DSR : 0) |
		(m & UART_MCR_RTS ? UART_MSR_CTS : 0) |
		(m & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
		(m & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
}

static uint8_t read_register(struct serial *s, unsigned reg)
{
	bool dlab = s->lcr & UART_LCR_DLAB;
	uint8_t v;

	switch (reg) {
	case UART_RX:
		if (dlab)
			return (uint8_t)s->divisor;
		v = s->loop_full ? s->loop : 0;
		s->loop_full = false;
		return v;
	case UART_IER: return dlab ? (uint8_t)(s->divisor >> 8) : s->ier;
	case UART_IIR:
		v = cause(s);
		if (v == UART_IIR_THRI)
			s->thr_pending = false; /* to read it is to have been told */
		return (uint8_t)(v | (s->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0));
	case UART_LCR: return s->lcr;
	case UART_MCR: return s->mcr;
	case UART_LSR:
		return (uint8_t)(UART_LSR_THRE | UART_LSR_TEMT |
			(s->loop_full ? UART_LSR_DR : 0));
	case UART_MSR: return modem_status(s);
	case UART_SCR: return s->scr;
	default: return 0;
	}
}

static void transmit(struct serial *s, uint8_t v)
{
	if (s->mcr & UART_MCR_LOOP) {
		s->loop = v;
		s->loop_full = true;
	} else {
		send(s, v);
	}
	s->thr_pending = true;
	tell(s);
}

static void enable(struct serial *s, uint8_t v)
{
	uint8_t new = (uint8_t)(v & 0x0f & ~s->ier);

	s->ier = v & 0x0f;
	if (!(new &UART_IER_THRI))
		return;
	s->thr_pending = true;
	tell(s);
}

/* Whether this switches the machine off. */
static bool write_register(struct serial *s, unsigned reg, uint8_t v)
{
	bool dlab = s->lcr & UART_LCR_DLAB, off = false;

	switch (reg) {
	case UART_TX:
		if (dlab)
			s->divisor = (uint16_t)((s->divisor & 0xff00) | v);
		else
			transmit(s, v);
		break;
	case UART_IER:
		if (dlab)
			s->divisor = (uint16_t)((s->divisor & 0xff) | v << 8);
		else
			enable(s, v);
		break;
	case UART_FCR:
		s->fcr = v & (UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_MASK);
		if (v & UART_FCR_CLEAR_RCVR)
			s->loop_full = false;
		break;
	case UART_LCR: s->lcr = v; break;
	case UART_MCR:
		/* drivers find out about the chip with the loop closed, and mean nothing */
		off = !(v & UART_MCR_LOOP) && v & UART_MCR_OUT1;
		s->mcr = v & 0x1f;
		break;
	case UART_SCR: s->scr = v; break;
	default: break;
	}
	return off;
}

uint8_t serial_read(struct serial *s, unsigned reg)
{
	uint8_t v;

	(void)pthread_mutex_lock(&s->lock);
	v = read_register(s, reg);
	(void)pthread_mutex_unlock(&s->lock);
	return v;
}

void serial_write(struct serial *s, unsigned reg, uint8_t v)
{
	bool off;

	(void)pthread_mutex_lock(&s->lock);
	off = write_register(s, reg, v);
	if (off)
		flush(s);
	(void)pthread_mutex_unlock(&s->lock);
	if (off && s->power_off)
		s->power_off(s->data);
}

void serial_flush(struct serial *s)
{
	(void)pthread_mutex_lock(&s->lock);
	flush(s);
	(void)pthread_mutex_unlock(&s->lock);
}

int serial_save(struct serial *s, struct buf *to)
{
	const uint8_t regs[] = { STATE_VERSION, s->ier, s->fcr, s->lcr, s->mcr, s->scr,
		s->thr_pending, s->loop, s->loop_full };

	flush(s);
	if (state_put_bytes(to, regs, sizeof(regs)) < 0 ||
		state_put16(to, s->divisor) < 0)
		return -ENOMEM;
	return 0;
}

int serial_restore(struct serial *s, struct span *from)
{
	uint8_t r[9];
	uint16_t divisor;

	if (state_get_bytes(from, r, sizeof(r)) < 0 || r[0] != STATE_VERSION ||
		state_get16(from, &divisor) < 0)
		return -EBADMSG;
	s->ier = r[1] & 0x0f;
	s->fcr = r[2];
	s->lcr = r[3];
	s->mcr = r[4] & 0x1f;
	s->scr = r[5];
	s->thr_pending = r[6];
	s->loop = r[7];
	s->loop_full = r[8];
	s->divisor = divisor;
	/* one that was on its way is sent once more */
	tell(s);
	return 0;
}
