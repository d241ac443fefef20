/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A path is decoded into bytes once, whatever of it was escaped; what
 * doesn't survive that unambiguously is refused. Then dots are resolved, and what could not
 * stand in a path by itself is escaped again, so that there is one spelling of each path.
 *
 * A pattern is matched as an automaton without memory of the way: the set of places in the
 * pattern that may have been reached, moved on by one byte of the path at a time. Nothing
 * is ever tried twice.
 */
#include "gate/policy/policy-path.h"

#include "gate/policy/policy.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PATH_ROOM (RULE_PATH_MAX * 4)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that the escape at 't' stands for, -EINVAL for one that isn't fit for a path. */
static int escaped_byte(const char *t, size_t left)
{
	int high = left > 2 ? hex_digit(t[1]) : -1, low = left > 2 ? hex_digit(t[2]) : -1;
	int byte = high * 16 + low;

	if (high < 0 || low < 0 || byte < ' ' || byte == 0x7f || byte == '/' ||
		byte == '\\')
		return -EINVAL;
	return byte;
}

/* Decode up to the query. Returns the length, -EINVAL. */
static int decode(const char *t, size_t len, unsigned char out[PATH_ROOM])
{
	size_t n = 0;

	for (size_t i = 0; i < len && t[i] != '?' && t[i] != '#'; i++) {
		int byte = (unsigned char)t[i];

		if (byte <= ' ' || byte == 0x7f || byte == '\\')
			return -EINVAL;
		if (byte == '%') {
			byte = escaped_byte(t + i, len - i);
			i += 2;
		}
		if (byte < 0 || n + 1 >= PATH_ROOM)
			return -EINVAL;
		out[n++] = (unsigned char)byte;
	}
	out[n] = '\0';
	return (int)n;
}

/* "%252e", however it was spelled: some servers decode twice. */
static bool is_doubled(const unsigned char *s)
{
	for (; *s; s++)
		if (*s == '%' && hex_digit((char)s[1]) >= 0 && hex_digit((char)s[2]) >= 0)
			return true;
	return false;
}

