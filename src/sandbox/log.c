/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"

#include <string.h>

static int open_file(struct log *l, struct err *e)
{
	struct stat st;

	l->fd = openat(l->dir, "log",
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return err_sys(e, "open the log");
	l->size = (uint64_t)st.st_size;
	return 0;
}

int log_open(struct log *l, int dir, struct err *e)
{
	*l = (struct log){ .dir = dir, .fd = -1 };
	return open_file(l, e);
}

void log_close(struct log *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
}

static void rotate(struct log *l)
{
	log_close(l);
	if (renameat(l->dir, "log", l->dir, "log.1") < 0 || open_file(l, NULL) < 0)
		l->failed = true;
}

void log_write(struct log *l, const char *stream, const void *data, size_t len)
{
	auto_buf struct buf out = { 0 };
	char now[CLOCK_TEXT_MAX];
	const char *p = data, *end = p + len;

	if (l->failed || l->fd < 0)
		return;
	(void)clock_text(clock_real_ns(), now);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		if (buf_addf(&out, "%s %s %c ", now, stream, nl ? 'F' : 'P') < 0 ||
			buf_add(&out, p, n) < 0 || buf_add(&out, "\n", 1) < 0)
			return;
		p += n + (nl ? 1 : 0);
	}
	if (l->size + out.len > LOG_MAX && l->size)
		rotate(l);
	if (l->failed || file_write_all(l->fd, out.data, out.len) < 0)
		l->failed = true;
	l->size += out.len;
}

bool log_parse(const char *line, size_t len, struct log_line *ret)
{
	const char *end = line + len;
	const char *stream = memchr(line, ' ', len);
	const char *tag =
		stream ? memchr(stream + 1, ' ', (size_t)(end - stream - 1)) : NULL;

	if (!tag || end - tag < 3 || tag[2] != ' ' || (tag[1] != 'F' && tag[1] != 'P'))
		return false;
	if (tag - stream - 1 != 6)
		return false;
	*ret = (struct log_line){ .time = line,
		.time_len = (size_t)(stream - line),
		.text = tag + 3,
		.text_len = (size_t)(end - tag - 3),
		.partial = tag[1] == 'P',
		.is_stderr = memcmp(stream + 1, "stderr", 6) == 0 };
	return true;
}
