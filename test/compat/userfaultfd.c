/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: userfaultfd: a thread gives the pages that another one misses
 * Expect: container=no sentry=yes
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "probe.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define PAGES 16

static int uffd;
static long page;

static void *give(void *arg)
{
	static unsigned char content[65536];
	struct uffd_msg msg;

	for (int i = 0; i < PAGES; i++) {
		struct uffdio_copy copy = { .src = (uintptr_t)content,
			.len = (size_t)page };

		need(read(uffd, &msg, sizeof(msg)) == sizeof(msg));
		need(msg.event == UFFD_EVENT_PAGEFAULT);
		memset(content, i + 1, (size_t)page);
		copy.dst = msg.arg.pagefault.address & ~((uint64_t)page - 1);
		need(ioctl(uffd, UFFDIO_COPY, &copy) == 0);
	}
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register where = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	volatile unsigned char *p;
	pthread_t thread;

	page = sysconf(_SC_PAGESIZE);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	need(uffd >= 0);
	need(ioctl(uffd, UFFDIO_API, &api) == 0);
	p = mmap(NULL, (size_t)(PAGES * page), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(p != MAP_FAILED);
	where.range.start = (uintptr_t)p;
	where.range.len = (uint64_t)(PAGES * page);
	need(ioctl(uffd, UFFDIO_REGISTER, &where) == 0);
	need(pthread_create(&thread, NULL, give, NULL) == 0);
	for (int i = 0; i < PAGES; i++)
		need(p[i * page + 7] == i + 1);
	need(pthread_join(thread, NULL) == 0);
	return 0;
}
