/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm.c - root inside, on the sentry's own kernel, at its worst; run by run.sh.
 *
 *	storm NAME	runs until somebody ends it, or says what it came to: "escaped: ..." or
 *			"stopped: ..."
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/reboot.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define STREAM_MISC "/dev/brig-stream"

static char big[1 << 20];

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, text, strlen(text));
		(void)close(fd);
	}
}

static int said(const char *what, const char *detail)
{
	printf("%s: %s\n", what, detail);
	(void)fflush(stdout);
	return 0;
}

/* brig run waits for the warder to say that this has started. */
static void settle(void)
{
	(void)sleep(1);
}

static _Noreturn int forks(void)
{
	settle();
	put("/sys/fs/cgroup/sandbox/pids.max", "max");
	put("/proc/sys/kernel/pid_max", "4194304");
	put("/proc/sys/kernel/threads-max", "4194304");
	for (;;)
		(void)fork();
}

static _Noreturn int memory(void)
{
	settle();
	(void)mount("none", "/mnt", "tmpfs", 0, "size=100%");
	put("/proc/self/oom_score_adj", "-1000");
	for (int i = 0;; i++) {
		char name[64];
		int fd;

		(void)snprintf(name, sizeof(name), "/mnt/%d", i);
		fd = open(name, O_WRONLY | O_CREAT, 0600);
		for (int k = 0; k < 64; k++)
			(void)!write(fd, big, sizeof(big));
		(void)close(fd);
		(void)mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
		if (fork() == 0)
			continue;
	}
}

static _Noreturn int devices(void)
{
	int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	int console = open("/dev/console", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	put("/proc/sys/kernel/printk", "8 8 8 8");
	put("/proc/sys/kernel/printk_devkmsg", "on");
	put("/proc/sys/kernel/printk_ratelimit", "0");
	(void)memset(big, 'y', 900);
	for (;;) {
		(void)!write(kmsg, big, 900);
		(void)!write(console, big, 900);
		for (int i = 0; i < 4; i++) {
			char name[32];
			int fd;

			(void)snprintf(name, sizeof(name), "/dev/ttyS%d", i);
			fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
			(void)!write(fd, big, 900);
			(void)close(fd);
		}
	}
}

static _Noreturn int frames(void)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex("eth0"),
		.sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	(void)bind(fd, (struct sockaddr *)&at, sizeof(at));
	(void)memcpy(big, "\2brig\1\2brig\2\x08\0", 14);
	for (unsigned n = 0;; n++)
		(void)!write(fd, big, 60 + n % 1400);
}

static _Noreturn int mounts(void)
{
	(void)mount("none", "/mnt", "tmpfs", 0, NULL);
	(void)mount(NULL, "/mnt", NULL, MS_SHARED, NULL);
	(void)mkdir("/mnt/a", 0700);
	for (;;)
		if (mount("/", "/mnt/a", NULL, MS_BIND | MS_REC, NULL) < 0)
			(void)unshare(CLONE_NEWNS);
}

