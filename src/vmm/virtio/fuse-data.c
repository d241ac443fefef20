/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-data.c - contents of files.
 *
 * Between the client's memory and the host's page cache, by one call and without a copy in
 * between: what the client changes meanwhile is its own business.
 */
#include "vmm/virtio/fuse-priv.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif

/* More than a page of a request, so that a CPU isn't away for long. */
#define COPY_MAX (16U << 20)

int fuse_open(struct fuse_request *r)
{
	struct fuse_open_in in;
	struct fuse_open_out out = { 0 };
	struct host_stat st;
	int fd, access, n = 0;

	memcpy(&in, r->args, sizeof(in));
	access = (int)in.flags & O_ACCMODE;
	/* the rest has no data here: FIFOs, sockets and devices are the client's own */
	if (r->node->type != S_IFREG)
		return r->node->type == S_IFDIR ? -EISDIR : -ENXIO;
	if (access == O_ACCMODE)
		return -EINVAL;
	fd = fuse_open_real(r->f, r->node, access, &st);
	if (fd < 0)
		return fd;
	/* only now, when it is certain which file that is */
	if (in.flags & O_TRUNC && access != O_RDONLY) {
		if (in.open_flags & FUSE_OPEN_KILL_SUIDGID)
			n = fuse_kill_sid(fd);
		if (n == 0)
			n = (int)HOST_AGAIN(ftruncate(fd, 0));
	} else if (fuse_unchanged(r->f, r->node, &st)) {
		out.open_flags |= FOPEN_KEEP_CACHE;
	}
	if (n < 0) {
		(void)close(fd);
		return n;
	}
	/* a close is only for those to be told of that may have written */
	if (access == O_RDONLY)
		out.open_flags |= FOPEN_NOFLUSH;
	n = fuse_handle_new(r->f, r->node, fd, access, &out.fh);
	return n < 0 ? n : fuse_reply(r, &out, sizeof(out));
}

int fuse_release(struct fuse_request *r)
{
	struct fuse_release_in in;

	memcpy(&in, r->args, sizeof(in));
	return fuse_handle_release(r->f, in.fh, r->in.nodeid);
}

/* The host's close(2) of a network file system is where it says that there was no room. */
int fuse_flush(struct fuse_request *r)
{
	struct fuse_flush_in in;
	struct fuse_handle *h;
	int fd, n;

	memcpy(&in, r->args, sizeof(in));
	n = fuse_handle_get(r->f, in.fh, r->in.nodeid, &h);
	if (n < 0)
		return n;
	if (__atomic_exchange_n(&h->written, false, __ATOMIC_RELAXED)) {
		fd = fcntl(h->fd, F_DUPFD_CLOEXEC, 3);
		if (fd >= 0 && close(fd) < 0 && errno != EINTR)
			n = -errno;
	}
	fuse_handle_put(r->f, h);
	return n;
}

int fuse_read(struct fuse_request *r)
{
	struct fuse_read_in in;
	struct iovec v[FUSE_SEGMENTS_MAX];
	struct fuse_handle *h;
	unsigned count;
	long n;

	memcpy(&in, r->args, sizeof(in));
	n = fuse_handle_get(r->f, in.fh, r->in.nodeid, &h);
	if (n < 0)
		return (int)n;
	count = fuse_slice(r->to, r->to_n, sizeof(struct fuse_out_header), in.size, v);
	n = count ? HOST_AGAIN(preadv(h->fd, v, (int)count, (off_t)in.offset)) : 0;
	fuse_handle_put(r->f, h);
	if (n < 0)
		return (int)n;
	r->wrote = (size_t)n;
	return 0;
}

static long put(struct fuse_handle *h, const struct fuse_write_in *in,
	const struct iovec *v, unsigned count)
{
	/* At the end as the host knows it, which others may have moved; but pages of a map
	 * are the client's to place, whoever's handle they come by. */
	bool append = in->flags & O_APPEND && !(in->write_flags & FUSE_WRITE_CACHE);
	long n = 0;

	if (in->write_flags & FUSE_WRITE_KILL_SUIDGID)
		n = fuse_kill_sid(h->fd);
	if (n < 0)
		return n;
	if (append)
		return HOST_AGAIN(
			pwritev2(h->fd, v, (int)count, (off_t)in->offset, RWF_APPEND));
	return HOST_AGAIN(pwritev(h->fd, v, (int)count, (off_t)in->offset));
}

int fuse_write(struct fuse_request *r)
{
	struct fuse_write_in in;
	struct fuse_write_out out = { 0 };
	struct iovec v[FUSE_SEGMENTS_MAX];
	struct fuse_handle *h;
	size_t at = sizeof(r->in) + sizeof(in);
	unsigned count;
	long n;

	memcpy(&in, r->args, sizeof(in));
	if (in.size > r->out_len - at)
		return -EINVAL;
	n = fuse_handle_get(r->f, in.fh, r->in.nodeid, &h);
	if (n < 0)
		return (int)n;
	count = fuse_slice(r->out, r->out_n, at, in.size, v);
	n = count ? put(h, &in, v, count) : 0;
	__atomic_store_n(&h->written, true, __ATOMIC_RELAXED);
	fuse_handle_put(r->f, h);
	if (n < 0)
		return (int)n;
	out.size = (uint32_t)n;
	return fuse_reply(r, &out, sizeof(out));
}

