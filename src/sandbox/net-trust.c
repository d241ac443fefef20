/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/net-trust.h"

#include "base/auto.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "gate/vault/trust.h"
#include "linux/gatens.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define KEY_INSIDE TRUST_DIR "/" TRUST_KEY

/* By the program that has the cryptography. 127: there is no such program. */
static int run_vault(const char *program, const char *verb, const char *to, struct err *e)
{
	char *argv[] = { (char[]){ "brig-vault" }, (char *)(uintptr_t)verb,
		(char *)(uintptr_t)to, NULL };
	sigset_t none;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)execv(program, argv);
		_exit(127);
	}
	if (pid < 0)
		return err_sys(e, "start '%s'", program);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for '%s'", program);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* 'what' it makes is for the message. Takes a moment. */
static int make(const char *path, const char *verb, const char *what, struct err *e)
{
	auto_free char *program = dirs_helper("brig-vault");
	auto_free char *to = path_join(path, TRUST_DIR);
	int r;

	if (!program || !to)
		return err_set(e, ENOMEM, "out of memory");
	r = run_vault(program, verb, to, e);
	if (r == 127)
		return err_set(e, ENOENT, "brig-vault is not installed at '%s'", program);
	if (r > 0) {
		(void)err_set(e, EIO, "no %s could be made for the sandbox", what);
		err_hint(e, "%s/keeper.log says why", path);
		return -EIO;
	}
	return r;
}

/* The host's roots and the sandbox's CA, in one file and in one store of Java's. */
static int make_roots(const char *path, int dir, const char *asked, struct err *e)
{
	const char *roots = asked ? asked : trust_host_bundle();
	auto_fd int trust =
		openat(dir, TRUST_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (trust < 0)
		return err_sys(e, "open '%s/" TRUST_DIR "'", path);
	if (trust_is_current(trust, roots))
		return 0;
	r = trust_make_bundle(trust, roots, e);
	if (r < 0 && asked) {
		(void)err_wrap(e, "the certificates of SSL_CERT_FILE");
		err_hint(e, "name a file of certificates (PEM) there, or unset it");
	}
	return r == 0 ? make(path, "jks", "Java trust store", e) : r;
}

int net_trust_make(const char *path, int dir, const char *roots, struct err *e)
{
	int r = 0;

	if (faccessat(dir, TRUST_DIR "/" TRUST_CERT, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		r = trust_take(path, e);
		if (r == -ENOENT)
			r = make(path, "mint", "CA", e);
	}
	/* it came with the rest; a start that was cut short may have left it there */
	if (r == 0 && renameat(dir, KEY_INSIDE, dir, TRUST_KEY) < 0 && errno != ENOENT)
		r = err_sys(e, "put the CA's key away");
	if (r == 0 && fchmodat(dir, TRUST_DIR, 0755, 0) < 0)
		r = err_sys(e, "open up '%s/" TRUST_DIR "'", path);
	if (r == 0)
		r = make_roots(path, dir, roots, e);
	if (r == 0)
		r = file_replace(dir, TRUST_DIR "/resolv.conf", GATENS_RESOLV_CONF,
			sizeof(GATENS_RESOLV_CONF) - 1, 0644, 0, e);
	return r;
}

void net_trust_give_back(const char *path, int dir, const char *id)
{
	/* what fails here goes with the sandbox */
	if (renameat(dir, TRUST_KEY, dir, KEY_INSIDE) == 0)
		(void)trust_give_back(path, id, NULL);
}
