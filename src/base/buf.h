/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growable run of bytes with an upper bound.
 *
 * The bytes are always followed by a NUL that is not counted, so a buffer of
 * text can be used as a string. Running out of memory or over the bound is
 * -ENOMEM or -EMSGSIZE and leaves the contents as they were.
 */
#ifndef BRIG_BASE_BUF_H
#define BRIG_BASE_BUF_H

#include "base/auto.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* bound in bytes, 0 for BUF_MAX_DEFAULT */
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)

int buf_reserve(struct buf *b, size_t more);
int buf_add(struct buf *b, const void *data, size_t len);
int buf_add_str(struct buf *b, const char *text);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Drop 'len' bytes from the front. */
void buf_drop(struct buf *b, size_t len);

/* Read what 'fd' has now, at most 'len' bytes. Returns the count, 0 at the end, -errno. */
ssize_t buf_read(struct buf *b, int fd, size_t len);

/* Hand the bytes out as a string that the caller frees; the buffer is empty again. */
char *buf_take(struct buf *b);

void buf_clear(struct buf *b);

#define auto_buf AUTO(buf_clear)

#endif
