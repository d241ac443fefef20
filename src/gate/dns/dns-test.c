/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/dns.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/test.h"
#include "gate/dns/dns-msg.h"
#include "gate/dns/dns-stub.h"
#include "gate/gate.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

struct set {
	struct gate g;
	struct dns_stub stub;
	int server, client;
};

/* What a client makes of an answer. */
struct seen {
	size_t len;
	uint8_t msg[DNS_OWN_ANSWER_MAX];
	unsigned rcode, answers;
	bool truncated;
};

static unsigned judged, logged;
static char logged_reason[64];

bool gate_is_proxied(const struct gate *g, const char *name)
{
	(void)name;
	return g->proxy;
}

void gate_judge(struct gate *g, const struct policy_query *q, struct policy_verdict *ret)
{
	judged++;
	policy_judge(g->policy, q, ret);
}

void gate_log(struct gate *g, const struct gate_event *ev)
{
	(void)g;
	logged++;
	(void)snprintf(logged_reason, sizeof(logged_reason), "%s", ev->verdict.reason);
}

static void rule(struct policy *p, const char *line)
{
	struct err e = { 0 };
	struct rule r;

	expect(rule_parse(line, "sandbox", &r, &e) == 0);
	expect(policy_add(p, &r) == 0);
}

static struct policy *policy_with(const char *extra)
{
	struct policy *p = policy_new();

	expect(p);
	rule(p, "allow **.example");
	rule(p, "deny ok.denied.example");
	if (extra)
		rule(p, extra);
	expect(policy_seal(p) == 0);
	return p;
}

static int bound(struct sockaddr_in *ret)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	expect(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	expect(getsockname(fd, (struct sockaddr *)ret, &len) == 0);
	return fd;
}

static void set_up(struct set *s, const char *extra_rule)
{
	struct sockaddr_in at, client;
	struct address upstream;

	*s = (struct set){ .g.ipv6 = true };
	expect(loop_new(&s->g.loop, NULL) == 0);
	expect(resolver_new(s->g.loop, &s->g.resolver, NULL) == 0);
	expect(pins_open(-1, &s->g.pins) == 0);
	s->g.policy = policy_with(extra_rule);
	dns_stub_start(&s->stub, s->g.loop);
	expect(address_parse("127.0.0.1", &upstream) == 0);
	expect(resolver_add_server(s->g.resolver, &upstream, s->stub.port) == 0);
	s->server = bound(&at);
	s->client = bound(&client);
	expect(connect(s->client, (struct sockaddr *)&at, sizeof(at)) == 0);
	expect(dns_start(&s->g, (int[]){ s->server, -1 }, &s->g.dns, NULL) == 0);
}

static void set_down(struct set *s)
{
	dns_stop(s->g.dns);
	resolver_free(s->g.resolver);
	policy_free(s->g.policy);
	pins_free(s->g.pins);
	loop_free(s->g.loop);
	(void)close(s->server);
	(void)close(s->client);
	(void)close(s->stub.udp);
	(void)close(s->stub.tcp);
}

