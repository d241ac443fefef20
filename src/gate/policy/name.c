/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/name.h"

#include <errno.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */

/* The byte in lower case; 0 for one that no host name holds. */
static char name_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return c;
	return 0;
}

/* "1", "0x7f", "0x": what inet_aton(3) and browsers take for a part of an IPv4 address. */
static bool is_number(const char *label)
{
	size_t digits = strspn(label, "0123456789");

	if (!label[digits])
		return true;
	return label[0] == '0' && label[1] == 'x' &&
		!label[2 + strspn(label + 2, "0123456789abcdef")];
}

static bool label_good(const char *label, size_t len)
{
	return len > 0 && len <= LABEL_MAX && label[0] != '-' && label[len - 1] != '-';
}

int name_normalise(const char *text, size_t len, char out[NAME_MAX_LEN + 1])
{
	char name[NAME_MAX_LEN + 1];
	size_t start = 0;

	if (len && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MAX_LEN)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		name[i] = text[i] == '.' ? '.' : name_char(text[i]);
		if (!name[i])
			return -EINVAL;
		if (name[i] == '.') {
			if (!label_good(name + start, i - start))
				return -EINVAL;
			start = i + 1;
		}
	}
	name[len] = '\0';
	if (!label_good(name + start, len - start) || is_number(name + start))
		return -EINVAL;
	memcpy(out, name, len + 1);
	return 0;
}

int name_pattern_normalise(const char *text, size_t len, char out[NAME_MAX_LEN + 4])
{
	size_t stars = 0;
	char name[NAME_MAX_LEN + 1];

	while (stars < len && stars < 3 && text[stars] == '*')
		stars++;
	if (stars > 2 || (stars && (len <= stars || text[stars] != '.')))
		return -EINVAL;
	stars += stars ? 1 : 0; /* the dot */
	if (name_normalise(text + stars, len - stars, name) < 0)
		return -EINVAL;
	memcpy(out, text, stars);
	memcpy(out + stars, name, strlen(name) + 1);
	return 0;
}

bool name_matches(const char *pattern, const char *name)
{
	size_t stars = strspn(pattern, "*"), tail, n;

	if (stars == 0)
		return strcmp(pattern, name) == 0;
	pattern += stars; /* ".example.com" */
	tail = strlen(pattern);
	n = strlen(name);
	if (n <= tail || strcmp(name + n - tail, pattern) != 0)
		return false;
	return stars == 2 || !memchr(name, '.', n - tail);
}

bool name_is_local(const char *name)
{
	/* RFC 6761, RFC 6762, RFC 8375, ICANN's .internal, and what networks at home and at
	 * work are called (RFC 6762 appendix G) */
	static const char *const ends[] = { "localhost", "local", "internal", "home.arpa",
		"lan", "home", "corp", "intranet", "private", "localdomain" };
	size_t n = strlen(name);

	if (!strchr(name, '.'))
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t m = strlen(ends[i]);

		if (n > m && name[n - m - 1] == '.' && strcmp(name + n - m, ends[i]) == 0)
			return true;
	}
	return false;
}
