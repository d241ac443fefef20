/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: epoll over timerfd, signalfd, eventfd, a pipe and a socket
 * Expect: container=yes sentry=yes
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "probe.h"

static int ep;

static void watch(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	need(fd >= 0);
	need(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
}

/* Nothing but this one has something to say. */
static void speaks(int fd)
{
	struct epoll_event e[4];

	need(epoll_wait(ep, e, 4, 3000) == 1);
	need(e[0].data.fd == fd);
}

static void silent(void)
{
	struct epoll_event e;

	need(epoll_wait(ep, &e, 1, 30) == 0);
}

static void timers(int timer)
{
	struct itimerspec every = { { 0, 10000000 }, { 0, 10000000 } }, off = { 0 };
	struct timespec then, now;
	uint64_t n, sum = 0;
	long ms;

	(void)clock_gettime(CLOCK_MONOTONIC, &then);
	need(timerfd_settime(timer, 0, &every, NULL) == 0);
	while (sum < 20) {
		speaks(timer);
		need(read(timer, &n, sizeof(n)) == sizeof(n));
		sum += n;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (now.tv_sec - then.tv_sec) * 1000 + (now.tv_nsec - then.tv_nsec) / 1000000;
	need(ms >= 199 && ms < 5000);
	need(timerfd_settime(timer, 0, &off, NULL) == 0);
	silent();
}

int main(void)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), p[2], s[2], timer, sig;
	struct signalfd_siginfo info;
	uint64_t n = 2;
	sigset_t set;
	char c;

	need((ep = epoll_create1(EPOLL_CLOEXEC)) >= 0);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGRTMIN + 3);
	need(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	watch(sig = signalfd(-1, &set, SFD_CLOEXEC), EPOLLIN);
	watch(timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		EPOLLIN);
	watch(event, EPOLLIN);
	need(pipe2(p, O_CLOEXEC) == 0);
	watch(p[0], EPOLLIN | EPOLLET);
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	watch(s[0], EPOLLIN | EPOLLONESHOT);
	silent();
	timers(timer);

	need(write(event, &n, sizeof(n)) == sizeof(n));
	for (int i = 0; i < 2; i++) {
		speaks(event);
		need(read(event, &n, sizeof(n)) == sizeof(n) && n == 1);
	}
	silent();
	need(raise(SIGUSR1) == 0);
	need(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = 77 }) == 0);
	speaks(sig);
	need(read(sig, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR1);
	need(read(sig, &info, sizeof(info)) == sizeof(info) && info.ssi_int == 77);
	/* by its edge, and once */
	need(write(p[1], "ab", 2) == 2);
	speaks(p[0]);
	silent();
	need(read(p[0], &c, 1) == 1);
	need(write(s[1], "a", 1) == 1);
	speaks(s[0]);
	need(write(s[1], "b", 1) == 1);
	silent();
	/* poll leaves what was asked for alone */
	struct pollfd pfd = { .fd = s[0], .events = POLLIN };
	need(poll(&pfd, 1, 0) == 1 && pfd.events == POLLIN && pfd.revents == POLLIN);
	return 0;
}
