/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include "base/clock.h"
#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * Theory of operation. Ready descriptors come from epoll in batches that are kept in
 * the loop; freeing a source also strikes it from the batch under way, so no dead
 * source is ever called and none has to be kept for later. Timers stand in a list
 * that is sorted by deadline and searched from its end: deadlines of one process
 * mostly are "now plus the same delay", which makes inserting cheap without a heap.
 */
#define BATCH 32

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNALS };

struct loop_source {
	struct loop *loop;
	struct loop_source *next, *prev;             /* all sources of the loop */
	struct loop_source *timer_next, *timer_prev; /* armed timers, soonest first */
	union {
		loop_fd_cb *fd;
		loop_timer_cb *timer;
		loop_signal_cb *signal;
	} cb;
	void *data;
	uint64_t deadline;
	uint32_t events;
	int fd;
	enum source_kind kind;
	bool armed;  /* in the timer list */
	bool polled; /* in the epoll set */
	bool always; /* epoll won't have it: it is always ready */
};

struct loop {
	int epoll;
	int code;
	bool quit;
	unsigned n_always; /* awake sources that are always ready */
	int batch_at, batch_n;
	struct epoll_event batch[BATCH];
	struct loop_source *sources;
	struct loop_source *timers, *timers_last;
};

int loop_new(struct loop **ret, struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set(e, ENOMEM, "event loop: out of memory");
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		int r = err_sys(e, "event loop: epoll_create1");

		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->sources)
		loop_source_free(l->sources);
	(void)close(l->epoll);
	free(l);
}

static struct loop_source *source_new(struct loop *l, enum source_kind kind, void *data)
{
	struct loop_source *src = calloc(1, sizeof(*src));

	if (!src)
		return NULL;
	src->loop = l;
	src->kind = kind;
	src->data = data;
	src->fd = -1;
	src->next = l->sources;
	if (src->next)
		src->next->prev = src;
	l->sources = src;
	return src;
}

static void batch_forget(struct loop *l, const struct loop_source *src)
{
	for (int i = l->batch_at; i < l->batch_n; i++)
		if (l->batch[i].data.ptr == src)
			l->batch[i].data.ptr = NULL;
}

void loop_source_free(struct loop_source *src)
{
	struct loop *l;

	if (!src)
		return;
	l = src->loop;
	loop_timer_disarm(src);
	(void)loop_source_events(src, 0);
	batch_forget(l, src);
	if (src->kind == SOURCE_SIGNALS && src->fd >= 0)
		(void)close(src->fd);
	if (src->prev)
		src->prev->next = src->next;
	else
		l->sources = src->next;
	if (src->next)
		src->next->prev = src->prev;
	free(src);
}

int loop_source_events(struct loop_source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };
	struct loop *l = src->loop;
	int op = !events ? EPOLL_CTL_DEL : src->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (src->fd < 0 || events == src->events)
		return 0;
	if (!src->always && epoll_ctl(l->epoll, op, src->fd, &ev) < 0) {
		if (op != EPOLL_CTL_ADD || errno != EPERM)
			return -errno;
		src->always = true;
	}
	if (src->always)
		l->n_always += (events != 0) - (src->events != 0);
	else
		src->polled = events != 0;
	src->events = events;
	if (!events)
		batch_forget(l, src);
	return 0;
}

uint32_t loop_source_watched(const struct loop_source *src)
{
	return src->events;
}

int loop_source_fd(const struct loop_source *src)
{
	return src->fd;
}

int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_cb *cb, void *data,
	struct loop_source **ret, struct err *e)
{
	struct loop_source *src = source_new(l, SOURCE_FD, data);
	int r;

	if (!src)
		return err_set(e, ENOMEM, "event loop: out of memory");
	src->fd = fd;
	src->cb.fd = cb;
	r = loop_source_events(src, events);
	if (r < 0) {
		loop_source_free(src);
		return err_set(
			e, -r, "event loop: watch descriptor %d: %s", fd, strerror(-r));
	}
	if (ret)
		*ret = src;
	return 0;
}

int loop_add_timer(struct loop *l, loop_timer_cb *cb, void *data,
	struct loop_source **ret, struct err *e)
{
	struct loop_source *src = source_new(l, SOURCE_TIMER, data);

	if (!src)
		return err_set(e, ENOMEM, "event loop: out of memory");
	src->cb.timer = cb;
	if (ret)
		*ret = src;
	return 0;
}

