/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.h - what the command line prints: errors, notes, tables, JSON.
 *
 * Results go to standard output, everything said to a person about them to standard
 * error. Colour only where that is a terminal and NO_COLOR isn't set. A failed write is
 * reported by out_flush() at the end.
 */
#ifndef BRIG_CLI_OUT_H
#define BRIG_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct json;

void out_error(const char *fmt, ...)
	__attribute__((format(printf, 1, 2))); /* "brig: ..." */
void out_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void out_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Bold, dim, green ... around a word on standard output; "" where there is no colour. */
enum out_style { OUT_PLAIN, OUT_BOLD, OUT_DIM, OUT_GREEN, OUT_YELLOW, OUT_RED };
const char *out_on(enum out_style s);
const char *out_off(void);

int out_text(const char *text);
int out_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int out_json(const struct json *j, struct err *e);
int out_flush(void);

/* Columns of the terminal on standard output; 80 without one. */
unsigned out_columns(void);

/* A table: cells are copied and escaped; columns are as wide as their widest cell. */
struct out_table;
struct out_table *out_table_new(const char *const *heads, size_t n);
int out_table_add(struct out_table *t, const char *const *cells);
int out_table_print(const struct out_table *t);
void out_table_free(struct out_table *t);

#endif
