/* SPDX-License-Identifier: Apache-2.0 */
#include "image/login-helper.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "image/login.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define ANSWER_MAX     ((size_t)64 << 10)
#define ANSWER_WAIT_NS (30 * NS_PER_SEC)

extern char **environ;

static pid_t start(const char *program, int in, int out, struct err *e)
{
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t) "get", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int r;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out, 1);
	r = posix_spawnp(&pid, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r) {
		errno = r;
		err_sys(e, "run '%s'", program);
		err_hint(e, "install it, or take it out of docker's config.json");
		return -r;
	}
	return pid;
}

static int read_answer(int fd, const char *program, struct buf *answer, struct err *e)
{
	uint64_t until = clock_mono_ns() + ANSWER_WAIT_NS;

	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		uint64_t now = clock_mono_ns();
		ssize_t n;

		if (now >= until || answer->len > ANSWER_MAX)
			return err_set(e, ETIMEDOUT, "'%s' %s", program,
				now >= until ? "gave no answer in 30 seconds"
					     : "answers too much");
		if (poll(&p, 1, (int)((until - now) / NS_PER_MS) + 1) < 0 &&
			errno != EINTR)
			return err_sys(e, "wait for '%s'", program);
		if (!p.revents)
			continue;
		n = buf_read(answer, fd, 4096);
		if (n <= 0)
			return n < 0 ? err_set(e, EIO, "read from '%s'", program) : 0;
	}
}

static int take_answer(
	struct login *l, const char *program, const struct buf *answer, struct err *e)
{
	auto_json struct json *j = NULL;
	const char *user, *secret;
	int r = json_parse(answer->data ? answer->data : "", answer->len, program, &j, e);

	if (r < 0)
		return r;
	user = json_get_str(j, "Username");
	secret = json_get_str(j, "Secret");
	if (!user || !secret || strpbrk(secret, "\r\n"))
		return err_set(
			e, EBADMSG, "'%s' answers without Username and Secret", program);
	if (str_eq(user, "<token>"))
		r = str_set(&l->identity_token, secret);
	else
		r = str_set(&l->user, user) | str_set(&l->password, secret);
	return r ? err_set(e, ENOMEM, "login: out of memory") : 0;
}

int login_helper_ask(struct login *l, struct err *e)
{
	auto_free char *program = str_printf("docker-credential-%s", l->helper);
	auto_buf struct buf answer = { 0 };
	int to[2], from[2], status = 0, r;
	pid_t pid;

	if (!program || pipe2(to, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		r = err_sys(e, "make a pipe");
		(void)close(to[0]);
		(void)close(to[1]);
		return r;
	}
	pid = start(program, to[0], from[1], e);
	(void)close(to[0]);
	(void)close(from[1]);
	if (pid > 0)
		(void)file_write_all(to[1], l->server, strlen(l->server));
	(void)close(to[1]);
	r = pid < 0 ? (int)pid : read_answer(from[0], program, &answer, e);
	(void)close(from[0]);
	if (pid > 0 && r < 0)
		(void)kill(pid, SIGKILL);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	/* a helper that knows no login says so by its exit status: then we are anonymous
	 */
	if (r == 0 && status == 0)
		r = take_answer(l, program, &answer, e);
	if (answer.data)
		explicit_bzero(answer.data, answer.len);
	return r;
}