/* A query with the EDNS record that most clients send; returns its length. */
static size_t query(uint8_t *out, const char *name, unsigned type, bool edns)
{
	size_t at = DNS_HEADER;

	memset(out, 0, DNS_HEADER);
	memcpy(out, "\x12\x34\1\0\0\1\0\0\0\0", 10);
	out[11] = edns;
	while (*name) {
		size_t n = strcspn(name, ".");

		out[at++] = (uint8_t)n;
		memcpy(out + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	memcpy(out + at, "\0\0\0\0\1", 5);
	out[at + 1] = (uint8_t)(type >> 8);
	out[at + 2] = (uint8_t)type;
	at += 5;
	if (edns) {
		memcpy(out + at, "\0\0\x29\4\xd0\0\0\0\0\0\0", 11);
		at += 11;
	}
	return at;
}

static bool receive(struct set *s, struct seen *ret)
{
	ssize_t n = recv(s->client, ret->msg, sizeof(ret->msg), 0);

	if (n < (ssize_t)DNS_HEADER)
		return false;
	ret->len = (size_t)n;
	ret->rcode = ret->msg[3] & 15;
	ret->truncated = ret->msg[2] & 2;
	ret->answers = ret->msg[7];
	return true;
}

static bool wait_answer(struct set *s, struct seen *ret, unsigned max_ms)
{
	uint64_t end = clock_mono_ns() + max_ms * NS_PER_MS;

	while (clock_mono_ns() < end) {
		if (receive(s, ret))
			return true;
		expect(loop_once(s->g.loop, 20) == 0);
	}
	return receive(s, ret);
}

static struct seen ask(struct set *s, const char *name, unsigned type)
{
	uint8_t msg[512];
	struct seen seen;
	size_t n = query(msg, name, type, true);

	expect(send(s->client, msg, n, 0) == (ssize_t)n);
	expect(wait_answer(s, &seen, 10000));
	expect(memcmp(seen.msg, "\x12\x34", 2) == 0 && seen.msg[2] & 0x80);
	return seen;
}

static bool has(const struct seen *seen, const void *data, size_t len)
{
	return memmem(seen->msg, seen->len, data, len) != NULL;
}

static uint64_t now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

static size_t pinned(struct set *s, const char *name)
{
	struct address a[4];

	return pins_addresses(s->g.pins, name, now(), a, 4);
}

TEST(an_allowed_name_is_answered_and_pinned)
{
	struct set s;
	struct seen seen;

	set_up(&s, NULL);
	seen = ask(&s, "oK.eXample", DNS_A);
	expect(seen.rcode == 0 && seen.answers == 1);
	expect(has(&seen, "\2oK\7eXample", 11));
	expect(has(&seen, "\0\1\0\1\0\0\0\x64\0\4\xcb\0\x72\1", 14));
	expect(pinned(&s, "ok.example") == 1);
	seen = ask(&s, "ok.example", DNS_AAAA);
	expect(seen.rcode == 0 && seen.answers == 1 && pinned(&s, "ok.example") == 2);
	expect(logged == 0);
	set_down(&s);
}

TEST(a_denied_name_is_not_asked_for_and_the_client_learns_why)
{
	struct set s;
	struct seen seen;

	set_up(&s, NULL);
	seen = ask(&s, "secret-data.evil.test", DNS_A);
	expect(seen.rcode == DNS_NXDOMAIN && seen.answers == 0);
	expect(has(&seen, "\0\xf\0", 3) && has(&seen, "brig: ", 6));
	expect(judged == 1);
	expect(ask(&s, "ok.denied.example", DNS_AAAA).rcode == DNS_NXDOMAIN);
	expect(ask(&s, "evil.test", 65).rcode == DNS_NXDOMAIN);
	expect(ask(&s, "1.0.0.10.in-addr.arpa", 12).rcode == DNS_NXDOMAIN);
	expect(ask(&s, "x.brig.internal", DNS_A).rcode == DNS_NXDOMAIN);
	expect(ask(&s, "", DNS_A).rcode == DNS_NXDOMAIN);
	expect(s.stub.asked_udp == 0 && judged == 2);
	set_down(&s);
}

TEST(other_types_have_no_data)
{
	static const unsigned types[] = { 5, 12, 15, 16, 33, 64, 65, 255, 65535 };
	struct set s;

	set_up(&s, NULL);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct seen seen = ask(&s, "ok.example", types[i]);

		expect(seen.rcode == 0 && seen.answers == 0 && !seen.truncated);
	}
	expect(s.stub.asked_udp == 0);
	set_down(&s);
}

TEST(a_public_name_does_not_lead_into_private_networks)
{
	struct set s;
	struct seen seen;

	set_up(&s, NULL);
	seen = ask(&s, "private.example", DNS_A);
	expect(seen.rcode == 0 && seen.answers == 0 && logged == 1);
	expect_str(logged_reason, "its addresses are private");
	expect(ask(&s, "private.example", DNS_AAAA).answers == 0);
	expect(pinned(&s, "private.example") == 0);
	seen = ask(&s, "mixed.example", DNS_A);
	expect(seen.answers == 1 && has(&seen, "\xcb\0\x72\1", 4));
	expect(!has(&seen, "\xc0\xa8\1\1", 4) && pinned(&s, "mixed.example") == 1);
	set_down(&s);
}

TEST(a_rule_for_the_range_lets_it)
{
	struct set s;

	set_up(&s, "allow 10.0.0.0/24:5432");
	expect(ask(&s, "private.example", DNS_A).answers == 1);
	expect(ask(&s, "private.example", DNS_AAAA).answers == 0);
	expect(pinned(&s, "private.example") == 1);
	set_down(&s);
}

TEST(what_upstream_says_otherwise_is_passed_on)
{
	struct set s;

	set_up(&s, NULL);
	expect(ask(&s, "missing.example", DNS_A).rcode == DNS_NXDOMAIN);
	expect(ask(&s, "none.example", DNS_A).rcode == DNS_NOERROR);
	expect(ask(&s, "fail.example", DNS_A).rcode == DNS_SERVFAIL);
	expect(ask(&s, "long.example", DNS_A).answers == 1);
	expect(ask(&s, "silent.example", DNS_A).rcode == DNS_SERVFAIL);
	set_down(&s);
}

TEST(times_to_live_are_short_but_not_too_short)
{
	struct set s;
	struct seen seen;

	set_up(&s, NULL);
	seen = ask(&s, "brief.example", DNS_A);
	expect(has(&seen, "\0\1\0\1\0\0\0\5\0\4", 10));
	set_down(&s);
}

TEST(without_ipv6_there_are_no_such_addresses)
{
	struct set s;

	set_up(&s, NULL);
	s.g.ipv6 = false;
	expect(ask(&s, "ok.example", DNS_AAAA).answers == 0);
	expect(s.stub.asked_udp == 0);
	set_down(&s);
}

TEST(the_gate_is_known_and_the_host_by_a_rule_only)
{
	struct set s;
	struct seen seen;

	set_up(&s, NULL);
	seen = ask(&s, NAME_GATE, DNS_A);
	expect(seen.answers == 1 && has(&seen, "\x64\x7f\xff\xf9", 4));
	expect(ask(&s, NAME_HOST, DNS_A).rcode == DNS_NXDOMAIN);
	set_down(&s);
	set_up(&s, "allow host.brig.internal:8080");
	seen = ask(&s, NAME_HOST, DNS_A);
	expect(seen.answers == 1 && has(&seen, "\x64\x7f\xff\xfb", 4));
	expect(ask(&s, NAME_HOST, DNS_AAAA).answers == 1 && pinned(&s, NAME_HOST) == 2);
	set_down(&s);
}

static struct address asked_made(struct set *s, const char *name)
{
	struct seen seen = ask(s, name, DNS_A);
	struct address a;

	expect(seen.answers == 1);
	expect(pins_addresses(s->g.pins, name, now(), &a, 1) == 1);
	expect(dns_is_made_up(&a) && has(&seen, a.b + 12, 4));
	return a;
}

TEST(behind_a_proxy_addresses_are_made_up_and_stay)
{
	struct set s;
	struct address a, b, again;

	set_up(&s, NULL);
	s.g.proxy = true;
	a = asked_made(&s, "one.example");
	b = asked_made(&s, "two.example");
	again = asked_made(&s, "one.example");
	expect(address_equal(&a, &again) && !address_equal(&a, &b));
	expect(ask(&s, "one.example", DNS_AAAA).answers == 0);
	expect(ask(&s, "evil.test", DNS_A).rcode == DNS_NXDOMAIN);
	expect(s.stub.asked_udp == 0);
	set_down(&s);
}

TEST(what_is_made_up_is_of_one_range)
{
	static const struct {
		const char *text;
		bool made_up;
	} is[] = { { "198.18.0.0", true }, { "198.19.255.255", true },
		{ "198.17.255.255", false }, { "198.20.0.0", false },
		{ "0.0.0.0", false }, { "2001:db8::c612:1", false } };
	struct address a;

	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
		expect(address_parse(is[i].text, &a) == 0);
		expect(dns_is_made_up(&a) == is[i].made_up);
	}
}

