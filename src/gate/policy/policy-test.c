/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/policy.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"

AUTO_DEFINE(struct policy *, policy_free);
#define auto_policy AUTO(policy_free_auto)

static void add(struct policy *p, const char *line)
{
	struct rule r;
	struct err e = { 0 };

	if (rule_parse(line, "test", &r, &e) < 0) {
		fprintf(stderr, "'%s': %s\n", line, e.msg);
		exit(1);
	}
	expect(policy_add(p, &r) == 0);
}

/* Rules one a line; "open PATTERN" for policy_open_host(). */
static struct policy *make(const char *rules)
{
	struct policy *p = policy_new();
	auto_free char *copy = strdup(rules);
	char *at = copy;

	expect(p && copy);
	for (char *line; (line = strsep(&at, "\n"));)
		if (strncmp(line, "open ", 5) == 0)
			expect(policy_open_host(p, line + 5) == 0);
		else if (*line)
			add(p, line);
	expect(policy_seal(p) == 0);
	return p;
}

/* "NAME[=ADDRESS]" or "=ADDRESS" */
struct target {
	char name[NAME_MAX_LEN + 1];
	struct address addr;
	bool has_addr;
};

static struct policy_verdict judge(
	const struct policy *p, const char *to, struct policy_query q)
{
	struct target t = { .has_addr = strchr(to, '=') };
	struct policy_verdict v;

	memcpy(t.name, to, strcspn(to, "="));
	if (t.has_addr)
		expect(address_parse(strchr(to, '=') + 1, &t.addr) == 0);
	q.name = t.name[0] ? t.name : NULL;
	q.addr = t.has_addr ? &t.addr : NULL;
	policy_judge(p, &q, &v);
	expect(v.reason && (!v.allow || v.rule));
	expect(!v.allow || v.rule->action == RULE_ALLOW);
	expect(v.allow ||
		(!v.open && !v.raw && (!v.rule || v.rule->action == RULE_DENY)));
	return v;
}

static struct policy_verdict connects(
	const struct policy *p, const char *to, unsigned port, enum policy_proto proto)
{
	return judge(p, to,
		(struct policy_query){ .stage = POLICY_CONNECT,
			.proto = proto,
			.port = (uint16_t)port });
}

static bool resolves(const struct policy *p, const char *to)
{
	return judge(p, to, (struct policy_query){ .stage = POLICY_DNS }).allow;
}

static bool requests(
	const struct policy *p, const char *to, const char *method, const char *path)
{
	return judge(p, to,
		(struct policy_query){ .stage = POLICY_REQUEST,
			.proto = PROTO_HTTPS,
			.port = 443,
			.method = method,
			.path = path })
		.allow;
}

TEST(nothing_is_allowed_without_a_rule_or_a_policy)
{
	auto_policy struct policy *p = make(""), *raw = policy_new();

	add(raw, "allow public");
	expect(!connects(p, "a.example=1.1.1.1", 443, PROTO_TLS).allow);
	expect(!resolves(p, "a.example") && !requests(p, "a.example", "GET", "/"));
	expect(!connects(raw, "=1.1.1.1", 443, PROTO_TLS).allow); /* not sealed */
	expect_str(
		connects(NULL, "=1.1.1.1", 443, PROTO_TLS).reason, "there is no policy");
	expect(!connects(p, "", 443, PROTO_TLS).allow);
}

