/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "linux/mntns.h"
#include "linux/ns.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A child that sleeps in a mount namespace of its own; 0 where that is not to be had. */
static pid_t sleeper(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	expect(pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		int flags = CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);

		if (ns_unshare(flags, NULL) == 0)
			(void)!write(ready[1], "r", 1);
		(void)close(ready[1]);
		(void)sleep(60);
		_exit(1);
	}
	expect(pid > 0);
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		test_skip("no mount namespaces for this user");
	}
	(void)close(ready[0]);
	return pid;
}

static bool lives(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

/* Out of the namespace it is almost a zombie, which is what it takes to be waited for. */
static bool ended(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
		WTERMSIG(status) == SIGKILL;
}

TEST(kills_who_is_inside)
{
	struct mntns ns;
	struct err e = { 0 };
	pid_t pid = sleeper();

	mntns_of(pid, &ns);
	expect(ns.inode);
	expect(mntns_kill(&ns, 5 * NS_PER_SEC, &e) == 0);
	expect(ended(pid));
}

TEST(leaves_who_has_the_inode_number_after_another)
{
	struct mntns ns;
	pid_t pid = sleeper();

	mntns_of(pid, &ns);
	if (ns.id)
		ns.id++;
	else
		ns.root = 1;
	expect(mntns_kill(&ns, NS_PER_SEC, NULL) == 0);
	expect(lives(pid));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

TEST(without_an_id_the_root_directory_tells)
{
	struct mntns ns;
	struct stat st;
	pid_t pid = sleeper();

	mntns_of(pid, &ns);
	ns.id = 0;
	expect(stat("/", &st) == 0);
	ns.root = st.st_ino + 1;
	expect(mntns_kill(&ns, NS_PER_SEC, NULL) == 0);
	expect(lives(pid));
	ns.root = st.st_ino;
	expect(mntns_kill(&ns, 5 * NS_PER_SEC, NULL) == 0);
	expect(ended(pid));
}

TEST(never_kills_its_own)
{
	struct mntns own, none = { 0 };

	mntns_of(0, &own);
	expect(own.inode);
	expect(mntns_kill(&own, NS_PER_SEC, NULL) == 0);
	expect(mntns_kill(&none, NS_PER_SEC, NULL) == 0);
}
