/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns-msg.h"

#include "base/test.h"

#include <errno.h>

/* A message in hexadecimal and text: "\1" escapes of C serve for lengths. */
#define MSG(text) text, sizeof(text) - 1

#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUERY(ar)                   HEAD("\1\0", "\1", "\0", "\0", ar)
#define QUESTION_A                  "\3wWw\7example\3COM\0\0\1\0\1"

static struct dns_query parsed(const char *msg, size_t len)
{
	struct dns_query q;

	expect(dns_query_parse(msg, len, &q) == 0);
	return q;
}

TEST(an_ordinary_query_is_read)
{
	struct dns_query q = parsed(MSG(QUERY("\0") QUESTION_A));

	expect(q.rcode == DNS_NOERROR && q.id == 0x1234 && q.recurse && !q.edns);
	expect(q.type == DNS_A && q.class == DNS_CLASS_IN && q.udp_size == DNS_UDP_MIN);
	expect_str(q.name, "www.example.com");
	expect(q.question_len == 21 && memcmp(q.question, "\3wWw", 4) == 0);
}

TEST(an_opt_record_gives_the_size)
{
	struct dns_query q =
		parsed(MSG(QUERY("\1") QUESTION_A "\0\0\x29\x10\0\0\0\0\0\0\4\0\xa\0\0"));

	expect(q.rcode == DNS_NOERROR && q.edns && q.udp_size == 4096);
	q = parsed(MSG(QUERY("\1") QUESTION_A "\0\0\x29\0\1\0\0\0\0\0\0"));
	expect(q.edns && q.udp_size == DNS_UDP_MIN);
}

TEST(another_version_of_edns_is_told_so)
{
	struct dns_query q =
		parsed(MSG(QUERY("\1") QUESTION_A "\0\0\x29\x10\0\0\1\0\0\0\0"));
	struct dns_answer a = { .rcode = DNS_BADVERS, .ede = DNS_EDE_NONE };
	uint8_t out[DNS_UDP_MIN];
	size_t n;

	expect(q.rcode == DNS_BADVERS);
	n = dns_answer_build(&q, &a, out, sizeof(out));
	expect(n == 12 + 21 + 11 && (out[3] & 15) == 0 && out[n - 6] == 1);
}

TEST(what_is_no_query_gets_no_answer)
{
	struct dns_query q;

	expect(dns_query_parse(MSG(""), &q) == -EBADMSG);
	expect(dns_query_parse(MSG("\x12\x34\1\0\0\1\0\0\0\0\0"), &q) == -EBADMSG);
	expect(dns_query_parse(MSG(HEAD("\x81\x80", "\1", "\0", "\0", "\0") QUESTION_A),
		       &q) == -EBADMSG);
}

TEST(a_malformed_query_is_told_so)
{
	static const struct {
		const char *msg;
		size_t len;
	} bad[] = {
		{ MSG(HEAD("\1\0", "\0", "\0", "\0", "\0")) },
		{ MSG(HEAD("\1\0", "\2", "\0", "\0", "\0") QUESTION_A QUESTION_A) },
		{ MSG(HEAD("\1\0", "\1", "\1", "\0", "\0") QUESTION_A) },
		{ MSG(HEAD("\3\0", "\1", "\0", "\0", "\0") QUESTION_A) },
		{ MSG(QUERY("\0") QUESTION_A "x") },
		{ MSG(QUERY("\0") "\3www") },
		{ MSG(QUERY("\0") "\3www\0\0\1\0") },
		{ MSG(QUERY("\0") "\3www\xc0\x0c\0\1\0\1") },
		{ MSG(QUERY("\0") "\x40www\0\0\1\0\1") },
		{ MSG(QUERY("\0") "\xc0\x0c\0\1\0\1") },
		{ MSG(QUERY("\1") QUESTION_A) },
		{ MSG(QUERY("\2") QUESTION_A "\0\0\x29\x10\0\0\0\0\0\0\0"
					     "\0\0\x29\x10\0\0\0\0\0\0\0") },
		{ MSG(QUERY("\1") QUESTION_A "\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4") },
		{ MSG(QUERY("\1") QUESTION_A "\1x\0\0\x29\x10\0\0\0\0\0\0\0") },
		{ MSG(QUERY("\1") QUESTION_A "\0\0\x29\x10\0\0\0\0\0\0\4\0\xa\0\1") },
		{ MSG(QUERY("\1") QUESTION_A "\0\0\x29\x10\0\0\0\0\0\0\3\0\xa\0") },
	};
	struct dns_query q;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		q = parsed(bad[i].msg, bad[i].len);
		if (q.rcode != DNS_FORMERR)
			fprintf(stderr, "message %zu\n", i);
		expect(q.rcode == DNS_FORMERR);
	}
	q = parsed(MSG(HEAD("\x29\0", "\1", "\0", "\0", "\0") QUESTION_A));
	expect(q.rcode == DNS_NOTIMP);
}

