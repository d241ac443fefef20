/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured.h - what the parts of captured.c share.
 *
 * The program takes the place of the sentry's kernel: what a guest that has broken that
 * kernel could do next. Each attempt is a sentence with a function that returns NULL when it
 * was stopped and else says what it got; it runs in a process of its own, so what it does to
 * itself is gone.
 */
#ifndef BRIG_TEST_CAPTURED_H
#define BRIG_TEST_CAPTURED_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Shown read-only, by the host: what it tells, and files to use. */
#define GIVEN "/captured"
#define FDS   64

struct attempt {
	const char *name;
	const char *(*run)(void);
};

/* What an attempt says of its success; one at a time in a process. */
const char *got(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A file of GIVEN; "" when there is none. */
const char *given(const char *name);
/* The number after this word of the command line, or -1. */
int word(const char *before);
/* A path in the workspace. */
const char *ours(const char *name);
/* A line of the result, from any process. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void attempt_all(const struct attempt *a);
void nap(unsigned ms);
/* Wait for a child that may not end; its status, or -1 when it had to be killed. */
int await(pid_t pid, unsigned ms);
/* The second list of calls, as the kernel puts it on itself. */
bool second_list(void);
/* A frame of the warder's to the keeper. */
void frame(uint16_t channel, uint8_t type, uint8_t flags, const void *data, uint32_t len);

void calls_try(const char *list, bool run_only);
void calls_forms(const char *list);
extern const struct attempt powers[], files[], links[];

#endif
