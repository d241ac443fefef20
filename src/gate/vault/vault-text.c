/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-text.h"

#include "base/buf.h"
#include "base/err.h"
#include "gate/policy/address.h"
#include "gate/policy/name.h"

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int vault_name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= VAULT_NAME_MAX && is_alnum(*name);

	for (size_t i = 1; good && i < n; i++)
		good = is_alnum(name[i]) || strchr("._-", name[i]);
	if (!good) {
		auto_free char *shown = str_escape(name);

		(void)err_set(
			e, EINVAL, "'%.80s' can't name a secret", shown ? shown : "?");
		err_hint(e,
			"use letters, digits, and after the first also . _ -; at most %u",
			VAULT_NAME_MAX);
		return -EINVAL;
	}
	return 0;
}

int vault_env_check(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= VAULT_NAME_MAX && !(*name >= '0' && *name <= '9');

	for (size_t i = 0; good && i < n; i++)
		good = is_alnum(name[i]) || name[i] == '_';
	if (!good) {
		auto_free char *shown = str_escape(name);

		(void)err_set(
			e, EINVAL, "'%.80s' can't name a variable", shown ? shown : "?");
		err_hint(e, "use letters, digits and _, and no digit first");
		return -EINVAL;
	}
	return 0;
}

static int bad_host(const char *text, const char *why, struct err *e)
{
	auto_free char *shown = str_escape(text);

	(void)err_set(e, EINVAL, "host '%.260s' %s", shown ? shown : "?", why);
	err_hint(e, "write api.example.com, *.example.com or an address, without a port");
	return -EINVAL;
}

int vault_host_normalise(const char *text, char **ret, struct err *e)
{
	char name[NAME_MAX_LEN + 4], shown[ADDRESS_TEXT_MAX];
	const char *form = name, *base;
	struct address a;

	if (strlen(text) > NAME_MAX_LEN + 4)
		return bad_host(text, "is too long", e);
	if (address_parse(text, &a) == 0) {
		form = address_text(&a, shown);
	} else {
		if (name_pattern_normalise(text, strlen(text), name) < 0)
			return bad_host(text, "is no host name", e);
		base = name + strspn(name, "*.");
		if (base != name && !strchr(base, '.'))
			return bad_host(
				text, "would send the secret to a whole domain", e);
	}
	*ret = strdup(form);
	return *ret ? 0 : err_set(e, ENOMEM, "out of memory");
}

bool vault_host_covers(const char *outer, const char *inner)
{
	const char *stars = inner + strspn(inner, "*");
	auto_free char *sample = NULL;

	if (str_eq(outer, inner))
		return true;
	if (stars == inner) {
		struct address a;

		return address_parse(inner, &a) < 0 && name_matches(outer, inner);
	}
	/* "*.a.b" lies within "**.b": any name that the one stands for does */
	if (strncmp(outer, "**", 2) != 0)
		return false;
	sample = str_printf("x%s", stars);
	return sample && name_matches(outer, sample);
}

/* Length of the UTF-8 sequence at 'p' (RFC 3629), 0 for none and for control characters. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	if (n == 0 || n > left || *p < 0x20 || *p == 0x7f || *p > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xc2 && p[1] < 0xa0) || (*p == 0xe0 && p[1] < 0xa0) ||
		(*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
		(*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

int vault_value_check(const char *value, size_t len, struct err *e)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t json = 2;

	if (len < VAULT_VALUE_MIN || len > VAULT_VALUE_MAX) {
		(void)err_set(e, EINVAL, "the value has %zu bytes, want %u to %u", len,
			VAULT_VALUE_MIN, VAULT_VALUE_MAX);
		err_hint(e, "it is read from standard input: brig secret set ... <FILE");
		return -EINVAL;
	}
	if (*value == ' ' || value[len - 1] == ' ')
		return err_set(e, EINVAL,
			"the value begins or ends with a blank, which headers lose");
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(p + i, len - i);

		if (n == 0)
			return err_set(e, EINVAL,
				"byte %zu of the value is %s: it couldn't go into a "
				"header",
				i + 1,
				p[i] < 0x20 || p[i] == 0x7f ? "a control character"
							    : "no UTF-8 text");
		json += n + (p[i] == '"' || p[i] == '\\');
		i += n;
	}
	if (json > VAULT_VALUE_JSON_MAX)
		return err_set(
			e, EINVAL, "the value has too many quotes and backslashes");
	return 0;
}

int vault_add_json_str(struct buf *out, const char *text, size_t len)
{
	int r = buf_add_str(out, "\"");

	for (size_t i = 0; i < len && r == 0; i++) {
		if (text[i] == '"' || text[i] == '\\')
			r = buf_add_str(out, "\\");
		if (r == 0)
			r = buf_add(out, text + i, 1);
	}
	return r < 0 ? r : buf_add_str(out, "\"");
}

char *vault_to_hex(const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;
	char *text = malloc(len * 2 + 1);

	for (size_t i = 0; text && i < len; i++) {
		text[i * 2] = digits[p[i] >> 4];
		text[i * 2 + 1] = digits[p[i] & 15];
	}
	if (text)
		text[len * 2] = '\0';
	return text;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int vault_from_hex(const char *text, struct buf *out)
{
	size_t n = strlen(text);
	int r = n % 2 ? -EINVAL : buf_reserve(out, n / 2 + 1);

	for (size_t i = 0; i < n && r == 0; i += 2) {
		int high = digit(text[i]), low = digit(text[i + 1]);
		unsigned char byte;

		if (high < 0 || low < 0)
			return -EINVAL;
		byte = (unsigned char)(high << 4 | low);
		r = buf_add(out, &byte, 1);
	}
	return r;
}
