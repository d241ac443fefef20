/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - the host's side of the escape attempts; run by run.sh, outside.
 *
 *	host serve DIR	what a host offers: sockets that tell the secret in DIR/secret to
 *			whoever connects, shared memory, a process; prints NAME=VALUE lines
 *	host keyring DIR CMD...	CMD with the secret in its session keyring
 *	host terminal FILE CMD...	CMD on a terminal of its own; what somebody typed into
 *			it meanwhile goes to FILE
 */
#include "hostile.h"

#include <linux/keyctl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/un.h>
#include <termios.h>
#include <utmp.h>

static char secret[128];
static int shm = -1;

static void read_secret(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/secret", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, secret, sizeof(secret) - 1) <= 0) {
		perror(path);
		exit(125);
	}
	(void)close(fd);
}

static int listen_at(const struct sockaddr *a, socklen_t len)
{
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, a, len) < 0 || listen(fd, 8) < 0) {
		perror("listen");
		exit(125);
	}
	return fd;
}

static void end(int sig)
{
	(void)sig;
	(void)shmctl(shm, IPC_RMID, NULL);
	_exit(0);
}

static _Noreturn void serve(const char *dir)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX }, abstract = un;
	struct pollfd p[3];
	socklen_t len = sizeof(in);
	char *memory;

	read_secret(dir);
	(void)signal(SIGTERM, end);
	(void)signal(SIGPIPE, SIG_IGN);
	/* a caller that is killed must not leave this behind */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/socket", dir);
	(void)snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1,
		"brig-hostile-%d", getpid());
	p[0].fd = listen_at((struct sockaddr *)&in, sizeof(in));
	p[1].fd = listen_at((struct sockaddr *)&un, sizeof(un));
	p[2].fd = listen_at((struct sockaddr *)&abstract,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			strlen(abstract.sun_path + 1)));
	(void)getsockname(p[0].fd, (struct sockaddr *)&in, &len);
	shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	memory = shm < 0 ? (char *)-1 : shmat(shm, NULL, 0);
	if (memory != (char *)-1)
		(void)snprintf(memory, 4096, "%s", secret);
	printf("CANARY_PID=%d\nHOST_PORT=%d\nHOST_ABSTRACT=%s\nHOST_SHM=%d\n", getpid(),
		ntohs(in.sin_port), abstract.sun_path + 1, shm);
	(void)fflush(stdout);
	for (int i = 0; i < 3; i++)
		p[i].events = POLLIN;
	for (;;) {
		(void)poll(p, 3, -1);
		for (int i = 0; i < 3; i++) {
			int fd = p[i].revents ? accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC)
					      : -1;

			if (fd < 0)
				continue;
			(void)!write(fd, secret, strlen(secret));
			(void)close(fd);
		}
	}
}

static int keyring(const char *dir, char **cmd)
{
	read_secret(dir);
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
		syscall(SYS_add_key, "user", "brig-canary", secret, strlen(secret),
			KEY_SPEC_SESSION_KEYRING) < 0) {
		perror("keyring");
		return 125;
	}
	(void)execvp(cmd[0], cmd);
	perror(cmd[0]);
	return 125;
}

static void relay(int master, pid_t pid, int *status)
{
	char text[4096];

	for (;;) {
		struct pollfd p = { .fd = master, .events = POLLIN };
		ssize_t n = poll(&p, 1, 100) > 0 ? read(master, text, sizeof(text)) : 0;

		if (n > 0)
			(void)!write(STDOUT_FILENO, text, (size_t)n);
		else if (waitpid(pid, status, WNOHANG) == pid)
			return;
	}
}

static int terminal(const char *file, char **cmd)
{
	int master, slave, status = 0;
	struct termios t;
	char name[64], text[256];
	ssize_t n;
	pid_t pid;
	int out;

	if (openpty(&master, &slave, name, NULL, NULL) < 0) {
		perror("openpty");
		return 125;
	}
	pid = fork();
	if (pid == 0) {
		(void)setenv("CALLER_TTY", name, 1);
		(void)close(master);
		(void)login_tty(slave);
		(void)execvp(cmd[0], cmd);
		_exit(125);
	}
	relay(master, pid, &status);
	/* what lies in the queue now is what the person's shell would read next */
	(void)tcgetattr(slave, &t);
	cfmakeraw(&t);
	(void)tcsetattr(slave, TCSANOW, &t);
	(void)fcntl(slave, F_SETFL, O_NONBLOCK);
	n = read(slave, text, sizeof(text));
	out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out >= 0 && n > 0)
		(void)!write(out, text, (size_t)n);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	if (argc > 3 && strcmp(argv[1], "keyring") == 0)
		return keyring(argv[2], argv + 3);
	if (argc > 3 && strcmp(argv[1], "terminal") == 0)
		return terminal(argv[2], argv + 3);
	fprintf(stderr,
		"usage: host serve DIR | keyring DIR CMD... | terminal FILE CMD...\n");
	return 2;
}