void loop_timer_disarm(struct loop_source *timer)
{
	struct loop *l = timer->loop;

	if (!timer->armed)
		return;
	if (timer->timer_prev)
		timer->timer_prev->timer_next = timer->timer_next;
	else
		l->timers = timer->timer_next;
	if (timer->timer_next)
		timer->timer_next->timer_prev = timer->timer_prev;
	else
		l->timers_last = timer->timer_prev;
	timer->timer_next = timer->timer_prev = NULL;
	timer->armed = false;
}

void loop_timer_arm(struct loop_source *timer, uint64_t after_ns)
{
	struct loop *l = timer->loop;
	struct loop_source *before;
	uint64_t now = clock_mono_ns();

	loop_timer_disarm(timer);
	timer->deadline = after_ns > UINT64_MAX - now ? UINT64_MAX : now + after_ns;
	for (before = l->timers_last; before && before->deadline > timer->deadline;)
		before = before->timer_prev;
	timer->timer_prev = before;
	timer->timer_next = before ? before->timer_next : l->timers;
	if (before)
		before->timer_next = timer;
	else
		l->timers = timer;
	if (timer->timer_next)
		timer->timer_next->timer_prev = timer;
	else
		l->timers_last = timer;
	timer->armed = true;
}

int loop_add_signals(struct loop *l, const sigset_t *set, loop_signal_cb *cb, void *data,
	struct loop_source **ret, struct err *e)
{
	struct loop_source *src;
	int r;

	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return err_sys(e, "event loop: block signals");
	src = source_new(l, SOURCE_SIGNALS, data);
	if (!src)
		return err_set(e, ENOMEM, "event loop: out of memory");
	src->cb.signal = cb;
	src->fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = src->fd < 0 ? -errno : loop_source_events(src, EPOLLIN);
	if (r < 0) {
		loop_source_free(src);
		return err_set(e, -r, "event loop: signalfd: %s", strerror(-r));
	}
	if (ret)
		*ret = src;
	return 0;
}

/* One signal a call: the callback may free the source, and epoll asks again anyway. */
static void serve_signals(struct loop_source *src)
{
	struct signalfd_siginfo info;

	if (read(src->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		src->cb.signal(src, &info, src->data);
}

static void serve_batch(struct loop *l)
{
	while (l->batch_at < l->batch_n && !l->quit) {
		const struct epoll_event ev = l->batch[l->batch_at++];
		struct loop_source *src = ev.data.ptr;

		if (!src)
			continue;
		if (src->kind == SOURCE_SIGNALS)
			serve_signals(src);
		else if (ev.events & (src->events | EPOLLERR | EPOLLHUP))
			src->cb.fd(src, ev.events & (src->events | EPOLLERR | EPOLLHUP),
				src->data);
	}
	l->batch_at = l->batch_n = 0;
}

/* What is always ready goes through the batch too, so that it can be struck from it. */
static void serve_always(struct loop *l)
{
	if (!l->n_always || l->quit)
		return;
	for (struct loop_source *src = l->sources; src && l->batch_n < BATCH;
		src = src->next)
		if (src->always && src->events)
			l->batch[l->batch_n++] = (struct epoll_event){
				.events = src->events & (EPOLLIN | EPOLLOUT),
				.data.ptr = src,
			};
	serve_batch(l);
}

/* Only timers that were due on entry: one that arms itself anew waits for the next round.
 */
static void serve_timers(struct loop *l)
{
	uint64_t now = l->timers ? clock_mono_ns() : 0;

	while (l->timers && l->timers->deadline <= now && !l->quit) {
		struct loop_source *timer = l->timers;

		loop_timer_disarm(timer);
		timer->cb.timer(timer, timer->data);
	}
}

static int wait_ms(const struct loop *l, int timeout_ms)
{
	uint64_t now, ms;

	if (l->n_always)
		return 0;
	if (!l->timers)
		return timeout_ms;
	now = clock_mono_ns();
	if (l->timers->deadline <= now)
		return 0;
	ms = (l->timers->deadline - now - 1) / NS_PER_MS + 1;
	if (timeout_ms >= 0 && ms > (uint64_t)timeout_ms)
		return timeout_ms;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int loop_once(struct loop *l, int timeout_ms)
{
	int n = epoll_wait(l->epoll, l->batch, BATCH, wait_ms(l, timeout_ms));

	if (n < 0 && errno != EINTR)
		return -errno;
	l->batch_at = 0;
	l->batch_n = n < 0 ? 0 : n;
	serve_batch(l);
	serve_always(l);
	serve_timers(l);
	return 0;
}

int loop_run(struct loop *l)
{
	while (!l->quit) {
		int r = loop_once(l, -1);

		if (r < 0)
			return r;
	}
	l->quit = false;
	return l->code;
}

void loop_quit(struct loop *l, int code)
{
	l->quit = true;
	l->code = code;
}
