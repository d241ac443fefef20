/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the one event loop of a process: descriptors, timers, signals.
 *
 * A source belongs to the loop and is freed by loop_source_free() or loop_free().
 * It may be freed from inside any callback, its own included; it is never called
 * again after that. The loop does not own descriptors: free the source first, then
 * close the descriptor (a number that is reused would otherwise take its place).
 * Callbacks must not block. Times are nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef BRIG_BASE_LOOP_H
#define BRIG_BASE_LOOP_H

#include "base/auto.h"

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

struct err;
struct loop;
struct loop_source;

typedef void loop_fd_cb(struct loop_source *src, uint32_t events, void *data);
typedef void loop_timer_cb(struct loop_source *src, void *data);
typedef void loop_signal_cb(
	struct loop_source *src, const struct signalfd_siginfo *info, void *data);

int loop_new(struct loop **ret, struct err *e);
void loop_free(struct loop *l);
AUTO_DEFINE(struct loop *, loop_free);
#define auto_loop AUTO(loop_free_auto)

/*
 * Watch 'fd' for EPOLLIN, EPOLLOUT, ... (level-triggered). 'ret' may be NULL.
 *
 * Should:  accept what epoll refuses because it is always ready (regular files).
 */
int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_cb *cb, void *data,
	struct loop_source **ret, struct err *e);

/*
 * Change what is watched for. With 0 the source sleeps altogether: not even EPOLLHUP
 * and EPOLLERR, which epoll reports unasked, wake it. 0 or -errno.
 */
int loop_source_events(struct loop_source *src, uint32_t events);
uint32_t loop_source_watched(const struct loop_source *src);
int loop_source_fd(const struct loop_source *src);

/* A timer that is not armed yet. It fires once for each time it is armed. */
int loop_add_timer(struct loop *l, loop_timer_cb *cb, void *data,
	struct loop_source **ret, struct err *e);
void loop_timer_arm(struct loop_source *timer, uint64_t after_ns); /* again: moves it */
void loop_timer_disarm(struct loop_source *timer);

/*
 * Block the signals of 'set' and have them delivered as calls of 'cb'. They stay blocked
 * when the source is freed; a program that is executed wants its mask reset.
 */
int loop_add_signals(struct loop *l, const sigset_t *set, loop_signal_cb *cb, void *data,
	struct loop_source **ret, struct err *e);

/* NULL is fine. */
void loop_source_free(struct loop_source *src);

/* Run until loop_quit() was called. Returns its code, or -errno when waiting failed. */
int loop_run(struct loop *l);
void loop_quit(struct loop *l, int code);

/* Wait at most 'timeout_ms' (-1: for ever) and serve what is ready. 0 or -errno. */
int loop_once(struct loop *l, int timeout_ms);

#endif
