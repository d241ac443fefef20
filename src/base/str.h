/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.h - strings: vectors of them, numbers in them, the nearest of many.
 *
 * Parsers take the whole text or fail with a message that quotes it. Functions
 * that return a 'char *' return memory that the caller frees, NULL when there is none.
 */
#ifndef BRIG_BASE_STR_H
#define BRIG_BASE_STR_H

#include "base/auto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct err;

/* A growing vector of owned strings; v[n] is NULL, and v is NULL while n is 0. */
struct strv {
	char **v;
	size_t n;
};

int strv_add(struct strv *s, const char *text); /* copies; 0 or -ENOMEM */
int strv_take(struct strv *s, char *text);      /* takes over, frees on failure */
int strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int strv_add_all(
	struct strv *s, char *const *from); /* a NULL-terminated array, or NULL */
bool strv_has(const struct strv *s, const char *text);
void strv_sort(struct strv *s);
void strv_clear(struct strv *s);
#define auto_strv AUTO(strv_clear)

/* Pieces of 'text' between any of the characters in 'seps', empty ones left out. */
int strv_split(struct strv *s, const char *text, const char *seps);

char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *str_join(char *const *v, const char *between);

static inline bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix);

/* Replace '*to' by a copy of 'text' (NULL clears it). 0 or -ENOMEM. */
int str_set(char **to, const char *text);

/* A decimal number of at most 'max'. 'what' names it in the message. */
int str_to_uint(
	const char *text, uint64_t max, const char *what, uint64_t *ret, struct err *e);

/* Bytes: "4096", "512k", "1.5g" (powers of 1024; b, k, m, g, t, with an optional "b" or "ib"). */
int str_to_size(const char *text, uint64_t *ret, struct err *e);

/* Nanoseconds: "30" (seconds), "500ms", "1h30m", "1.5s". */
int str_to_duration(const char *text, uint64_t *ret, struct err *e);

/* "1.5 MiB" into 'out'. */
#define STR_SIZE_MAX 24
const char *str_from_size(uint64_t bytes, char out[STR_SIZE_MAX]);

/* The name nearest to 'text' by edits, or NULL when none is near enough to suggest. */
const char *str_nearest(const char *text, const char *const *names, size_t n);

/*
 * Write 'text' so that it is safe on a terminal: control characters and bytes
 * that are no UTF-8 come out as \xNN. For names that a sandbox or an archive chose.
 */
char *str_escape(const char *text);

#endif