TEST(a_name_of_full_length_is_taken_and_one_byte_more_is_not)
{
	char msg[12 + 300] = QUERY("\0");
	size_t at = 12;
	struct dns_query q;

	for (int i = 0; i < 3; i++, at += 64) {
		msg[at] = 63;
		memset(msg + at + 1, 'a', 63);
	}
	msg[at] = 61;
	memset(msg + at + 1, 'b', 61);
	memcpy(msg + at + 62, "\0\0\1\0\1", 5);
	q = parsed(msg, at + 67);
	expect(q.rcode == 0 && q.question_len == DNS_QUESTION_MAX);
	expect(strlen(q.name) == NAME_MAX_LEN);
	msg[at] = 62;
	memcpy(msg + at + 62, "b\0\0\1\0\1", 6);
	expect(parsed(msg, at + 68).rcode == DNS_FORMERR);
}

TEST(a_name_that_is_no_hosts_has_no_text)
{
	expect_str(parsed(MSG(QUERY("\0") "\0\0\1\0\1")).name, "");
	expect_str(parsed(MSG(QUERY("\0") "\7a.b.com\0\0\1\0\1")).name, "");
	expect_str(parsed(MSG(QUERY("\0") "\3a\0b\3com\0\0\1\0\1")).name, "");
	expect_str(parsed(MSG(QUERY("\0") "\1"
					  "1\1"
					  "2\1"
					  "3\1"
					  "4\0\0\1\0\1"))
			   .name,
		"");
	expect_str(parsed(MSG(QUERY("\0") "\4_tcp\1x\0\0\1\0\1")).name, "_tcp.x");
}

TEST(an_answer_echoes_the_question_as_it_came)
{
	struct dns_query q = parsed(MSG(QUERY("\0") QUESTION_A));
	struct address addrs[2];
	struct dns_answer a = { .addrs = addrs, .n = 2, .ttl = 60, .ede = DNS_EDE_NONE };
	uint8_t out[DNS_UDP_MIN];

	expect(address_parse("192.0.2.1", &addrs[0]) == 0);
	expect(address_parse("192.0.2.2", &addrs[1]) == 0);
	expect(dns_answer_build(&q, &a, out, sizeof(out)) == 12 + 21 + 2 * 16);
	expect(memcmp(out,
		       HEAD("\x81\x80", "\1", "\2", "\0", "\0") QUESTION_A
		       "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
		       "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\2",
		       12 + 21 + 2 * 16) == 0);
}

#define LONG                       \
	"\x14"                     \
	"aaaaaaaaaaaaaaaaaaaa\x14" \
	"bbbbbbbbbbbbbbbbbbbb"

TEST(what_does_not_fit_is_truncated)
{
	struct dns_query q =
		parsed(MSG(QUERY("\1") LONG "\0\0\x1c\0\1\0\0\x29\2\0\0\0\0\0\0\0"));
	struct address addrs[DNS_ADDRESSES_MAX];
	struct dns_answer a = {
		.addrs = addrs, .n = DNS_ADDRESSES_MAX, .ttl = 60, .ede = DNS_EDE_NONE
	};
	uint8_t out[DNS_OWN_ANSWER_MAX];

	for (size_t i = 0; i < DNS_ADDRESSES_MAX; i++)
		expect(address_parse("2001:db8::1", &addrs[i]) == 0);
	expect(q.udp_size == 512);
	expect(dns_answer_build(&q, &a, out, q.udp_size) == 12 + 47 + 11);
	expect(out[2] == 0x83 && out[7] == 0 && out[11] == 1);
	expect(dns_answer_build(&q, &a, out, sizeof(out)) == 12 + 47 + 16 * 28 + 11);
	expect(out[2] == 0x81 && out[7] == 16);
}

TEST(who_speaks_edns_is_told_why)
{
	struct dns_query q =
		parsed(MSG(QUERY("\1") QUESTION_A "\0\0\x29\x10\0\0\0\0\0\0\0"));
	struct dns_answer a = {
		.rcode = DNS_NXDOMAIN, .ede = DNS_EDE_BLOCKED, .ede_text = "no"
	};
	uint8_t out[DNS_UDP_MIN];
	size_t n = dns_answer_build(&q, &a, out, sizeof(out));

	expect(n == 12 + 21 + 11 + 8 && (out[3] & 15) == DNS_NXDOMAIN);
	expect(memcmp(out + 33, "\0\0\x29\4\xd0\0\0\0\0\0\x8\0\xf\0\4\0\xfno", 19) == 0);
	q.edns = false;
	expect(dns_answer_build(&q, &a, out, sizeof(out)) == 12 + 21);
}

