/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-proxy.h"

#include "base/err.h"
#include "base/json.h"
#include "base/test.h"

static struct inject_proxy *make(const char *text)
{
	auto_json struct json *j = NULL;
	struct inject_proxy *p = NULL;
	struct err e = { 0 };

	expect(json_parse(text, strlen(text), "test", &j, &e) == 0);
	return inject_proxy_new(j, NULL, &p, &e) == 0 ? p : NULL;
}

static const char *to(const struct inject_proxy *p, bool tls, const char *host)
{
	const char *url = inject_proxy_for(p, tls, host, NULL, 0);

	return url ? url : "direct";
}

TEST(each_scheme_has_its_proxy)
{
	struct inject_proxy *p = make("{\"https\":\"http://10.0.0.1:3128\","
				      "\"all\":\"socks5://10.0.0.2:1080\"}");

	expect(p);
	expect_str(to(p, true, "a.test"), "http://10.0.0.1:3128/");
	/* names are the proxy's business */
	expect(strncmp(to(p, false, "a.test"), "socks5h://10.0.0.2:1080", 23) == 0);
	expect(!inject_proxy_resolve(p));
	inject_proxy_free(p);
	p = make("{}");
	expect_str(to(p, true, "a.test"), "direct");
	inject_proxy_free(p);
	expect_str(to(NULL, true, "a.test"), "direct");
}

TEST(what_is_excluded_goes_straight)
{
	struct inject_proxy *p =
		make("{\"all\":\"10.0.0.1:3128\",\"no\":"
		     "\"corp.test, .x.test *.y.test 10.0.0.0/8,192.0.2.1\"}");
	struct address local;

	expect(p && address_parse("127.0.0.1", &local) == 0);
	expect_str(to(p, true, "a.test"), "http://10.0.0.1:3128/");
	expect_str(to(p, true, "corp.test"), "direct");
	expect_str(to(p, true, "a.CORP.test"), "direct");
	expect_str(to(p, true, "xcorp.test"), "http://10.0.0.1:3128/");
	expect_str(to(p, true, "a.x.test"), "direct");
	expect_str(to(p, true, "b.a.y.test"), "direct");
	expect_str(to(p, true, "10.9.9.9"), "direct");
	expect_str(to(p, true, "11.9.9.9"), "http://10.0.0.1:3128/");
	expect_str(to(p, true, "192.0.2.1"), "direct");
	/* this machine itself is never reached by a proxy */
	expect(!inject_proxy_for(p, true, "host.brig.internal", &local, 1));
	inject_proxy_free(p);
	p = make("{\"all\":\"http://10.0.0.1:3128\",\"no\":\"*\"}");
	expect_str(to(p, true, "a.test"), "direct");
	inject_proxy_free(p);
}

TEST(a_proxy_with_a_name_is_looked_up_once)
{
	struct inject_proxy *p = make("{\"all\":\"http://localhost:3128\"}"),
			    *next = NULL;
	auto_json struct json *j = NULL;
	static const char other[] = "{\"all\":\"http://other.test:3128\"}";
	static const char same[] = "{\"https\":\"http://localhost:3128\"}";
	struct err e = { 0 };

	if (!p)
		test_skip("'localhost' has no address here");
	expect(inject_proxy_resolve(p));
	expect(json_parse(same, strlen(same), "test", &j, &e) == 0);
	expect(inject_proxy_new(j, p, &next, &e) == 0 && inject_proxy_resolve(next));
	inject_proxy_free(next);
	json_free(take_ptr(&j));
	expect(json_parse(other, strlen(other), "test", &j, &e) == 0);
	expect(inject_proxy_new(j, p, &next, &e) == -EHOSTUNREACH && *e.hint);
	inject_proxy_free(p);
	expect(!make("{\"all\":\"http://\"}"));
}
