/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: io_uring: a ring, a write, a read and a timeout
 * Expect: container=no sentry=yes
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "probe.h"

#define ENTRIES 8

struct ring {
	int fd;
	struct io_uring_params p;
	unsigned char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static unsigned *at(unsigned char *base, unsigned offset)
{
	return (unsigned *)(void *)(base + offset);
}

static void *map(const struct ring *r, size_t size, uint64_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		r->fd, (off_t)what);

	need(p != MAP_FAILED);
	return p;
}

static void make(struct ring *r)
{
	r->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &r->p);
	need(r->fd >= 0);
	r->sq = map(r, r->p.sq_off.array + r->p.sq_entries * sizeof(unsigned),
		IORING_OFF_SQ_RING);
	r->cq = map(r, r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe),
		IORING_OFF_CQ_RING);
	r->sqes = map(r, r->p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
}

/* One request, and what came of it. */
static int go(struct ring *r, struct io_uring_sqe sqe)
{
	static uint64_t serial;
	unsigned tail = *at(r->sq, r->p.sq_off.tail),
		 mask = *at(r->sq, r->p.sq_off.ring_mask);
	unsigned head = *at(r->cq, r->p.cq_off.head);
	struct io_uring_cqe *cqe;

	sqe.user_data = ++serial;
	r->sqes[tail & mask] = sqe;
	at(r->sq, r->p.sq_off.array)[tail & mask] = tail & mask;
	__atomic_store_n(at(r->sq, r->p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) ==
		1);
	need(__atomic_load_n(at(r->cq, r->p.cq_off.tail), __ATOMIC_ACQUIRE) == head + 1);
	cqe = (struct io_uring_cqe *)(void *)(r->cq + r->p.cq_off.cqes) +
		(head & *at(r->cq, r->p.cq_off.ring_mask));
	need(cqe->user_data == serial);
	__atomic_store_n(at(r->cq, r->p.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

int main(void)
{
	struct ring r = { .fd = -1 };
	struct __kernel_timespec soon = { .tv_nsec = 5000000 };
	char text[] = "through the ring", got[sizeof(text)] = "";
	int fd = open("ring", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0);
	make(&r);
	need(go(&r, (struct io_uring_sqe){ .opcode = IORING_OP_NOP }) == 0);
	need(go(&r,
		     (struct io_uring_sqe){ .opcode = IORING_OP_WRITE,
			     .fd = fd,
			     .addr = (uintptr_t)text,
			     .len = sizeof(text) }) == (int)sizeof(text));
	need(go(&r,
		     (struct io_uring_sqe){ .opcode = IORING_OP_READ,
			     .fd = fd,
			     .addr = (uintptr_t)got,
			     .len = sizeof(got) }) == (int)sizeof(got));
	need(strcmp(text, got) == 0);
	need(go(&r,
		     (struct io_uring_sqe){ .opcode = IORING_OP_TIMEOUT,
			     .fd = -1,
			     .addr = (uintptr_t)&soon,
			     .len = 1 }) == -ETIME);
	need(unlink("ring") == 0);
	return 0;
}
