/* SPDX-License-Identifier: Apache-2.0 */
#include "image/jail.h"

#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "linux/idmap.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static int try_everything(const struct jail *j, struct jail_result *res, struct err *e)
{
	(void)res;
	if (fcntl(*(const int *)j->arg, F_GETFD) >= 0)
		return err_set(e, EIO, "has a descriptor of its parent's");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
		return err_set(e, EIO, "may gain privileges");
#ifndef __SANITIZE_ADDRESS__
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
		return err_set(e, EIO, "has sockets");
	if (fork() >= 0)
		return err_set(e, EIO, "can start processes");
	if (kill(getppid(), 0) == 0)
		return err_set(e, EIO, "can signal");
#endif
	if (j->map && open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
		return err_set(e, EIO, "sees the host's files");
	if (j->map && open("../../etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
		return err_set(e, EIO, "walks out of its root");
	if (j->map && open("/mine", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0)
		return err_sys(e, "make a file in its root");
#ifndef __SANITIZE_ADDRESS__
	if (!j->map && open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
		return err_set(e, EIO, "sees files");
#endif
	return 0;
}

static void try_in(struct jail *j)
{
	int other = open("/", O_RDONLY | O_CLOEXEC);
	struct jail_result res = { 0 };
	struct jail_child c;
	struct err e = { 0 };

	j->in = j->out = -1;
	j->run = try_everything;
	j->arg = &other;
	expect(jail_start(j, &c, &e) == 0);
	if (jail_wait(&c, &res, &e) < 0)
		expect_str(e.msg, "");
}

TEST(a_decoder_sees_no_files_and_no_network)
{
	struct jail j = { .dir = -1 };

	try_in(&j);
}

TEST(an_untar_sees_its_own_directory_alone)
{
	char dir[] = "/tmp/brig-jail-XXXXXX";
	struct idmap map = { .uid = { { 0, geteuid(), 1 } },
		.uid_n = 1,
		.gid = { { 0, getegid(), 1 } },
		.gid_n = 1,
		.single = true };
	struct jail j = { .map = &map };
	auto_fd int fd = -1;

	expect(mkdtemp(dir));
	fd = j.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	try_in(&j);
	expect(faccessat(fd, "mine", F_OK, 0) == 0);
	expect(file_remove_tree(AT_FDCWD, dir, NULL) == 0);
}

static int lie(const struct jail *j, struct jail_result *res, struct err *e)
{
	(void)j;
	memset(res, 'x', sizeof(*res));
	(void)e;
	return 0;
}

static int die(const struct jail *j, struct jail_result *res, struct err *e)
{
	(void)j;
	(void)res;
	(void)e;
	_exit(0);
}

TEST(what_a_captured_child_reports_is_bounded)
{
	struct jail j = { .dir = -1, .in = -1, .out = -1, .run = lie };
	struct jail_result res;
	struct jail_child c;
	struct err e = { 0 };

	expect(jail_start(&j, &c, &e) == 0);
	expect(jail_wait(&c, &res, &e) < 0);
	expect(strlen(e.msg) < ERR_MSG_MAX && strlen(e.hint) < ERR_HINT_MAX);
	j.run = die;
	expect(jail_start(&j, &c, &e) == 0);
	expect(jail_wait(&c, &res, &e) == -EIO);
}
