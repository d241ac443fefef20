/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/address.h"

#include "base/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

static enum address_kind kind(const char *text)
{
	struct address a;

	if (address_parse(text, &a) < 0) {
		fprintf(stderr, "%s is no address\n", text);
		exit(1);
	}
	return address_kind(&a);
}

static void expect_kind(enum address_kind want, const char *const *list)
{
	for (; *list; list++)
		if (kind(*list) != want) {
			fprintf(stderr, "%s is %s, want %s\n", *list,
				address_kind_name(kind(*list)), address_kind_name(want));
			exit(1);
		}
}

#define KIND(want, ...) expect_kind(want, (const char *const[]){ __VA_ARGS__, NULL })

TEST(addresses_are_of_the_kind_that_the_registries_say)
{
	KIND(ADDRESS_PUBLIC, "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
		"100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111",
		"2000::1", "2003::1", "2a00::1");
	KIND(ADDRESS_PRIVATE, "10.0.0.0", "10.255.255.255", "172.16.0.0",
		"172.31.255.255", "192.168.0.0", "192.168.255.255", "100.64.0.0",
		"100.127.255.251", "fc00::", "fdff:ffff::1", "fd62:7269:6700::3",
		"fec0::1", "64:ff9b:1::1");
	KIND(ADDRESS_LOOPBACK, "127.0.0.1", "127.255.255.255", "::1");
	KIND(ADDRESS_LINK_LOCAL, "169.254.169.254", "169.254.0.0", "fe80::1",
		"febf:ffff::1");
	KIND(ADDRESS_METADATA, "168.63.129.16", "100.100.100.200", "192.0.0.192",
		"fd00:ec2::254", "fd20:ce::254");
	KIND(ADDRESS_SPECIAL, "0.0.0.0", "0.1.2.3", "192.0.0.1", "192.0.2.1",
		"198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "ff02::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "4000::1",
		"2001:2::1", "1::1");
}

TEST(an_ipv4_address_stays_what_it_is_in_disguise)
{
	KIND(ADDRESS_PRIVATE, "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::1");
	KIND(ADDRESS_LOOPBACK, "::ffff:127.0.0.1", "64:ff9b::127.0.0.1",
		"2002:7f00:1::1");
	KIND(ADDRESS_LINK_LOCAL, "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
		"2002:a9fe:a9fe::1");
	KIND(ADDRESS_PUBLIC, "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1");
	/* Teredo and IPv4-compatible addresses are nobody's any more */
	KIND(ADDRESS_SPECIAL, "2001:0:808:808::f7f7:f7f7", "::8.8.8.8", "::127.0.0.1",
		"::ffff:0:8.8.8.8", "2001:0:7f00:1::1");
}

TEST(addresses_are_read_strictly)
{
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4",
		"0x7f.0.0.1", "127.1", "2130706433", "1.2.3.4 ", " 1.2.3.4", "256.1.1.1",
		"1.2.3.-4", "[1.2.3.4]", "[::1", "::1]", "[]", "[::1]x", ":::", "::1%lo",
		"1:2:3:4:5:6:7:8:9", "g::1", "\xd9\xa1.1.1.1" };
	struct address a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (address_parse(bad[i], &a) != -EINVAL) {
			fprintf(stderr, "'%s' was taken\n", bad[i]);
			exit(1);
		}
	expect(address_parse("[2001:db8::1]", &a) == 0 && !address_is_v4(&a));
	expect(address_parse("::ffff:1.2.3.4", &a) == 0 && address_is_v4(&a));
}

static const char *again(const char *text)
{
	static char out[ADDRESS_TEXT_MAX];
	struct address a;

	expect(address_parse(text, &a) == 0);
	return address_text(&a, out);
}

TEST(addresses_are_printed_in_one_form)
{
	expect_str(again("192.0.2.1"), "192.0.2.1");
	expect_str(again("::FFFF:192.0.2.1"), "192.0.2.1");
	expect_str(again("2001:0DB8:0:0::1"), "2001:db8::1");
}

static bool in(const char *address, const char *range)
{
	struct address_range r;
	struct address a;

	expect(address_parse(address, &a) == 0 && address_range_parse(range, &r) == 0);
	return address_in(&a, &r);
}

TEST(ranges_hold_what_begins_alike)
{
	expect(in("10.1.2.3", "10.0.0.0/8") && !in("11.0.0.0", "10.0.0.0/8"));
	expect(in("10.0.0.129", "10.0.0.128/25") && !in("10.0.0.127", "10.0.0.128/25"));
	expect(in("10.0.0.1", "10.0.0.1") && !in("10.0.0.2", "10.0.0.1"));
	expect(in("8.8.8.8", "0.0.0.0/0") && !in("::1", "0.0.0.0/0"));
	expect(in("2001:db8:8000::", "2001:db8:8000::/33"));
	expect(!in("2001:db8:7fff::", "2001:db8:8000::/33"));
	expect(in("::1", "::/0") && !in("8.8.8.8", "::/0"));
	expect(in("8.8.8.8", "::ffff:0:0/96"));
}

TEST(ranges_are_read_strictly)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8", "::/129",
		"2001:db8::1/64", "10.0.0.0/-1", "10.0.0.0/8 ", "10/8" };
	struct address_range r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (address_range_parse(bad[i], &r) != -EINVAL) {
			fprintf(stderr, "'%s' was taken\n", bad[i]);
			exit(1);
		}
	expect(address_range_parse("10.0.0.0/8", &r) == 0 && r.bits == 104);
	expect(address_range_parse("::", &r) == 0 && r.bits == 128);
}

TEST(socket_addresses_come_back_unchanged)
{
	static const char *const list[] = { "192.0.2.7", "2001:db8::7" };

	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage ss;
		struct address a, b;
		uint16_t port;

		expect(address_parse(list[i], &a) == 0);
		expect(address_to_sockaddr(&a, 8080, &ss) ==
			(i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
		expect(ss.ss_family == (i ? AF_INET6 : AF_INET));
		expect(address_from_sockaddr((struct sockaddr *)&ss, &b, &port) == 0);
		expect(address_equal(&a, &b) && port == 8080);
		expect(address_hash(&a) == address_hash(&b));
	}
	expect(address_from_sockaddr(&(struct sockaddr){ .sa_family = AF_UNIX },
		       &(struct address){ 0 }, &(uint16_t){ 0 }) < 0);
}
