/* SPDX-License-Identifier: Apache-2.0 */
#include "image/challenge.h"

#include "base/str.h"

#include <strings.h>

/* token characters (RFC 9110, section 5.6.2) */
#define TOKEN                                                            \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"!#$%&'*+-.^_`|~"
#define SPACE " \t"

void challenge_clear(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	*c = (struct challenge){ 0 };
}

/* A quoted string or a token at '*p'; NULL when there is none. Moves '*p' behind it. */
static char *take_value(const char **p)
{
	const char *from = *p;
	char *out = malloc(strlen(from) + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	if (*from != '"') {
		n = strspn(from, TOKEN);
		memcpy(out, from, n);
		from += n;
	} else {
		for (from++; *from && *from != '"'; from++) {
			if (*from == '\\' && from[1])
				from++;
			out[n++] = *from;
		}
		from += *from == '"';
	}
	out[n] = '\0';
	*p = from;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			n = 0;
	if (n == 0)
		free(take_ptr(&out));
	return out;
}

static void set_param(struct challenge *c, const char *name, size_t len, char *value)
{
	char **to = len == 5 && strncasecmp(name, "realm", 5) == 0 ? &c->realm
		: len == 7 && strncasecmp(name, "service", 7) == 0 ? &c->service
		: len == 5 && strncasecmp(name, "scope", 5) == 0   ? &c->scope
								   : NULL;

	if (!to) {
		free(value);
		return;
	}
	free(*to);
	*to = value;
}

int challenge_add(struct challenge *c, const char *value)
{
	bool bearer = false;

	if (strlen(value) > CHALLENGE_TEXT_MAX)
		return -EMSGSIZE;
	for (const char *p = value; *(p += strspn(p, SPACE ","));) {
		size_t len = strspn(p, TOKEN);
		const char *name = p, *after = p + len + strspn(p + len, SPACE);

		if (len == 0)
			return -EBADMSG;
		if (*after == '=') {
			char *text;

			p = after + 1 + strspn(after + 1, SPACE);
			text = take_value(&p);
			if (bearer)
				set_param(c, name, len, text);
			else
				free(text);
			continue;
		}
		bearer = len == 6 && strncasecmp(name, "bearer", 6) == 0;
		c->bearer |= bearer;
		c->basic |= len == 5 && strncasecmp(name, "basic", 5) == 0;
		p = after;
	}
	return 0;
}
