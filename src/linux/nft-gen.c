/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft-gen.c - build time: the packet rules of a gate's network namespace, as the bytes that
 * nf_tables takes.
 *
 * The rules are the same for every sandbox, so they are compiled once, with libnftnl, and
 * nothing at run time links it. In the words of nft(8):
 *
 *	table inet brig {
 *		chain in {
 *			type filter hook prerouting priority mangle; policy drop;
 *			iifname "lo" accept
 *			meta l4proto tcp ip daddr GATE tcp dport PROXY accept     (and ip6)
 *			meta l4proto tcp tproxy to :TRANSPARENT accept
 *			udp dport 53 accept
 *			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
 *		}
 *		chain through { type filter hook forward priority filter; policy drop; }
 *	}
 */
#include "linux/gatens-const.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <netinet/icmp6.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "brig"

static char room[16384];
static struct mnl_nlmsg_batch *batch;
static uint32_t seq = 1;
static unsigned acks;

static struct nlmsghdr *begin(uint16_t type, uint16_t flags)
{
	acks++;
	return nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), type, NFPROTO_INET,
		(uint16_t)(NLM_F_CREATE | NLM_F_ACK | flags), seq++);
}

static void end(void)
{
	if (!mnl_nlmsg_batch_next(batch)) {
		fprintf(stderr, "nft-gen: too many rules\n");
		exit(1);
	}
}

static void add_table(void)
{
	struct nftnl_table *t = nftnl_table_alloc();

	nftnl_table_set_u32(t, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, TABLE);
	nftnl_table_nlmsg_build_payload(begin(NFT_MSG_NEWTABLE, 0), t);
	end();
	nftnl_table_free(t);
}

static void add_chain(const char *name, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *c = nftnl_chain_alloc();

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_DROP);
	nftnl_chain_nlmsg_build_payload(begin(NFT_MSG_NEWCHAIN, 0), c);
	end();
	nftnl_chain_free(c);
}

static void meta(struct nftnl_rule *r, uint32_t key)
{
	struct nftnl_expr *x = nftnl_expr_alloc("meta");

	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG_1);
	nftnl_rule_add_expr(r, x);
}

static void equals(struct nftnl_rule *r, const void *data, uint32_t len)
{
	struct nftnl_expr *x = nftnl_expr_alloc("cmp");

	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, data, len);
	nftnl_rule_add_expr(r, x);
}

static void payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *x = nftnl_expr_alloc("payload");

	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_rule_add_expr(r, x);
}

static void protocol(struct nftnl_rule *r, uint8_t number)
{
	meta(r, NFT_META_L4PROTO);
	equals(r, &number, sizeof(number));
}

static void to_port(struct nftnl_rule *r, uint16_t port)
{
	uint16_t wire = htons(port);

	payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(wire));
	equals(r, &wire, sizeof(wire));
}

static void to_gate(struct nftnl_rule *r, int family)
{
	uint8_t address[16], version = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint32_t len = family == AF_INET ? 4 : 16;

	if (inet_pton(family, family == AF_INET ? GATENS_GATE4 : GATENS_GATE6, address) !=
		1)
		exit(1);
	meta(r, NFT_META_NFPROTO);
	equals(r, &version, sizeof(version));
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, family == AF_INET ? 16 : 24, len);
	equals(r, address, len);
}

static void tproxy(struct nftnl_rule *r, uint16_t port)
{
	struct nftnl_expr *x = nftnl_expr_alloc("immediate");
	uint16_t wire = htons(port);

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, &wire, sizeof(wire));
	nftnl_rule_add_expr(r, x);
	x = nftnl_expr_alloc("tproxy");
	nftnl_expr_set_u32(x, NFTNL_EXPR_TPROXY_FAMILY, NFPROTO_UNSPEC);
	nftnl_expr_set_u32(x, NFTNL_EXPR_TPROXY_REG_PORT, NFT_REG_1);
	nftnl_rule_add_expr(r, x);
}

static void add_accept(struct nftnl_rule *r)
{
	struct nftnl_expr *x = nftnl_expr_alloc("immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
	nftnl_rule_add_expr(r, x);
	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, TABLE);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, "in");
	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_nlmsg_build_payload(begin(NFT_MSG_NEWRULE, NLM_F_APPEND), r);
	end();
	nftnl_rule_free(r);
}

static void add_rules(void)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	meta(r, NFT_META_IIFNAME);
	equals(r, "lo\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	add_accept(r);
	for (int i = 0; i < 2; i++) {
		r = nftnl_rule_alloc();
		protocol(r, IPPROTO_TCP);
		to_gate(r, i ? AF_INET6 : AF_INET);
		to_port(r, GATENS_PORT_PROXY);
		add_accept(r);
	}
	r = nftnl_rule_alloc();
	protocol(r, IPPROTO_TCP);
	tproxy(r, GATENS_PORT_TRANSPARENT);
	add_accept(r);
	r = nftnl_rule_alloc();
	protocol(r, IPPROTO_UDP);
	to_port(r, 53);
	add_accept(r);
	for (uint8_t type = ND_NEIGHBOR_SOLICIT; type <= ND_NEIGHBOR_ADVERT; type++) {
		r = nftnl_rule_alloc();
		protocol(r, IPPROTO_ICMPV6);
		payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
		equals(r, &type, 1);
		add_accept(r);
	}
}

int main(int argc, char **argv)
{
	FILE *out = argc == 2 ? fopen(argv[1], "w") : NULL;
	const unsigned char *bytes;
	size_t len;

	if (!out) {
		fprintf(stderr, "usage: nft-gen OUTPUT\n");
		return 1;
	}
	batch = mnl_nlmsg_batch_start(room, sizeof(room) / 2);
	nftnl_batch_begin(mnl_nlmsg_batch_current(batch), seq++);
	end();
	add_table();
	add_chain("in", NF_INET_PRE_ROUTING, -150); /* mangle, where tproxy works */
	add_chain("through", NF_INET_FORWARD, 0);
	add_rules();
	nftnl_batch_end(mnl_nlmsg_batch_current(batch), seq++);
	end();
	bytes = mnl_nlmsg_batch_head(batch);
	len = mnl_nlmsg_batch_size(batch);
	fprintf(out,
		"/* generated by nft-gen.c */\n#include \"linux/gatens.h\"\n\n"
		"const unsigned gatens_rules_acks = %u;\n"
		"const size_t gatens_rules_len = %zu;\n"
		"_Alignas(8) const unsigned char gatens_rules[] = {",
		acks, len);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%s%u,", i % 24 ? "" : "\n", bytes[i]);
	fprintf(out, "\n};\n");
	return fclose(out) == 0 ? 0 : 1;
}
