/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tar-feed.h"

#include "base/err.h"
#include "base/str.h"

#include <archive.h>
#include <archive_entry.h>

#define BLOCK 512U

int tar_feed_failed(struct archive *a, const char *what, struct err *e)
{
	const char *text = archive_error_string(a);
	auto_free char *shown = str_escape(text ? text : "damaged");
	int code = archive_errno(a) == ENOMEM ? ENOMEM : EBADMSG;

	return err_set(e, code, "%s: %.200s", what, shown ? shown : "");
}

/* The end of the last block, and the two empty ones that end a tar. */
static unsigned missing_end(const struct tar_feed *f)
{
	return (unsigned)(-f->real % BLOCK) + 2 * BLOCK;
}

static la_ssize_t feed(struct archive *a, void *data, const void **ret)
{
	struct tar_feed *f = data;
	ssize_t n = 0;

	*ret = f->chunk;
	while (!f->ended) {
		n = read(f->fd, f->chunk, sizeof(f->chunk));
		if (n > 0) {
			f->real += (uint64_t)n;
			return n;
		}
		if (n < 0 && errno != EINTR) {
			archive_set_error(a, errno, "read: %s", strerror(errno));
			return -1;
		}
		f->ended = n == 0;
	}
	/* nothing at all is no tar, and stays so */
	if (f->extra || !f->real)
		return 0;
	f->extra = missing_end(f);
	memset(f->chunk, 0, f->extra);
	return f->extra;
}

int tar_feed_open(
	struct tar_feed *f, int fd, bool packed, struct archive **ret, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	f->fd = fd;
	f->real = 0;
	f->ended = false;
	f->extra = 0;
	if (!a)
		return err_set(e, ENOMEM, "libarchive: out of memory");
	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_format_empty(a);
	if (packed) {
		(void)archive_read_support_filter_gzip(a);
		(void)archive_read_support_filter_zstd(a);
		r = archive_read_open_fd(a, fd, TAR_FEED_CHUNK);
	} else {
		r = archive_read_open(a, f, NULL, feed, NULL);
	}
	if (r != ARCHIVE_OK) {
		r = tar_feed_failed(a, "not a tar archive", e);
		(void)archive_read_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

bool tar_feed_truncated(
	const struct tar_feed *f, struct archive *a, struct archive_entry *ae)
{
	uint64_t at = (uint64_t)archive_filter_bytes(a, 0);
	uint64_t size = (uint64_t)archive_entry_size(ae);
	/* the reader is behind the padding; a sparse file has fewer bytes than its size
	 */
	uint64_t padding = archive_entry_sparse_count(ae) ? BLOCK - 1 : -size % BLOCK;

	return f->ended && at > f->real && at - f->real > padding;
}

int tar_feed_drain(struct tar_feed *f, struct err *e)
{
	while (!f->ended) {
		ssize_t n = read(f->fd, f->chunk, sizeof(f->chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the tar");
		f->ended = n == 0;
	}
	return 0;
}
