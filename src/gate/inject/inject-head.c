/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-head.h"

#include "base/err.h"
#include "base/str.h"
#include "gate/exchange-check.h"

#include <ctype.h>
#include <strings.h>

#define HEAD_BYTES_MAX 60000U

/* "HTTP/1.1 200 OK", "HTTP/2 200 " */
static int take_status(struct inject_head *h, const char *line, struct err *e)
{
	const char *p = strchr(line, ' ');

	exchange_response_clear(&h->response);
	h->response.length = EXCHANGE_LENGTH_UNKNOWN;
	h->chunked = false;
	free(take_ptr(&h->connection));
	if (!str_starts(line, "HTTP/") || !p)
		return err_set(e, EPROTO, "an answer that is no HTTP");
	for (p++; *p >= '0' && *p <= '9' && h->response.status < 1000; p++)
		h->response.status = (uint16_t)(h->response.status * 10 + (*p - '0'));
	if (h->response.status < 100 || h->response.status > 999 || (*p && *p != ' '))
		return err_set(e, EPROTO, "an answer with a status that is none");
	h->state = INJECT_HEAD_FIELDS;
	return 0;
}

/* Two lengths that differ are how one response is made to look like two. */
static int take_length(struct inject_head *h, const char *value, struct err *e)
{
	uint64_t n;

	if (str_to_uint(value, INT64_MAX, "length", &n, NULL) < 0 ||
		(h->response.length >= 0 && h->response.length != (int64_t)n))
		return err_set(e, EPROTO, "an answer with a length that is none");
	h->response.length = (int64_t)n;
	return 0;
}

static int take_hop(
	struct inject_head *h, const char *name, const char *value, struct err *e)
{
	char *both;

	if (strcmp(name, "content-length") == 0)
		return take_length(h, value, e);
	if (strcmp(name, "transfer-encoding") == 0)
		h->chunked = true;
	if (strcmp(name, "upgrade") == 0 && h->response.status == 101)
		return str_set(&h->response.upgrade, value) < 0
			? err_set(e, ENOMEM, "out of memory")
			: 0;
	if (strcmp(name, "connection") != 0)
		return 0;
	both = str_printf("%s%s%s", h->connection ? h->connection : "",
		h->connection ? "," : "", value);
	if (!both)
		return err_set(e, ENOMEM, "out of memory");
	free(h->connection);
	h->connection = both;
	return 0;
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* 'line' is changed. */
static int take_field(struct inject_head *h, char *line, struct err *e)
{
	char *colon = strchr(line, ':'), *value, *end;
	int r;

	if (line[0] == ' ' || line[0] == '\t')
		return err_set(e, EPROTO, "an answer with a folded header");
	if (!colon)
		return 0;
	*colon = '\0';
	lower(line);
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && strchr(" \t", end[-1]))
		*--end = '\0';
	if (!exchange_is_token(line, true) || !exchange_is_value(value))
		return 0;
	if (exchange_is_hop(line))
		return h->state == INJECT_HEAD_TRAILERS ? 0 : take_hop(h, line, value, e);
	r = exchange_header_add(&h->response.headers, line, value);
	if (r == -E2BIG)
		return err_set(e, EPROTO, "an answer with too many headers");
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static void drop_named(struct exchange_headers *h, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->v[i].name, name) != 0) {
			h->v[kept++] = h->v[i];
			continue;
		}
		free(h->v[i].name);
		free(h->v[i].value);
	}
	h->n = kept;
}

static int finish(struct inject_head *h, struct err *e)
{
	auto_strv struct strv names = { 0 };

	if (h->connection && strv_split(&names, h->connection, ", \t") < 0)
		return err_set(e, ENOMEM, "out of memory");
	/* each name costs a walk over the headers: a handful is what anyone needs */
	for (size_t i = 0; i < names.n && i < 16; i++) {
		lower(names.v[i]);
		drop_named(&h->response.headers, names.v[i]);
	}
	if (h->chunked)
		h->response.length = EXCHANGE_LENGTH_UNKNOWN;
	if (h->response.upgrade)
		lower(h->response.upgrade);
	h->state = INJECT_HEAD_WHOLE;
	return 0;
}

int inject_head_line(struct inject_head *h, const char *line, size_t len, struct err *e)
{
	auto_free char *copy = NULL;

	while (len && strchr("\r\n", line[len - 1]))
		len--;
	h->bytes += len;
	if (h->bytes > HEAD_BYTES_MAX)
		return err_set(e, EPROTO, "an answer whose head is too long");
	if (memchr(line, '\0', len))
		return err_set(e, EPROTO, "an answer with a NUL in its head");
	if (len == 0)
		return h->state == INJECT_HEAD_FIELDS ? finish(h, e) : 0;
	copy = strndup(line, len);
	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	if (h->state == INJECT_HEAD_STATUS)
		return take_status(h, copy, e);
	if (h->state == INJECT_HEAD_WHOLE)
		return err_set(e, EPROTO, "an answer in disorder");
	return take_field(h, copy, e);
}

void inject_head_next(struct inject_head *h)
{
	bool more = h->response.status < 200 && h->response.status != 101;

	exchange_response_clear(&h->response);
	free(take_ptr(&h->connection));
	h->state = more ? INJECT_HEAD_STATUS : INJECT_HEAD_TRAILERS;
}

void inject_head_clear(struct inject_head *h)
{
	exchange_response_clear(&h->response);
	free(h->connection);
	*h = (struct inject_head){ 0 };
}
