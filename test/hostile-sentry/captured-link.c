/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured-link.c - the packet socket that is the network: frames that no kernel would send,
 * with headers of virtio that lie. The other end is the gate's namespace, and nothing else
 * may be reached: run.sh listens on the host's addresses, and what it hears is an escape.
 */
#include "captured.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#define GUEST "100.127.255.250"
#define GATE  "100.127.255.249"

static const uint8_t gate_mac[6] = { 0x02, 'b', 'r', 'i', 'g', 1 };
static const uint8_t guest_mac[6] = { 0x02, 'b', 'r', 'i', 'g', 2 };

struct packet {
	struct virtio_net_hdr v;
	uint8_t mac[14];
	uint8_t bytes[65536];
} __attribute__((packed));

static struct packet p;

static int net(void)
{
	return word("transport=fd,fd=");
}

static void head(const uint8_t *to, const uint8_t *from, uint16_t type)
{
	(void)memset(&p.v, 0, sizeof(p.v));
	(void)memcpy(p.mac, to, 6);
	(void)memcpy(p.mac + 6, from, 6);
	p.mac[12] = (uint8_t)(type >> 8);
	p.mac[13] = (uint8_t)type;
}

static bool out(size_t len)
{
	for (int i = 0; i < 50; i++) {
		if (write(net(), &p, offsetof(struct packet, bytes) + len) >= 0)
			return true;
		if (errno != EAGAIN && errno != ENOBUFS)
			return false;
		nap(1);
	}
	return false;
}

static uint16_t sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		start += (uint32_t)(at[i] << 8 | at[i + 1]);
	if (len & 1)
		start += (uint32_t)at[len - 1] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return htons((uint16_t)~start);
}

static uint32_t pseudo(const struct iphdr *ip, size_t len)
{
	const uint8_t *at = (const uint8_t *)&ip->saddr;
	uint32_t s = ip->protocol + (uint32_t)len;

	for (size_t i = 0; i < 8; i += 2)
		s += (uint32_t)(at[i] << 8 | at[i + 1]);
	return s;
}

static void *ip4(const char *from, const char *to, uint8_t protocol, size_t len)
{
	struct iphdr *ip = (struct iphdr *)p.bytes;

	*ip = (struct iphdr){ .version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = protocol,
		.tot_len = htons((uint16_t)(sizeof(*ip) + len)) };
	(void)inet_pton(AF_INET, from, &ip->saddr);
	(void)inet_pton(AF_INET, to, &ip->daddr);
	ip->check = sum(ip, sizeof(*ip), 0);
	return ip + 1;
}

static size_t udp(const char *from, const char *to, uint16_t port)
{
	struct udphdr *u = ip4(from, to, IPPROTO_UDP, sizeof(*u) + 6);

	*u = (struct udphdr){
		.source = htons(port), .dest = htons(port), .len = htons(sizeof(*u) + 6)
	};
	(void)memcpy(u + 1, "frame\n", 6);
	return sizeof(struct iphdr) + sizeof(*u) + 6;
}

/* Call 'with' for every address of the host's, and the gate's names for it. */
static void each_address(void (*with)(const char *address))
{
	char text[512], *save = NULL;

	(void)snprintf(text, sizeof(text),
		"127.0.0.1 100.127.255.251 255.255.255.255 224.0.0.1 %s %s", GATE,
		given("addresses"));
	for (char *a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		with(a);
}

static void datagrams(const char *to)
{
	static const char *const from[] = { GUEST, GATE, "127.0.0.1", "0.0.0.0",
		"224.0.0.1", "255.255.255.255", "8.8.8.8" };
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 }, none[6] = { 0 };
	const uint8_t *const macs[] = { gate_mac, guest_mac, all, none };
	const uint16_t port = (uint16_t)atoi(given("port"));

	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++)
		for (size_t k = 0; k < sizeof(macs) / sizeof(*macs); k++) {
			size_t n = udp(from[i], to, port);

			head(gate_mac, macs[k], ETH_P_IP);
			(void)out(n);
			head(macs[k], guest_mac, ETH_P_IP);
			(void)out(n);
			/* a VLAN's tag, and two */
			(void)memmove(p.bytes + 8, p.bytes, n);
			(void)memcpy(p.bytes, "\0\1\x81\0\0\2\x08\0", 8);
			head(gate_mac, macs[k], 0x88a8);
			(void)out(n + 8);
		}
}

static const char *forged(void)
{
	each_address(datagrams);
	return NULL; /* what was heard is seen outside */
}

/* Does the gate's side answer ARP? */
static bool answers(void)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	static struct packet in;

	for (int turn = 0; turn < 20; turn++) {
		uint8_t *b = p.bytes;

		head(all, guest_mac, ETH_P_ARP);
		(void)memcpy(b, "\0\1\x08\0\6\4\0\1", 8);
		(void)memcpy(b + 8, guest_mac, 6);
		(void)inet_pton(AF_INET, GUEST, b + 14);
		(void)memset(b + 18, 0, 6);
		(void)inet_pton(AF_INET, GATE, b + 24);
		(void)out(28);
		for (int i = 0; i < 100; i++) {
			ssize_t n = recv(net(), &in, sizeof(in), MSG_DONTWAIT);

			if (n >= (ssize_t)offsetof(struct packet, bytes) + 28 &&
				in.mac[12] == 8 && in.mac[13] == 6 && in.bytes[7] == 2)
				return true;
			if (n < 0)
				nap(2);
		}
	}
	return false;
}