TEST(a_name_is_allowed_on_the_ports_of_the_web_for_the_web)
{
	auto_policy struct policy *p = make("allow a.example");
	struct policy_verdict v = connects(p, "a.example=1.1.1.1", 443, PROTO_UNKNOWN);

	expect(v.allow && !v.open && !v.raw);
	expect_str(v.rule->text, "allow a.example");
	expect(connects(p, "a.example=1.1.1.1", 443, PROTO_TLS).allow);
	expect(connects(p, "a.example=1.1.1.1", 80, PROTO_HTTP).allow);
	expect(!connects(p, "a.example=1.1.1.1", 443, PROTO_TCP).allow);
	expect(!connects(p, "a.example=1.1.1.1", 81, PROTO_HTTP).allow);
	expect(!connects(p, "a.example=1.1.1.1", 442, PROTO_TLS).allow);
	expect(!connects(p, "b.example=1.1.1.1", 443, PROTO_TLS).allow);
	expect(!connects(p, "=1.1.1.1", 443, PROTO_TLS).allow);
	expect(requests(p, "a.example", "PROPFIND", "/x"));
}

TEST(a_port_is_any_protocol)
{
	auto_policy struct policy *p =
		make("allow github.com:22\nallow b.example:1000-2000");

	expect(connects(p, "github.com=140.82.112.3", 22, PROTO_UNKNOWN).raw);
	expect(connects(p, "github.com=140.82.112.3", 22, PROTO_TCP).allow);
	expect(connects(p, "github.com=140.82.112.3", 22, PROTO_TLS).allow);
	expect(!connects(p, "github.com=140.82.112.3", 443, PROTO_TLS).allow);
	expect(connects(p, "b.example", 1000, PROTO_TCP).allow);
	expect(connects(p, "b.example", 2000, PROTO_TCP).allow);
	expect(!connects(p, "b.example", 999, PROTO_TCP).allow);
	expect(!connects(p, "b.example", 2001, PROTO_TCP).allow);
}

TEST(a_protocol_is_that_protocol)
{
	auto_policy struct policy *p =
		make("allow tls://t.example\nallow http://h.example\n"
		     "allow https://s.example");

	expect(connects(p, "t.example", 443, PROTO_UNKNOWN).allow);
	expect(connects(p, "t.example", 443, PROTO_TLS).allow);
	expect(!connects(p, "t.example", 443, PROTO_TLS).open);
	expect(!connects(p, "t.example", 443, PROTO_HTTP).allow);
	expect(!connects(p, "t.example", 443, PROTO_TCP).allow);
	expect(!connects(p, "t.example", 80, PROTO_TLS).allow);
	expect(connects(p, "h.example", 80, PROTO_HTTP).allow);
	expect(!connects(p, "h.example", 80, PROTO_TLS).allow);
	expect(!connects(p, "h.example", 80, PROTO_TCP).allow);
	expect(connects(p, "s.example", 443, PROTO_TLS).allow);
	expect(connects(p, "s.example", 443, PROTO_TLS).open);
	expect(!connects(p, "s.example", 443, PROTO_HTTP).allow);
	expect(!connects(p, "s.example", 443, PROTO_TCP).allow);
}

TEST(wildcards_go_as_deep_as_their_stars)
{
	auto_policy struct policy *p = make("allow *.one.example\nallow **.any.example");

	expect(connects(p, "a.one.example", 443, PROTO_TLS).allow);
	expect(!connects(p, "one.example", 443, PROTO_TLS).allow);
	expect(!connects(p, "b.a.one.example", 443, PROTO_TLS).allow);
	expect(connects(p, "a.any.example", 443, PROTO_TLS).allow);
	expect(connects(p, "c.b.a.any.example", 443, PROTO_TLS).allow);
	expect(!connects(p, "any.example", 443, PROTO_TLS).allow);
	expect(!connects(p, "xany.example", 443, PROTO_TLS).allow);
	expect(!connects(p, "a.any.example.evil.org", 443, PROTO_TLS).allow);
	expect(resolves(p, "a.any.example") && !resolves(p, "any.example"));
}

