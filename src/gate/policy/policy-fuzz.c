/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-fuzz.c - rules and questions, one a line; each verdict is held against the naive one.
 *
 *	allow|deny ...			a rule
 *	open PATTERN
 *	ask STAGE PROTO PORT NAME ADDRESS METHOD TARGET		"-" for none
 */
#include "gate/policy/policy-naive.h"

#include "base/err.h"
#include "base/str.h"

#define LINES_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void build(struct policy *p, const struct strv *lines, struct strv *opens)
{
	for (size_t i = 0; i < lines->n && i < LINES_MAX; i++) {
		char name[NAME_MAX_LEN + 4];
		const char *line = lines->v[i];
		struct rule r = { .text = NULL };
		struct err e = { 0 };

		if (str_starts(line, "open ")) {
			if (policy_open_host(p, line + 5) < 0 ||
				name_pattern_normalise(line + 5, strlen(line + 5), name) <
					0)
				continue;
			if (strv_add(opens, name) < 0)
				abort();
		} else if (rule_parse(line, "fuzz", &r, &e) == 0 &&
			policy_add(p, &r) < 0) {
			rule_clear(&r);
		}
	}
}

static void compare(
	const struct policy *p, const struct strv *opens, const struct policy_query *q)
{
	const char *const *patterns = (const char *const *)(uintptr_t)opens->v;
	struct policy_verdict fast, slow;

	policy_judge(p, q, &fast);
	policy_naive_judge(p, patterns, q, &slow);
	if (fast.allow != slow.allow || fast.open != slow.open || fast.raw != slow.raw ||
		fast.rule != slow.rule || !fast.reason)
		abort();
}

static void ask(const struct policy *p, const struct strv *opens, const struct strv *w)
{
	char name[NAME_MAX_LEN + 1], path[RULE_PATH_MAX * 4];
	struct address addr;
	struct policy_query q = { .stage = (enum policy_stage)(
					  (unsigned char)w->v[1][0] % 3),
		.proto = (enum policy_proto)((unsigned char)w->v[2][0] % 5),
		.port = (uint16_t)strtoul(w->v[3], NULL, 10) };

	if (name_normalise(w->v[4], strlen(w->v[4]), name) == 0)
		q.name = name;
	if (w->n > 5 && address_parse(w->v[5], &addr) == 0)
		q.addr = &addr;
	q.method = w->n > 6 ? w->v[6] : NULL;
	if (w->n > 7 && policy_path(w->v[7], strlen(w->v[7]), path) == 0)
		q.path = path;
	compare(p, opens, &q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free char *text = len > 16384 ? NULL : strndup((const char *)data, len);
	auto_strv struct strv lines = { 0 }, opens = { 0 };
	struct policy *p = policy_new();

	if (text && p && strv_split(&lines, text, "\n") == 0) {
		build(p, &lines, &opens);
		if (policy_seal(p) < 0)
			abort();
		for (size_t i = 0; i < lines.n && i < LINES_MAX; i++) {
			auto_strv struct strv words = { 0 };

			if (str_starts(lines.v[i], "ask ") &&
				strv_split(&words, lines.v[i], " ") == 0 && words.n > 4)
				ask(p, &opens, &words);
		}
	}
	policy_free(p);
	return 0;
}