/* RFC 3629, so that "%c0%ae" is no dot to anyone. */
static bool is_utf8(const unsigned char *s)
{
	while (*s) {
		size_t more = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
		unsigned lead = *s++;

		if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 ||
			(lead == 0xe0 && *s < 0xa0) || (lead == 0xed && *s > 0x9f) ||
			(lead == 0xf0 && *s < 0x90) || (lead == 0xf4 && *s > 0x8f))
			return false;
		for (; more; more--)
			if ((*s++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* "." and "..", and "..;x", which some servers take for "..". */
static int dots(const char *segment, size_t len)
{
	size_t n = strspn(segment, ".");

	n = n > len ? len : n;
	if (n == 0 || n > 2 || (n < len && segment[n] != ';'))
		return 0;
	return n < len ? -EINVAL : (int)n;
}

/* Resolve dots and empty segments in place; it begins with '/'. */
static int resolve(char *path)
{
	char *to = path, *at = path;

	while (*at) {
		size_t len = strcspn(++at, "/");
		int d = dots(at, len);

		if (d < 0 || (d == 2 && to == path))
			return -EINVAL;
		if (d == 2)
			while (*--to != '/')
				;
		else if (d == 0 && len) {
			*to++ = '/';
			memmove(to, at, len);
			to += len;
		}
		/* the last one: empty or dots mean a directory */
		if (!at[len] && (d || !len))
			*to++ = '/';
		at += len;
	}
	*to = '\0';
	return 0;
}

/* Escape all but unreserved bytes, sub-delims, ':', '@' and '/' (RFC 3986 section 3.3). */
static int encode(const char *path, char out[PATH_ROOM])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		bool plain =
			*p < 0x80 && (isalnum(*p) || strchr("-._~!$&'()*+,;=:@/", *p));

		if (n + (plain ? 1 : 3) >= PATH_ROOM)
			return -EINVAL;
		if (plain) {
			out[n++] = (char)*p;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[*p >> 4];
		out[n++] = hex[*p & 15];
	}
	out[n] = '\0';
	return 0;
}

/*
 * Should:  give one spelling for all targets that servers take for the same path.
 * Mustn't: let a path through that two servers could read in two ways.
 */
int policy_path(const char *target, size_t len, char out[RULE_PATH_MAX * 4])
{
	char path[PATH_ROOM];

	if (len == 1 && *target == '*') {
		memcpy(out, "*", 2);
		return 0;
	}
	if (len == 0 || *target != '/' ||
		decode(target, len, (unsigned char *)path) < 0 ||
		!is_utf8((unsigned char *)path) || is_doubled((unsigned char *)path) ||
		resolve(path) < 0)
		return -EINVAL;
	return encode(path, out);
}

enum step { STEP_BYTE, STEP_STAR, STEP_STARS };

static size_t compile(const char *pattern, unsigned char steps[RULE_PATH_MAX],
	char bytes[RULE_PATH_MAX])
{
	size_t n = 0;

	for (const char *p = pattern; *p && n < RULE_PATH_MAX; n++) {
		size_t stars = strspn(p, "*");

		steps[n] = stars == 0 ? STEP_BYTE : stars == 1 ? STEP_STAR : STEP_STARS;
		bytes[n] = *p;
		p += stars ? stars : 1;
	}
	return n;
}

/* Each star may stand for nothing: whoever is before it is also behind it. */
static void pass_stars(bool *at, const unsigned char *steps, size_t from, size_t n)
{
	for (size_t i = from; i < n; i++)
		if (at[i] && steps[i] != STEP_BYTE)
			at[i + 1] = true;
}

static bool automaton(const char *pattern, const char *path)
{
	unsigned char steps[RULE_PATH_MAX];
	char bytes[RULE_PATH_MAX];
	size_t n = compile(pattern, steps, bytes), low = 0;
	bool at[RULE_PATH_MAX + 1] = { true };

	pass_stars(at, steps, 0, n);
	for (; *path && low <= n; path++) {
		/* from the back, so that a place moves on once a byte */
		at[n] = false;
		for (size_t i = n; i-- > low;) {
			bool here = at[i];

			if (steps[i] == STEP_BYTE && here && bytes[i] == *path)
				at[i + 1] = true;
			at[i] = here &&
				(steps[i] == STEP_STARS ||
					(steps[i] == STEP_STAR && *path != '/'));
		}
		while (low <= n && !at[low])
			low++;
		pass_stars(at, steps, low, n);
	}
	return low <= n && at[n];
}

bool policy_path_matches(const char *pattern, const char *path)
{
	size_t same = 0;

	/* most patterns are a prefix and "**" */
	while (pattern[same] && pattern[same] != '*' && pattern[same] == path[same])
		same++;
	pattern += same;
	path += same;
	if (*pattern != '*')
		return !*pattern && !*path;
	if (strcmp(pattern, "**") == 0)
		return true;
	return automaton(pattern, path);
}

bool policy_path_denied(const char *pattern, const char *path)
{
	char plain[PATH_ROOM];
	size_t n = 0;

	if (policy_path_matches(pattern, path))
		return true;
	if (strlen(path) >= sizeof(plain))
		return true; /* policy_path() makes none */
	for (const char *p = path; *p; p++) {
		p += *p == ';' ? strcspn(p, "/") : 0;
		if (!*p)
			break;
		if (*p != '/' || !n || plain[n - 1] != '/')
			plain[n++] = *p;
	}
	plain[n] = '\0';
	if (strchr(path, ';') && policy_path_matches(pattern, plain))
		return true;
	if (n < 2 || plain[n - 1] != '/')
		return false;
	plain[n - 1] = '\0';
	return policy_path_matches(pattern, plain);
}
