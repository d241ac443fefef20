/* SPDX-License-Identifier: Apache-2.0 */
/* stub-pages.c - the stub's pages are not the program's to change. */
#include "stub.h"

/* The code and the orders to whoever maps can't be written. */
void trick_pages(void)
{
	int writable = 0;

	for (unsigned int i = 0; i < stub_pages; i++)
		writable += can_write(stub + i * PAGE + PAGE - 1) ||
			can_write(stub + i * PAGE + 8);
	out->tried = 1;
	if (can_write(stub + 16))
		escaped("the stub's code can be written");
	if (writable > 2)
		escaped("%d pages of the stub can be written", writable);
	if (stub_pages > 4)
		escaped("%u pages are where the stub is", stub_pages);
}

/* The guest's own calls don't reach the stub's addresses. */
void trick_guest_map(void)
{
	out->tried = 1;
	for (unsigned int i = 0; i < stub_pages; i++) {
		void *at = (void *)(stub + i * PAGE);

		if (mmap(at, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
			escaped("mmap reaches the stub");
		if (mprotect(at, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0)
			escaped("mprotect reaches the stub");
		if (madvise(at, PAGE, MADV_DONTNEED) == 0)
			escaped("madvise reaches the stub");
		if (mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
			escaped("mremap reaches the stub");
		munmap(at, PAGE);
	}
	if (!can_read(stub) || !can_write(data + PAGE - 1))
		escaped("munmap reaches the stub");
}
