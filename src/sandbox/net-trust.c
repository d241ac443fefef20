/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/net-trust.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "gate/vault/trust.h"
#include "linux/gatens.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BUNDLE     "ca-bundle.pem"
#define FROM       "# roots of "
#define BUNDLE_MAX (8U << 20)
#define KEY_INSIDE TRUST_DIR "/" TRUST_KEY

/* By the program that has the cryptography; takes a moment, once. */
static int mint(const char *path, struct err *e)
{
	auto_free char *program = dirs_helper("brig-vault");
	auto_free char *to = path_join(path, TRUST_DIR);
	char *argv[] = { (char[]){ "brig-vault" }, (char[]){ "mint" }, to, NULL };
	sigset_t none;
	int status;
	pid_t pid;

	if (!program || !to)
		return err_set(e, ENOMEM, "out of memory");
	pid = fork();
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
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, ENOENT, "brig-vault is not installed at '%s'", program);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		(void)err_set(e, EIO, "no CA could be made for the sandbox");
		err_hint(e, "%s/keeper.log says why", path);
		return -EIO;
	}
	return 0;
}

/* Was the bundle made from this file, as it is now? Its first line says which it was. */
static bool is_current(int dir, const char *first, const char *roots)
{
	auto_fd int fd = openat(dir, TRUST_DIR "/" BUNDLE,
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t n = strlen(first);
	auto_free char *found = malloc(n);
	struct stat of, own;

	return fd >= 0 && found && roots && stat(roots, &of) == 0 &&
		fstat(fd, &own) == 0 && own.st_mtim.tv_sec >= of.st_mtim.tv_sec &&
		read(fd, found, n) == (ssize_t)n && memcmp(found, first, n) == 0;
}

/* The host's roots and the sandbox's CA in one file. */
static int make_bundle(int dir, const char *asked, struct err *e)
{
	const char *host = asked ? asked : trust_host_bundle();
	auto_buf struct buf text = { .max = BUNDLE_MAX };
	int r = buf_addf(&text, FROM "%s\n", host ? host : "nowhere");

	if (r == 0 && is_current(dir, text.data, host))
		return 0;
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (host)
		r = file_read(AT_FDCWD, host, BUNDLE_MAX, &text, e);
	if (r == 0 && text.len && text.data[text.len - 1] != '\n')
		r = buf_add_str(&text, "\n");
	if (r == 0)
		r = file_read(dir, TRUST_DIR "/" TRUST_CERT, BUNDLE_MAX, &text, e);
	return r == 0
		? file_replace(dir, TRUST_DIR "/" BUNDLE, text.data, text.len, 0644, 0, e)
		: r;
}

int net_trust_make(const char *path, int dir, const char *roots, struct err *e)
{
	int r = 0;

	if (faccessat(dir, TRUST_DIR "/" TRUST_CERT, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		r = trust_take(path, e);
		if (r == -ENOENT)
			r = mint(path, e);
	}
	/* it came with the rest; a start that was cut short may have left it there */
	if (r == 0 && renameat(dir, KEY_INSIDE, dir, TRUST_KEY) < 0 && errno != ENOENT)
		r = err_sys(e, "put the CA's key away");
	if (r == 0 && fchmodat(dir, TRUST_DIR, 0755, 0) < 0)
		r = err_sys(e, "open up '%s/" TRUST_DIR "'", path);
	if (r == 0)
		r = make_bundle(dir, roots, e);
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
