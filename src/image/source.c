/* SPDX-License-Identifier: Apache-2.0 */
#include "image/source.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "image/explode.h"
#include "image/hash.h"
#include "image/manifest.h"
#include "image/part.h"
#include "image/store.h"
#include "linux/idmap.h"

#define LINKS_MAX 8

int source_open_dir(const char *path, struct store *s, struct source *ret, struct err *e)
{
	*ret = (struct source){ .store = s, .dir = -1 };
	ret->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->dir < 0 ? err_sys(e, "open '%s'", path) : 0;
}

void source_close(struct source *src)
{
	struct err why = { 0 };

	if (src->dir >= 0)
		(void)close(take_fd(&src->dir));
	/* all of it is the caller's own: the child had no other id */
	if (src->tmp)
		(void)file_remove_tree(src->store->dir, src->tmp, &why);
	free(take_ptr(&src->tmp));
	json_free(take_ptr(&src->table));
}

/* The caller as the one id of a namespace: what the child makes is the caller's. */
static void map_of_self(struct idmap *m)
{
	*m = (struct idmap){ .uid = { { 0, geteuid(), 1 } },
		.uid_n = 1,
		.gid = { { 0, getegid(), 1 } },
		.gid_n = 1,
		.single = true };
}

static int explode(int fd, int dir, const struct untar_limits *limits, struct err *e)
{
	struct idmap self;
	struct jail j = { .map = &self,
		.dir = dir,
		.in = fd,
		.out = -1,
		.run = explode_run,
		.arg = limits };
	struct jail_result res;
	struct jail_child child;
	int r;

	map_of_self(&self);
	r = jail_start(&j, &child, e);
	return r < 0 ? r : jail_wait(&child, &res, e);
}

int source_open_tar(int fd, struct store *s, const struct untar_limits *limits,
	struct source *ret, struct err *e)
{
	int r;

	*ret = (struct source){ .store = s, .dir = -1 };
	ret->tmp = str_printf(
		"tmp/import-%d-%llx", (int)getpid(), (unsigned long long)clock_mono_ns());
	if (!ret->tmp)
		return err_set(e, ENOMEM, "import: out of memory");
	if (mkdirat(s->dir, ret->tmp, 0700) < 0)
		return err_sys(e, "make directory '%s/%s'", s->path, ret->tmp);
	ret->dir = openat(s->dir, ret->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = ret->dir < 0 ? err_sys(e, "open '%s/%s'", s->path, ret->tmp)
			 : explode(fd, ret->dir, limits, e);
	if (r == 0)
		r = json_load(ret->dir, EXPLODE_TABLE, EXPLODE_TABLE_MAX, &ret->table, e);
	if (r < 0)
		source_close(ret);
	return r;
}

/* The file of a member of a tar, through its links; the last of a name counts. */
static const char *member_file(const struct source *src, const char *name)
{
	for (int links = 0; links < LINKS_MAX; links++) {
		const struct json *row = NULL;

		for (size_t i = json_len(src->table); !row && i-- > 0;)
			if (str_eq(json_get_str(json_at(src->table, i), "name"), name))
				row = json_at(src->table, i);
		if (!row)
			return NULL;
		if (json_get_str(row, "file"))
			return json_get_str(row, "file");
		name = json_get_str(row, "link");
		if (!name)
			return NULL;
	}
	return NULL;
}

static int open_file(
	const struct source *src, const char *name, struct stat *st, struct err *e)
{
	auto_free char *tidy = path_clean(name);
	const char *file = src->table && tidy ? member_file(src, tidy) : name;
	auto_fd int fd = -1;

	if (!tidy)
		return err_set(e, ENOMEM, "import: out of memory");
	if (!file)
		return err_set(e, ENOENT, "'%.200s' is not in the archive", name);
	/* a pipe, say, must not make us wait */
	fd = path_open_beneath(src->dir, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	if (fd < 0)
		return take_fd(&fd);
	if (fstat(fd, st) < 0)
		return err_sys(e, "stat '%s'", name);
	if (!S_ISREG(st->st_mode))
		return err_set(e, EBADMSG, "'%.200s' is no regular file", name);
	return take_fd(&fd);
}

bool source_has(const struct source *src, const char *name)
{
	struct err why = { 0 };
	struct stat st;
	auto_fd int fd = open_file(src, name, &st, &why);

	return fd >= 0;
}

int source_read(const struct source *src, const char *name, size_t max, struct buf *out,
	struct err *e)
{
	struct stat st;
	auto_fd int fd = open_file(src, name, &st, e);

	return fd < 0 ? fd : file_read_fd(fd, name, max, out, e);
}

static int copy_blob(const struct source *src, int fd, const char *digest, uint64_t size,
	struct err *e)
{
	auto_free char *chunk = malloc(1 << 18);
	struct part part;
	int r = part_open(src->store, digest, size, &part, e);

	if (r)
		return r == 1 ? 0
			: r == -EAGAIN
			? err_set(e, EBUSY, "another process is bringing %s", digest)
			: r;
	r = chunk ? part_restart(&part, e) : err_set(e, ENOMEM, "import: out of memory");
	while (r == 0) {
		ssize_t n = read(fd, chunk, 1 << 18);

		if (n < 0)
			r = err_sys(e, "read %s", digest);
		if (n <= 0)
			break;
		r = part_add(&part, chunk, (size_t)n, size, e);
	}
	if (r == 0)
		r = part_commit(&part, e);
	part_close(&part);
	return r;
}

/* A member of a tar is a file of our own in the store already: no copy. */
static int link_blob(const struct source *src, const char *name, int fd,
	const char *digest, struct err *e)
{
	auto_free char *tidy = path_clean(name);
	const char *file = tidy ? member_file(src, tidy) : NULL;
	char blob[DIGEST_PATH_MAX];

	if (!file)
		return err_set(e, ENOENT, "'%.200s' is not in the archive", name);
	if (fsync(fd) < 0)
		return err_sys(e, "write '%s/%s'", src->store->path, src->tmp);
	if (linkat(src->dir, file, src->store->dir, digest_path(digest, blob), 0) < 0 &&
		errno != EEXIST)
		return err_sys(e, "write '%s/%s'", src->store->path, blob);
	return 0;
}

int source_take(const struct source *src, const char *name, const char *want,
	char digest[DIGEST_TEXT_MAX], uint64_t *size, struct err *e)
{
	struct stat st;
	auto_fd int fd = open_file(src, name, &st, e);
	int r;

	if (fd < 0)
		return fd;
	if (want && (uint64_t)st.st_size != *size)
		return err_set(e, EBADMSG,
			"'%.160s' has %lld bytes and not the %llu it should", name,
			(long long)st.st_size, (unsigned long long)*size);
	if (want && blob_is_here(src->store, want, *size)) {
		(void)strcpy(digest, want);
		return 0;
	}
	if ((uint64_t)st.st_size > LAYER_SIZE_MAX)
		return err_set(e, EFBIG, "'%.160s' is too large", name);
	r = hash_file(fd, want, digest, size, e);
	if (r < 0)
		return r;
	if (want && !str_eq(digest, want))
		return err_set(e, EBADMSG, "'%.100s' has the digest %s and not %s", name,
			digest, want);
	if (blob_is_here(src->store, digest, *size))
		return 0;
	if (src->table)
		return link_blob(src, name, fd, digest, e);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "read '%s'", name);
	return copy_blob(src, fd, digest, *size, e);
}
