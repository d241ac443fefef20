/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/rule.h"

#include "base/err.h"
#include "base/test.h"

static struct rule parse(const char *line)
{
	struct rule r;
	struct err e = { 0 };

	if (rule_parse(line, "test", &r, &e) < 0) {
		fprintf(stderr, "'%s': %s\n", line, e.msg);
		exit(1);
	}
	return r;
}

static void canonical(const char *line, const char *want)
{
	struct rule r = parse(line), again = parse(want);

	expect_str(r.text, want);
	expect_str(again.text, want);
	rule_clear(&r);
	rule_clear(&again);
}

TEST(a_rule_is_printed_in_one_form)
{
	canonical("allow  API.Example.com.", "allow api.example.com");
	canonical("\tdeny *.Example.com ", "deny *.example.com");
	canonical("allow github.com:22", "allow github.com:22");
	canonical("allow tcp://github.com:22", "allow github.com:22");
	canonical("allow github.com:1000-2000", "allow github.com:1000-2000");
	canonical("allow github.com:22-22", "allow github.com:22");
	canonical("allow 10.1.0.0/16:5432", "allow 10.1.0.0/16:5432");
	canonical("allow 10.1.0.1/32", "allow 10.1.0.1");
	canonical("allow ::ffff:10.1.0.1", "allow 10.1.0.1");
	canonical("allow 2001:DB8::1", "allow 2001:db8::1");
	canonical("allow [2001:db8::1]:443", "allow [2001:db8::1]:443");
	canonical("allow [2001:db8::]/32:443", "allow [2001:db8::/32]:443");
	canonical("allow [2001:db8::/32]", "allow 2001:db8::/32");
	canonical("allow public", "allow public");
	canonical("deny Public:25", "deny public:25");
	canonical("deny public.", "deny public");
	canonical("deny public post,GET", "deny public GET,POST");
	canonical("allow TLS://example.com:443", "allow tls://example.com");
	canonical("allow tls://example.com:8443", "allow tls://example.com:8443");
	canonical("allow https://example.com", "allow https://example.com");
	canonical("allow https://example.com:443/v1/** GET",
		"allow https://example.com/v1/** GET");
	canonical("allow http://example.com/a/../b//c/%7euser",
		"allow http://example.com/b/c/~user");
	canonical("allow https://[2001:db8::1]:8443/x",
		"allow https://[2001:db8::1]:8443/x");
	canonical("allow https://[2001:db8::1]/x", "allow https://[2001:db8::1]/x");
	canonical("allow https://192.0.2.1/x", "allow https://192.0.2.1/x");
	canonical("allow tls://10.0.0.0/8", "allow tls://10.0.0.0/8");
	canonical(
		"allow https://example.com/a/***/b", "allow https://example.com/a/**/b");
	canonical("allow https://example.com/caf\xc3\xa9",
		"allow https://example.com/caf%C3%A9");
	canonical("allow host.brig.internal:8080", "allow host.brig.internal:8080");
}

TEST(a_name_alone_is_the_web_to_allow_and_everything_to_deny)
{
	struct rule a = parse("allow example.com"), d = parse("deny example.com");

	expect(a.proto == RULE_WEB && a.port_from == 80 && a.port_to == 443);
	expect(d.proto == RULE_ANY && d.port_from == 0 && d.port_to == 65535);
	expect(a.methods == METHOD_ANY && !a.path && a.target == RULE_NAME);
	rule_clear(&a);
	rule_clear(&d);
}

TEST(protocols_bring_their_ports)
{
	struct rule tls = parse("allow tls://a.b"), https = parse("allow https://a.b/x");
	struct rule http = parse("allow http://a.b"), range = parse("allow 10.0.0.0/8");

	expect(tls.proto == RULE_TLS && tls.port_from == 443 && tls.port_to == 443);
	expect(https.proto == RULE_HTTPS && https.port_from == 443);
	expect_str(https.path, "/x");
	expect(http.proto == RULE_HTTP && http.port_from == 80 && !http.path);
	expect(range.proto == RULE_ANY && range.port_from == 0 && range.port_to == 65535);
	rule_clear(&tls);
	rule_clear(&https);
	rule_clear(&http);
	rule_clear(&range);
}

TEST(comments_are_kept_apart)
{
	struct rule r = parse("allow a.example   # for the tests  ");
	struct rule none = parse("allow a.example #");

	expect_str(r.comment, "for the tests");
	expect_str(r.text, "allow a.example");
	expect_str(r.origin, "test");
	expect(!none.comment);
	rule_clear(&r);
	rule_clear(&none);
}

static bool is_request(const char *line)
{
	struct rule r = parse(line);
	bool is = rule_is_request(&r);

	rule_clear(&r);
	return is;
}

