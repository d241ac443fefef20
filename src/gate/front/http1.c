/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/http1.h"

#include "base/err.h"
#include "base/str.h"
#include "gate/exchange-check.h"

#include <ctype.h>
#include <strings.h>

/*
 * Theory of operation. The end of the head is looked for first, and a CR or LF that stands
 * alone ends the matter there: after that, lines are what lies between CRLFs for every
 * reader. Lines are then cut up in place. Headers that say how the message is framed, for
 * whom it is, or what belongs to this connection only, go into fields of the head, each
 * at most once; the rest goes on a list, from which what Connection names is struck.
 */
struct reader {
	struct http1_head *h;
	struct err *e;
	const char *conns[HTTP1_CONN_MAX]; /* options of Connection, as they came */
	size_t conns_len[HTTP1_CONN_MAX];
	size_t conns_n;
	const char *te, *upgrade;
	bool close, keep_alive, upgrading;
};

ssize_t http1_head_end(const char *data, size_t len, size_t *seen)
{
	size_t at = *seen;

	for (; at < len; at++) {
		if (data[at] == '\0')
			return -EBADMSG;
		if (data[at] == '\n' && (at == 0 || data[at - 1] != '\r'))
			return -EBADMSG;
		if (at && data[at - 1] == '\r' && data[at] != '\n')
			return -EBADMSG;
		if (at >= 3 && data[at] == '\n' && data[at - 2] == '\n')
			return at + 1 > HTTP1_HEAD_MAX ? -EMSGSIZE : (ssize_t)at + 1;
	}
	*seen = at;
	return len > HTTP1_HEAD_MAX ? -EMSGSIZE : 0;
}

static int bad(struct err *e, const char *why)
{
	return err_set(e, EBADMSG, "%s", why);
}

int http1_field_parse(char *line, size_t len, struct http1_field *ret, struct err *e)
{
	char *colon = memchr(line, ':', len);
	char *value, *end = line + len;

	if (len && (line[0] == ' ' || line[0] == '\t'))
		return bad(e, "a header line begins with a blank (obs-fold)");
	if (!colon)
		return bad(e, "a header line has no colon");
	if (memchr(line, '\0', len))
		return bad(e, "a header holds a NUL byte");
	*colon = '\0';
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	for (char *c = line; c < colon; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 'a' - 'A');
	if (!exchange_is_token(line, true))
		return bad(e, "the name of a header is no token");
	if (!exchange_is_value(value))
		return bad(e, "a header holds control bytes");
	*ret = (struct http1_field){ line, value };
	return 0;
}

/* The next element of a comma-separated list, without blanks; empty ones are passed over. */
static const char *list_next(const char **at, size_t *len)
{
	const char *s = *at + strspn(*at, ", \t");
	size_t n = strcspn(s, ",");

	if (!*s)
		return NULL;
	*at = s + n;
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	*len = n;
	return s;
}

static bool same_token(const char *s, size_t len, const char *token)
{
	return strlen(token) == len && strncasecmp(s, token, len) == 0;
}

bool http1_list_has(const char *value, const char *token)
{
	size_t len;

	for (const char *at = value, *s; (s = list_next(&at, &len));)
		if (same_token(s, len, token))
			return true;
	return false;
}

static int take_connection(struct reader *r, const char *value)
{
	size_t len;

	for (const char *at = value, *s; (s = list_next(&at, &len));) {
		if (r->conns_n == HTTP1_CONN_MAX)
			return bad(r->e, "too many options in Connection");
		r->conns[r->conns_n] = s;
		r->conns_len[r->conns_n++] = len;
		if (same_token(s, len, "close"))
			r->close = true;
		else if (same_token(s, len, "keep-alive"))
			r->keep_alive = true;
		else if (same_token(s, len, "upgrade"))
			r->upgrading = true;
	}
	return 0;
}

static int take_length(struct reader *r, const char *value)
{
	struct http1_head *h = r->h;
	size_t len = strlen(value);

	if (h->has_length)
		return bad(r->e, "there are two Content-Length headers");
	if (!len || len > 18 || strspn(value, "0123456789") != len)
		return bad(r->e, "Content-Length is no number");
	h->has_length = true;
	h->length = 0;
	for (; *value; value++)
		h->length = h->length * 10 + (*value - '0');
	return 0;
}

