/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. The stream is hostile, and so may be whoever else writes in the
 * destination. Every name is one component and is used beneath a directory that is held
 * by descriptor, never through a link, so there is no path to lead astray. A file is
 * written under a name of ours that is made with O_EXCL, and renamed over what was there:
 * the old file, its hard links and a link in its place are never written to.
 */
#include "guest/filestream.h"

#include "base/auto.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "guest/filestream-dest.h"

#include "base/wire.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define INPUT 65536U

struct unpacker {
	const struct files_source *src;
	const struct files_dest *dest;
	struct files_count *count;
	struct err *e;
	uint64_t entries;
	long floor;     /* depth of what was unpacked: 1 when it has a name of its own */
	size_t at, len; /* of what is in 'room' */
	uint8_t room[INPUT];
};

static int lie(struct unpacker *u, const char *what)
{
	return err_set(u->e, EPROTO, "unpack: the stream is damaged: %s", what);
}

static int too_much(struct unpacker *u, const char *what)
{
	return err_set(u->e, EFBIG, "unpack: %s", what);
}

/* At least one byte into the room. */
static int fill(struct unpacker *u)
{
	ssize_t n = u->src->read(u->src->data, u->room, sizeof(u->room));

	if (n < 0)
		return err_set(u->e, (int)-n, "unpack: read: %s", strerror((int)-n));
	if (n == 0)
		return lie(u, "it ends early");
	u->at = 0;
	u->len = (size_t)n;
	return 0;
}

static int take(struct unpacker *u, void *into, size_t len)
{
	uint8_t *p = into;

	while (len) {
		size_t n = u->len - u->at < len ? u->len - u->at : len;
		int r;

		memcpy(p, u->room + u->at, n);
		u->at += n;
		p += n;
		len -= n;
		r = len ? fill(u) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_name(uint8_t type)
{
	return type == FILES_DIR || type == FILES_FILE || type == FILES_LINK;
}

static int take_entry(struct unpacker *u, struct files_entry *x)
{
	uint64_t max = u->dest->max_entries ? u->dest->max_entries : FILES_ENTRIES_MAX;
	uint8_t h[FILES_HEADER];
	uint16_t len;
	int r = take(u, h, sizeof(h));

	if (r < 0)
		return r;
	len = wire_get16(h + 2);
	*x = (struct files_entry){
		.type = h[0],
		.flags = h[1],
		.mode = wire_get32(h + 4),
		.mtime = (int64_t)wire_get64(h + 8),
		.mtime_ns = wire_get32(h + 16),
		.size = wire_get64(h + 20),
	};
	if (!has_name(x->type))
		return (x->type == FILES_UP || x->type == FILES_END) && len == 0
			? 0
			: lie(u, "unknown entry");
	if (len >= sizeof(x->name) || x->mode > 0777 || x->mtime_ns >= 1000000000 ||
		(x->flags & ~FILES_CONTENTS))
		return lie(u, "bad entry");
	if (++u->entries > max)
		return too_much(u, "too many files");
	r = take(u, x->name, len);
	if (r < 0)
		return r;
	x->name[len] = '\0';
	return strlen(x->name) == len && path_is_name(x->name) ? 0 : lie(u, "bad name");
}

static void stamp(int fd, const struct files_entry *x)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { x->mtime, x->mtime_ns } };

	(void)futimens(fd, t);
}

static void temp_name(char out[32])
{
	uint64_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	(void)snprintf(out, 32, ".brig-cp-%016llx", (unsigned long long)n);
}

/* One chunk of data into the file at '*pos'. */
static int take_data(struct unpacker *u, int fd, uint32_t len)
{
	while (len) {
		size_t n = u->len - u->at < len ? u->len - u->at : len;
		int r = n ? file_write_all(fd, u->room + u->at, n) : fill(u);

		if (r < 0)
			return n ? err_set(u->e, -r, "unpack: write: %s", strerror(-r))
				 : r;
		u->at += n;
		len -= (uint32_t)n;
	}
	return 0;
}

/* Chunks up to the end of the file. 1: the sender says to drop it. */
static int take_content(struct unpacker *u, int fd)
{
	uint64_t max = u->dest->max_file ? u->dest->max_file : FILES_SIZE_MAX, size = 0;
	uint64_t room = u->dest->max_bytes ? u->dest->max_bytes : UINT64_MAX;
	uint8_t raw[4];
	uint32_t chunk;
	int r;

	while ((r = take(u, raw, sizeof(raw))) == 0 && (chunk = wire_get32(raw)) != 0) {
		uint32_t len = chunk & ~FILES_CHUNK_HOLE;
		bool hole = chunk & FILES_CHUNK_HOLE;

		if (chunk == FILES_CHUNK_BAD)
			return 1;
		if (len > (hole ? FILES_HOLE_MAX : FILES_CHUNK_MAX))
			return lie(u, "bad chunk");
		size += len;
		if (size > max)
			return too_much(u, "a file is too large");
		if (!hole && len > room - u->count->bytes)
			return too_much(u, "too many bytes");
		if (hole ? lseek(fd, (off_t)size, SEEK_SET) < 0 : false)
			return err_sys(u->e, "unpack: seek");
		r = hole ? 0 : take_data(u, fd, len);
		if (r < 0)
			return r;
		u->count->bytes += hole ? 0 : len;
	}
	if (r == 0 && ftruncate(fd, (off_t)size) < 0)
		return err_sys(u->e, "unpack: set the size of a file");
	return r;
}

static int put_in_place(struct unpacker *u, int dirfd, const char *temp, const char *name)
{
	int r;

	if (renameat(dirfd, temp, dirfd, name) == 0)
		return 0;
	r = err_sys(u->e, "unpack '%s'", name);
	(void)unlinkat(dirfd, temp, 0);
	return r;
}

