/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - a line for each layer on standard error; with a bar on a terminal.
 */
#ifndef BRIG_IMAGE_PROGRESS_H
#define BRIG_IMAGE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_mode {
	PROGRESS_AUTO,
	PROGRESS_QUIET,
};

struct progress_row {
	char label[16];
	const char *state; /* "waiting", "downloading", "unpacking", "done", ... */
	uint64_t now, total;
	bool bar;
	bool told; /* plain lines: its last state has been printed */
};

struct progress {
	bool tty;
	bool quiet;
	unsigned columns, lines;
	size_t drawn; /* rows on the screen now */
	uint64_t drawn_at;
	struct progress_row *rows;
	size_t n;
};

int progress_init(struct progress *p, enum progress_mode mode, size_t rows);
void progress_clear(struct progress *p);

/* A line of its own above the rows. */
void progress_say(struct progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A new state; 'bar' says whether how much is done is shown. */
void progress_state(struct progress *p, size_t row, const char *state, bool bar);
void progress_now(struct progress *p, size_t row, uint64_t now);

/* Draw what has changed; at most 20 times a second unless 'last'. */
void progress_draw(struct progress *p, bool last);

#endif