static int take_coding(struct reader *r, const char *value)
{
	if (r->h->chunked)
		return bad(r->e, "there are two Transfer-Encoding headers");
	if (strcasecmp(value, "chunked") != 0)
		return bad(r->e, "Transfer-Encoding is something else than \"chunked\"");
	r->h->chunked = true;
	return 0;
}

static int take_host(struct reader *r, const char *value)
{
	if (r->h->host)
		return bad(r->e, "there are two Host headers");
	r->h->host = value;
	return 0;
}

static int take_expect(struct reader *r, const char *value)
{
	if (strcasecmp(value, "100-continue") != 0)
		return bad(r->e, "Expect is something else than \"100-continue\"");
	r->h->expect = true;
	return 0;
}

static int take_te(struct reader *r, const char *value)
{
	if (http1_list_has(value, "trailers"))
		r->h->trailers = true;
	return 0;
}

static int take_upgrade(struct reader *r, const char *value)
{
	/* two of them ask for nothing that is known here */
	r->upgrade = r->upgrade ? "" : value;
	return 0;
}

static int take_nothing(struct reader *r, const char *value)
{
	(void)r, (void)value;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct reader *r, const char *value);
} special[] = {
	{ "connection", take_connection },
	{ "content-length", take_length },
	{ "expect", take_expect },
	{ "host", take_host },
	{ "http2-settings", take_nothing },
	{ "keep-alive", take_nothing },
	{ "te", take_te },
	{ "transfer-encoding", take_coding },
	{ "upgrade", take_upgrade },
};

static int take_field(struct reader *r, const struct http1_field *f)
{
	int res;

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (strcmp(f->name, special[i].name) == 0)
			return special[i].take(r, f->value);
	/* Proxy-Authorization among them: it is for a proxy, and this is the one */
	if (exchange_is_hop(f->name))
		return 0;
	res = exchange_header_add(&r->h->headers, f->name, f->value);
	if (res == -E2BIG)
		return err_set(r->e, EMSGSIZE, "there are too many headers");
	return res < 0 ? err_set(r->e, -res, "%s", err_text(-res)) : 0;
}

/* Strike what Connection names (RFC 9110 section 7.6.1). */
static void strike_named(struct reader *r)
{
	struct exchange_headers *h = &r->h->headers;
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		bool named = false;

		for (size_t k = 0; k < r->conns_n && !named; k++)
			named = same_token(r->conns[k], r->conns_len[k], h->v[i].name);
		if (named) {
			free(h->v[i].name);
			free(h->v[i].value);
		} else {
			h->v[kept++] = h->v[i];
		}
	}
	h->n = kept;
}

bool http1_is_target(const char *s)
{
	for (; *s; s++)
		if (*s <= 0x20 || *s >= 0x7f || *s == '#')
			return false;
	return true;
}

/*
 * "http://authority/path?query" in place: the authority moves back over a slash to make
 * room for its NUL.
 */
static int split_absolute(char *target, struct http1_head *h, struct err *e)
{
	char *authority = strstr(target, "://");
	size_t len;

	if (!authority)
		return bad(e, "the request target has no known form");
	*authority = '\0';
	h->https = strcasecmp(target, "https") == 0;
	if (!h->https && strcasecmp(target, "http") != 0)
		return bad(e, "the scheme of the request target is not http");
	authority += 2;
	len = strcspn(authority + 1, "/?");
	if (!len)
		return bad(e, "the request target names no host");
	memmove(authority, authority + 1, len);
	h->form = HTTP1_ABSOLUTE;
	h->authority = authority;
	h->target = authority + len + 1;
	if (*h->target == '?') {
		/* "http://host?query": the slash takes the place that the NUL would */
		memmove(authority - 1, authority, len);
		h->authority = authority - 1;
		authority[len - 1] = '\0';
		authority[len] = '/';
		h->target = authority + len;
	} else {
		authority[len] = '\0';
	}
	if (!*h->target)
		h->target = strcmp(h->method, "OPTIONS") == 0 ? "*" : "/";
	return 0;
}