/* Of directories, too. */
int fuse_fsync(struct fuse_request *r)
{
	struct fuse_fsync_in in;
	struct fuse_handle *h;
	int n;

	memcpy(&in, r->args, sizeof(in));
	n = fuse_handle_get(r->f, in.fh, r->in.nodeid, &h);
	if (n < 0)
		return n;
	n = in.fsync_flags & FUSE_FSYNC_FDATASYNC ? (int)HOST_AGAIN(fdatasync(h->fd))
						  : (int)HOST_AGAIN(fsync(h->fd));
	/* some of the host's file systems have no such thing for directories */
	if (n == -EINVAL && h->inode->type == S_IFDIR)
		n = 0;
	fuse_handle_put(r->f, h);
	return n;
}

/* All devices beneath the root; none is ever taken out of the table. */
int fuse_syncfs(struct fuse_request *r)
{
	struct fuse *f = r->f;
	int n = 0, fd = fuse_open_at(f, f->o.root, ".", O_RDONLY | O_DIRECTORY, 0);
	unsigned devs;

	if (fd < 0)
		return fd;
	n = (int)HOST_AGAIN(syncfs(fd));
	(void)close(fd);
	fuse_lock(f);
	devs = f->devs;
	fuse_unlock(f);
	for (unsigned i = 1; i < devs; i++) {
		int dev = __atomic_load_n(&f->dev[i].fd, __ATOMIC_ACQUIRE);
		int m = dev < 0 ? 0 : (int)HOST_AGAIN(syncfs(dev));

		n = n < 0 ? n : m;
	}
	return n;
}

int fuse_lseek(struct fuse_request *r)
{
	struct fuse_lseek_in in;
	struct fuse_lseek_out out;
	struct fuse_handle *h;
	long n;

	memcpy(&in, r->args, sizeof(in));
	if (in.whence != SEEK_DATA && in.whence != SEEK_HOLE)
		return -EINVAL;
	n = fuse_handle_get(r->f, in.fh, r->in.nodeid, &h);
	if (n < 0)
		return (int)n;
	/* a directory's position is its listing's */
	n = h->inode->type != S_IFREG
		? -EINVAL
		: HOST_AGAIN(lseek(h->fd, (off_t)in.offset, (int)in.whence));
	fuse_handle_put(r->f, h);
	if (n < 0)
		return (int)n;
	out.offset = (uint64_t)n;
	return fuse_reply(r, &out, sizeof(out));
}

int fuse_fallocate(struct fuse_request *r)
{
	struct fuse_fallocate_in in;
	struct fuse_handle *h;
	int n;

	memcpy(&in, r->args, sizeof(in));
	if (in.mode &
		~(uint32_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
			FALLOC_FL_ZERO_RANGE | FALLOC_FL_COLLAPSE_RANGE |
			FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE))
		return -EOPNOTSUPP;
	n = fuse_handle_get(r->f, in.fh, r->in.nodeid, &h);
	if (n < 0)
		return n;
	/* nobody tells whether the caller may keep set-id bits: root may */
	if (r->in.uid)
		n = fuse_kill_sid(h->fd);
	if (n == 0)
		n = (int)HOST_AGAIN(syscall(SYS_fallocate, h->fd, (int)in.mode,
			(off_t)in.offset, (off_t)in.length));
	__atomic_store_n(&h->written, true, __ATOMIC_RELAXED);
	fuse_handle_put(r->f, h);
	return n;
}

int fuse_copy(struct fuse_request *r)
{
	struct fuse_copy_file_range_in in;
	struct fuse_write_out out = { 0 };
	struct fuse_handle *from, *to;
	int64_t at, to_at;
	long n;

	memcpy(&in, r->args, sizeof(in));
	if (in.flags)
		return -EINVAL;
	n = fuse_handle_get(r->f, in.fh_in, r->in.nodeid, &from);
	if (n < 0)
		return (int)n;
	n = fuse_handle_get(r->f, in.fh_out, in.nodeid_out, &to);
	if (n == 0) {
		at = (int64_t)in.off_in;
		to_at = (int64_t)in.off_out;
		if (r->in.uid)
			n = fuse_kill_sid(to->fd);
		if (n == 0)
			n = HOST_AGAIN(syscall(SYS_copy_file_range, from->fd, &at, to->fd,
				&to_at, in.len < COPY_MAX ? in.len : COPY_MAX, 0));
		__atomic_store_n(&to->written, true, __ATOMIC_RELAXED);
		fuse_handle_put(r->f, to);
	}
	fuse_handle_put(r->f, from);
	if (n < 0)
		return (int)n;
	out.size = (uint32_t)n;
	return fuse_reply(r, &out, sizeof(out));
}
