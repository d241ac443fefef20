/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brig-boot - /init of a guest that has a kernel of its own: makes a root file system out of
 * what the kernel was given, and becomes the warder.
 *
 * Theory of operation. The kernel starts this program from an initramfs that holds nothing
 * else but the warder. The root is the host's directory tree as the wall has put it together,
 * with workspace, protected names and all: it comes in one piece by the kernel's file system
 * for it. Here only what belongs to a kernel is added: /proc, /sys, /dev, control groups,
 * the network's addresses. Everything is told by words of the kernel's command line, which
 * the kernel hands on as environment:
 *
 *	BRIG_ROOT	TYPE[,OPTIONS]: the file system that is the root
 *	BRIG_HOSTNAME	the host's name
 *	BRIG_PIDS	how many processes and threads there may be, without it any number
 *	BRIG_LINK	the network interface that leads to the gate, by the name that its driver
 *			gave it; without it there is the loopback alone
 *	BRIG_STREAM	vsock:PORT: the keeper's stream is a connection to the host's port;
 *			without it, a device of the kernel's
 *	BRIG_END	restart: the machine can't be switched off, but restarted
 *
 * Whoever wrote these is outside and believed. A step that fails ends the machine, with a
 * line on the console that names it.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "linux/gatens.h"
#include "linux/netns.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ROOT   "/root"
#define WARDER "/warder"
#define STREAM "/dev/brig-stream"

#define NOFILE_SOFT 1024
#define NOFILE_HARD 1048576

