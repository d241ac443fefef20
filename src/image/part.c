/* SPDX-License-Identifier: Apache-2.0 */
#include "image/part.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "image/hash.h"
#include "image/store.h"

#include <sys/file.h>

bool blob_is_here(struct store *s, const char *digest, uint64_t size)
{
	char path[DIGEST_PATH_MAX];
	struct stat st;

	digest_path(digest, path);
	if (fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
		return true;
	(void)unlinkat(s->dir, path, 0);
	return false;
}

int blob_open(struct store *s, const char *digest, struct err *e)
{
	char path[DIGEST_PATH_MAX];
	int fd = openat(
		s->dir, digest_path(digest, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_sys(e, "open '%s/%s'", s->path, path) : fd;
}

int blob_put(
	struct store *s, const char *digest, const void *data, size_t len, struct err *e)
{
	struct part p;
	int r;

	if (blob_is_here(s, digest, len))
		return 0;
	r = part_open(s, digest, len, &p, e);
	if (r == 1 ||
		r == -EAGAIN) /* another process is putting the very same bytes there */
		return 0;
	if (r < 0)
		return r;
	r = part_restart(&p, e);
	if (r == 0)
		r = part_add(&p, data, len, len, e);
	if (r == 0)
		r = part_commit(&p, e);
	part_close(&p);
	return r;
}

/* Is the file that we have locked still the one of that name? */
static bool still_there(const struct part *p)
{
	struct stat ours, there;

	return fstat(p->fd, &ours) == 0 &&
		fstatat(p->store->dir, p->path, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

static int hash_existing(struct part *p, uint64_t size, struct err *e)
{
	auto_free char *chunk = malloc(1 << 18);
	struct stat st;

	if (!chunk)
		return err_set(e, ENOMEM, "'%s': out of memory", p->path);
	if (fstat(p->fd, &st) < 0)
		return err_sys(e, "stat '%s'", p->path);
	if ((uint64_t)st.st_size > size)
		return part_restart(p, e);
	while (p->have < (uint64_t)st.st_size) {
		ssize_t n = pread(p->fd, chunk, 1 << 18, (off_t)p->have);
		int r;

		if (n <= 0)
			return n < 0 ? err_sys(e, "read '%s'", p->path) : 0;
		r = hash_add(p->hash, chunk, (size_t)n, e);
		if (r < 0)
			return r;
		p->have += (uint64_t)n;
	}
	return 0;
}

int part_open(struct store *s, const char *digest, uint64_t size, struct part *ret,
	struct err *e)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->store = s;
	ret->fd = -1;
	if (blob_is_here(s, digest, size))
		return 1;
	(void)snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	(void)snprintf(ret->path, sizeof(ret->path), "tmp/%.6s-%s.part", digest,
		digest_hex(digest));
	ret->fd = openat(
		s->dir, ret->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ret->fd < 0)
		return err_sys(e, "create '%s/%s'", s->path, ret->path);
	if (flock(ret->fd, LOCK_EX | LOCK_NB) < 0 || !still_there(ret)) {
		part_close(ret);
		return blob_is_here(s, digest, size) ? 1 : -EAGAIN;
	}
	r = hash_new(digest, &ret->hash, e);
	if (r == 0)
		r = hash_existing(ret, size, e);
	if (r < 0)
		part_close(ret);
	return r;
}

int part_add(struct part *p, const void *data, size_t len, uint64_t size, struct err *e)
{
	const char *at = data;

	if (len > size - p->have)
		return err_set(e, EFBIG,
			"%s is longer than the %llu bytes it should have", p->digest,
			(unsigned long long)size);
	while (len) {
		ssize_t n = pwrite(p->fd, at, len, (off_t)p->have);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "write '%s/%s'", p->store->path, p->path);
		r = hash_add(p->hash, at, (size_t)n, e);
		if (r < 0)
			return r;
		p->have += (uint64_t)n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int part_restart(struct part *p, struct err *e)
{
	if (p->hash)
		hash_free(take_ptr(&p->hash));
	p->have = 0;
	if (ftruncate(p->fd, 0) < 0)
		return err_sys(e, "empty '%s'", p->path);
	return hash_new(p->digest, &p->hash, e);
}

int part_commit(struct part *p, struct err *e)
{
	char got[DIGEST_TEXT_MAX], blob[DIGEST_PATH_MAX];
	auto_fd int dir = -1;
	int r = hash_end(p->hash, got, e);

	if (r < 0)
		return r;
	if (!str_eq(got, p->digest)) {
		(void)unlinkat(p->store->dir, p->path, 0);
		return err_set(e, EBADMSG, "the digest of what came is %s and not %s",
			got, p->digest);
	}
	if (fsync(p->fd) < 0)
		return err_sys(e, "write '%s/%s'", p->store->path, p->path);
	digest_path(p->digest, blob);
	if (renameat(p->store->dir, p->path, p->store->dir, blob) < 0)
		return err_sys(e, "write '%s/%s'", p->store->path, blob);
	blob[12] = '\0'; /* "blobs/sha256" */
	dir = openat(p->store->dir, blob, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 || fsync(dir) < 0
		? err_sys(e, "sync '%s/%s'", p->store->path, blob)
		: 0;
}

void part_close(struct part *p)
{
	if (p->hash)
		hash_free(take_ptr(&p->hash));
	if (p->fd >= 0)
		(void)close(take_fd(&p->fd));
}
