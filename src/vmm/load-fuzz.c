/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel image with any bytes: it is refused, or loaded into its guest's memory alone. */
#include "base/auto.h"
#include "base/err.h"
#include "vmm/load.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define GUARD  4096U
#define MEMORY (20ULL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t *host;
	static int fd = -1;
	struct guest_memory m = { .size = MEMORY, .fd = -1 };
	struct load_entry entry;
	struct err e = { 0 };

	if (!host) {
		host = mmap(NULL, MEMORY + 2ULL * GUARD, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		fd = memfd_create("kernel", MFD_CLOEXEC);
		if (host == MAP_FAILED || fd < 0 ||
			mprotect(host + GUARD, MEMORY, PROT_READ | PROT_WRITE) < 0)
			abort();
	}
	m.host = host + GUARD;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, len, 0) < 0)
		return 0;
	/* headers are in its first KiB: what is short is made long enough to be looked at */
	if (len < 4096 && ftruncate(fd, 4096) < 0)
		return 0;
	(void)load_kernel(
		&(struct load){
			.kernel = fd, .initrd = len & 1 ? fd : -1, .cmdline = "quiet" },
		&m, &entry, &e);
	return 0;
}