TEST(methods_paths_and_allowed_https_are_about_requests)
{
	expect(is_request("allow a.example GET") && is_request("deny a.example POST"));
	expect(is_request("deny https://a.example/x") &&
		is_request("allow http://a.example/x"));
	expect(is_request("allow https://a.example"));
	expect(!is_request("deny https://a.example") &&
		!is_request("allow http://a.example"));
	expect(!is_request("allow a.example") && !is_request("allow tls://a.example"));
}

TEST(methods_are_case_sensitive_but_for_careless_servers)
{
	expect(rule_method("GET") == METHOD_GET && rule_method("get") == METHOD_OTHER);
	expect(rule_method("TRACE") == METHOD_TRACE && rule_method("") == METHOD_OTHER);
	expect(rule_method_loose("post") == METHOD_POST);
	expect(rule_method_loose("PROPFIND") == METHOD_OTHER);
}

TEST(a_bad_rule_says_what_is_wrong_and_what_is_right)
{
	static const struct {
		const char *line, *msg, *hint;
	} bad[] = {
		{ "", "without a target", "allow|deny TARGET" },
		{ "allow", "without a target", "" },
		{ "alow example.com", "'alow' is neither", "allow" },
		{ "allow a.example GET POST", "too many words", "" },
		{ "allow a.example GTE", "'GTE' is no method", "GET" },
		{ "allow a.example ,", "no method", "" },
		{ "allow *", "'*' is no host name", "public" },
		{ "allow a.*.example", "no host name", "a star" },
		{ "allow example.com/v1", "no host name", "https://" },
		{ "allow b\xc3\xbc.de", "no host name", "xn--" },
		{ "allow ex ample.com", "'ample.com' is no method", "one target" },
		{ "garbage here", "'garbage' is neither", "allow|deny TARGET" },
		{ "allow 10.0.0.1/8", "bits beyond", "10.0.0.1" },
		{ "allow 10.0.0.256", "no IP address", "" },
		{ "allow 127.1", "no IP address", "" },
		{ "allow 0x7f.1", "no host name", "" },
		{ "allow 10.0.0.0/33", "no length", "0 to 32" },
		{ "allow ::1/129", "no length", "0 to 128" },
		{ "allow 10.0.0.0/", "no length", "0 to 32" },
		{ "allow 2001:db8::/32:443", "no length", "[2001:db8::]/32:443" },
		{ "allow [10.0.0.1]:80", "no IPv6", "" },
		{ "allow a.example:0", "neither a port", "from 1 to" },
		{ "allow a.example:99999", "over 65535", "from 1 to" },
		{ "allow a.example:20-10", "neither a port", "1000-2000" },
		{ "allow a.example:", "empty", "from 1 to" },
		{ "allow a.example:ssh", "no number", "from 1 to" },
		{ "allow tcp://a.example", "without a port", "tcp://NAME:PORT" },
		{ "allow tcp://a.example:22 GET", "passed through", "https://" },
		{ "allow tls://a.example GET", "passed through", "" },
		{ "allow tls://a.example/x", "no host name", "" },
		{ "allow ftp://a.example", "'ftp' is no protocol", "http" },
		{ "allow htps://a.example", "'htps' is no protocol", "https" },
		{ "allow https://", "no host name", "" },
		{ "allow https://a.example/x?y=1", "queries", "" },
		{ "allow https://a.example/../x", "every server", "without .." },
		{ "allow https://a.example/a%2fb", "every server", "" },
		{ "allow https://a.example/a%2Ab", "every server", "" },
		{ "allow https://10.0.0.0/8", "a network or a path", "" },
		{ "allow https://user@a.example/", "no host name", "" },
		{ "allow a.example\n", "control character", "one line" },
		{ "allow a.example\x1b[2J", "control character", "" },
		{ "allow a.example#b", "no host name", "" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct rule r = { .text = NULL };
		struct err e = { 0 };

		if (rule_parse(bad[i].line, "test", &r, &e) == 0 || r.text ||
			!strstr(e.msg, bad[i].msg) || !strstr(e.hint, bad[i].hint)) {
			fprintf(stderr, "'%s': %s (%s)\n", bad[i].line, e.msg, e.hint);
			exit(1);
		}
	}
}

TEST(rules_are_bounded)
{
	char line[RULE_TEXT_MAX + 100];
	struct rule r;
	struct err e = { 0 };
	int n = snprintf(line, sizeof(line), "allow https://a.example/");

	memset(line + n, 'x', RULE_PATH_MAX);
	line[n + RULE_PATH_MAX] = '\0';
	expect(rule_parse(line, "test", &r, &e) < 0 && strstr(e.msg, "longer than"));
	line[n + RULE_PATH_MAX - 1] = '\0';
	expect(rule_parse(line, "test", &r, &e) == 0);
	rule_clear(&r);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	expect(rule_parse(line, "test", &r, &e) < 0 && strstr(e.msg, "more than"));
}