/* What a kernel adds to a root. In this order. */
static const struct piece {
	const char *dir, *type, *options;
	unsigned long flags;
	bool optional;
} pieces[] = {
	{ "proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "sys/fs/cgroup", "cgroup2", "nsdelegate", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		true },
	{ "dev", "devtmpfs", "mode=0755", MS_NOSUID, false },
	/* group 5 is tty in every distribution */
	{ "dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5",
		MS_NOSUID | MS_NOEXEC, false },
	{ "dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV, false },
	{ "dev/mqueue", "mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
};

static const char *const links[][2] = { { "/proc/self/fd", "fd" },
	{ "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
	{ "/proc/self/fd/2", "stderr" } };

/* What a kernel of a few hundred megabytes sets too low for an agent's tools. */
static const char *const settings[][2] = {
	{ "fs/inotify/max_user_watches", "524288" },
	{ "fs/inotify/max_user_instances", "1024" },
	{ "kernel/pid_max", "131072" },
	{ "vm/max_map_count", "262144" },
	/* what is written to a file that stays open is seen outside after a second */
	{ "vm/dirty_writeback_centisecs", "50" },
	{ "vm/dirty_expire_centisecs", "100" },
	/* as on a large host: who takes more than there is ends, and isn't refused before */
	{ "vm/overcommit_memory", "1" },
};

static int write_text(const char *path, const char *text)
{
	auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int mount_root(const char *word, struct err *e)
{
	auto_free char *type = strdup(word ? word : "");
	char *options = type ? strchr(type, ',') : NULL;

	if (!type || !*type)
		return err_set(e, EINVAL, "the kernel was given no root");
	if (options)
		*options++ = '\0';
	if (mkdir(ROOT, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make the root's place");
	/* as what virtio-fs calls its source; others don't ask */
	return mount("root", ROOT, type, 0, options) < 0
		? err_sys(e, "mount the root (%s)", type)
		: 0;
}

static int mount_piece(const struct piece *p, struct err *e)
{
	auto_free char *at = str_printf(ROOT "/%s", p->dir);
	struct stat st;

	if (!at)
		return err_set(e, ENOMEM, "out of memory");
	(void)mkdir(at, 0755);
	/* never through a link: the image made this tree */
	if (lstat(at, &st) < 0 || !S_ISDIR(st.st_mode))
		return p->optional
			? 0
			: err_set(e, ENOTDIR, "'/%s' of the image is no directory",
				  p->dir);
	if (mount(p->type, at, p->type, p->flags, p->options) < 0 && !p->optional)
		return err_sys(e, "mount /%s", p->dir);
	return 0;
}

static int mount_pieces(struct err *e)
{
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		int r = mount_piece(&pieces[i], e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		auto_free char *at = str_printf(ROOT "/dev/%s", links[i][1]);

		if (!at || (symlink(links[i][0], at) < 0 && errno != EEXIST))
			return err_sys(e, "make '/dev/%s'", links[i][1]);
	}
	/* in the new instance alone */
	(void)unlink(ROOT "/dev/ptmx");
	(void)symlink("pts/ptmx", ROOT "/dev/ptmx");
	/* it is open, once and for all */
	(void)unlink(ROOT STREAM);
	return 0;
}

/* The warder and all that comes of it, in a group beneath the top: an engine inside may
 * then use the top as it does anywhere. */
static int limit_pids(const char *pids, struct err *e)
{
	auto_free char *max = NULL;
	int r;

	if (!pids)
		return 0;
	max = str_printf("%lu", strtoul(pids, NULL, 10) + 1); /* the warder is one */
	r = write_text(ROOT "/sys/fs/cgroup/cgroup.subtree_control", "+pids");
	if (r == 0 && mkdir(ROOT "/sys/fs/cgroup/sandbox", 0755) < 0)
		r = -errno;
	if (r == 0)
		r = max ? write_text(ROOT "/sys/fs/cgroup/sandbox/pids.max", max)
			: -ENOMEM;
	if (r == 0)
		r = write_text(ROOT "/sys/fs/cgroup/sandbox/cgroup.procs", "0");
	return r < 0 ? err_set(e, -r, "limit the processes: %s", strerror(-r)) : 0;
}

static int start_network(const char *link, struct err *e)
{
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_newname = "eth0" };

	if (!link)
		return net_loopback_up(e);
	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", link);
	if (fd < 0 || ioctl(fd, SIOCSIFNAME, &r) < 0)
		return err_sys(e, "name the network interface '%s'", link);
	return gatens_guest_up(e);
}

static int settle(struct err *e)
{
	const struct rlimit files = { NOFILE_SOFT, NOFILE_HARD };
	const char *name = getenv("BRIG_HOSTNAME");
	int r;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		auto_free char *path = str_printf(ROOT "/proc/sys/%s", settings[i][0]);

		if (path)
			(void)write_text(path, settings[i][1]);
	}
	if (name && sethostname(name, strlen(name)) < 0)
		return err_sys(e, "set the host name");
	r = start_network(getenv("BRIG_LINK"), e);
	if (r == 0)
		r = limit_pids(getenv("BRIG_PIDS"), e);
	if (r == 0 && setrlimit(RLIMIT_NOFILE, &files) < 0)
		r = err_sys(e, "set the limit of open files");
	return r;
}

/* As switch_root(8) does it: the initramfs can't be unmounted, only covered. */
static int enter_root(struct err *e)
{
	if (chdir(ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
		chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "enter the root");
	return 0;
}

static bool restarts(void)
{
	const char *end = getenv("BRIG_END");

	return end && strcmp(end, "restart") == 0;
}

/* The keeper's end of this is a socket of the host's (vsock(7)), or behind the kernel's device. */
static int open_stream(struct err *e)
{
	const char *word = getenv("BRIG_STREAM");
	struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST };
	auto_fd int fd = -1;

	if (!word) {
		fd = open(STREAM, O_RDWR | O_CLOEXEC);
		return fd < 0 ? err_sys(e, "open the stream") : take_fd(&fd);
	}
	if (strncmp(word, "vsock:", 6) != 0)
		return err_set(e, EINVAL, "there is no stream '%s'", word);
	host.svm_port = (unsigned)strtoul(word + 6, NULL, 10);
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&host, sizeof(host)) < 0)
		return err_sys(e, "connect to the host's port %u", host.svm_port);
	return take_fd(&fd);
}

static int boot(struct err *e)
{
	char word[16], off[] = "--last", again[] = "--last-restart";
	char *option = restarts() ? again : off;
	char *argv[] = { (char[]){ "brig-warder" }, option, word, NULL };
	char *envp[] = { NULL };
	auto_fd int warder = -1, stream = -1;
	int r;

	(void)umask(0022);
	(void)mkdir("/dev", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL) < 0)
		return err_sys(e, "mount /dev");
	/* nothing below may get a number that commands take for their own */
	do
		r = open("/dev/null", O_RDWR);
	while (r >= 0 && r < 2);
	if (r < 0)
		return err_sys(e, "open '/dev/null'");
	warder = open(WARDER, O_PATH | O_CLOEXEC);
	if (warder < 0)
		return err_sys(e, "open the warder");
	stream = open_stream(e);
	if (stream < 0)
		return stream;
	r = mount_root(getenv("BRIG_ROOT"), e);
	if (r == 0)
		r = mount_pieces(e);
	if (r == 0)
		r = settle(e);
	if (r == 0)
		r = enter_root(e);
	if (r < 0)
		return r;
	(void)snprintf(word, sizeof(word), "%d", stream);
	if (fcntl(stream, F_SETFD, 0) < 0)
		return err_sys(e, "hand on the stream");
	(void)fexecve(warder, argv, envp);
	return err_sys(e, "execute the warder");
}

/* To the kernel's log, and so to whoever keeps the guest. */
static void say(const char *text)
{
	auto_fd int log = -1;

	(void)mknod("/kmsg", S_IFCHR | 0600, makedev(1, 11));
	log = open("/kmsg", O_WRONLY | O_CLOEXEC);
	if (log >= 0)
		(void)dprintf(log, "<0>brig-boot: %s\n", text);
}

int main(void)
{
	struct err e = { 0 };

	if (boot(&e) < 0)
		say(e.msg);
	(void)reboot(restarts() ? RB_AUTOBOOT : RB_POWER_OFF);
	return 1;
}