/* Every field of the header that says how the host's kernel is to cut and to sum. */
static const char *segments(void)
{
	static const uint8_t types[] = { 0, 1, 3, 4, 5, 0x80, 0x81, 0x83, 0x84, 0x85,
		0xff };
	static const uint16_t words[] = { 0, 1, 2, 7, 20, 34, 64, 255, 1448, 0x7fff,
		0x8000, 0xfffe, 0xffff };
	static const size_t lengths[] = { 0, 1, 19, 28, 60, 1500, 9000, 65000, 65520 };
	uint32_t n = 12345;

	if (!answers())
		return "the gate's side did not answer before";
	for (int i = 0; i < 20000; i++) {
		size_t len = lengths[(n >> 3) % 9];

		(void)udp(GUEST, GATE, 53);
		head(gate_mac, guest_mac,
			n & 1024           ? ETH_P_IP
				: n & 2048 ? ETH_P_IPV6
					   : (uint16_t)n);
		if (n & 4096) {
			struct tcphdr *t = ip4(
				GUEST, "8.8.8.8", IPPROTO_TCP, len > 40 ? len - 20 : 20);

			*t = (struct tcphdr){
				.source = htons(99), .dest = htons(80), .doff = 5
			};
		}
		p.v.flags = (uint8_t)(n >> 16);
		p.v.gso_type = types[(n >> 4) % sizeof(types)];
		p.v.hdr_len = words[(n >> 8) % 13];
		p.v.gso_size = words[(n >> 12) % 13];
		p.v.csum_start = words[(n >> 17) % 13];
		p.v.csum_offset = words[(n >> 20) % 13];
		/* most are refused, and that is an answer */
		(void)!write(net(), &p, offsetof(struct packet, bytes) + len);
		n = n * 1664525 + 1013904223;
	}
	(void)!write(net(), &p, 3);
	return answers() ? NULL : "the gate's side answers no more";
}

/* Another link than its own, named in the address of a message. */
static const char *other_links(void)
{
	size_t n = udp(GUEST, "127.0.0.1", (uint16_t)atoi(given("port")));

	head(gate_mac, guest_mac, ETH_P_IP);
	for (int i = 0; i < 64; i++) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET,
			.sll_ifindex = i,
			.sll_halen = 6,
			.sll_protocol = htons(ETH_P_IP) };

		(void)sendto(net(), &p, offsetof(struct packet, bytes) + n, 0,
			(struct sockaddr *)&to, sizeof(to));
	}
	return NULL;
}

static uint32_t ack_of;

static size_t tcp(const char *to, uint16_t port, uint32_t seq, int flags)
{
	struct tcphdr *t = ip4(GUEST, to, IPPROTO_TCP, sizeof(*t));

	*t = (struct tcphdr){ .source = htons(40000),
		.dest = htons(port),
		.seq = htonl(seq),
		.doff = 5,
		.window = htons(65535),
		.syn = flags & 1,
		.ack = !!(flags & 2),
		.ack_seq = htonl(ack_of),
		.rst = !!(flags & 4) };
	t->check = sum(t, sizeof(*t), pseudo((struct iphdr *)p.bytes, sizeof(*t)));
	return sizeof(struct iphdr) + sizeof(*t);
}

static const char *told;

/* A connection by hand: the host's listener says the secret to whoever connects. */
static void connection(const char *to)
{
	static struct packet in;
	const uint16_t port = (uint16_t)atoi(given("port"));
	struct tcphdr *t = (struct tcphdr *)(in.bytes + sizeof(struct iphdr));

	ack_of = 0;
	head(gate_mac, guest_mac, ETH_P_IP);
	(void)out(tcp(to, port, 1000, 1));
	for (int i = 0; i < 100; i++) {
		ssize_t n = recv(net(), &in, sizeof(in), MSG_DONTWAIT);

		if (n < 0) {
			nap(2);
			continue;
		}
		if (memmem(&in, (size_t)n, "brig-secret-", 12))
			told = got("the host's listener at %s", to);
		if (in.mac[12] != 8 || in.mac[13] != 0 || in.bytes[9] != IPPROTO_TCP)
			continue;
		if (t->syn && t->ack) {
			ack_of = ntohl(t->seq) + 1;
			head(gate_mac, guest_mac, ETH_P_IP);
			(void)out(tcp(to, port, 1001, 2));
		}
	}
	head(gate_mac, guest_mac, ETH_P_IP);
	(void)out(tcp(to, port, 1001, 4));
}

static const char *connections(void)
{
	if (!answers())
		return "the gate's side does not answer";
	each_address(connection);
	return told;
}

const struct attempt links[] = {
	{ "frames from any address to the host's go nowhere", forged },
	{ "a frame goes to no other link", other_links },
	{ "a connection made by hand reaches no listener of the host's", connections },
	{ "lying headers of virtio do the gate's link no harm", segments },
	{ 0 },
};
