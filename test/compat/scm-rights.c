/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: Unix sockets hand over descriptors and tell who sent them
 * Expect: container=yes sentry=yes
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "probe.h"

union room {
	char bytes[CMSG_SPACE(2 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr align;
};

static void give(const char *path, int type)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct iovec text = { "x", 1 };
	union room room = { 0 };
	struct msghdr msg = { .msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = CMSG_SPACE(2 * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int s = socket(AF_UNIX, type, 0), p[2];

	need(s >= 0 && pipe(p) == 0);
	(void)strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	need(connect(s, (void *)&to, sizeof(to)) == 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(c), p, sizeof(p));
	need(write(p[1], "deep", 4) == 4);
	need(sendmsg(s, &msg, 0) == 1);
	_exit(0);
}

static void take(int s, pid_t from)
{
	char byte, word[5] = "";
	struct iovec text = { &byte, 1 };
	union room room = { 0 };
	struct msghdr msg = { .msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room) };
	int p[2] = { -1, -1 };
	struct ucred cred = { 0 };

	need(recvmsg(s, &msg, MSG_CMSG_CLOEXEC) == 1 && byte == 'x');
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(p, CMSG_DATA(c), sizeof(p));
		if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	}
	need(cred.pid == from && cred.uid == getuid());
	need(read(p[0], word, 4) == 4 && strcmp(word, "deep") == 0);
	need(close(p[0]) == 0 && close(p[1]) == 0);
}

static void with(int type, const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, type, 0), on = 1, got, status;
	struct stat st;
	pid_t pid;

	(void)strncpy(name.sun_path, path, sizeof(name.sun_path) - 1);
	need(s >= 0 && bind(s, (void *)&name, sizeof(name)) == 0);
	need(stat(path, &st) == 0 && S_ISSOCK(st.st_mode));
	need(setsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	need(type == SOCK_DGRAM || listen(s, 4) == 0);
	need((pid = fork()) >= 0);
	if (pid == 0)
		give(path, type);
	got = type == SOCK_DGRAM ? s : accept(s, NULL, NULL);
	need(got >= 0);
	take(got, pid);
	need(waitpid(pid, &status, 0) == pid && status == 0);
	need(unlink(path) == 0);
}

int main(void)
{
	with(SOCK_STREAM, "stream");
	with(SOCK_SEQPACKET, "packets");
	with(SOCK_DGRAM, "datagrams");
	return 0;
}
