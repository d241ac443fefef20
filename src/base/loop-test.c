/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"

#include <fcntl.h>

struct seen {
	struct loop *loop;
	struct loop_source *other;
	char order[32];
	int calls;
};

static void note(struct seen *s, char c)
{
	size_t len = strlen(s->order);

	expect(len + 1 < sizeof(s->order));
	s->order[len] = c;
}

static void on_fd_quit(struct loop_source *src, uint32_t events, void *data)
{
	struct seen *s = data;

	(void)src;
	expect(events & EPOLLIN);
	s->calls++;
	loop_quit(s->loop, 7);
}

static struct loop *new_loop(struct seen *s)
{
	struct err e;

	*s = (struct seen){ 0 };
	expect(loop_new(&s->loop, &e) == 0);
	return s->loop;
}

TEST(a_readable_descriptor_calls_back_and_the_code_of_quit_is_returned)
{
	struct seen s;
	auto_loop struct loop *l = new_loop(&s);
	int p[2];

	expect(pipe2(p, O_CLOEXEC) == 0);
	expect(loop_add_fd(l, p[0], EPOLLIN, on_fd_quit, &s, NULL, NULL) == 0);
	expect(write(p[1], "x", 1) == 1);
	expect(loop_run(l) == 7);
	expect(s.calls == 1);
}

static void on_fd_free_both(struct loop_source *src, uint32_t events, void *data)
{
	struct seen *s = data;

	(void)events;
	s->calls++;
	loop_source_free(s->other);
	loop_source_free(src);
}

TEST(a_source_freed_by_another_of_the_same_batch_is_not_called)
{
	struct seen s, t = { 0 };
	auto_loop struct loop *l = new_loop(&s);
	struct loop_source *a, *b;
	int p[2], q[2];

	t.loop = l;
	expect(pipe2(p, O_CLOEXEC) == 0 && pipe2(q, O_CLOEXEC) == 0);
	expect(write(p[1], "x", 1) == 1 && write(q[1], "x", 1) == 1);
	expect(loop_add_fd(l, p[0], EPOLLIN, on_fd_free_both, &s, &a, NULL) == 0);
	expect(loop_add_fd(l, q[0], EPOLLIN, on_fd_free_both, &t, &b, NULL) == 0);
	s.other = b;
	t.other = a;
	expect(loop_once(l, 1000) == 0);
	expect(loop_once(l, 0) == 0);
	expect(s.calls + t.calls == 1);
}

TEST(a_source_without_events_sleeps_through_a_hang_up)
{
	struct seen s;
	auto_loop struct loop *l = new_loop(&s);
	struct loop_source *src;
	int p[2];

	expect(pipe2(p, O_CLOEXEC) == 0);
	expect(loop_add_fd(l, p[0], EPOLLIN, on_fd_quit, &s, &src, NULL) == 0);
	expect(loop_source_events(src, 0) == 0);
	expect(write(p[1], "x", 1) == 1 && close(p[1]) == 0);
	expect(loop_once(l, 20) == 0);
	expect(s.calls == 0);
	expect(loop_source_events(src, EPOLLIN) == 0);
	expect(loop_run(l) == 7);
}

TEST(a_regular_file_is_always_ready)
{
	struct seen s;
	auto_loop struct loop *l = new_loop(&s);
	auto_fd int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct loop_source *src;

	expect(loop_add_fd(l, fd, EPOLLIN, on_fd_quit, &s, &src, NULL) == 0);
	expect(loop_run(l) == 7);
	expect(loop_source_events(src, 0) == 0);
	expect(loop_once(l, 10) == 0);
	expect(s.calls == 1);
}

static void on_a(struct loop_source *src, void *data)
{
	(void)src;
	note(data, 'a');
}

static void on_b(struct loop_source *src, void *data)
{
	struct seen *s = data;

	note(s, 'b');
	if (s->calls++ < 2)
		loop_timer_arm(src, NS_PER_MS);
	else
		loop_quit(s->loop, 0);
}

static void on_c(struct loop_source *src, void *data)
{
	struct seen *s = data;

	note(s, 'c');
	loop_source_free(s->other);
	loop_source_free(src);
}

TEST(timers_fire_in_order_once_each_and_can_be_moved_and_freed)
{
	struct seen s;
	auto_loop struct loop *l = new_loop(&s);
	struct loop_source *a, *b, *c, *d;
	uint64_t start = clock_mono_ns();

	expect(loop_add_timer(l, on_a, &s, &a, NULL) == 0);
	expect(loop_add_timer(l, on_b, &s, &b, NULL) == 0);
	expect(loop_add_timer(l, on_c, &s, &c, NULL) == 0);
	expect(loop_add_timer(l, on_a, &s, &d, NULL) == 0);
	s.other = d;
	loop_timer_arm(d, 15 * NS_PER_MS);
	loop_timer_arm(a, 3600 * NS_PER_SEC);
	loop_timer_arm(b, 20 * NS_PER_MS);
	loop_timer_arm(c, 10 * NS_PER_MS);
	loop_timer_arm(a, 1 * NS_PER_MS);
	expect(loop_run(l) == 0);
	expect_str(s.order, "acbbb");
	expect(clock_mono_ns() - start >= 22 * NS_PER_MS);
	loop_timer_arm(b, 0);
	loop_timer_disarm(b);
	expect(loop_once(l, 5) == 0);
	expect_str(s.order, "acbbb");
}

static void on_signal(
	struct loop_source *src, const struct signalfd_siginfo *info, void *data)
{
	struct seen *s = data;

	expect(info->ssi_signo == SIGUSR1);
	s->calls++;
	loop_source_free(src);
	loop_quit(s->loop, 0);
}

TEST(a_blocked_signal_calls_back)
{
	struct seen s;
	auto_loop struct loop *l = new_loop(&s);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	expect(loop_add_signals(l, &set, on_signal, &s, NULL, NULL) == 0);
	expect(raise(SIGUSR1) == 0);
	expect(loop_run(l) == 0);
	expect(s.calls == 1);
}