static int unpack_file(struct unpacker *u, int dirfd, const struct files_entry *x)
{
	char temp[32];
	int r;

	temp_name(temp);
	auto_fd int fd = openat(
		dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(u->e, "unpack '%s'", x->name);
	r = take_content(u, fd);
	if (r == 0 && fchmod(fd, x->mode & 0777) < 0)
		r = err_sys(u->e, "unpack '%s'", x->name);
	if (r != 0) {
		(void)unlinkat(dirfd, temp, 0);
		return r < 0 ? r : 0;
	}
	stamp(fd, x);
	u->count->files++;
	return put_in_place(u, dirfd, temp, x->name);
}

/* By its letters: does a link at this depth lead above the level 'floor'? */
static bool leads_out(const char *target, unsigned depth, long floor)
{
	long level = (long)depth;
	bool out = target[0] == '/';

	for (const char *p = target; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			out |= --level < floor;
		else if (len && !(len == 1 && p[0] == '.'))
			level++;
		p += len + (p[len] == '/');
	}
	return out;
}

static int unpack_link(
	struct unpacker *u, int dirfd, const struct files_entry *x, unsigned depth)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { x->mtime, x->mtime_ns } };
	char target[PATH_MAX], temp[32];
	int r;

	if (x->size == 0 || x->size >= sizeof(target))
		return lie(u, "bad link");
	r = take(u, target, (size_t)x->size);
	if (r < 0)
		return r;
	target[x->size] = '\0';
	if (strlen(target) != x->size)
		return lie(u, "bad link");
	temp_name(temp);
	if (symlinkat(target, dirfd, temp) < 0)
		return err_sys(u->e, "unpack '%s'", x->name);
	(void)utimensat(dirfd, temp, t, AT_SYMLINK_NOFOLLOW);
	u->count->links++;
	u->count->links_out += leads_out(target, depth, u->floor);
	return put_in_place(u, dirfd, temp, x->name);
}

static int unpack_beneath(struct unpacker *u, int dirfd, unsigned depth);

static int unpack_dir(
	struct unpacker *u, int dirfd, const struct files_entry *x, unsigned depth)
{
	bool made = mkdirat(dirfd, x->name, 0700) == 0;
	int r;

	if (!made && errno != EEXIST)
		return err_sys(u->e, "unpack '%s'", x->name);
	auto_fd int fd =
		openat(dirfd, x->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(
			u->e, "unpack '%s': a directory over what is none", x->name);
	u->count->dirs++;
	r = unpack_beneath(u, fd, depth + 1);
	if (r < 0 || !made)
		return r;
	if (fchmod(fd, x->mode & 0777) < 0)
		return err_sys(u->e, "unpack '%s'", x->name);
	stamp(fd, x);
	return 0;
}

static int unpack_entry(
	struct unpacker *u, int dirfd, const struct files_entry *x, unsigned depth)
{
	switch (x->type) {
	case FILES_DIR: return unpack_dir(u, dirfd, x, depth);
	case FILES_FILE: return unpack_file(u, dirfd, x);
	case FILES_LINK: return unpack_link(u, dirfd, x, depth);
	default: return lie(u, "unexpected entry");
	}
}

static int unpack_beneath(struct unpacker *u, int dirfd, unsigned depth)
{
	struct files_entry x;
	int r;

	if (depth > FILES_DEPTH_MAX)
		return too_much(u, "directories are too deep");
	while ((r = take_entry(u, &x)) == 0 && x.type != FILES_UP) {
		r = unpack_entry(u, dirfd, &x, depth);
		if (r < 0)
			return r;
	}
	return r;
}

static int take_end(struct unpacker *u)
{
	uint8_t body[FILES_END_LEN];
	struct files_entry x;
	int r = take_entry(u, &x);

	if (r < 0)
		return r;
	if (x.type != FILES_END)
		return lie(u, "more than one file at the top");
	r = take(u, body, sizeof(body));
	if (r == 0) {
		u->count->skipped = wire_get64(body);
		u->count->failed = wire_get64(body + 8);
	}
	return r;
}

static int unpack(struct unpacker *u)
{
	struct files_place place = { .fd = -1 };
	char magic[FILES_MAGIC_LEN];
	struct files_entry top;
	int r = take(u, magic, sizeof(magic));

	if (r == 0 && memcmp(magic, FILES_MAGIC, sizeof(magic)) != 0)
		r = lie(u, "no stream of files");
	if (r == 0)
		r = take_entry(u, &top);
	if (r == 0 && !has_name(top.type))
		r = lie(u, "no file in it");
	if (r == 0)
		r = files_dest_open(u->dest, &top, &place, u->e);
	if (r < 0)
		return r;
	auto_fd int fd = place.fd;

	u->floor = place.merge ? 0 : 1;
	if (place.merge) {
		u->count->dirs++;
		r = unpack_beneath(u, fd, 0);
	} else {
		memcpy(top.name, place.name, sizeof(top.name));
		r = unpack_entry(u, fd, &top, 0);
	}
	return r < 0 ? r : take_end(u);
}

int files_unpack(const struct files_source *src, const struct files_dest *dest,
	struct files_count *ret, struct err *e)
{
	auto_free struct unpacker *u = malloc(sizeof(*u));
	struct err why = { 0 };
	int r;

	*ret = (struct files_count){ 0 };
	if (!u)
		return err_set(e, ENOMEM, "unpack: out of memory");
	u->src = src;
	u->dest = dest;
	u->count = ret;
	u->e = &why;
	u->entries = 0;
	u->floor = 0;
	u->at = u->len = 0;
	r = unpack(u);
	if (r < 0 && e)
		*e = why;
	return r;
}
