/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outside.c - the host's side: listens where nothing of a sandbox's may arrive.
 *
 *	outside DIR	TCP, UDP, unix and abstract sockets; a line a visit in DIR/heard.
 *			Prints NAME=VALUE lines. Who connects by TCP is told DIR/secret.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int serve_at(int type, const void *address, socklen_t len)
{
	const struct sockaddr *a = address;
	int fd = socket(a->sa_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, a, len) < 0 ||
		(type == SOCK_STREAM && listen(fd, 8) < 0)) {
		perror("listen");
		_exit(125);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un un = { .sun_family = AF_UNIX }, abstract = un;
	socklen_t len = sizeof(in);
	char path[512], secret[128] = "";
	struct pollfd p[4];
	int heard, fd;

	if (argc != 2)
		return 2;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)snprintf(path, sizeof(path), "%s/secret", argv[1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)!read(fd, secret, sizeof(secret) - 1);
	(void)snprintf(path, sizeof(path), "%s/heard", argv[1]);
	heard = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/socket", argv[1]);
	(void)snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1,
		"brig-captured-%d", getpid());
	p[0].fd = serve_at(SOCK_STREAM, &in, sizeof(in));
	(void)getsockname(p[0].fd, (struct sockaddr *)&in, &len);
	p[1].fd = serve_at(SOCK_DGRAM, &in, sizeof(in));
	p[2].fd = serve_at(SOCK_DGRAM, &un, sizeof(un));
	p[3].fd = serve_at(SOCK_DGRAM, &abstract,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			strlen(abstract.sun_path + 1)));
	printf("CANARY=%d\nPORT=%d\nABSTRACT=%s\n", getpid(), ntohs(in.sin_port),
		abstract.sun_path + 1);
	(void)fflush(stdout);
	for (int i = 0; i < 4; i++)
		p[i].events = POLLIN;
	for (;;) {
		(void)poll(p, 4, -1);
		for (int i = 0; i < 4; i++) {
			char text[256];
			ssize_t n = 0;

			if (!p[i].revents)
				continue;
			if (i == 0) {
				fd = accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC);
				(void)!send(fd, secret, strlen(secret), MSG_NOSIGNAL);
				(void)close(fd);
			} else {
				n = recv(p[i].fd, text, sizeof(text), 0);
			}
			(void)dprintf(heard, "socket %d: %zd bytes\n", i, n);
		}
	}
}
