/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/request-authority.h"

#include "base/str.h"

static int parse_port(const char *text, uint16_t *ret)
{
	size_t len = strlen(text);
	unsigned v = 0;

	if (!len || len > 5 || strspn(text, "0123456789") != len || *text == '0')
		return -EINVAL;
	for (; *text; text++)
		v = v * 10 + (unsigned)(*text - '0');
	if (v > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

static int parse_host(const char *text, size_t len, struct authority *a)
{
	char host[ADDRESS_TEXT_MAX];

	if (name_normalise(text, len, a->name) == 0) {
		a->named = true;
		return 0;
	}
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	/* address_parse() takes IPv6 without brackets too, and here those are a must */
	if (*host != '[' && strchr(host, ':'))
		return -EINVAL;
	if (address_parse(host, &a->addr) < 0)
		return -EINVAL;
	/* brackets are for IPv6 only, and a mapped IPv4 address has a plainer form */
	if (address_is_v4(&a->addr) != (*host != '['))
		return -EINVAL;
	(void)address_text(&a->addr, host);
	(void)snprintf(a->name, sizeof(a->name), "%s", host);
	return 0;
}

int authority_parse(const char *text, struct authority *ret)
{
	struct authority a = { 0 };
	const char *close = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon = strchr(close ? close : text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	int r;

	if (*text == '[' && (!close || close + 1 != text + len))
		return -EINVAL;
	r = colon ? parse_port(colon + 1, &a.port) : 0;
	if (r == 0)
		r = parse_host(text, len, &a);
	if (r == 0)
		*ret = a;
	return r;
}

bool authority_same(const struct authority *a, const struct authority *b, uint16_t port)
{
	return (a->port ? a->port : port) == (b->port ? b->port : port) &&
		strcmp(a->name, b->name) == 0;
}

const char *authority_text(
	const char *host, uint16_t port, uint16_t usual, char out[AUTHORITY_TEXT_MAX])
{
	bool v6 = strchr(host, ':') != NULL;
	int n = snprintf(
		out, AUTHORITY_TEXT_MAX, "%s%s%s", v6 ? "[" : "", host, v6 ? "]" : "");

	if (port != usual && n > 0 && n < AUTHORITY_TEXT_MAX)
		(void)snprintf(
			out + n, (size_t)(AUTHORITY_TEXT_MAX - n), ":%u", (unsigned)port);
	return out;
}
