/* SPDX-License-Identifier: Apache-2.0 */
#include "image/challenge.h"

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			abort();
}

/* Each line is the value of one header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free char *text = strndup((const char *)data, len);
	auto_challenge struct challenge c = { 0 };
	auto_strv struct strv lines = { 0 };

	if (!text || strv_split(&lines, text, "\n") < 0)
		return 0;
	for (size_t i = 0; i < lines.n; i++)
		(void)challenge_add(&c, lines.v[i]);
	check(c.realm);
	check(c.service);
	check(c.scope);
	return 0;
}