TEST(deny_beats_allow_whatever_the_order)
{
	auto_policy struct policy *p =
		make("deny bad.example\nallow **.example\nallow public\n"
		     "deny 9.9.9.0/24\ndeny **.worse.example");

	expect(connects(p, "good.example=1.1.1.1", 443, PROTO_TLS).allow);
	expect(!connects(p, "bad.example=1.1.1.1", 443, PROTO_TLS).allow);
	expect(!connects(p, "bad.example=1.1.1.1", 8443, PROTO_TCP).allow);
	expect(!connects(p, "bad.example=1.1.1.1", 22, PROTO_UNKNOWN).allow);
	expect_str(connects(p, "bad.example=1.1.1.1", 443, PROTO_TLS).reason,
		"denied by a rule");
	expect_str(connects(p, "bad.example", 443, PROTO_TLS).rule->text,
		"deny bad.example");
	/* by network, whatever name led there */
	expect(!connects(p, "good.example=9.9.9.9", 443, PROTO_TLS).allow);
	expect(!connects(p, "=9.9.9.9", 443, PROTO_TLS).allow);
	expect(!resolves(p, "bad.example") && resolves(p, "good.example"));
	expect(!resolves(p, "a.b.worse.example") && resolves(p, "worse.example"));
	expect(!resolves(p, "good.example=9.9.9.9") &&
		resolves(p, "good.example=1.1.1.1"));
}

TEST(a_denied_port_leaves_the_others)
{
	auto_policy struct policy *p =
		make("allow public\ndeny a.example:25\ndeny public:25");

	expect(!connects(p, "a.example=1.1.1.1", 25, PROTO_UNKNOWN).allow);
	expect(connects(p, "a.example=1.1.1.1", 26, PROTO_UNKNOWN).allow);
	expect(!connects(p, "=1.1.1.1", 25, PROTO_TCP).allow);
	expect(resolves(p, "a.example"));
}

TEST(a_denied_protocol_is_found_out_when_it_speaks)
{
	auto_policy struct policy *p =
		make("allow a.example:443\ndeny tls://a.example\ndeny "
		     "https://b.example\nallow public");

	expect(connects(p, "a.example=1.1.1.1", 443, PROTO_UNKNOWN).allow);
	expect(!connects(p, "a.example=1.1.1.1", 443, PROTO_UNKNOWN).raw);
	expect(!connects(p, "a.example=1.1.1.1", 443, PROTO_TLS).allow);
	expect(connects(p, "a.example=1.1.1.1", 443, PROTO_TCP).allow);
	expect(!connects(p, "b.example=1.1.1.1", 443, PROTO_TLS).allow);
	expect(connects(p, "b.example=1.1.1.1", 443, PROTO_HTTP).allow);
}

TEST(public_is_every_public_address_and_no_other)
{
	static const char *const special[] = { "=10.0.0.1", "=192.168.1.1", "=127.0.0.1",
		"=169.254.169.254", "=168.63.129.16", "=100.100.100.200", "=0.0.0.0",
		"=224.0.0.1", "=::1", "=fe80::1", "=fd00:ec2::254", "=64:ff9b::10.0.0.1",
		"=2002:7f00:1::", "=::ffff:192.168.0.1", "=2001:0:808:808::1", "=::" };
	auto_policy struct policy *p = make("allow public\nallow a.example");

	expect(connects(p, "=1.1.1.1", 22, PROTO_UNKNOWN).raw);
	expect(connects(p, "=2606:4700::1111", 443, PROTO_TLS).allow);
	expect(connects(p, "any.example=1.1.1.1", 22, PROTO_TCP).allow);
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		auto_free char *named = malloc(64);

		expect(named && snprintf(named, 64, "a.example%s", special[i]) > 0);
		expect(!connects(p, special[i], 443, PROTO_TLS).allow);
		/* nor by a name's rule: DNS rebinding */
		expect(!connects(p, named, 443, PROTO_TLS).allow);
		expect(!resolves(p, named));
	}
	expect_str(connects(p, "=10.0.0.1", 443, PROTO_TLS).reason,
		"no rule allows this private address, and a name's rule is not enough");
	expect(connects(p, "=10.0.0.1", 443, PROTO_TLS).kind == ADDRESS_PRIVATE);
	expect(resolves(p, "whatever.example") &&
		resolves(p, "whatever.example=1.1.1.1"));
}

