/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - the first process of a guest kernel under test.
 *
 * Prints a line for each thing that the kernel has to have or must not have, "ok NAME" or
 * "no NAME: why", then "end", and turns the machine off. Its words on the command line:
 * "quit" returns instead, which is a panic. Links nothing but libc, statically.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* linux/netfilter_ipv4/ip_tables.h, which does not go with libc's headers */
#define IPT_SO_GET_INFO            64
#define IPT_SO_GET_REVISION_MATCH  66
#define IPT_SO_GET_REVISION_TARGET 67

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(1, format, args);
	va_end(args);
}

static void has(const char *name, int good)
{
	if (good)
		say("ok %s\n", name);
	else
		say("no %s: %s\n", name, strerror(errno));
}

/* Refused for a reason that says it is not there, and not for one of ours. */
static void lacks(const char *name, long result, int why)
{
	if (result == -1 && errno == why)
		say("ok %s\n", name);
	else
		say("no %s: %ld, %s\n", name, result, strerror(errno));
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int holds(const char *path, const char *text)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, all = 0;

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf + all, sizeof(buf) - 1 - (size_t)all)) > 0)
		all += n;
	close(fd);
	buf[all] = 0;
	errno = ENOMSG;
	return strstr(buf, text) != NULL;
}

/* The device node is made here: what counts is whether anything answers it. */
static long device_open(unsigned int major, unsigned int minor)
{
	unlink("/tmp/node");
	if (mknod("/tmp/node", S_IFCHR | 0600, makedev(major, minor)) < 0)
		return -2;
	return open("/tmp/node", O_RDWR | O_CLOEXEC);
}

static void probe_closed(void)
{
	lacks("no modules", syscall(SYS_init_module, "", 0, ""), ENOSYS);
	lacks("no list of modules", access("/proc/modules", F_OK), ENOENT);
	lacks("no /dev/mem", device_open(1, 1), ENXIO);
	lacks("no /dev/port", device_open(1, 4), ENXIO);
	lacks("no /proc/kcore", access("/proc/kcore", F_OK), ENOENT);
	lacks("no kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0), ENOSYS);
	lacks("no kexec of files", syscall(SYS_kexec_file_load, -1, -1, 0, "", 0),
		ENOSYS);
	lacks("no magic SysRq", access("/proc/sysrq-trigger", F_OK), ENOENT);
	lacks("no debugfs", mount("none", "/mnt", "debugfs", 0, NULL), ENODEV);
	lacks("no tracefs", mount("none", "/mnt", "tracefs", 0, NULL), ENODEV);
	lacks("no console of a manager", access("/proc/mconsole", F_OK), ENOENT);
	lacks("no interface to the kernel's ciphers", socket(AF_ALG, SOCK_SEQPACKET, 0),
		EAFNOSUPPORT);
	has("securityfs",
		mount("none", "/sys/kernel/security", "securityfs", 0, NULL) == 0);
	has("lockdown to confidentiality",
		holds("/sys/kernel/security/lockdown", "[confidentiality]"));
	has("Landlock, lockdown and Yama",
		holds("/sys/kernel/security/lsm", "landlock") &&
			holds("/sys/kernel/security/lsm", "yama"));
	has("no BPF for everybody",
		!holds("/proc/sys/kernel/unprivileged_bpf_disabled", "0"));
	has("an oops is the end", holds("/proc/sys/kernel/panic_on_oops", "1"));
}

static void probe_files(void)
{
	char text[8] = "";
	int fd;

	for (const char **d = (const char *[]){ "/tmp/low", "/tmp/up", "/tmp/work",
		     "/tmp/all", "/tmp/pts", "/tmp/mq", "/tmp/cg", NULL };
		*d; d++)
		mkdir(*d, 0755);
	has("an overlay",
		put("/tmp/low/file", "low") == 0 &&
			mount("none", "/tmp/all", "overlay", 0,
				"lowerdir=/tmp/low,upperdir=/tmp/up,"
				"workdir=/tmp/work") == 0 &&
			put("/tmp/all/file", "top") == 0);
	fd = open("/tmp/low/file", O_RDONLY | O_CLOEXEC);
	has("... whose lower layer stays",
		read(fd, text, 3) == 3 && !strcmp(text, "low"));
	close(fd);
	has("ext4", holds("/proc/filesystems", "\text4\n"));
	has("EROFS", holds("/proc/filesystems", "\terofs\n"));
	has("FUSE", open("/dev/fuse", O_RDWR | O_CLOEXEC) >= 0);
	has("loop devices", open("/dev/loop-control", O_RDWR | O_CLOEXEC) >= 0);
	has("devpts",
		mount("none", "/tmp/pts", "devpts", 0, "newinstance,ptmxmode=0666") ==
				0 &&
			open("/tmp/pts/ptmx", O_RDWR | O_CLOEXEC) >= 0);
	has("mqueue", mount("none", "/tmp/mq", "mqueue", 0, NULL) == 0);
	has("binfmt_misc",
		mount("none", "/proc/sys/fs/binfmt_misc", "binfmt_misc", 0, NULL) == 0);
	has("its configuration", access("/proc/config.gz", R_OK) == 0);
}

static void probe_groups(void)
{
	has("control groups of version 2",
		mount("none", "/tmp/cg", "cgroup2", 0, NULL) == 0);
	for (const char **name =
			(const char *[]){ "cpuset", "cpu", "io", "memory", "pids", NULL };
		*name; name++)
		has(*name, holds("/tmp/cg/cgroup.controllers", *name));
	has("a group with a limit",
		put("/tmp/cg/cgroup.subtree_control", "+memory +pids +cpu") == 0 &&
			mkdir("/tmp/cg/one", 0755) == 0 &&
			put("/tmp/cg/one/memory.max", "64M") == 0 &&
			put("/tmp/cg/one/pids.max", "9") == 0 &&
			put("/tmp/cg/one/cpu.max", "50000 100000") == 0 &&
			put("/tmp/cg/one/cgroup.procs", "0") == 0 &&
			put("/tmp/cg/cgroup.procs", "0") == 0);
	has("no memory groups of version 1",
		mount("none", "/mnt", "cgroup", 0, "memory") < 0);
}

/* In a child, as somebody without rights. */
static void probe_namespaces(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(1);
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
			      CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | 0x80)
				? errno
				: 0);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	has("all namespaces for everybody", status == 0);
}

