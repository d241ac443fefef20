/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap.h - prose broken into lines.
 *
 * The texts of commands ('detail' in command.h) are paragraphs with an empty line between
 * them, each one long line or several; a line that begins with a space stands as it is.
 */
#ifndef BRIG_CLI_WRAP_H
#define BRIG_CLI_WRAP_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* The next paragraph at '*text', moved behind it. 'ret' is its lines; '*literal' says
 * that it is to stand as it is. Returns false at the end. */
bool wrap_next(const char **text, struct buf *ret, bool *literal, int *error);

/* The whole text for a terminal of 'columns'. 0 or -ENOMEM. */
int wrap_text(const char *text, unsigned columns, struct buf *out);

/*
 * One item of a list: 'left' in a column of 'indent' characters, 'text' beside it, broken
 * where the terminal ends.
 */
struct wrap_item {
	const char *left;
	const char *text;
	unsigned indent, columns;
};
int wrap_item(const struct wrap_item *item, struct buf *out);

#endif