TEST(a_special_address_takes_a_rule_that_names_it)
{
	auto_policy struct policy *p =
		make("allow db.corp.example:5432\nallow 10.1.0.0/16:5432\n"
		     "allow git.corp.example\nallow fd00::/8");

	expect(connects(p, "db.corp.example=10.1.2.3", 5432, PROTO_UNKNOWN).raw);
	expect(connects(p, "=10.1.2.3", 5432, PROTO_TCP).allow);
	expect(!connects(p, "db.corp.example=10.2.0.1", 5432, PROTO_TCP).allow);
	expect(!connects(p, "=10.1.2.3", 5433, PROTO_TCP).allow);
	expect(!connects(p, "git.corp.example=10.1.2.3", 443, PROTO_TLS).allow);
	expect(connects(p, "git.corp.example=fd00::7", 443, PROTO_TLS).allow);
	expect(resolves(p, "db.corp.example=10.1.2.3"));
	expect(!resolves(p, "db.corp.example=10.2.0.1"));
	/* a rule for a network makes no name known: names carry messages out */
	expect(!resolves(p, "other.example") && !resolves(p, "other.example=10.1.2.3"));
}

TEST(a_denied_network_is_denied_in_ipv6_clothes)
{
	auto_policy struct policy *p = make("allow public\nallow ::/0\ndeny 9.9.9.0/24");

	expect(connects(p, "=2620:fe::fe", 443, PROTO_TLS).allow);
	expect(!connects(p, "=::ffff:9.9.9.9", 443, PROTO_TLS).allow);
	expect(!connects(p, "=64:ff9b::9.9.9.9", 443, PROTO_TLS).allow);
	expect(!connects(p, "=2002:909:909::1", 443, PROTO_TLS).allow);
	expect(!connects(p, "=2001:0:808:808::f6f6:f6f6", 443, PROTO_TLS).allow);
	expect(connects(p, "=64:ff9b::8.8.8.8", 443, PROTO_TLS).allow);
}

TEST(this_host_is_reached_by_its_own_name_and_port_alone)
{
	auto_policy struct policy *wild =
		make("allow public\nallow **.brig.internal:1-65535\n"
		     "allow **.internal:8080\nallow 0.0.0.0/0\nallow ::/0\n"
		     "allow 127.0.0.0/8\nallow 100.64.0.0/10");
	auto_policy struct policy *p = make("allow host.brig.internal:8080");
	static const char *const to[] = { "host.brig.internal",
		"host.brig.internal=127.0.0.1", "host.brig.internal=100.127.255.251" };

	for (size_t i = 0; i < 3; i++) {
		expect(!connects(wild, to[i], 8080, PROTO_UNKNOWN).allow);
		expect(!resolves(wild, to[i]));
		expect(connects(p, to[i], 8080, PROTO_UNKNOWN).raw && resolves(p, to[i]));
		expect(!connects(p, to[i], 8081, PROTO_UNKNOWN).allow);
	}
	expect(!connects(p, "=127.0.0.1", 8080, PROTO_TCP).allow);
	expect(!connects(p, "=100.127.255.251", 8080, PROTO_TCP).allow);
	expect(!connects(p, "gate.brig.internal", 8080, PROTO_TCP).allow);
}

TEST(this_host_can_be_denied_by_any_rule)
{
	auto_policy struct policy *p = make("allow host.brig.internal:1-65535\ndeny "
					    "**.internal:22\ndeny 127.0.0.1:25");

	expect(connects(p, "host.brig.internal", 80, PROTO_HTTP).allow);
	expect(!connects(p, "host.brig.internal", 22, PROTO_TCP).allow);
	expect(!connects(p, "host.brig.internal=127.0.0.1", 25, PROTO_TCP).allow);
}

