/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/memory.h"

#include "base/auto.h"
#include "base/err.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#define PAGE 4096U
/* Holes of a file are looked for in steps of this; more steps in a larger memory would be more
 * mappings than a process may have. */
#define STEP      (2ULL << 20)
#define STEPS_MAX 8192U
#define COPY_MAX  (1U << 20)

int memory_file(uint64_t size, struct err *e)
{
	auto_fd int fd =
		memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_sys(e, "make the guest's memory");
	if (ftruncate(fd, (off_t)size) < 0)
		return err_sys(e, "give the guest %llu bytes", (unsigned long long)size);
	return take_fd(&fd);
}

static void advise(void *at, uint64_t size, bool large)
{
	/* hints both: a core file holds nothing of the guest, large pages where the host's
	 * setting for shared memory is "advise"; a copy of a machine is to stay small */
	(void)madvise(at, size, MADV_DONTDUMP);
	if (large)
		(void)madvise(at, size, MADV_HUGEPAGE);
}

/*
 * Map parts of the file over what is mapped there, which is memory without a file: so a hole is
 * memory that nothing stands behind, and looking at it makes no page in the file.
 */
static int map_contents(uint8_t *host, uint64_t size, int fd)
{
	uint64_t step = STEP, at = 0;

	while (size / step > STEPS_MAX)
		step *= 2;
	while (at < size) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		uint64_t from, to;

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0)
			return -errno;
		from = (uint64_t)data / step * step;
		to = from + step < size ? from + step : size;
		/* neighbours become one mapping by themselves */
		if (mmap(host + from, to - from, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
			    (off_t)from) == MAP_FAILED)
			return -errno;
		at = to;
	}
	return 0;
}

static void *map_anonymous(void *at, uint64_t size)
{
	return mmap(at, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/* Addresses between others that nobody can touch: what is miscalculated hits nothing of ours. NULL
 * and errno. */
static uint8_t *reserve(uint64_t size)
{
	uint64_t all = size + 2 * MEMORY_GUARD, skip;
	uint8_t *at = mmap(NULL, all + MEMORY_GUARD, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	/* to where large pages may begin */
	skip = -(uintptr_t)at % MEMORY_GUARD;
	if (skip)
		(void)munmap(at, skip);
	(void)munmap(at + skip + all, MEMORY_GUARD - skip);
	return at + skip + MEMORY_GUARD;
}

static void release(uint8_t *at, uint64_t size)
{
	(void)munmap(at - MEMORY_GUARD, size + 2 * MEMORY_GUARD);
}

int memory_open(struct guest_memory *m, int fd, uint64_t size, bool apart, struct err *e)
{
	auto_fd int file = fd;
	uint8_t *at;
	int r = 0;

	*m = (struct guest_memory){ .fd = -1 };
	if (size < MEMORY_MIN || size > MEMORY_MAX || size % PAGE)
		return err_set(e, EINVAL, "a guest can't have %llu bytes of memory",
			(unsigned long long)size);
	if (lseek(file, 0, SEEK_END) != (off_t)size)
		return err_set(e, EBADMSG,
			"the file of the guest's memory isn't %llu bytes long",
			(unsigned long long)size);
	at = reserve(size);
	if (!at)
		return err_sys(e, "map the guest's memory");
	if (apart ? map_anonymous(at, size) == MAP_FAILED
		  : mmap(at, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE | MAP_FIXED, file,
			    0) == MAP_FAILED)
		r = -errno;
	if (r == 0)
		advise(at, size, !apart);
	if (r == 0 && apart)
		r = map_contents(at, size, file);
	if (r < 0) {
		release(at, size);
		return err_set(e, -r, "map the guest's memory: %s", err_text(-r));
	}
	*m = (struct guest_memory){
		.host = at, .size = size, .fd = take_fd(&file), .apart = apart
	};
	return 0;
}

int memory_make(struct guest_memory *m, uint64_t size, struct err *e)
{
	int fd;

	*m = (struct guest_memory){ .fd = -1 };
	if (size < MEMORY_MIN || size > MEMORY_MAX || size % PAGE)
		return err_set(e, EINVAL, "a guest can't have %llu bytes of memory",
			(unsigned long long)size);
	fd = memory_file(size, e);
	return fd < 0 ? fd : memory_open(m, fd, size, false, e);
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

static int write_all(int fd, const uint8_t *from, uint64_t n, uint64_t at)
{
	while (n) {
		struct iovec iov = { (void *)(uintptr_t)from,
			n < COPY_MAX ? n : COPY_MAX };
		ssize_t k =
			pwritev(fd, &iov, 1, (off_t)at); /* a call that the jail has */

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		from += k;
		at += (uint64_t)k;
		n -= (uint64_t)k;
	}
	return 0;
}

static int copy_out(const struct guest_memory *m, int to)
{
	int r = 0;

	for (uint64_t at = 0, end; r == 0 && at < m->size; at = end) {
		end = at + PAGE;
		if (is_zero(m->host + at))
			continue;
		while (end < m->size && end - at < COPY_MAX && !is_zero(m->host + end))
			end += PAGE;
		r = write_all(to, m->host + at, end - at, at);
	}
	return r;
}

int memory_freeze(struct guest_memory *m, int to, struct err *e)
{
	bool behind = !m->apart;
	int from = behind ? m->fd : to, r = 0;

	if (from < 0)
		return err_set(
			e, EINVAL, "the guest's memory needs a file to be kept in");
	if (!behind)
		r = copy_out(m, to);
	/* what is behind a page is now in the file, whatever was mapped there before */
	if (r == 0 && map_anonymous(m->host, m->size) == MAP_FAILED)
		r = -errno;
	if (r < 0)
		return err_set(e, -r, "keep the guest's memory: %s", err_text(-r));
	r = map_contents(m->host, m->size, from);
	if (r < 0)
		return err_set(e, ENOTRECOVERABLE, "map the guest's memory again: %s",
			err_text(-r));
	m->apart = true;
	return behind;
}

void memory_clear(struct guest_memory *m)
{
	if (m->host)
		release(m->host, m->size);
	if (m->fd >= 0 && m->host)
		(void)close(m->fd);
	*m = (struct guest_memory){ .fd = -1 };
}

uint64_t memory_low_size(const struct guest_memory *m)
{
	return m->size < MEMORY_LOW_END ? m->size : MEMORY_LOW_END;
}

uint64_t memory_high_size(const struct guest_memory *m)
{
	return m->size - memory_low_size(m);
}

void *memory_span(const struct guest_memory *m, uint64_t at, uint64_t len)
{
	uint64_t low = memory_low_size(m), high = memory_high_size(m);

	if (at < low)
		return len <= low - at ? m->host + at : NULL;
	if (at < MEMORY_HIGH_BEGIN || at - MEMORY_HIGH_BEGIN >= high)
		return NULL;
	at -= MEMORY_HIGH_BEGIN;
	return len <= high - at ? m->host + low + at : NULL;
}

int memory_copy_in(
	const struct guest_memory *m, uint64_t at, const void *from, size_t len)
{
	void *to = memory_span(m, at, len);

	if (!to)
		return -EFAULT;
	if (len)
		memcpy(to, from, len);
	return 0;
}

int memory_copy_out(const struct guest_memory *m, uint64_t at, void *to, size_t len)
{
	const void *from = memory_span(m, at, len);

	if (!from)
		return -EFAULT;
	if (len)
		memcpy(to, from, len);
	return 0;
}
