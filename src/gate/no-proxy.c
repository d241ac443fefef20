/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/no-proxy.h"

#include "base/str.h"
#include "gate/policy/address.h"

#include <string.h>

static bool covers_name(const char *word, const char *host)
{
	size_t n, len = strlen(host);

	if (word[0] == '*' && word[1] == '.')
		word++;
	if (word[0] == '.')
		word++;
	n = strlen(word);
	return n && len >= n && strcasecmp(host + len - n, word) == 0 &&
		(len == n || host[len - n - 1] == '.');
}

static bool covers_address(const char *word, const struct address *a)
{
	struct address_range range;
	struct address one;

	if (address_range_parse(word, &range) == 0)
		return address_in(a, &range);
	return address_parse(word, &one) == 0 && address_equal(a, &one);
}

bool no_proxy_covers(const struct strv *list, const char *host)
{
	struct address a;
	bool is_address = address_parse(host, &a) == 0;

	for (size_t i = 0; i < list->n; i++) {
		const char *word = list->v[i];

		if (strcmp(word, "*") == 0 ||
			(is_address ? covers_address(word, &a) : covers_name(word, host)))
			return true;
	}
	return false;
}
