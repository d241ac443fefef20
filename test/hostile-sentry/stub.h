/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub.h - what the parts of stub-tricks.c share.
 *
 * A trick is a function that tells what it got by escaped(), and that it came as far as to try
 * by out->tried.
 */
#ifndef BRIG_TEST_STUB_H
#define BRIG_TEST_STUB_H

#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE    4096UL
#define NOWHERE 0x7fc000000000UL /* above what a guest's kernel knows of */

/* What a trick leaves to its parent, and tricks to each other. */
struct shared {
	volatile int escaped;
	volatile int tried;
	volatile int forged;
	volatile uint64_t beat;
	volatile uint64_t
		not_canary; /* the secret's complement, which is no secret found */
	char why[200];
};

extern struct shared *out;

uint64_t now_ms(void);
void escaped(const char *format, ...) __attribute__((format(printf, 1, 2)));
pid_t child(void (*run)(void));
/* Waits for it, and ends it when it takes too long. Returns its status, or -1 then. */
int child_wait(pid_t pid, uint64_t limit_ms);

/* --- the stub, as the program sees it */

extern unsigned long stub; /* its first page, which is the code */
extern unsigned int stub_pages;
extern unsigned long data;      /* the first page that can be written */
extern unsigned long calls[64]; /* its syscall instructions */
extern unsigned int ncalls;
extern int stock; /* the layout of an unpatched kernel */

/* Of an unpatched kernel's data page, and of ours */
#define STOCK_FUTEX  3980
#define STOCK_SIGNAL 3984
#define STOCK_SI     3988
#define STOCK_MCTX   3990
#define OUR_GO       0
#define OUR_STOPPED  4
#define OUR_SIGNAL   8
#define OUR_SI       12
#define OUR_MCTX     16

/* Where a signal leads to, which it was, and the flags then */
extern sigjmp_buf back;
extern volatile int caught, caught_flags;

void signals_catch(void);
void alarm_ms(long ms);
int can_read(unsigned long at);
int can_write(unsigned long at);
int stub_find(void);

/* --- calling what stands in it */

#define ARGS(...) ((const unsigned long[6]){ __VA_ARGS__ })

/* Registers in the order in which enter() loads them. */
struct entry {
	unsigned long rax, rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12, r13, r14, r15;
	unsigned long rip, cs, flags, rsp, ss;
};

/* A stack for code that is entered. */
extern unsigned long scratch[2048];

/* Jumps there with all of them, and never returns. */
void enter(const struct entry *e) __attribute__((noreturn));
int host_calls(unsigned long ip, long nr, const unsigned long a[6]);

/* --- forging what it would say */

unsigned long gadget(void);
long gadget_call(long nr, const unsigned long a[6]);
unsigned long futex_at(unsigned int op);
unsigned long sigreturn_at(void);
void forge_signal(int sig, int syscall_nr, unsigned long cr2, const unsigned long a[3]);
void forge_stop(void);
int spin_until_let_go(void);
void forged_return(unsigned long to, unsigned long mask, void *stack);

/* --- tricks: in one child, in a child for each instruction, or as they like */

extern unsigned int which; /* the instruction that a child tries */

void trick_pages(void);
void trick_guest_map(void);
void trick_stack(void);
void trick_sight(void);
void trick_clock(void);
void trick_args_one(void);
void trick_jump_one(void);
void trick_gates(void);
void trick_physical(void);
void trick_stale(void);
void trick_death(void);
void trick_blocked(void);
void trick_sleep(void);
void trick_nonsense(void);

#endif
