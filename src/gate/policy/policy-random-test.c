/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-random-test.c - the compiled verdict is the one that reading rule by rule gives.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"
#include "gate/policy/policy-naive.h"

#include <errno.h>

/* few of each, so that rules and queries meet */
static const char *const names[] = { "a.example", "b.a.example", "c.b.a.example",
	"example", "x.example", NAME_HOST, NAME_GATE, "brig.internal", "localhost",
	"d.c.b.a.example" };
static const char *const patterns[] = { "a.example", "*.a.example", "**.a.example",
	"**.example", "*.example", "b.a.example", NAME_HOST, "*.brig.internal",
	"**.internal", "example", "localhost", "x.example" };
static const char *const ranges[] = { "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3",
	"1.0.0.0/8", "1.1.1.1", "0.0.0.0/0", "::/0", "2000::/3", "127.0.0.0/8",
	"fd00::/8", "64:ff9b::/96", "2002::/16" };
static const char *const addresses[] = { "10.1.2.3", "10.2.0.1", "1.1.1.1", "1.2.3.4",
	"8.8.8.8", "127.0.0.1", "169.254.169.254", "fd00::1", "2606::1",
	"64:ff9b::10.1.2.3", "64:ff9b::1.1.1.1", "2002:101:101::1",
	"2001:0:101:101::fefe:fefe", "100.127.255.251" };
static const char *const schemes[] = { "", "", "", "tls://", "https://", "http://" };
static const char *const ports[] = { "", "", "", ":443", ":80", ":22", ":1-65535",
	":80-443" };
static const char *const paths[] = { "", "", "/x", "/x/**", "/*", "/**" };
static const char *const methods[] = { "", "", "", " GET", " GET,POST", " DELETE" };
static const char *const asked_paths[] = { "/x", "/x/y", "/", "/y;a/x", "/x;a/y", "/x/",
	NULL };
static const char *const asked_methods[] = { "GET", "POST", "delete", "FOO", NULL };
static const uint16_t asked_ports[] = { 443, 80, 22, 1, 65535, 100, 0 };

static unsigned seed = 7;

#define PICK(list) list[(size_t)rand_r(&seed) % (sizeof(list) / sizeof(*(list)))]

static void add_random(struct policy *p)
{
	const char *scheme = PICK(schemes),
		   *action = rand_r(&seed) % 3 ? "allow" : "deny";
	unsigned kind = (unsigned)rand_r(&seed) % 8;
	const char *target = kind == 0 ? "public"
		: kind < 4             ? PICK(ranges)
				       : PICK(patterns);
	bool range = kind > 0 && kind < 4, http = strncmp(scheme, "http", 4) == 0;
	bool brackets = range && strchr(target, ':');
	char line[200];
	struct rule r;
	struct err e = { 0 };

	/* some combinations are no rules: then there is one less */
	(void)snprintf(line, sizeof(line), "%s %s%s%s%s%s%s%s", action, scheme,
		brackets ? "[" : "", target, brackets ? "]" : "", PICK(ports),
		http ? PICK(paths) : "", PICK(methods));
	if (rule_parse(line, "test", &r, &e) < 0)
		return;
	if (policy_add(p, &r) < 0)
		rule_clear(&r);
}

static void compare(
	const struct policy *p, const char *const *opens, const struct policy_query *q)
{
	struct policy_verdict fast, slow;

	policy_judge(p, q, &fast);
	policy_naive_judge(p, opens, q, &slow);
	if (fast.allow == slow.allow && fast.open == slow.open && fast.raw == slow.raw &&
		fast.rule == slow.rule)
		return;
	for (size_t i = 0; i < policy_count(p); i++)
		fprintf(stderr, "%s\n", policy_rule(p, i)->text);
	fprintf(stderr,
		"stage %u proto %u name %s port %u %s %s\n"
		"fast: allow %d open %d raw %d %s\nslow: allow %d open %d raw %d %s\n",
		q->stage, q->proto, q->name ? q->name : "-", q->port,
		q->method ? q->method : "-", q->path ? q->path : "-", fast.allow,
		fast.open, fast.raw, fast.rule ? fast.rule->text : "-", slow.allow,
		slow.open, slow.raw, slow.rule ? slow.rule->text : "-");
	exit(1);
}

static void ask_random(const struct policy *p, const char *const *opens)
{
	struct address addr;
	unsigned what = (unsigned)rand_r(&seed) % 8;
	struct policy_query q = { .stage = (enum policy_stage)(rand_r(&seed) % 3),
		.proto = (enum policy_proto)(rand_r(&seed) % 5),
		.port = PICK(asked_ports) };

	expect(address_parse(PICK(addresses), &addr) == 0);
	q.name = what == 0 ? NULL : PICK(names);
	q.addr = what < 5 ? &addr : NULL;
	if (q.stage == POLICY_REQUEST) {
		q.method = PICK(asked_methods);
		q.path = PICK(asked_paths);
	}
	compare(p, opens, &q);
}

TEST(a_compiled_verdict_is_what_reading_every_rule_gives)
{
	for (unsigned round = 0; round < 4000; round++) {
		struct policy *p = policy_new();
		const char *opens[2] = { NULL };

		expect(p);
		for (unsigned n = (unsigned)rand_r(&seed) % 10; n; n--)
			add_random(p);
		if (rand_r(&seed) % 4 == 0) {
			opens[0] = PICK(patterns);
			expect(policy_open_host(p, opens[0]) == 0);
		}
		expect(policy_seal(p) == 0);
		for (unsigned n = 0; n < 60; n++)
			ask_random(p, opens);
		policy_free(p);
	}
}

/* The stages never contradict each other in the sandbox's favour. */
TEST(what_was_refused_before_it_spoke_is_refused_after)
{
	for (unsigned round = 0; round < 2000; round++) {
		struct policy *p = policy_new();
		struct address addr;
		struct policy_verdict unknown, known, dns;

		expect(p);
		for (unsigned n = (unsigned)rand_r(&seed) % 8; n; n--)
			add_random(p);
		expect(policy_seal(p) == 0 && address_parse(PICK(addresses), &addr) == 0);
		for (unsigned n = 0; n < 20; n++) {
			struct policy_query q = { .stage = POLICY_CONNECT,
				.name = PICK(names),
				.addr = &addr,
				.port = PICK(asked_ports) };

			policy_judge(p, &q, &unknown);
			for (q.proto = PROTO_TCP; q.proto <= PROTO_HTTP; q.proto++) {
				policy_judge(p, &q, &known);
				expect(unknown.allow || !known.allow);
				expect(!unknown.raw || known.allow);
				expect(!unknown.raw || !known.open);
			}
			q.proto = PROTO_UNKNOWN;
			q.stage = POLICY_DNS;
			policy_judge(p, &q, &dns);
			/* port 0 is no port: a rule for 1-65535 denies all there are */
			expect(dns.allow || !unknown.allow || !dns.rule || !q.port);
		}
		policy_free(p);
	}
}
