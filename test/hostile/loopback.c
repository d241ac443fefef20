/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: connect to a service that listens on the host's loopback address.
 * Gain: databases, development servers, the host's own agents: they ask for no password.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Layer: network namespace
 */
#include "hostile.h"

#include <arpa/inet.h>

int main(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(given("HOST_PORT"))),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64] = "";

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		failed("connect to 127.0.0.1");
	if (read(fd, text, sizeof(text) - 1) > 0)
		escaped("the host's service said '%.12s...'", text);
	stopped("connected, to nobody who knows");
}