static int take_target(char *target, struct http1_head *h, struct err *e)
{
	bool connect = strcmp(h->method, "CONNECT") == 0;

	if (!*target || !http1_is_target(target))
		return bad(e, "the request target holds bytes that it mustn't");
	if (connect) {
		h->form = HTTP1_AUTHORITY;
		h->authority = target;
		return 0;
	}
	h->target = target;
	if (*target == '/')
		h->form = HTTP1_ORIGIN;
	else if (strcmp(target, "*") != 0)
		return split_absolute(target, h, e);
	else if (strcmp(h->method, "OPTIONS") != 0)
		return bad(e, "the target \"*\" is for OPTIONS");
	else
		h->form = HTTP1_ASTERISK;
	return 0;
}

/* method SP target SP HTTP/1.x: single blanks, nothing before or after. */
static int take_request_line(char *line, size_t len, struct http1_head *h, struct err *e)
{
	char *end = line + len, *sp1 = memchr(line, ' ', len), *sp2;

	*end = '\0';
	sp2 = sp1 ? memchr(sp1 + 1, ' ', (size_t)(end - sp1 - 1)) : NULL;
	if (!sp2)
		return bad(e, "the request line is not \"method target version\"");
	*sp1 = *sp2 = '\0';
	h->method = line;
	if (!exchange_is_token(line, false))
		return bad(e, "the method is no token");
	if (strncmp(sp2 + 1, "HTTP/", 5) != 0 || end - sp2 != 9 ||
		!isdigit((unsigned char)sp2[6]) || sp2[7] != '.' ||
		!isdigit((unsigned char)sp2[8]))
		return bad(e, "the version is malformed");
	if (sp2[6] != '1' || (sp2[8] != '0' && sp2[8] != '1'))
		return err_set(
			e, EPROTONOSUPPORT, "only HTTP/1.0 and HTTP/1.1 are known");
	h->minor = (unsigned)(sp2[8] - '0');
	return take_target(sp1 + 1, h, e);
}

/* What the headers say together. */
static int conclude(struct reader *r)
{
	struct http1_head *h = r->h;

	if (h->chunked && h->has_length)
		return bad(r->e, "both Content-Length and Transfer-Encoding are there");
	if (h->chunked && h->minor == 0)
		return bad(r->e, "HTTP/1.0 knows no Transfer-Encoding");
	if (!h->host && (h->minor == 1 || !h->authority))
		return bad(r->e, "there is no Host header");
	if (h->chunked)
		h->length = EXCHANGE_LENGTH_UNKNOWN;
	if (h->minor == 0)
		h->expect = false; /* RFC 9110 section 10.1.1 */
	h->keep = !r->close && (h->minor == 1 || r->keep_alive);
	h->websocket = r->upgrading && r->upgrade && h->minor == 1 &&
		strcasecmp(r->upgrade, "websocket") == 0 &&
		strcmp(h->method, "GET") == 0 && !h->chunked && h->length == 0;
	strike_named(r);
	return 0;
}

static int parse(struct reader *r, char *data, size_t len)
{
	char *at = data, *end = data + len - 2; /* without the empty line */
	char *eol = memmem(at, len, "\r\n", 2);
	struct http1_field f;
	int res;

	res = take_request_line(at, (size_t)(eol - at), r->h, r->e);
	for (size_t n = 0; res == 0 && (at = eol + 2) < end; n++) {
		eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		if (n == HTTP1_HEADERS_MAX)
			return err_set(r->e, EMSGSIZE, "there are too many headers");
		res = http1_field_parse(at, (size_t)(eol - at), &f, r->e);
		if (res == 0)
			res = take_field(r, &f);
	}
	return res < 0 ? res : conclude(r);
}

int http1_head_parse(char *data, size_t len, struct http1_head *ret, struct err *e)
{
	struct http1_head h = { 0 };
	struct reader r = { .h = &h, .e = e };
	size_t seen = 0;
	int res;

	if (http1_head_end(data, len, &seen) != (ssize_t)len)
		return bad(e, "the head has no end");
	res = parse(&r, data, len);
	if (res < 0)
		http1_head_clear(&h);
	else
		*ret = h;
	return res;
}

void http1_head_clear(struct http1_head *h)
{
	exchange_headers_clear(&h->headers);
	*h = (struct http1_head){ 0 };
}