TEST(rules_for_requests_open_tls_and_decide_later)
{
	auto_policy struct policy *p =
		make("allow https://a.example/v1/** GET,HEAD\n"
		     "allow b.example\ndeny b.example DELETE\n"
		     "deny https://b.example/admin/**\nallow c.example GET");
	struct policy_verdict v = connects(p, "a.example", 443, PROTO_TLS);

	expect(v.allow && v.open);
	expect(connects(p, "a.example", 443, PROTO_UNKNOWN).open);
	expect(!connects(p, "a.example", 443, PROTO_TCP).allow);
	expect(!connects(p, "a.example", 80, PROTO_HTTP).allow);
	expect(requests(p, "a.example", "GET", "/v1/x") &&
		requests(p, "a.example", "HEAD", "/v1/"));
	expect(!requests(p, "a.example", "POST", "/v1/x"));
	expect(!requests(p, "a.example", "GET", "/v2") &&
		!requests(p, "a.example", "get", "/v1/x"));

	v = connects(p, "b.example", 443, PROTO_TLS);
	expect(v.allow && v.open); /* a denial forces it */
	expect(requests(p, "b.example", "GET", "/") &&
		requests(p, "b.example", "POST", "/x"));
	expect(!requests(p, "b.example", "DELETE", "/x"));
	expect(!requests(p, "b.example", "delete", "/x")); /* some servers would */
	expect(!requests(p, "b.example", "GET", "/admin/x"));
	expect(!requests(p, "b.example", "GET", "/admin;a/x"));

	expect(connects(p, "c.example", 443, PROTO_TLS).open);
	expect(connects(p, "c.example", 80, PROTO_HTTP).allow);
	expect(!connects(p, "c.example", 80, PROTO_TCP).allow);
	expect(requests(p, "c.example", "GET", "/") &&
		!requests(p, "c.example", "PUT", "/"));
}

TEST(tls_stays_shut_where_a_connection_is_allowed_whole)
{
	auto_policy struct policy *p =
		make("allow a.example GET\nallow *.example\nallow "
		     "https://c.example/x\nopen s.example\n"
		     "open *.k.example\nallow x.k.example:443\nallow tls://s.example");

	expect(!connects(p, "a.example", 443, PROTO_TLS).open);
	expect(!connects(p, "b.example", 443, PROTO_TLS).open);
	expect(!connects(p, "c.example", 443, PROTO_TLS).open);
	/* a secret is bound to these */
	expect(connects(p, "s.example", 443, PROTO_TLS).open);
	expect(connects(p, "x.k.example", 443, PROTO_UNKNOWN).open);
	expect(!connects(p, "x.k.example", 443, PROTO_UNKNOWN).raw);
	expect(!connects(p, "x.k.example", 443, PROTO_TCP).open);
	expect(requests(p, "s.example", "GET", "/"));
}

TEST(a_path_that_was_refused_is_allowed_by_no_path_and_denied_by_all)
{
	auto_policy struct policy *p =
		make("allow https://a.example/x/**\nallow b.example\n"
		     "allow c.example\ndeny https://c.example/x/**");

	expect(!requests(p, "a.example", "GET", NULL));
	expect(requests(p, "b.example", "GET", NULL));
	expect(!requests(p, "c.example", "GET", NULL));
	expect(requests(p, "b.example", NULL, NULL));
}

TEST(requests_are_http)
{
	auto_policy struct policy *p =
		make("allow a.example:443\nallow http://b.example:443/x");
	struct policy_query q = {
		.stage = POLICY_REQUEST, .port = 443, .method = "GET", .path = "/x"
	};

	for (q.proto = PROTO_UNKNOWN; q.proto <= PROTO_HTTPS; q.proto++) {
		expect(judge(p, "a.example", q).allow == (q.proto >= PROTO_TLS));
		expect(judge(p, "b.example", q).allow == (q.proto == PROTO_HTTP));
	}
}