static void probe_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
			_exit(errno);
		_exit(syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	has("a seccomp filter", status == 0);
}

static void probe_trace(void)
{
	int status = 0, good;
	static volatile int word = 4711;
	struct iovec here = { &(int){ 0 }, sizeof(int) },
		     there = { (void *)&word, sizeof(int) };
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(7);
	}
	waitpid(pid, &status, 0);
	good = WIFSTOPPED(status) &&
		process_vm_readv(pid, &here, 1, &there, 1, 0) == sizeof(int) &&
		*(int *)here.iov_base == 4711 &&
		ptrace(PTRACE_CONT, pid, NULL, NULL) == 0 &&
		waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7;
	has("a debugger", good);
	has("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 0, 1, 1) == 0);
}

static void probe_calls(void)
{
	char event[512], params[256] = "";
	unsigned long aio = 0;
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1 };
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	has("inotify",
		fd >= 0 && inotify_add_watch(fd, "/tmp", IN_CREATE) >= 0 &&
			put("/tmp/seen", "") == 0 && read(fd, event, sizeof(event)) > 0);
	has("fanotify", fanotify_init(FAN_CLOEXEC | FAN_CLASS_NOTIF, O_RDONLY) >= 0);
	has("io_uring", syscall(SYS_io_uring_setup, 4, params) >= 0);
	has("asynchronous I/O", syscall(SYS_io_setup, 4, &aio) == 0);
	has("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC) >= 0);
	has("memfd", memfd_create("probe", MFD_CLOEXEC) >= 0);
	has("POSIX message queues", mq_open("/probe", O_CREAT | O_RDWR, 0600, NULL) >= 0);
	has("shared memory of System V", shmget(IPC_PRIVATE, 4096, 0600) >= 0);
	has("keys", syscall(SYS_keyctl, 0 /* get id */, -3 /* session */, 1) >= 0);
	has("pidfd", syscall(SYS_pidfd_open, getpid(), 0) >= 0);
	has("Landlock", syscall(444 /* create_ruleset */, NULL, 0, 1 /* version */) >= 1);
	has("BPF for root", syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map)) >= 0);
	has("membarrier", syscall(SYS_membarrier, 0, 0, 0) > 0);
}

/* One link of a kind that needs no more than its name; veth makes its peer by itself. */
static int link_make(const char *kind, const char *name)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		char attrs[128];
	} m = { .h = { .nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags =
				NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL } };
	struct rtattr *a = (struct rtattr *)m.attrs, *in;
	char answer[512];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	a->rta_type = IFLA_IFNAME;
	a->rta_len = (unsigned short)RTA_LENGTH(strlen(name) + 1);
	strcpy(RTA_DATA(a), name);
	m.h.nlmsg_len = NLMSG_LENGTH(sizeof(m.i)) + RTA_ALIGN(a->rta_len);
	a = (struct rtattr *)((char *)&m + m.h.nlmsg_len);
	a->rta_type = IFLA_LINKINFO;
	in = RTA_DATA(a);
	in->rta_type = IFLA_INFO_KIND;
	in->rta_len = (unsigned short)RTA_LENGTH(strlen(kind));
	memcpy(RTA_DATA(in), kind, strlen(kind));
	a->rta_len = (unsigned short)RTA_LENGTH(RTA_ALIGN(in->rta_len));
	m.h.nlmsg_len += RTA_ALIGN(a->rta_len);
	n = send(fd, &m, m.h.nlmsg_len, 0) < 0 ? -1 : recv(fd, answer, sizeof(answer), 0);
	close(fd);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return -1;
	errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
	return errno ? -1 : 0;
}