static bool count_names(const char *name, void *data)
{
	(void)name;
	++*(unsigned *)data;
	return false;
}

TEST(made_up_addresses_are_never_of_two_names)
{
	struct set s;

	set_up(&s, NULL);
	s.g.proxy = true;
	for (int i = 0; i < 3000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%d.example", i);
		(void)asked_made(&s, name);
	}
	for (int i = 0; i < 3000; i++) {
		char name[32];
		struct address a;
		unsigned names = 0;

		(void)snprintf(name, sizeof(name), "n%d.example", i);
		expect(pins_addresses(s.g.pins, name, now(), &a, 1) == 1);
		expect(!pins_names(s.g.pins, &a, now(), count_names, &names));
		expect(names == 1);
	}
	set_down(&s);
}

TEST(a_rule_that_comes_while_upstream_thinks_counts)
{
	struct set s;
	struct seen seen;
	struct policy *old;
	uint8_t msg[512];
	size_t n = query(msg, "ok.example", DNS_A, true);

	set_up(&s, NULL);
	expect(send(s.client, msg, n, 0) == (ssize_t)n);
	expect(loop_once(s.g.loop, 100) == 0);
	old = s.g.policy;
	s.g.policy = policy_with("deny ok.example");
	policy_free(old);
	expect(wait_answer(&s, &seen, 5000));
	expect(seen.rcode == DNS_NXDOMAIN && pinned(&s, "ok.example") == 0);
	set_down(&s);
}

