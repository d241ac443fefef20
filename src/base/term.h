/* SPDX-License-Identifier: Apache-2.0 */
/*
 * term.h - the caller's terminal: its size, and raw while a sandbox's terminal has it.
 */
#ifndef BRIG_BASE_TERM_H
#define BRIG_BASE_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

struct err;

struct term {
	int fd;
	bool raw;
	struct termios before;
};

/* Keys go through one by one and unchanged, signals' keys too. */
int term_raw(struct term *t, int fd, struct err *e);

/* As it was; more than once is fine. */
void term_restore(struct term *t);

/* False where 'fd' is no terminal. */
bool term_size(int fd, uint16_t *rows, uint16_t *cols);

/* "ctrl-p,ctrl-q", "ctrl-\\", "a,b" into at most TERM_KEYS_MAX bytes. */
#define TERM_KEYS_MAX 8
struct term_keys {
	unsigned char key[TERM_KEYS_MAX];
	size_t n;
	size_t seen; /* how many of them have just been typed */
};
int term_keys_parse(const char *text, struct term_keys *ret, struct err *e);

/*
 * Look for the keys in what was typed. Returns how many bytes of 'in' go on, written to 'out'
 * (room for len + TERM_KEYS_MAX), and '*ret_hit' when the last key was typed. A part of the
 * keys is held until it is known to be no more than that.
 */
size_t term_keys_filter(struct term_keys *k, const unsigned char *in, size_t len,
	unsigned char *out, bool *ret_hit);

#endif
