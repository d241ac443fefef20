/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helper of warder-forge.bash: takes the warder's stream to the keeper and writes MODE's
 * frames to it. Says nothing and ends with 77 if it can't take it.
 */
#include "hostile.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static int stream = -1;

static void frame(
	uint16_t channel, uint8_t type, uint8_t flags, const void *data, uint32_t len)
{
	unsigned char head[8] = { (unsigned char)len, (unsigned char)(len >> 8),
		(unsigned char)(len >> 16), (unsigned char)(len >> 24),
		(unsigned char)channel, (unsigned char)(channel >> 8), type, flags };

	(void)!send(stream, head, sizeof(head), MSG_NOSIGNAL);
	if (data && len)
		(void)!send(stream, data, len, MSG_NOSIGNAL);
}

/* The warder of the chroot wall is no process 1: any that is called so. */
static void find(const char *path)
{
	char name[32] = "";
	int comm = open(path, O_RDONLY | O_CLOEXEC), pidfd;

	if (stream >= 0 || comm < 0 || read(comm, name, sizeof(name) - 1) <= 0 ||
		strncmp(name, "brig-warder", 11) != 0)
		return;
	pidfd = (int)syscall(SYS_pidfd_open, atoi(path + 6), 0);
	for (int n = 3; n < 64 && stream < 0; n++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, n, 0), type = 0;
		socklen_t len = sizeof(type);

		if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
			stream = fd;
		else if (fd >= 0)
			(void)close(fd);
	}
}

int main(int argc, char **argv)
{
	static unsigned char big[65528];
	static const char words[] = "\3\0\0\0\1\0\0\0\033]0;owned\007\033[2J";
	int mode = argc > 1 ? atoi(argv[1]) : 0;

	each_process("/comm", find);
	if (stream < 0)
		return 77;
	(void)memset(big, 0x1b, sizeof(big));
	switch (mode) {
	case 0: /* every type on every small channel */
		for (int type = 0; type < 256; type++)
			for (uint16_t channel = 0; channel < 3; channel++)
				frame(channel, (uint8_t)type, (uint8_t)type, big, 24);
		break;
	case 1: /* lengths that are lies */ frame(1, 16, 1, NULL, 0xffffffff); break;
	case 2: /* what brig would print: an error, with escape sequences */
		frame(1, 34, 0, words, sizeof(words));
		break;
	case 3: /* more output than was granted */
		for (int i = 0; i < 4096; i++)
			frame(1, 16, 1, big, sizeof(big));
		break;
	case 4: /* ends of commands that never were, credit without end */
		for (uint32_t i = 0; i < 65536; i++) {
			frame((uint16_t)i, 35, 0, big, 28);
			frame((uint16_t)i, 18, 0, "\xff\xff\xff\xff", 4);
			frame((uint16_t)i, 17, (uint8_t)(i & 3), NULL, 0);
		}
		break;
	default: /* half a frame, and silence */
		(void)!send(stream, "\xff\0", 2, MSG_NOSIGNAL);
		break;
	}
	(void)usleep(300000);
	return 0;
}