TEST(malformed_queries_are_answered_or_passed_over)
{
	struct set s;
	struct seen seen;
	uint8_t msg[5000];
	size_t n = query(msg, "ok.example", DNS_A, true);

	set_up(&s, NULL);
	expect(send(s.client, msg, 11, 0) == 11);
	msg[2] |= 0x80;
	expect(send(s.client, msg, n, 0) == (ssize_t)n);
	expect(send(s.client, msg, sizeof(msg), 0) == (ssize_t)sizeof(msg));
	expect(!wait_answer(&s, &seen, 100));
	n = query(msg, "ok.example", DNS_A, true);
	expect(send(s.client, msg, n - 1, 0) == (ssize_t)n - 1);
	expect(wait_answer(&s, &seen, 1000) && seen.rcode == DNS_FORMERR);
	n = query(msg, "ok.example", DNS_A, false);
	msg[n - 1] = 3; /* CHAOS */
	expect(send(s.client, msg, n, 0) == (ssize_t)n);
	expect(wait_answer(&s, &seen, 1000) && seen.rcode == DNS_REFUSED);
	set_down(&s);
}

TEST(a_flood_of_questions_is_bounded_and_ends)
{
	struct set s;
	struct seen seen;
	uint8_t msg[512];

	set_up(&s, NULL);
	for (int i = 0; i < 3000; i++) {
		char name[32];
		size_t n;

		(void)snprintf(name, sizeof(name), "silent.n%d.example", i % 200);
		n = query(msg, name, DNS_A, true);
		expect(send(s.client, msg, n, 0) == (ssize_t)n);
		expect(loop_once(s.g.loop, 0) == 0);
	}
	seen = ask(&s, "ok.example", DNS_A);
	expect(seen.answers == 1);
	set_down(&s);
}

static int tcp_client(struct set *s)
{
	int sp[2];

	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sp) ==
		0);
	expect(dns_serve_tcp(s->g.dns, sp[0], NULL) == 0);
	return sp[1];
}