/* 'nft add table inet probe': a batch of three messages. */
static int table_make(void)
{
	struct {
		struct nlmsghdr h;
		struct nfgenmsg g;
		char attr[16];
	} m[3] = { 0 };
	const char name[] = "probe";
	struct nlattr *a = (struct nlattr *)m[1].attr;
	char answer[512];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct iovec v[3];
	ssize_t n;

	for (int i = 0; i < 3; i++) {
		m[i].h.nlmsg_len = NLMSG_LENGTH(sizeof(m[i].g));
		m[i].h.nlmsg_flags = NLM_F_REQUEST;
		m[i].h.nlmsg_seq = (unsigned int)i;
		m[i].g.res_id = htons(NFNL_SUBSYS_NFTABLES);
		v[i].iov_base = &m[i];
	}
	m[0].h.nlmsg_type = NFNL_MSG_BATCH_BEGIN;
	m[2].h.nlmsg_type = NFNL_MSG_BATCH_END;
	m[1].h.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE;
	m[1].h.nlmsg_flags |= NLM_F_CREATE | NLM_F_ACK;
	m[1].g.nfgen_family = 1; /* NFPROTO_INET */
	m[1].g.res_id = 0;
	a->nla_type = NFTA_TABLE_NAME;
	a->nla_len = NLA_HDRLEN + sizeof(name);
	memcpy(m[1].attr + NLA_HDRLEN, name, sizeof(name));
	m[1].h.nlmsg_len += NLA_ALIGN(a->nla_len);
	for (int i = 0; i < 3; i++)
		v[i].iov_len = m[i].h.nlmsg_len;
	n = writev(fd, v, 3) < 0 ? -1 : recv(fd, answer, sizeof(answer), 0);
	close(fd);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return -1;
	errno = -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
	return errno ? -1 : 0;
}

/* What iptables-legacy asks first: is the table there, is the match or target? */
static int table_there(const char *name)
{
	char info[84] = "";
	socklen_t size = sizeof(info);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), r;

	strcpy(info, name);
	r = getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, info, &size);
	close(fd);
	return r;
}

static int extension_there(int kind, const char *name)
{
	char info[30] = "";
	socklen_t size = sizeof(info);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), r;

	strcpy(info, name);
	r = getsockopt(fd, IPPROTO_IP, kind, info, &size);
	close(fd);
	/* it is there, but not in the revision 0 that was asked for */
	return r < 0 && errno == EPROTONOSUPPORT ? 0 : r;
}

static void probe_net(void)
{
	struct ifreq tap = { .ifr_name = "tap9", .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd;

	has("IPv6", socket(AF_INET6, SOCK_STREAM, 0) >= 0);
	has("packet sockets", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
	mkdir("/dev/net", 0755);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	has("tun and tap", fd >= 0 && ioctl(fd, TUNSETIFF, &tap) == 0);
	has("a bridge", link_make("bridge", "br9") == 0);
	has("veth", link_make("veth", "ve9") == 0);
	has("a table of nftables", table_make() == 0);
	for (const char **t = (const char *[]){ "filter", "nat", "mangle", "raw", NULL };
		*t; t++)
		has(*t, table_there(*t) == 0);
	for (const char **t = (const char *[]){ "MASQUERADE", "DNAT", "REDIRECT",
		     "TPROXY", NULL };
		*t; t++)
		has(*t, extension_there(IPT_SO_GET_REVISION_TARGET, *t) == 0);
	for (const char **t = (const char *[]){ "conntrack", "addrtype", "mark",
		     "comment", NULL };
		*t; t++)
		has(*t, extension_there(IPT_SO_GET_REVISION_MATCH, *t) == 0);
	has("a choice of congestion control",
		holds("/proc/sys/net/ipv4/tcp_available_congestion_control", "bbr"));
	has("bridged packets pass netfilter",
		access("/proc/sys/net/bridge/bridge-nf-call-iptables", R_OK) == 0);
}

static void probe_microvm(void)
{
	has("vsock", socket(AF_VSOCK, SOCK_STREAM, 0) >= 0);
	has("virtio-fs", holds("/proc/filesystems", "virtiofs\n"));
	has("a source of randomness", access("/dev/hwrng", F_OK) == 0);
}

int main(int argc, char **argv)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	say("begin %ld.%06ld\n", (long)now.tv_sec, now.tv_nsec / 1000);
	if (argc > 1 && !strcmp(argv[1], "quit"))
		return 0;
	if (argc > 1 && !strcmp(argv[1], "off"))
		goto off;
	mount("none", "/proc", "proc", 0, NULL);
	mount("none", "/sys", "sysfs", 0, NULL);
	has("tmpfs", mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
	has("a root that can't be written", mkdir("/made", 0755) < 0 && errno == EROFS);
	say("cpus %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
	probe_closed();
	probe_files();
	probe_groups();
	probe_namespaces();
	probe_filter();
	probe_trace();
	probe_calls();
	probe_net();
	if (argc > 1 && !strcmp(argv[1], "microvm"))
		probe_microvm();
	say("end\n");
off:
	/* where nothing can turn the machine off, a reboot leaves the emulator */
	reboot(argc > 1 && !strcmp(argv[1], "microvm") ? RB_AUTOBOOT : RB_POWER_OFF);
	return 1;
}
