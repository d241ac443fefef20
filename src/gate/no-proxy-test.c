/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/no-proxy.h"

#include "base/str.h"
#include "base/test.h"

static bool covers(const char *text, const char *host)
{
	auto_strv struct strv list = { 0 };

	expect(strv_split(&list, text, ", ") == 0);
	return no_proxy_covers(&list, host);
}

TEST(a_name_covers_itself_and_what_is_beneath)
{
	static const char *const forms[] = { "example.com", ".example.com",
		"*.example.com", "a.test, EXAMPLE.com" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		expect(covers(forms[i], "example.com"));
		expect(covers(forms[i], "a.b.example.com"));
		expect(!covers(forms[i], "badexample.com"));
		expect(!covers(forms[i], "example.com.evil.test"));
		expect(!covers(forms[i], "com"));
	}
	expect(!covers("", "example.com") && !covers(".", "example.com"));
}

TEST(a_star_covers_everything)
{
	expect(covers("*", "example.com") && covers("*", "192.0.2.1") &&
		covers("*", "::1"));
}

TEST(addresses_and_networks_cover_addresses)
{
	expect(covers("192.0.2.0/24", "192.0.2.77") &&
		!covers("192.0.2.0/24", "192.0.3.1"));
	expect(covers("x,2001:db8::1", "2001:db8::1"));
	/* the end of an address is no domain */
	expect(!covers("2.1", "192.0.2.1"));
	expect(!covers("192.0.2.1", "name.192.0.2.1.test"));
}
