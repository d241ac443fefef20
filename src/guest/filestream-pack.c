/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. The tree may belong to a stranger who changes it meanwhile. Each
 * directory is held by a descriptor and each name is opened without following links, and
 * looked at again once open. A file is sent as it is found, in chunks, up to the size it
 * had when opened, so that one that grows ends and one that shrinks needs no padding.
 */
#include "guest/filestream.h"

#include "base/auto.h"
#include "base/path.h"
#include "base/str.h"
#include "base/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define UNSIZED_MAX \
	((uint64_t)64 << 20) /* of files that say 0 and hold more, as in /proc */

struct packer {
	const struct files_sink *sink;
	struct files_count *count;
	size_t used;
	uint8_t flags;                  /* of the next header */
	uint8_t room[FILES_CHUNK_MAX];  /* what goes to the sink next */
	uint8_t chunk[FILES_CHUNK_MAX]; /* of the file that is read */
};

static int drain(struct packer *p)
{
	size_t len = p->used;

	p->used = 0;
	return len ? p->sink->write(p->sink->data, p->room, len) : 0;
}

static int put(struct packer *p, const void *bytes, size_t len)
{
	int r = 0;

	if (len > sizeof(p->room) - p->used)
		r = drain(p);
	if (r < 0)
		return r;
	memcpy(p->room + p->used, bytes, len);
	p->used += len;
	return 0;
}

static int put_u32(struct packer *p, uint32_t v)
{
	uint8_t b[4];

	wire_put32(b, v);
	return put(p, b, sizeof(b));
}

static int put_header(
	struct packer *p, uint8_t type, const char *name, const struct stat *st)
{
	uint8_t h[FILES_HEADER] = { type, p->flags };
	int r;

	p->flags = 0;
	wire_put16(h + 2, (uint16_t)strlen(name));
	if (st) {
		wire_put32(h + 4, st->st_mode & 0777);
		wire_put64(h + 8, (uint64_t)st->st_mtim.tv_sec);
		wire_put32(h + 16, (uint32_t)st->st_mtim.tv_nsec);
		wire_put64(h + 20, (uint64_t)st->st_size);
	}
	r = put(p, h, sizeof(h));
	return r < 0 ? r : put(p, name, strlen(name));
}

static void note_failed(struct packer *p, const char *name, int code)
{
	if (p->count->failed++ == 0)
		(void)err_set(
			&p->count->problem, code, "read '%s': %s", name, strerror(code));
}

static int put_hole(struct packer *p, uint64_t len)
{
	int r = 0;

	for (; r == 0 && len; len -= len < FILES_HOLE_MAX ? len : FILES_HOLE_MAX)
		r = put_u32(p,
			FILES_CHUNK_HOLE |
				(uint32_t)(len < FILES_HOLE_MAX ? len : FILES_HOLE_MAX));
	return r;
}

/* Send [at, end). Returns where it stopped, or -errno with '*sank' told apart. */
static int64_t put_data(struct packer *p, int fd, uint64_t at, uint64_t end, bool *sank)
{
	while (at < end) {
		size_t want = end - at < sizeof(p->chunk) ? (size_t)(end - at)
							  : sizeof(p->chunk);
		ssize_t n = pread(fd, p->chunk, want, (off_t)at);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		r = put_u32(p, (uint32_t)n);
		if (r == 0)
			r = put(p, p->chunk, (size_t)n);
		if (r < 0) {
			*sank = true;
			return r;
		}
		at += (uint64_t)n;
		p->count->bytes += (uint64_t)n;
	}
	return (int64_t)at;
}

/* Bytes and holes of a file. 0, or -errno of the sink; what the file refuses is counted.
 */
static int put_content(struct packer *p, int fd, const char *name, const struct stat *st)
{
	uint64_t size = st->st_size > 0 ? (uint64_t)st->st_size : UNSIZED_MAX, at = 0;
	bool sized = st->st_size > 0, sank = false;
	int r;

	while (at < size) {
		off_t data = sized ? lseek(fd, (off_t)at, SEEK_DATA) : (off_t)at;
		off_t hole = sized && data >= 0 ? lseek(fd, data, SEEK_HOLE) : -1;
		uint64_t from = data >= 0 ? (uint64_t)data : errno == ENXIO ? size : at;
		uint64_t to =
			hole > data && (uint64_t)hole < size ? (uint64_t)hole : size;
		int64_t stopped;

		from = from < size ? from : size;
		r = put_hole(p, from - at);
		if (r < 0)
			return r;
		stopped = put_data(p, fd, from, to, &sank);
		if (sank)
			return (int)stopped;
		if (stopped < 0) {
			note_failed(p, name, (int)-stopped);
			return put_u32(p, FILES_CHUNK_BAD);
		}
		at = (uint64_t)stopped;
		if (at < to)
			break; /* it shrank */
	}
	return put_u32(p, 0);
}

/* Takes 'fd' over, as pack_dir_fd() does. */
static int pack_file_fd(struct packer *p, int fd_, const char *name)
{
	auto_fd int fd = fd_;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0) {
		note_failed(p, name, errno);
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		p->count->skipped++;
		return 0;
	}
	r = put_header(p, FILES_FILE, name, &st);
	if (r < 0)
		return r;
	p->count->files++;
	return put_content(p, fd, name, &st);
}

static int pack_link(struct packer *p, int dirfd, const char *open_as, const char *name,
	struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, open_as, target, sizeof(target));
	int r;

	if (n <= 0 || n == (ssize_t)sizeof(target)) {
		note_failed(p, name, n < 0 ? errno : ENAMETOOLONG);
		return 0;
	}
	st->st_size = n;
	r = put_header(p, FILES_LINK, name, st);
	if (r < 0)
		return r;
	p->count->links++;
	return put(p, target, (size_t)n);
}

