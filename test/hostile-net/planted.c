/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planted.c - a bug in the gate: what an attacker could do who has taken it over.
 *
 * Preloaded into the very brig-gate that is tested, by captured.bash. When a connection
 * begins with "CAPTURED WORD", the process is the attacker's from then on:
 *
 *	MEM		send everything that can be read of its memory, code aside
 *	TRY WHAT	make a system call that its promise leaves out, and tell
 *	EXCHANGE	"EXCHANGE LEN\n" and so many bytes: say them to the injector, on an
 *			exchange socket of its own, and tell what comes back
 *
 * The map of the memory was opened before the promise: more than an attacker would have.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MAPS_FD       900
#define INJECTOR_FD   5  /* roles.h: GATE_FD_INJECTOR */
#define GATE_EXCHANGE 16 /* roles.h */

static char maps[1 << 20];

__attribute__((constructor)) static void begin(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && dup3(fd, MAPS_FD, O_CLOEXEC) >= 0)
		close(fd);
}

/* All of it, or as much as can be read: -1 at a page that can't. */
static int send_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(fd, at, len < 65536 ? len : 65536);
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		if (n < 0 && errno == EAGAIN && poll(&p, 1, 5000) == 1)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static void say(int fd, const char *text)
{
	(void)send_all(fd, text, strlen(text));
}

static void dump(int fd)
{
	ssize_t n, len = 0;

	(void)lseek(MAPS_FD, 0, SEEK_SET);
	while (len < (ssize_t)sizeof(maps) - 1 &&
		(n = read(MAPS_FD, maps + len, sizeof(maps) - 1 - (size_t)len)) > 0)
		len += n;
	for (char *line = maps, *end; (end = strchr(line, '\n')); line = end + 1) {
		unsigned long from, to;
		char right[8];

		/* code was never written to */
		if (sscanf(line, "%lx-%lx %7s", &from, &to, right) != 3 ||
			right[0] != 'r' || right[2] == 'x')
			continue;
		for (unsigned long at = from; at < to; at += 4096)
			if (send_all(fd, (const char *)at, 4096) < 0)
				break;
	}
}

static long attempt(const char *what)
{
	static char *const argv[] = { "/bin/sh", "-c", "id", NULL };
	int pair[2];

	if (strcmp(what, "open") == 0)
		return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
	if (strcmp(what, "exec") == 0)
		return syscall(SYS_execve, argv[0], argv, argv + 3);
	if (strcmp(what, "fork") == 0)
		return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (strcmp(what, "ptrace") == 0)
		return syscall(SYS_ptrace, PTRACE_SEIZE, getppid(), 0, 0);
	if (strcmp(what, "unix") == 0)
		return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	if (strcmp(what, "code") == 0)
		return (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (strcmp(what, "vm") == 0)
		return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
	if (strcmp(what, "datagram") == 0)
		return syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
	errno = EINVAL;
	return -1;
}

static void try(int fd, const char *what)
{
	char text[64];
	long r = attempt(what);

	(void)snprintf(text, sizeof(text), "%s\n", r < 0 ? "refused" : "done");
	say(fd, text);
}

static void send_socket(int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	uint32_t type = GATE_EXCHANGE;
	struct iovec iov = { &type, sizeof(type) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	(void)sendmsg(INJECTOR_FD, &m, MSG_NOSIGNAL);
}

static void exchange(int fd, size_t len)
{
	static char bytes[65536];
	struct pollfd p = { .events = POLLIN };
	size_t had = 0;
	ssize_t n;
	int pair[2];

	p.fd = fd;
	while (had < len && len <= sizeof(bytes) && poll(&p, 1, 3000) == 1 &&
		(n = read(fd, bytes + had, len - had)) > 0)
		had += (size_t)n;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	send_socket(pair[1]);
	close(pair[1]);
	(void)send_all(pair[0], bytes, had);
	p.fd = pair[0];
	while (poll(&p, 1, 400) == 1 && (n = read(pair[0], bytes, sizeof(bytes))) > 0)
		(void)send_all(fd, bytes, (size_t)n);
	close(pair[0]);
}

static void captured(int fd, size_t peeked)
{
	char line[4096];
	const char *word = line + strlen("CAPTURED ");
	char *end;
	ssize_t n = read(fd, line, peeked < sizeof(line) ? peeked : sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	if (strcmp(word, "MEM") == 0)
		dump(fd);
	else if (strncmp(word, "TRY ", 4) == 0)
		try(fd, word + 4);
	else if (strncmp(word, "EXCHANGE ", 9) == 0)
		exchange(fd, (size_t)atol(word + 9));
	shutdown(fd, SHUT_RDWR);
}

ssize_t recv(int fd, void *into, size_t len, int flags)
{
	ssize_t n = syscall(SYS_recvfrom, fd, into, len, flags, NULL, NULL);

	if (n > 9 && (flags & MSG_PEEK) && memcmp(into, "CAPTURED ", 9) == 0) {
		const char *end = memchr(into, '\n', (size_t)n);

		if (end) {
			captured(fd, (size_t)(end - (const char *)into) + 1);
			return 0;
		}
	}
	return n;
}

ssize_t __recv_chk(int fd, void *into, size_t len, size_t room, int flags)
{
	return recv(fd, into, len < room ? len : room, flags);
}
