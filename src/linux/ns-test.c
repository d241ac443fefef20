/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/ns.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"
#include "linux/caps.h"
#include "linux/idmap.h"
#include "linux/netns.h"
#include "linux/pidfds.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void become_capable(void)
{
	struct err e = { 0 };
	struct idmap m;

	expect(idmap_for_caller(&m, &e) == 0);
	if (idmap_enter(&m, &e) < 0)
		test_skip("this host lets the tester make no user namespace");
}

TEST(a_child_in_a_new_pid_namespace_is_its_first)
{
	int pidfd = -1, status;
	pid_t pid;

	become_capable();
	pid = ns_clone(CLONE_NEWPID | CLONE_NEWNET, &pidfd);
	expect(pid >= 0);
	if (pid == 0)
		_exit(getpid() == 1 ? 42 : 1);
	expect(pidfd >= 0 && pidfd_wait(pidfd, 5000, &status) == 0);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	expect(pidfd_kill(pidfd, SIGKILL) == -ESRCH &&
		pidfd_wait(pidfd, 0, NULL) == -ECHILD);
	close_auto(&pidfd);
}

TEST(a_sibling_belongs_to_our_parent)
{
	int p[2], status, pidfd = -1;
	pid_t child, grand = 0;

	expect(pipe(p) == 0);
	child = ns_clone(0, &pidfd);
	if (child == 0) {
		pid_t sibling = ns_clone(CLONE_PARENT, NULL);

		if (sibling == 0)
			_exit(7);
		(void)!write(p[1], &sibling, sizeof(sibling));
		_exit(0);
	}
	expect(read(p[0], &grand, sizeof(grand)) == sizeof(grand) && grand > 0);
	expect(waitpid(grand, &status, 0) == grand && WEXITSTATUS(status) == 7);
	expect(pidfd_wait(pidfd, 5000, NULL) == 0);
	close_auto(&pidfd);
}

TEST(waiting_has_an_end)
{
	int pidfd = -1, status;
	pid_t pid = ns_clone(0, &pidfd);

	if (pid == 0)
		for (;;)
			(void)pause();
	expect(pidfd_wait(pidfd, 20, &status) == -ETIMEDOUT);
	expect(pidfd_start_time(pid) > 0 && pidfd_start_time(getpid()) > 0);
	expect(pidfd_kill(pidfd, SIGTERM) == 0 && pidfd_wait(pidfd, 5000, &status) == 0);
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	expect(pidfd_start_time(pid) == 0);
	close_auto(&pidfd);
}

TEST(a_process_that_is_gone_can_not_be_opened)
{
	struct err e = { 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	expect(waitpid(pid, NULL, 0) == pid);
	expect(pidfd_open_pid(pid, &e) == -ESRCH);
	auto_fd int self = pidfd_open_pid(getpid(), &e);

	expect(self >= 0 && pidfd_kill(self, 0) == 0);
}

TEST(namespaces_open_and_enter)
{
	struct stat before, after;
	struct err e = { 0 };

	become_capable();
	expect(stat("/proc/self/ns/uts", &before) == 0);
	auto_fd int old = ns_open(0, "uts", &e);

	expect(old >= 0 && ns_unshare(CLONE_NEWUTS, &e) == 0);
	expect(stat("/proc/self/ns/uts", &after) == 0 && after.st_ino != before.st_ino);
	expect(ns_open(getpid(), "nonsense", &e) == -ENOENT);
	/* the first one belongs to a user namespace above ours */
	expect(ns_enter(old, "uts", &e) == -EPERM && strstr(e.msg, "uts"));
}

TEST(loopback_comes_up)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct err e = { 0 };

	become_capable();
	expect(ns_unshare(CLONE_NEWNET, &e) == 0);
	auto_fd int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(s >= 0 && connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		errno == ENETUNREACH);
	expect(net_loopback_up(&e) == 0);
	expect(connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		errno == ECONNREFUSED);
}

TEST(loopback_needs_rights)
{
	struct err e = { 0 };

	expect(caps_reduce(CAPS_NONE, &e) == 0);
	expect(net_loopback_up(&e) == -EPERM && strstr(e.msg, "'lo'"));
}
