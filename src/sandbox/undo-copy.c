/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/undo-copy.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <inttypes.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

/* A larger file that can't be cloned among others that can (one without copy on write, as
 * images of machines are) is skipped: copies of such are what clones are to save. */
#define COPY_MAX (4 << 20)

/* Between two looks at the clock and at the bounds. */
#define CHUNK (8U << 20)

static int over(struct undo_copier *c, int code, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int over(struct undo_copier *c, int code, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->over, sizeof(c->over), fmt, ap);
	va_end(ap);
	return err_set(e, code, "%s", c->over);
}

/* Tell before anything is walked whether clones may be possible at all. */
static bool may_clone(int root, int dest)
{
	struct statfs here, there;
	auto_fd int a = openat(dest, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	auto_fd int b = openat(dest, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	static const char page[4096];

	return fstatfs(root, &here) == 0 && fstatfs(dest, &there) == 0 &&
		here.f_type == there.f_type && a >= 0 && b >= 0 &&
		file_write_all(a, page, sizeof(page)) == 0 && ioctl(b, FICLONE, a) == 0;
}

int undo_copier_begin(struct undo_copier *c, int root, int dest,
	const struct undo_terms *terms, struct err *e)
{
	struct statvfs fs;

	*c = (struct undo_copier){ .way = may_clone(root, dest) ? UNDO_UNKNOWN
								: UNDO_COPIES,
		.time_ns = terms->time_ns,
		.entries_max = terms->entries ? terms->entries : UNDO_ENTRIES_MAX,
		.bytes_max = terms->bytes,
		.inodes_free = UINT64_MAX };
	if (terms->time_ns)
		c->deadline = clock_mono_ns() + terms->time_ns;
	if (fstatvfs(dest, &fs) < 0)
		return err_sys(e, "look at the space that is free");
	c->bytes_free = (uint64_t)fs.f_bavail * fs.f_frsize / UNDO_FREE_PART;
	/* btrfs and some others have as many as there is space for, and say 0 */
	if (fs.f_files)
		c->inodes_free = (uint64_t)fs.f_favail / UNDO_FREE_PART;
	return 0;
}

static int check_time(struct undo_copier *c, struct err *e)
{
	if (c->deadline && clock_mono_ns() > c->deadline)
		return over(c, ETIMEDOUT, e, "it takes longer than %llu.%llu s",
			c->time_ns / NS_PER_SEC,
			c->time_ns % NS_PER_SEC / (100 * NS_PER_MS));
	return 0;
}

int undo_copier_count(struct undo_copier *c, struct err *e)
{
	if (++c->entries > c->entries_max)
		return over(
			c, E2BIG, e, "it is more than %" PRIu64 " files", c->entries_max);
	return check_time(c, e);
}

int undo_copier_inode(struct undo_copier *c, struct err *e)
{
	if (++c->inodes > c->inodes_free && c->way == UNDO_COPIES)
		return over(c, E2BIG, e,
			"it takes more than a quarter of the files that there is room "
			"for");
	return 0;
}

static int check_bytes(struct undo_copier *c, uint64_t more, struct err *e)
{
	char size[STR_SIZE_MAX];

	if (c->bytes_max && c->copied + more > c->bytes_max)
		return over(c, E2BIG, e, "more than %s would have to be copied",
			str_from_size(c->bytes_max, size));
	if (c->copied + more > c->bytes_free)
		return over(c, E2BIG, e,
			"copies would take more than %s, a quarter of the space that is "
			"free",
			str_from_size(c->bytes_free, size));
	return check_time(c, e);
}

/* What a file takes that has so many bytes. */
static uint64_t on_disk(uint64_t bytes)
{
	return (bytes + 4095) & ~(uint64_t)4095;
}

/* A small one, and one that has no holes, is spared the search for them. */
static int64_t next_part(int from, int to, const struct stat *st)
{
	if ((uint64_t)st->st_blocks * 512 >= (uint64_t)st->st_size)
		return st->st_size;
	return file_skip_hole(from, to);
}

static int copy(
	struct undo_copier *c, int from, int to, const struct stat *st, struct err *e)
{
	uint64_t at = 0, size = (uint64_t)st->st_size;

	/* not further than it was long: who appends to it must not keep us here */
	while (at < size) {
		int64_t part = next_part(from, to, st), n = 1;
		off_t where = lseek(to, 0, SEEK_CUR);

		if (part < 0 || where < 0)
			return err_set(
				e, part < 0 ? (int)-part : errno, "find its holes");
		at = (uint64_t)where;
		if (part == 0 || at >= size)
			return 0;
		for (uint64_t left = (uint64_t)part < size - at ? (uint64_t)part
								: size - at;
			left > 0 && n > 0; left -= (uint64_t)n) {
			uint64_t want = left < CHUNK ? left : CHUNK;
			int r = check_bytes(c, on_disk(want), e);

			n = r < 0 ? r : file_copy_part(from, to, want, e);
			if (n < 0)
				return (int)n;
			c->copied += on_disk((uint64_t)n);
			at += (uint64_t)n;
		}
		if (n == 0)
			return 0;
	}
	return 0;
}

int undo_copier_file(
	struct undo_copier *c, int from, int to, const struct stat *st, struct err *e)
{
	if (st->st_size == 0)
		return 0;
	if (c->way != UNDO_COPIES) {
		if (ioctl(to, FICLONE, from) == 0) {
			c->way = UNDO_CLONES;
			return 0;
		}
		if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
			return err_sys(e, "clone a file");
		/* of EINVAL the file may be the reason, of others the file system is */
		if (c->way == UNDO_UNKNOWN && errno != EINVAL)
			c->way = UNDO_COPIES;
		else if (st->st_size > COPY_MAX)
			return 1;
	}
	return copy(c, from, to, st, e);
}
