/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/memory.h"

#include "base/auto.h"
#include "base/err.h"

#include <string.h>
#include <sys/mman.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#define PAGE 4096U

int memory_make(struct guest_memory *m, uint64_t size, struct err *e)
{
	auto_fd int fd = -1;
	void *at;

	*m = (struct guest_memory){ .fd = -1 };
	if (size < MEMORY_MIN || size > MEMORY_MAX || size % PAGE)
		return err_set(e, EINVAL, "a guest can't have %llu bytes of memory",
			(unsigned long long)size);
	fd = memfd_create("guest", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("guest", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "make the guest's memory");
	if (ftruncate(fd, (off_t)size) < 0)
		return err_sys(e, "give the guest %llu bytes", (unsigned long long)size);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (at == MAP_FAILED)
		return err_sys(e, "map the guest's memory");
	/* hints both: a core file holds nothing of the guest, large pages where the host's
	 * setting for shared memory is "advise" */
	(void)madvise(at, size, MADV_DONTDUMP);
	(void)madvise(at, size, MADV_HUGEPAGE);
	*m = (struct guest_memory){ .host = at, .size = size, .fd = take_fd(&fd) };
	return 0;
}

void memory_clear(struct guest_memory *m)
{
	if (m->host)
		(void)munmap(m->host, m->size);
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
