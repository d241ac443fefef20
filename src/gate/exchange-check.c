/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/exchange-check.h"

#include "base/str.h"
#include "gate/exchange.h"

#define REASON_MAX 2048

/* tchar of RFC 9110 section 5.6.2, a bit a byte */
static bool is_tchar(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

bool exchange_is_token(const char *text, bool lower)
{
	if (!text || !*text)
		return false;
	for (; *text; text++)
		if (!is_tchar((unsigned char)*text) ||
			(lower && *text >= 'A' && *text <= 'Z'))
			return false;
	return true;
}

bool exchange_is_value(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (!text)
		return false;
	if (n && (strchr(" \t", text[0]) || strchr(" \t", text[n - 1])))
		return false;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool exchange_is_hop(const char *name)
{
	static const char *const names[] = { "connection", "content-length", "host",
		"http2-settings", "keep-alive", "te", "transfer-encoding", "upgrade" };

	if (str_starts(name, "proxy-"))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool is_te_trailers(const struct exchange_header *v)
{
	return strcmp(v->name, "te") == 0 && strcmp(v->value, "trailers") == 0;
}

const char *exchange_check_headers(const struct exchange_headers *h)
{
	if (h->n > EXCHANGE_HEADERS_MAX)
		return "too many headers";
	for (size_t i = 0; i < h->n; i++) {
		const struct exchange_header *v = &h->v[i];

		if (!exchange_is_token(v->name, true))
			return "the name of a header is no token in lower case";
		if (!exchange_is_value(v->value))
			return "a header's value holds bytes that it mustn't";
		if (exchange_is_hop(v->name) && !is_te_trailers(v))
			return "a header that belongs to the connection";
	}
	return NULL;
}

static bool host_is_canonical(const char *host)
{
	char name[NAME_MAX_LEN + 1], text[ADDRESS_TEXT_MAX];
	struct address a;

	if (!host || !*host || strlen(host) > NAME_MAX_LEN)
		return false;
	if (name_normalise(host, strlen(host), name) == 0)
		return strcmp(name, host) == 0;
	return address_parse(host, &a) == 0 && strcmp(address_text(&a, text), host) == 0;
}

/* Origin-form or "*"; a fragment never travels (RFC 9112 section 3.2). */
static bool target_is_canonical(const char *method, const char *target)
{
	if (!target)
		return false;
	if (strcmp(target, "*") == 0)
		return strcmp(method, "OPTIONS") == 0;
	if (target[0] != '/')
		return false;
	for (; *target; target++) {
		unsigned char c = (unsigned char)*target;

		if (c <= 0x20 || c == 0x7f || c == '#')
			return false;
	}
	return true;
}

const char *exchange_check_request(const struct exchange_request *q)
{
	if (!exchange_is_token(q->method, false))
		return "the method is no token";
	if (!host_is_canonical(q->host))
		return "the host is neither a name nor an address in canonical form";
	if (!q->port)
		return "there is no port 0";
	if (!target_is_canonical(q->method, q->target))
		return "the target is not in origin form";
	if (q->upgrade && !exchange_is_token(q->upgrade, true))
		return "the protocol to upgrade to is no token in lower case";
	if (q->upgrade && strcmp(q->method, "GET") != 0 &&
		strcmp(q->method, "CONNECT") != 0)
		return "an upgrade takes GET or CONNECT";
	if (!q->upgrade && strcmp(q->method, "CONNECT") == 0)
		return "CONNECT asks for a tunnel";
	if (q->length < EXCHANGE_LENGTH_UNKNOWN)
		return "the length is negative";
	if (q->addrs_n > EXCHANGE_ADDRS_MAX)
		return "too many addresses";
	return exchange_check_headers(&q->headers);
}

const char *exchange_check_response(const struct exchange_response *p)
{
	if (p->status < 100 || p->status > 999)
		return "the status is no number of three digits";
	if (p->length < EXCHANGE_LENGTH_UNKNOWN)
		return "the length is negative";
	if (p->upgrade && !exchange_is_token(p->upgrade, true))
		return "the protocol to upgrade to is no token in lower case";
	if ((p->status == 101) != (p->upgrade != NULL))
		return "101 and the protocol come together";
	return exchange_check_headers(&p->headers);
}

const char *exchange_check_failure(const struct exchange_failure *f)
{
	if (f->status < 400 || f->status > 599)
		return "the status is no failure";
	if (!exchange_is_value(f->reason) || strlen(f->reason) > REASON_MAX)
		return "the reason is no line of text";
	return NULL;
}
