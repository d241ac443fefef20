/* SPDX-License-Identifier: Apache-2.0 */
/* A rule that is taken is printed in a form that is the same rule. */
#include "gate/policy/rule.h"

#include "base/auto.h"
#include "base/err.h"
#include "gate/policy/policy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void paths(const char *line, size_t len)
{
	char once[RULE_PATH_MAX * 4], twice[RULE_PATH_MAX * 4];

	if (policy_path(line, len, once) < 0)
		return;
	if (policy_path(once, strlen(once), twice) < 0 || strcmp(once, twice) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free char *line = strndup((const char *)data, len);
	AUTO(rule_clear) struct rule a = { .text = NULL }, b = { .text = NULL };
	struct err e = { 0 };

	paths((const char *)data, len);
	if (!line || rule_parse(line, "fuzz", &a, &e) < 0)
		return 0;
	if (rule_parse(a.text, "fuzz", &b, &e) < 0)
		abort();
	if (!same(a.text, b.text) || !same(a.name, b.name) || !same(a.path, b.path) ||
		a.action != b.action || a.target != b.target || a.proto != b.proto ||
		a.port_from != b.port_from || a.port_to != b.port_to ||
		a.methods != b.methods || a.range.bits != b.range.bits ||
		!address_equal(&a.range.base, &b.range.base))
		abort();
	return 0;
}