TEST(a_query_that_could_not_be_read_is_answered_with_a_header)
{
	struct dns_query q = parsed(MSG(QUERY("\0") "\3www"));
	struct dns_answer a = { .rcode = q.rcode, .ede = DNS_EDE_NONE };
	uint8_t out[DNS_UDP_MIN];

	expect(dns_answer_build(&q, &a, out, sizeof(out)) == 12);
	expect(memcmp(out, "\x12\x34\x81\x81\0\0\0\0\0\0\0\0", 12) == 0);
}

static struct dns_asked asked_for(const char *name, uint16_t type)
{
	uint8_t random[DNS_ASK_RANDOM];
	struct dns_asked a;

	memset(random, 0xff, sizeof(random));
	random[0] = 0x12;
	random[1] = 0x34;
	random[2] = 0x0f;
	expect(dns_asked_init(&a, name, type, random) == 0);
	return a;
}

TEST(a_question_mixes_the_case_of_its_letters)
{
	struct dns_asked a = asked_for("ab1.cd-ef.com", DNS_AAAA);
	uint8_t out[DNS_OWN_QUERY_MAX], none[DNS_ASK_RANDOM] = { 0 };
	size_t n = dns_asked_build(&a, out);

	expect(n == 12 + 15 + 4);
	expect(memcmp(out, QUERY("\0") "\3AB1\5Cd-ef\3COM\0\0\x1c\0\1", n) == 0);
	expect(dns_asked_init(&a, "", DNS_A, none) == -EINVAL);
	expect(dns_asked_init(&a, "a..b", DNS_A, none) == -EINVAL);
	expect(dns_asked_init(&a, "a.", DNS_A, none) == -EINVAL);
}

#define ASKED                        "\1A\1B\0\0\1\0\1"
#define ANSWER(an)                   HEAD("\x81\x80", "\1", an, "\0", "\0") ASKED
#define RR_A(owner, ttl, a, b, c, d) owner "\0\1\0\1\0\0\0" ttl "\0\4" a b c d
#define RR_CNAME(owner, len, to)     owner "\0\5\0\1\0\0\0\x50\0" len to

static int answered(const char *msg, size_t len, struct dns_response *r)
{
	struct dns_asked a = asked_for("a.b", DNS_A);

	return dns_response_parse(msg, len, &a, r);
}

static void expect_addr(const struct address *a, const char *want)
{
	char text[ADDRESS_TEXT_MAX];

	expect_str(address_text(a, text), want);
}

TEST(addresses_of_the_name_are_taken)
{
	struct dns_response r;

	expect(answered(MSG(ANSWER("\3") RR_A("\xc0\x0c", "\x3c", "\1", "\2", "\3", "\4")
					RR_A("\1a\1b\0", "\x14", "\1", "\2", "\3", "\5")
						RR_A("\1a\xc0\x0e", "\x3c", "\1", "\2",
							"\3", "\4")),
		       &r) == 0);
	expect(r.n == 2 && r.ttl == 20 && r.same_case && r.rcode == 0);
	expect_addr(&r.addrs[0], "1.2.3.4");
	expect_addr(&r.addrs[1], "1.2.3.5");
}

TEST(aliases_are_followed_in_any_order)
{
	struct dns_response r;

	expect(answered(MSG(ANSWER("\3") RR_A("\1d\0", "\x3c", "\1", "\2", "\3", "\4")
					RR_CNAME("\1c\0", "\3", "\1D\0")
						RR_CNAME("\xc0\x0c", "\3", "\1c\0")),
		       &r) == 0);
	expect(r.n == 1 && r.ttl == 60);
}

TEST(addresses_of_other_names_are_not_taken)
{
	struct dns_response r;

	expect(answered(MSG(ANSWER("\2") RR_A("\1x\0", "\x3c", "\1", "\2", "\3", "\4")
					RR_CNAME("\1x\0", "\3", "\1y\0")),
		       &r) == 0);
	expect(r.n == 0);
	/* one behind the alias' start, one with it, and one in the additional section */
	expect(answered(MSG(HEAD("\x81\x80", "\1", "\1", "\0", "\1")
					ASKED RR_CNAME("\xc0\x0c", "\3", "\1c\0") RR_A(
						"\1c\0", "\x3c", "\1", "\2", "\3", "\4")),
		       &r) == 0);
	expect(r.n == 0);
}

TEST(a_circle_of_aliases_ends)
{
	struct dns_response r;

	expect(answered(MSG(ANSWER("\2") RR_CNAME("\xc0\x0c", "\3", "\1c\0")
					RR_CNAME("\1c\0", "\5", "\1a\1b\0")),
		       &r) == -EPROTO);
	expect(r.n == 0);
}