static int pack_entry(struct packer *p, int dirfd, const char *name, unsigned depth);

/* Takes 'fd' over. The directory's header is out already. */
static int pack_beneath(struct packer *p, int fd, const char *name, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int r = 0;

	if (!dir) {
		note_failed(p, name, errno);
		(void)close(fd);
		return put_header(p, FILES_UP, "", NULL);
	}
	while (r == 0 && (errno = 0, d = readdir(dir)))
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			r = pack_entry(p, dirfd(dir), d->d_name, depth + 1);
	if (r == 0 && errno)
		note_failed(p, name, errno);
	(void)closedir(dir);
	return r < 0 ? r : put_header(p, FILES_UP, "", NULL);
}

static int pack_dir_fd(struct packer *p, int fd_, const char *name, unsigned depth)
{
	auto_fd int fd = fd_;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0) {
		note_failed(p, name, errno);
		return 0;
	}
	r = put_header(p, FILES_DIR, name, &st);
	if (r < 0)
		return r;
	p->count->dirs++;
	return pack_beneath(p, take_fd(&fd), name, depth);
}

static int open_dir(int dirfd, const char *path, int flags)
{
	return openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
}

static int open_file(int dirfd, const char *path, int flags)
{
	return openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
}

static int pack_entry(struct packer *p, int dirfd, const char *name, unsigned depth)
{
	bool is_dir;
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		note_failed(p, name, errno);
		return 0;
	}
	is_dir = S_ISDIR(st.st_mode);
	if (S_ISLNK(st.st_mode))
		return pack_link(p, dirfd, name, name, &st);
	if (!is_dir && !S_ISREG(st.st_mode)) {
		p->count->skipped++;
		return 0;
	}
	if (is_dir && depth >= FILES_DEPTH_MAX) {
		note_failed(p, name, ELOOP);
		return 0;
	}
	fd = is_dir ? open_dir(dirfd, name, O_NOFOLLOW)
		    : open_file(dirfd, name, O_NOFOLLOW);
	if (fd < 0) {
		note_failed(p, name, errno);
		return 0;
	}
	return is_dir ? pack_dir_fd(p, fd, name, depth) : pack_file_fd(p, fd, name);
}

/* The name the copy gets: of a path like ".." it is the directory's that is meant. */
static int top_name(const char *path, char name[256], bool *contents)
{
	auto_free char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	auto_free char *full = path_join(cwd ? cwd : "/", path);
	const char *base = full ? path_base(full) : "";

	if (!full)
		return -ENOMEM;
	*contents = str_eq(path, ".") || str_ends(path, "/.") || !*base;
	if (strlen(base) > NAME_MAX)
		return -ENAMETOOLONG;
	(void)snprintf(name, 256, "%s", *base ? base : "root");
	return 0;
}

static int pack_top(
	struct packer *p, int dirfd, const char *path, unsigned flags, struct err *e)
{
	bool follow =
		(flags & FILES_FOLLOW) || str_ends(path, "/") || str_ends(path, "/.");
	int nofollow = follow ? 0 : O_NOFOLLOW, fd, r;
	auto_fd int at = files_openat(dirfd, path, flags, O_PATH | nofollow);
	bool contents = false;
	char name[256];
	struct stat st;

	if (at < 0 && errno == EXDEV)
		return err_set(e, EXDEV,
			"copy '%s': a link leads it out of the workspace", path);
	if (at < 0 || fstat(at, &st) < 0)
		return err_sys(e, "copy '%s'", path);
	r = top_name(path, name, &contents);
	if (r < 0)
		return err_set(e, -r, "copy '%s': %s", path, strerror(-r));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(e, EINVAL, "copy '%s': no file, directory or link", path);
	r = put(p, FILES_MAGIC, FILES_MAGIC_LEN);
	if (r == 0 && S_ISLNK(st.st_mode))
		return pack_link(p, at, "", name, &st);
	if (r < 0)
		return err_set(e, -r, "send '%s': %s", path, strerror(-r));
	fd = files_openat(dirfd, path, flags,
		nofollow |
			(S_ISDIR(st.st_mode) ? O_RDONLY | O_DIRECTORY
					     : O_RDONLY | O_NONBLOCK | O_NOCTTY));
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	if (S_ISREG(st.st_mode))
		return pack_file_fd(p, fd, name);
	p->flags = contents ? FILES_CONTENTS : 0;
	return pack_dir_fd(p, fd, name, 0);
}

static int put_end(struct packer *p)
{
	uint8_t body[FILES_END_LEN];
	int r = put_header(p, FILES_END, "", NULL);

	wire_put64(body, p->count->skipped);
	wire_put64(body + 8, p->count->failed);
	if (r == 0)
		r = put(p, body, sizeof(body));
	return r < 0 ? r : drain(p);
}

int files_pack(int dirfd, const char *path, unsigned flags, const struct files_sink *sink,
	struct files_count *ret, struct err *e)
{
	auto_free struct packer *p = malloc(sizeof(*p));
	struct err why = { 0 };
	int r;

	*ret = (struct files_count){ 0 };
	if (!p)
		return err_set(e, ENOMEM, "copy '%s': out of memory", path);
	p->sink = sink;
	p->count = ret;
	p->used = 0;
	p->flags = 0;
	r = pack_top(p, dirfd, path, flags, &why);
	if (r == 0)
		r = put_end(p);
	if (r < 0 && why.code && e)
		*e = why;
	else if (r < 0)
		(void)err_set(e, -r, "send '%s': %s", path, strerror(-r));
	return r;
}
