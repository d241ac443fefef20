/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - what a verdict of the gate costs when there are many rules.
 *
 *	verdict [RULES [VERDICTS]]
 *
 * Rules of all kinds, in shares that are typical: exact names, wildcards of both kinds,
 * networks of many lengths, ports, paths. Output, one line a kind of question:
 *	LABEL <TAB> rules <TAB> nanoseconds a verdict
 * Each question goes round many names or addresses, so that it isn't the cache of one that
 * is measured; the best of five rounds counts.
 */
#include "base/err.h"
#include "gate/policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TARGETS 1024U
#define ROUNDS  5

static double now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void write_rule(char *line, size_t room, unsigned i)
{
	switch (i % 10) {
	case 0:
	case 1:
	case 2:
	case 3: (void)snprintf(line, room, "allow host%u.example.com", i); break;
	case 4: (void)snprintf(line, room, "allow *.star%u.example.net", i); break;
	case 5: (void)snprintf(line, room, "allow **.deep%u.example.org", i); break;
	case 6: (void)snprintf(line, room, "deny bad%u.example.com", i); break;
	case 7:
		(void)snprintf(line, room, "allow %u.%u.%u.0/24", 20 + i % 60,
			i / 256 % 256, i % 256);
		break;
	case 8:
		(void)snprintf(
			line, room, "allow https://api%u.example.com/v1/** GET,POST", i);
		break;
	default: (void)snprintf(line, room, "allow git%u.example.com:22", i); break;
	}
}

static struct policy *build(unsigned n)
{
	struct policy *p = policy_new();
	char line[128];

	for (unsigned i = 0; p && i < n; i++) {
		struct rule r;
		struct err e = { 0 };

		write_rule(line, sizeof(line), i);
		if (rule_parse(line, "bench", &r, &e) < 0 || policy_add(p, &r) < 0) {
			fprintf(stderr, "%s: %s\n", line, e.msg);
			exit(1);
		}
	}
	if (!p || policy_seal(p) < 0)
		exit(1);
	return p;
}

struct question {
	const char *label;
	const char *name; /* a format for the number of a rule; NULL: by address */
	unsigned kind;    /* of rule: its number's last digit */
	enum policy_stage stage;
	const char *path;
	bool allow;
};

static const struct question questions[] = {
	{ "exact name", "host%u.example.com", 0, POLICY_CONNECT, NULL, true },
	{ "wildcard", "a.star%u.example.net", 4, POLICY_CONNECT, NULL, true },
	{ "deep wildcard", "c.b.a.deep%u.example.org", 5, POLICY_CONNECT, NULL, true },
	{ "denied name", "bad%u.example.com", 6, POLICY_CONNECT, NULL, false },
	{ "unknown name", "www.nobody%u.example.info", 0, POLICY_CONNECT, NULL, false },
	{ "address", NULL, 7, POLICY_CONNECT, NULL, true },
	{ "request", "api%u.example.com", 8, POLICY_REQUEST, "/v1/messages/17/parts",
		true },
	{ "dns", "host%u.example.com", 0, POLICY_DNS, NULL, true },
};

/* Nanoseconds for one verdict; ends the program where it isn't the one that is due. */
static double measure(const struct policy *p, const struct question *k, unsigned rules,
	unsigned verdicts)
{
	static char names[TARGETS][NAME_MAX_LEN + 1];
	static struct address addrs[TARGETS];
	struct policy_query q = { .stage = k->stage, .port = 443, .method = "GET" };
	double start;

	q.proto = k->stage == POLICY_REQUEST ? PROTO_HTTPS : PROTO_TLS;
	q.path = k->path;
	for (unsigned t = 0; t < TARGETS; t++) {
		unsigned i = t * 7919 % (rules / 10) * 10 + k->kind;
		char text[ADDRESS_TEXT_MAX];

		(void)snprintf(text, sizeof(text), "%u.%u.%u.9", 20 + i % 60,
			i / 256 % 256, i % 256);
		if (address_parse(k->name ? "93.184.215.14" : text, &addrs[t]) < 0)
			exit(1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		if (k->name)
			(void)snprintf(names[t], sizeof(names[t]), k->name, i);
#pragma GCC diagnostic pop
	}
	start = now_ns();
	for (unsigned n = 0; n < verdicts; n++) {
		struct policy_verdict v;

		q.name = k->name ? names[n % TARGETS] : NULL;
		q.addr = &addrs[n % TARGETS];
		policy_judge(p, &q, &v);
		if (v.allow != k->allow) {
			fprintf(stderr, "%s: a wrong verdict\n", k->label);
			exit(1);
		}
	}
	return (now_ns() - start) / verdicts;
}

int main(int argc, char **argv)
{
	unsigned rules = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
	unsigned verdicts = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200000;
	struct policy *p;

	if (rules < 10 || rules > POLICY_RULES_MAX || verdicts == 0) {
		fprintf(stderr, "usage: verdict [RULES [VERDICTS]]\n");
		return 2;
	}
	p = build(rules);
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		double best = 0;

		for (unsigned r = 0; r < ROUNDS; r++) {
			double ns = measure(p, &questions[i], rules, verdicts);

			best = !r || ns < best ? ns : best;
		}
		printf("%s\t%u\t%.0f\n", questions[i].label, rules, best);
	}
	policy_free(p);
	return 0;
}
