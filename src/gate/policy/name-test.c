/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/name.h"

#include "base/test.h"

static const char *norm(const char *text)
{
	static char out[NAME_MAX_LEN + 1];

	return name_normalise(text, strlen(text), out) == 0 ? out : "refused";
}

static const char *pattern(const char *text)
{
	static char out[NAME_MAX_LEN + 4];

	return name_pattern_normalise(text, strlen(text), out) == 0 ? out : "refused";
}

TEST(names_are_compared_in_one_form)
{
	expect_str(norm("API.Example.COM."), "api.example.com");
	expect_str(norm("_dmarc.example.com"), "_dmarc.example.com");
	expect_str(norm("xn--bcher-kva.example"), "xn--bcher-kva.example");
	expect_str(norm("localhost"), "localhost");
	expect_str(norm("1password.com"), "1password.com");
	expect_str(norm("4.3.2.1.in-addr.arpa"), "4.3.2.1.in-addr.arpa");
}

TEST(what_is_no_host_name_is_refused)
{
	static const char *const bad[] = { "", ".", "..", ".example.com", "a..b",
		"example.com..", "-a.com", "a-.com", "a b.com", "a\tb", "a/b", "a@b",
		"a:80", "[::1]", "b\xc3\xbc.de", "a*.com", "*.com", "a%2ecom", "a\\b",
		/* addresses, and what parsers take for such */
		"127.0.0.1", "127.1", "1", "0x7f000001", "0X7F.1", "a.0x", "example.1",
		"1.2.3.4.", "a.b.007",
		"a234567890123456789012345678901234567890123456789012345678901234.com" };
	char out[NAME_MAX_LEN + 1], name[260];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (strcmp(norm(bad[i]), "refused") != 0) {
			fprintf(stderr, "'%s' was taken\n", bad[i]);
			exit(1);
		}
	expect(name_normalise("a.com\0.evil.com", 15, out) < 0);
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	expect(name_normalise(name, 253, out) == 0 && name_normalise(name, 255, out) < 0);
	expect(name_normalise(name, 254, out) == 0); /* the last byte is a final dot */
}

TEST(a_refused_name_leaves_the_result_alone)
{
	char out[NAME_MAX_LEN + 1] = "before";

	expect(name_normalise("bad name", 8, out) < 0);
	expect_str(out, "before");
}

TEST(patterns_have_stars_in_front_alone)
{
	expect_str(pattern("*.Example.com."), "*.example.com");
	expect_str(pattern("**.Example.com"), "**.example.com");
	expect_str(pattern("a.example.com"), "a.example.com");
	expect_str(pattern("*"), "refused");
	expect_str(pattern("**"), "refused");
	expect_str(pattern("*."), "refused");
	expect_str(pattern("***.a"), "refused");
	expect_str(pattern("*a.com"), "refused");
	expect_str(pattern("a.*.com"), "refused");
	expect_str(pattern("*.*.com"), "refused");
	expect_str(pattern("*.1.2.3.4"), "refused");
	expect_str(pattern(""), "refused");
}

TEST(one_star_is_one_label_and_two_are_any_number)
{
	expect(name_matches("a.com", "a.com") && !name_matches("a.com", "b.a.com"));
	expect(name_matches("*.a.com", "b.a.com") && !name_matches("*.a.com", "a.com"));
	expect(!name_matches("*.a.com", "c.b.a.com"));
	expect(name_matches("**.a.com", "b.a.com") &&
		name_matches("**.a.com", "c.b.a.com"));
	expect(!name_matches("**.a.com", "a.com"));
	expect(!name_matches("*.a.com", "xa.com") && !name_matches("**.a.com", "xa.com"));
	expect(!name_matches("a.com", "a.com.evil.org"));
	expect(!name_matches("**.a.com", "a.com.evil.org"));
}

TEST(names_of_a_local_network_are_known)
{
	expect(name_is_local("localhost") && name_is_local("db"));
	expect(name_is_local("a.local") && name_is_local("x.home.arpa"));
	expect(name_is_local("metadata.google.internal") && name_is_local("a.localhost"));
	expect(!name_is_local("example.com") && !name_is_local("local.example.com"));
	expect(!name_is_local("notlocal.com") && !name_is_local("a.nolocal"));
}