static size_t tcp_query(uint8_t *out, const char *name)
{
	size_t n = query(out + 2, name, DNS_A, true);

	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	return n + 2;
}

/* Read 'want' answers; returns how many came before the end of the stream. */
static unsigned tcp_answers(struct set *s, int fd, unsigned want, unsigned max_ms)
{
	uint64_t end = clock_mono_ns() + max_ms * NS_PER_MS;
	uint8_t buf[65536];
	size_t have = 0;
	unsigned n = 0;

	while (n < want && clock_mono_ns() < end) {
		ssize_t r = recv(fd, buf + have, sizeof(buf) - have, MSG_DONTWAIT);

		if (r == 0)
			break;
		have += r > 0 ? (size_t)r : 0;
		expect(loop_once(s->g.loop, 10) == 0);
		for (size_t len; have >= 2; n++) {
			len = 2 + ((size_t)buf[0] << 8 | buf[1]);
			if (have < len)
				break;
			expect(len > DNS_HEADER && (buf[5] & 15) == 0);
			memmove(buf, buf + len, have -= len);
		}
	}
	return n;
}

TEST(many_queries_in_a_row_are_answered_over_tcp)
{
	struct set s;
	uint8_t msg[512];
	int fd;

	set_up(&s, NULL);
	fd = tcp_client(&s);
	for (int i = 0; i < 100; i++) {
		char name[32];
		size_t n;

		(void)snprintf(name, sizeof(name), "ok.n%d.example", i);
		n = tcp_query(msg, name);
		expect(send(fd, msg, n, 0) == (ssize_t)n);
	}
	expect(tcp_answers(&s, fd, 100, 5000) == 100);
	(void)close(fd);
	expect(loop_once(s.g.loop, 100) == 0);
	set_down(&s);
}

TEST(a_query_that_comes_byte_by_byte_is_answered_after_the_clients_end)
{
	struct set s;
	uint8_t msg[512];
	size_t n = tcp_query(msg, "ok.example");
	char byte;
	int fd;

	set_up(&s, NULL);
	fd = tcp_client(&s);
	for (size_t i = 0; i < n; i++) {
		expect(send(fd, msg + i, 1, 0) == 1);
		expect(loop_once(s.g.loop, 0) == 0);
	}
	expect(shutdown(fd, SHUT_WR) == 0);
	expect(tcp_answers(&s, fd, 1, 5000) == 1);
	expect(loop_once(s.g.loop, 100) == 0);
	expect(recv(fd, &byte, 1, 0) == 0);
	(void)close(fd);
	set_down(&s);
}

TEST(a_connection_that_talks_nonsense_or_goes_away_is_closed)
{
	struct set s;
	uint8_t msg[512];
	size_t n = tcp_query(msg, "silent.example");
	int fd, gone;
	char byte;

	set_up(&s, NULL);
	fd = tcp_client(&s);
	gone = tcp_client(&s);
	expect(send(fd, "\0\3abc", 5, 0) == 5);
	expect(send(gone, msg, n, 0) == (ssize_t)n);
	for (int i = 0; i < 3; i++)
		expect(loop_once(s.g.loop, 10) == 0);
	expect(recv(fd, &byte, 1, 0) == 0);
	(void)close(fd);
	(void)close(gone);
	expect(ask(&s, "ok.example", DNS_A).answers == 1);
	set_down(&s);
}

TEST(connections_are_bounded)
{
	struct set s;
	int fds[64], sp[2];
	char byte;

	set_up(&s, NULL);
	for (int i = 0; i < 64; i++)
		fds[i] = tcp_client(&s);
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) == 0);
	expect(dns_serve_tcp(s.g.dns, sp[0], NULL) == -EBUSY);
	expect(recv(sp[1], &byte, 1, 0) == 0);
	(void)close(sp[1]);
	for (int i = 0; i < 64; i++)
		(void)close(fds[i]);
	set_down(&s);
}
