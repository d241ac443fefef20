/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/secret-store.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/out.h"
#include "gate/vault/vault-service.h"
#include "gate/vault/vault-store.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define ANSWER_MAX (1U << 20)

/* In the child: 'in' -1 for no standard input. */
static void __attribute__((noreturn))
become(const char *program, char *const argv[], int in, int out)
{
	int null = in < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : in;

	if (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		(void)execv(program, argv);
	_exit(127);
}

static int pipes(int to[2], int from[2], struct err *e)
{
	if (pipe2(from, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	if (pipe2(to, O_CLOEXEC) < 0) {
		(void)close(from[0]);
		(void)close(from[1]);
		return err_sys(e, "make a pipe");
	}
	return 0;
}

int secret_vault(const struct strv *words, const struct buf *value, struct buf *answer,
	struct err *e)
{
	auto_free char *program = dirs_helper("brig-vault");
	int to[2], from[2], status, r = pipes(to, from, e);
	pid_t pid;

	if (r < 0 || !program)
		return r < 0 ? r : err_set(e, ENOMEM, "out of memory");
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		become(program, words->v, value ? to[0] : -1, from[1]);
	(void)close(to[0]);
	(void)close(from[1]);
	/* one that stopped reading says why; a value fits a pipe */
	if (pid > 0 && value)
		(void)file_write_all(to[1], value->data, value->len);
	(void)close(to[1]);
	if (pid > 0)
		(void)file_read_fd(from[0], "brig-vault", ANSWER_MAX, answer, NULL);
	(void)close(from[0]);
	if (pid < 0)
		return err_sys(e, "run brig-vault");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for brig-vault");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, ENOENT, "brig-vault is not installed at '%s'", program);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int set_words(struct strv *words, const struct vault_service *s,
	const char *variable, const char *sandbox)
{
	int r = strv_add(words, "brig-vault");

	for (size_t i = 0; r == 0 && i < s->hosts.n; i++)
		r = strv_addf(words, "--host=%s", s->hosts.v[i]);
	if (r == 0)
		r = strv_addf(words, "--env=%s", variable);
	if (r == 0)
		r = strv_addf(words, "--sandbox=%s", sandbox);
	if (r == 0)
		r = strv_add(words, "set");
	return r == 0 ? strv_add(words, s->name) : r;
}

int secret_store_from_env(const char *variable, const char *sandbox, struct err *e)
{
	auto_vault_services struct vault_services known = { 0 };
	auto_strv struct strv words = { 0 };
	auto_buf struct buf answer = { 0 };
	const struct vault_service *s;
	/* borrowed from the environment, so there is no copy to wipe */
	char *text = getenv(variable);
	const struct buf value = { .data = text, .len = text ? strlen(text) : 0 };
	int r;

	if (!value.len)
		return 0;
	r = vault_services_load(&known, e);
	if (r < 0)
		return r;
	s = vault_service_by_env(&known, variable);
	if (!s)
		return 0;
	if (set_words(&words, s, variable, sandbox) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = secret_vault(&words, &value, &answer, e);
	if (r > 0)
		return err_set(e, EIO, "%s could not be kept as a secret", variable);
	if (r < 0)
		return r;
	out_note("%s stays outside: the sandbox has a placeholder for it", variable);
	return 1;
}

bool secret_store_has_own(const char *variable, const char *sandbox)
{
	auto_vault_store struct vault_store store = { 0 };

	if (vault_store_look(&store, NULL) < 0)
		return false;
	for (size_t i = 0; i < store.secrets.n; i++) {
		const struct vault_secret *s =
			(const struct vault_secret *)store.secrets.items + i;

		if (str_eq(s->sandbox, sandbox) && strv_has(&s->env, variable))
			return true;
	}
	return false;
}

int secret_store_forget(const char *sandbox, struct err *e)
{
	auto_vault_store struct vault_store store = { 0 };
	auto_strv struct strv words = { 0 };
	auto_buf struct buf answer = { 0 };
	int r = vault_store_look(&store, e);
	size_t n;

	if (r == 0 &&
		(strv_add(&words, "brig-vault") < 0 ||
			strv_addf(&words, "--sandbox=%s", sandbox) < 0 ||
			strv_add(&words, "rm") < 0))
		r = err_set(e, ENOMEM, "out of memory");
	n = words.n;
	for (size_t i = 0; r == 0 && i < store.secrets.n; i++) {
		const struct vault_secret *s =
			(const struct vault_secret *)store.secrets.items + i;

		if (str_eq(s->sandbox, sandbox) && strv_add(&words, s->name) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	if (r < 0 || words.n == n)
		return r;
	r = secret_vault(&words, NULL, &answer, e);
	return r > 0
		? err_set(e, EIO, "the secrets of '%s' could not be removed", sandbox)
		: r;
}