/* On the root, which is the host's file system behind brigfs. */
static int inodes(void)
{
	const struct rlimit most = { 1 << 20, 1 << 20 };
	char name[256];
	int n = 0, dir, deep = 0;

	(void)setrlimit(RLIMIT_NOFILE, &most);
	(void)mkdir("/var/many", 0700);
	dir = open("/var/many", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (; n < 30000; n++) {
		(void)snprintf(name, sizeof(name), "%0255d", n);
		if (openat(dir, name, O_WRONLY | O_CREAT, 0600) < 0)
			break;
	}
	printf("noted: %d open files with the longest names (%s)\n", n, strerror(errno));
	(void)close_range((unsigned)dir + 1, ~0U, 0);
	if (mkdir("/var/deep", 0700) < 0 || chdir("/var/deep") < 0)
		return said("escaped", "nothing works when the files are closed again");
	for (; deep < 5000; deep++)
		if (mkdir("d", 0700) < 0 || chdir("d") < 0)
			break;
	printf("noted: %d directories deep (%s)\n", deep, strerror(errno));
	(void)fflush(stdout);
	n = open("/var/sparse", O_WRONLY | O_CREAT, 0600);
	if (n < 0)
		return said("escaped", "no file can be made any more");
	(void)ftruncate(n, 0x7fffffffffffffff);
	(void)ftruncate(n, (off_t)1 << 43);
	(void)pwrite(n, "x", 1, ((off_t)1 << 43) - 1);
	return said("stopped", "files by the thousand");
}

static int stream(void)
{
	char line[256];
	FILE *f = fopen("/proc/misc", "re");
	int fd;

	if (open(STREAM_MISC, O_RDWR) >= 0)
		return said("escaped", "the stream was opened");
	for (unsigned minor = 0; minor < 256; minor++) {
		(void)unlink("/tmp/node");
		if (mknod("/dev/node", S_IFCHR | 0600, makedev(10, minor)) < 0)
			continue;
		fd = open("/dev/node", O_RDWR | O_NONBLOCK);
		if (fd >= 0 && f) {
			rewind(f);
			while (fgets(line, sizeof(line), f))
				if ((unsigned)atoi(line) == minor && strstr(line, "brig"))
					return said("escaped",
						"the stream was opened by its number");
		}
		(void)close(fd);
		(void)unlink("/dev/node");
	}
	return said("stopped", "the stream opens once");
}

static int brigfs(void)
{
	char options[32], own[32] = "", line[512];
	FILE *f = fopen("/proc/mounts", "re");

	while (f && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, " / brigfs ");

		if (at && (at = strstr(at, "fd=")))
			(void)snprintf(own, sizeof(own), "fd=%d", atoi(at + 3));
	}
	for (int fd = 0; fd < 256; fd++) {
		(void)snprintf(options, sizeof(options), "fd=%d", fd);
		if (mount("none", "/mnt", "brigfs", 0, options) == 0 &&
			strcmp(options, own) != 0)
			return said("escaped", options);
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
		mount("none", "/mnt", "brigfs", 0, own) == 0)
		return said("escaped", "from a user namespace");
	return said("stopped", "only its own descriptor");
}

static int kernel(void)
{
	static const char *const paths[] = { "/proc/kcore", "/dev/mem", "/dev/kmem",
		"/dev/port", "/proc/1/mem" };

	/* its own kernel's, and that is all it is: the host must not notice */
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fd = open(paths[i], O_RDWR);
		char text[64];

		if (fd >= 0)
			(void)!pread(fd, text, sizeof(text), 0x60000000);
	}
	put("/proc/sys/kernel/core_pattern", "|/bin/sh -c touch /var/ran");
	put("/proc/sys/kernel/modprobe", "/bin/false");
	put("/proc/sys/vm/panic_on_oom", "0");
	(void)syscall(SYS_init_module, big, sizeof(big), "");
	(void)syscall(SYS_finit_module, 0, "", 0);
	(void)syscall(SYS_kexec_load, 0, 0, NULL, 0);
	(void)syscall(SYS_kexec_file_load, 0, 0, 0, "", 0);
	(void)syscall(SYS_swapon, "/etc/passwd", 0);
	return said("stopped", "nothing but its own kernel");
}

static int panic(void)
{
	put("/proc/sys/kernel/sysrq", "1");
	put("/proc/sysrq-trigger", "c");
	/* where there is no sysrq, a kernel that panics when it is out of memory */
	put("/proc/sys/vm/panic_on_oom", "2");
	return memory();
}

static int restart(void)
{
	(void)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_RESTART, NULL);
	return said("stopped", strerror(errno));
}

static int halt(void)
{
	(void)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_HALT, NULL);
	return said("stopped", strerror(errno));
}

/* Deaf to signals, and with the warder frozen, so that the guest itself ends nothing. */
static _Noreturn int deaf(void)
{
	settle();
	for (int s = 1; s < 64; s++)
		(void)signal(s, SIG_IGN);
	(void)kill(1, SIGKILL);
	(void)kill(1, SIGSTOP);
	put("/sys/fs/cgroup/sandbox/cgroup.freeze", "1");
	for (;;)
		(void)sched_yield();
}

static const struct {
	const char *name;
	int (*run)(void);
} storms[] = { { "forks", forks }, { "memory", memory }, { "devices", devices },
	{ "frames", frames }, { "mounts", mounts }, { "inodes", inodes },
	{ "stream", stream }, { "brigfs", brigfs }, { "kernel", kernel },
	{ "panic", panic }, { "restart", restart }, { "halt", halt }, { "deaf", deaf } };

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(storms) / sizeof(*storms); i++)
		if (strcmp(argv[1], storms[i].name) == 0)
			return storms[i].run();
	return 2;
}
