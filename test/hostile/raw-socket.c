/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: a packet socket: read and write whole frames, on the host's interfaces.
 * Gain: everybody's traffic; packets with forged senders.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: network namespace
 */
#include "link.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

int main(void)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	char name[IF_NAMESIZE];

	if (fd < 0)
		failed("packet socket");
	for (int i = 2; i < 64; i++) {
		a.sll_ifindex = i;
		if (!if_indextoname((unsigned)i, name) || strncmp(name, "tunl", 4) == 0 ||
			strstr(name, "gre") || strstr(name, "sit") ||
			strstr(name, "vti") || strstr(name, "erspan") ||
			strstr(name, "tnl") || is_own_link(name))
			continue;
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			escaped("reads and writes frames on %s", name);
	}
	stopped("a packet socket, with no interface but its own");
}