TEST(an_alias_beside_addresses_or_another_alias_is_refused)
{
	struct dns_response r;

	expect(answered(MSG(ANSWER("\2") RR_CNAME("\xc0\x0c", "\3", "\1c\0")
					RR_A("\xc0\x0c", "\x3c", "\1", "\2", "\3", "\4")),
		       &r) == -EPROTO);
	expect(answered(MSG(ANSWER("\2") RR_CNAME("\xc0\x0c", "\3", "\1c\0")
					RR_CNAME("\xc0\x0c", "\3", "\1d\0")),
		       &r) == -EPROTO);
}

TEST(what_answers_something_else_is_no_answer)
{
	struct dns_response r;

	expect(answered(MSG("\x12\x35\x81\x80\0\1\0\0\0\0\0\0" ASKED), &r) == -EBADMSG);
	expect(answered(MSG(QUERY("\0") ASKED), &r) == -EBADMSG);
	expect(answered(MSG(HEAD("\x81\x80", "\0", "\0", "\0", "\0")), &r) == -EBADMSG);
	expect(answered(MSG(HEAD("\x81\x80", "\1", "\0", "\0", "\0") "\1A\1C\0\0\1\0\1"),
		       &r) == -EBADMSG);
	expect(answered(
		       MSG(HEAD("\x81\x80", "\1", "\0", "\0", "\0") "\1A\1B\0\0\x1c\0\1"),
		       &r) == -EBADMSG);
	expect(answered(MSG(HEAD("\x81\x80", "\1", "\0", "\0", "\0") "\1A\1B\0\0\1\0"),
		       &r) == -EBADMSG);
}

TEST(another_case_is_noticed)
{
	struct dns_response r;

	expect(answered(MSG(HEAD("\x81\x80", "\1", "\0", "\0", "\0") "\1a\1B\0\0\1\0\1"),
		       &r) == 0);
	expect(!r.same_case && r.n == 0);
}

TEST(pointers_forward_or_to_themselves_are_refused)
{
	struct dns_response r;

	expect(answered(
		       MSG(ANSWER("\1") RR_A("\xc0\x15", "\x3c", "\1", "\2", "\3", "\4")),
		       &r) == -EPROTO);
	expect(answered(
		       MSG(ANSWER("\1") RR_A("\xc0\x20", "\x3c", "\1", "\2", "\3", "\4")),
		       &r) == -EPROTO);
	expect(answered(MSG(ANSWER("\1") RR_A(
				"\1x\xc0\x15", "\x3c", "\1", "\2", "\3", "\4")),
		       &r) == -EPROTO);
	expect(answered(MSG(ANSWER("\1") "\xc0"), &r) == -EPROTO);
	expect(answered(MSG(ANSWER("\1") "\x80x"), &r) == -EPROTO);
}

TEST(records_that_are_cut_or_of_a_wrong_length_are_refused)
{
	struct dns_response r;

	expect(answered(
		       MSG(ANSWER("\2") RR_A("\xc0\x0c", "\x3c", "\1", "\2", "\3", "\4")),
		       &r) == -EPROTO);
	expect(answered(MSG(ANSWER("\1") "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3\1\2\3"), &r) ==
		-EPROTO);
	expect(answered(MSG(ANSWER("\1") "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5\1\2\3\4"), &r) ==
		-EPROTO);
	expect(answered(MSG(ANSWER("\1") RR_CNAME("\xc0\x0c", "\4", "\1c\0x")), &r) ==
		-EPROTO);
}

TEST(codes_and_truncation_are_told)
{
	struct dns_response r;

	expect(answered(MSG(HEAD("\x81\x83", "\1", "\0", "\1", "\0") ASKED "junk"), &r) ==
		0);
	expect(r.rcode == DNS_NXDOMAIN);
	expect(answered(MSG(HEAD("\x83\x80", "\1", "\7", "\0", "\0") ASKED), &r) == 0);
	expect(r.truncated);
}

TEST(times_to_live_are_bounded)
{
	struct dns_response r;

	expect(answered(MSG(ANSWER("\1") "\xc0\x0c\0\1\0\1\0\1\x51\x80\0\4\1\2\3\4"),
		       &r) == 0);
	expect(r.ttl == DNS_TTL_MAX);
	expect(answered(MSG(ANSWER("\1") "\xc0\x0c\0\1\0\1\x80\0\0\x0a\0\4\1\2\3\4"),
		       &r) == 0);
	expect(r.ttl == 0);
}

TEST(an_ipv4_address_in_an_ipv6_one_is_passed_over)
{
	struct dns_asked a = asked_for("a.b", DNS_AAAA);
	struct dns_response r;

	expect(dns_response_parse(MSG(HEAD("\x81\x80", "\1", "\2", "\0",
					  "\0") "\1A\1B\0\0\x1c\0\1"
						"\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
						"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1"
						"\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
						"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
		       &a, &r) == 0);
	expect(r.n == 1);
	expect_addr(&r.addrs[0], "2001:db8::1");
}