TEST(through_a_proxy_only_the_name_is_known)
{
	auto_policy struct policy *p = make("allow public"),
				  *deny = make("allow **.example\ndeny public");

	expect(connects(p, "a.example", 443, PROTO_TLS).allow);
	expect(!connects(p, "localhost", 443, PROTO_TLS).allow);
	expect(!connects(p, "metadata.google.internal", 80, PROTO_HTTP).allow);
	expect(!connects(deny, "a.example", 443, PROTO_TLS).allow);
}

TEST(the_first_of_equal_rules_is_named)
{
	auto_policy struct policy *p =
		make("allow **.example\nallow a.example\nallow a.example:443\n"
		     "deny b.example\ndeny *.example:25\ndeny **.example:25");

	expect_str(
		connects(p, "a.example", 443, PROTO_TLS).rule->text, "allow **.example");
	expect_str(connects(p, "b.example", 25, PROTO_TCP).rule->text, "deny b.example");
	expect_str(
		connects(p, "a.example", 25, PROTO_TCP).rule->text, "deny *.example:25");
}

TEST(a_sealed_policy_takes_no_more_rules)
{
	auto_policy struct policy *p = make("allow a.example");
	struct rule r;

	expect(rule_parse("allow b.example", "test", &r, NULL) == 0);
	expect(policy_add(p, &r) == -EBUSY && policy_open_host(p, "c.example") == -EBUSY);
	expect(policy_count(p) == 1 && policy_rule(p, 0) && !policy_rule(p, 1));
	rule_clear(&r);
}

TEST(ports_with_denials_by_name_are_known)
{
	static const struct {
		const char *rules;
		uint16_t port;
		bool denies;
	} is[] = {
		{ "allow public\nallow a.example:80", 80, false },
		{ "deny a.example", 1, true },
		{ "deny a.example", 65535, true },
		{ "deny a.example", 0, true },
		{ "deny **.a.example:80", 80, true },
		{ "deny **.a.example:80", 81, false },
		{ "deny a.example:8000-8100\ndeny b.example:8050-8200", 8100, true },
		{ "deny a.example:8000-8100\ndeny b.example:8050-8200", 8200, true },
		{ "deny a.example:8000-8100\ndeny b.example:8050-8200", 8201, false },
		{ "deny a.example:8000-8100\ndeny b.example:8050-8200", 7999, false },
		{ "deny http://a.example/x/**", 80, true },
		{ "deny https://a.example/x/**", 443, false },
		{ "deny tls://a.example", 443, false },
		{ "deny 1.2.3.4:80\ndeny public:80", 80, false },
	};

	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
		auto_policy struct policy *p = make(is[i].rules);

		if (policy_denies_names(p, is[i].port) != is[i].denies)
			fprintf(stderr, "%s, port %u\n", is[i].rules, is[i].port);
		expect(policy_denies_names(p, is[i].port) == is[i].denies);
	}
	expect(!policy_denies_names(NULL, 80));
}

TEST(a_name_too_long_for_any_rule_is_denied)
{
	auto_policy struct policy *p = make("allow public\ndeny **.a.a");
	struct address addr;
	struct policy_query q = {
		.stage = POLICY_CONNECT, .proto = PROTO_TLS, .port = 443
	};
	struct policy_verdict v;
	char name[NAME_MAX_LEN + 3];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[sizeof(name) - 1] = '\0';
	expect(address_parse("1.1.1.1", &addr) == 0);
	q.name = name;
	q.addr = &addr;
	policy_judge(p, &q, &v);
	expect(!v.allow);
}

TEST(patterns_to_open_are_checked)
{
	auto_policy struct policy *p = policy_new();

	expect(policy_open_host(p, "*.Example.com") == 0);
	expect(policy_open_host(p, "1.2.3.4") == -EINVAL &&
		policy_open_host(p, "") == -EINVAL);
}
