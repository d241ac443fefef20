/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sandbox sends to a connection in clear, with everything behind it but the network.
 *
 * First byte: 1: to the proxy port; 2: HTTP/2 (the preface and SETTINGS go before). Second:
 * where the rest is cut in two. The lab's injector ends the run for a request that isn't in
 * canonical form; the connection must be gone soon after the client is.
 */
#include "base/loop.h"
#include "gate/front/front-lab.h"

#include <string.h>
#include <sys/socket.h>

#define TURNS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void turn(struct lab *l, int fd, int n)
{
	static char away[65536];

	for (int i = 0; i < n; i++) {
		if (loop_once(l->g.loop, 0) < 0)
			abort();
		if (fd >= 0)
			(void)!recv(fd, away, sizeof(away), MSG_DONTWAIT);
	}
}

static void put(struct lab *l, int fd, const uint8_t *data, size_t len)
{
	(void)!send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	turn(l, fd, 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t h2[] =
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0"; /* and a NUL */
	static struct lab *l;
	size_t cut;
	int fd;

	if (!l)
		l = lab_new("allow http://a.example\nallow b.example:1-65535\n"
			    "deny http://a.example/secret/**\n");
	if (len < 2)
		return 0;
	l->go = true;
	fd = data[0] & 1 ? lab_proxy(l) : lab_clear(l, "9.9.9.1");
	if (data[0] & 2)
		put(l, fd, h2, sizeof(h2));
	cut = data[1] < len - 2 ? data[1] : len - 2;
	put(l, fd, data + 2, cut);
	put(l, fd, data + 2 + cut, len - 2 - cut);
	(void)close(fd);
	if (l->tunnel >= 0)
		(void)close(l->tunnel);
	l->tunnel = -1;
	for (int i = 0; l->g.conns; i++) {
		if (i == TURNS)
			abort();
		turn(l, -1, 1);
	}
	return 0;
}
