/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial.h - the console: a 16550A at 0x3f8 whose bytes go to a descriptor. Nothing is ever
 * received.
 *
 * A descriptor that takes no more loses bytes: a guest must not stop because nobody reads
 * what it says. OUT1, a pin that computers have no use for, ends the machine when the guest
 * sets it (TIOCMBIS with TIOCM_OUT1, tty_ioctl(4)): a kernel without ACPI has nothing to
 * switch the power off with, and one that is locked down lets nobody touch ports.
 */
#ifndef BRIG_VMM_SERIAL_H
#define BRIG_VMM_SERIAL_H

#include "base/state.h"

#include <pthread.h>
#include <stdbool.h>

#define SERIAL_PORT  0x3f8U
#define SERIAL_PORTS 8U
#define SERIAL_IRQ   4U
#define SERIAL_LINE  512U

struct serial {
	pthread_mutex_t lock;
	int fd; /* -1: to nowhere */
	void (*raise)(void *data);
	void (*power_off)(void *data);
	void *data;
	uint8_t ier, fcr, lcr, mcr, scr;
	uint16_t divisor;
	bool thr_pending; /* the transmitter fell empty, and the guest wasn't told */
	uint8_t loop;     /* the byte that a looped line gave back */
	bool loop_full;
	char line[SERIAL_LINE]; /* bytes of a line that isn't complete */
	unsigned line_len;
};

void serial_init(struct serial *s, int fd);
void serial_clear(struct serial *s); /* flushes first */

void serial_flush(struct serial *s); /* writes what is left of a line */

/* One byte, at register 0 to 7. */
uint8_t serial_read(struct serial *s, unsigned reg);
void serial_write(struct serial *s, unsigned reg, uint8_t v);

int serial_save(struct serial *s, struct buf *to);
int serial_restore(struct serial *s, struct span *from);

#endif
