/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/rule-target.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "gate/policy/policy.h"

#define PORT_MAX 65535

static const struct scheme {
	const char *name;
	enum rule_proto proto;
	uint16_t port; /* 0: must be given */
} schemes[] = {
	{ "https", RULE_HTTPS, 443 },
	{ "http", RULE_HTTP, 80 },
	{ "tls", RULE_TLS, 443 },
	{ "tcp", RULE_ANY, 0 },
};

#define SCHEMES (sizeof(schemes) / sizeof(*schemes))

static int bad(struct err *e, const char *what, const char *why)
{
	auto_free char *shown = str_escape(what);

	return err_set(e, EINVAL, "'%.120s' %s", shown ? shown : "?", why);
}

static int read_ports(const char *text, struct rule *r, struct err *e)
{
	const char *dash = strchr(text, '-');
	auto_free char *low = dash ? strndup(text, (size_t)(dash - text)) : strdup(text);
	uint64_t from, to;
	int n = low ? str_to_uint(low, PORT_MAX, "port", &from, e)
		    : err_set(e, ENOMEM, "out of memory");

	if (n < 0)
		return n;
	to = from;
	if (dash)
		n = str_to_uint(dash + 1, PORT_MAX, "port", &to, e);
	if (n < 0)
		return n;
	if (from == 0 || to < from)
		return bad(e, text, "is neither a port nor a range of ports");
	r->port_from = (uint16_t)from;
	r->port_to = (uint16_t)to;
	return 0;
}

static int parse_port(const char *text, struct rule *r, struct err *e)
{
	int n = read_ports(text, r, e);

	if (n == -EINVAL || n == -ERANGE)
		err_hint(e, "a port is a number from 1 to 65535, a range 1000-2000");
	return n;
}

/* An address, and behind the slash something that doesn't go with it. */
static int bad_network(
	const char *text, const struct address *a, const char *length, struct err *e)
{
	unsigned max = address_is_v4(a) ? 32 : 128;
	char host[ADDRESS_TEXT_MAX];
	uint64_t bits;
	int n;

	(void)address_text(a, host);
	if (str_to_uint(length, max, "length", &bits, NULL) == 0) {
		n = bad(e, text, "is no network: its address has bits beyond its length");
		err_hint(e,
			"write %s for the address alone, or clear what is after the "
			"length",
			host);
		return n;
	}
	n = bad(e, text, "is no network: behind the slash is no length");
	err_hint(e, "a length is a number from 0 to %u; with a port write %s", max,
		max == 32 ? "10.0.0.0/8:443" : "[2001:db8::]/32:443");
	return n;
}

static int parse_range(const char *text, struct rule *r, struct err *e)
{
	const char *slash = strchr(text, '/');
	auto_free char *host =
		slash ? strndup(text, (size_t)(slash - text)) : strdup(text);
	struct address alone;
	int n;

	if (address_range_parse(text, &r->range) == 0) {
		r->target = RULE_RANGE;
		return 0;
	}
	if (!host)
		return err_set(e, ENOMEM, "out of memory");
	if (!slash || address_parse(host, &alone) < 0) {
		n = bad(e, text, "is no IP address");
		err_hint(e,
			"write 192.0.2.1, 10.0.0.0/8, 2001:db8::/32 or "
			"[2001:db8::1]:443");
		return n;
	}
	return bad_network(text, &alone, slash + 1, e);
}

static int parse_name(const char *text, struct rule *r, struct err *e)
{
	char name[NAME_MAX_LEN + 4];
	int n;

	if (name_pattern_normalise(text, strlen(text), name) == 0) {
		r->target = strcmp(name, "public") == 0 ? RULE_PUBLIC : RULE_NAME;
		if (r->target == RULE_PUBLIC)
			return 0;
		return str_set(&r->name, name) < 0 ? err_set(e, ENOMEM, "out of memory")
						   : 0;
	}
	n = bad(e, text, "is no host name, address or network");
	if (text[strspn(text, "*.")] == '\0' && *text)
		err_hint(e, "'public' stands for every public address");
	else if (strchr(text, '*'))
		err_hint(e,
			"*.example.com is one label more, **.example.com any number; "
			"a star stands nowhere else");
	else if (strchr(text, '/'))
		err_hint(e, "a path needs https:// or http:// in front");
	else
		err_hint(e, "names are letters, digits, - and dots; others as xn--...");
	return n;
}

/* Where the host ends in what may be [HOST]/BITS:PORT, HOST/BITS:PORT or an IPv6 address. */
static const char *host_end(const char *text)
{
	const char *first = strchr(text, ':');

	if (*text == '[') {
		const char *close = strchr(text, ']');

		first = close ? strchr(close, ':') : NULL;
		return first ? first : text + strlen(text);
	}
	if (!first || strchr(first + 1, ':'))
		return text + strlen(text);
	return first;
}

/* "[2001:db8::]/32" and "[2001:db8::/32]" without the brackets. */
static void strip_brackets(char *host)
{
	char *close = strchr(host, ']');

	if (*host != '[' || !close)
		return;
	memmove(close, close + 1, strlen(close));
	memmove(host, host + 1, strlen(host));
}

/* HOST[:PORT]; '*ret_port' says whether there was one. */
static int parse_host(const char *text, struct rule *r, bool *ret_port, struct err *e)
{
	const char *end = host_end(text);
	auto_free char *host = strndup(text, (size_t)(end - text));

	if (!host)
		return err_set(e, ENOMEM, "out of memory");
	*ret_port = *end == ':';
	if (*end) {
		int n = parse_port(end + 1, r, e);

		if (n < 0)
			return n;
	}
	if (*host == '[' && !strchr(host, ':'))
		return bad(e, host, "is no IPv6 address");
	strip_brackets(host);
	if (strchr(host, ':') || (*host && !host[strspn(host, "0123456789./")]))
		return parse_range(host, r, e);
	return parse_name(host, r, e);
}

static int parse_path(const char *text, struct rule *r, struct err *e)
{
	char path[RULE_PATH_MAX * 4];
	size_t n = 0;

	if (strpbrk(text, "?#"))
		return bad(e, text, "is no path: rules don't see queries and fragments");
	if (strcasestr(text, "%2a") || policy_path(text, strlen(text), path) < 0) {
		(void)bad(e, text, "is no path that every server reads alike");
		err_hint(e, "write it without .., \\ and escapes of /, \\, * and %%");
		return -EINVAL;
	}
	/* more than two stars are two */
	for (const char *p = path; *p; p++)
		if (*p != '*' || n < 2 || path[n - 1] != '*' || path[n - 2] != '*')
			path[n++] = *p;
	path[n] = '\0';
	if (n > RULE_PATH_MAX)
		return err_set(
			e, EINVAL, "the path is longer than %d bytes", RULE_PATH_MAX);
	return str_set(&r->path, path) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* What a target without a port is about. */
static int default_ports(struct rule *r, const struct scheme *s, struct err *e)
{
	r->port_from = 0;
	r->port_to = PORT_MAX;
	if (s && !s->port) {
		(void)err_set(e, EINVAL, "tcp:// without a port");
		err_hint(e, "write tcp://NAME:PORT");
		return -EINVAL;
	}
	if (s) {
		r->port_from = r->port_to = s->port;
	} else if (r->target == RULE_NAME && r->action == RULE_ALLOW) {
		r->proto = RULE_WEB;
		r->port_from = 80;
		r->port_to = 443;
	}
	return 0;
}

static int find_scheme(const char *text, const struct scheme **ret, struct err *e)
{
	const char *colon = strstr(text, "://"), *names[SCHEMES], *near;
	auto_free char *name = colon ? strndup(text, (size_t)(colon - text)) : NULL;

	*ret = NULL;
	for (size_t i = 0; name && i < SCHEMES; i++) {
		names[i] = schemes[i].name;
		if (strcasecmp(name, names[i]) == 0)
			*ret = &schemes[i];
	}
	if (!name || *ret)
		return 0;
	near = str_nearest(name, names, SCHEMES);
	(void)bad(e, name, "is no protocol that rules know");
	err_hint(e, "they know tcp, tls, http and https%s%s%s",
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return -EINVAL;
}

int rule_target_parse(const char *text, struct rule *r, struct err *e)
{
	const struct scheme *s;
	const char *path = NULL, *rest = text;
	auto_free char *host = NULL;
	bool port = false;
	int n = find_scheme(text, &s, e);

	if (n < 0)
		return n;
	r->proto = s ? s->proto : RULE_ANY;
	rest = s ? strstr(text, "://") + 3 : text;
	if (r->proto == RULE_HTTP || r->proto == RULE_HTTPS) {
		const char *close = *rest == '[' ? strchr(rest, ']') : NULL;

		path = strchr(close ? close : rest, '/');
	}
	host = path ? strndup(rest, (size_t)(path - rest)) : strdup(rest);
	if (!host)
		return err_set(e, ENOMEM, "out of memory");
	n = parse_host(host, r, &port, e);
	if (n == 0 && !port)
		n = default_ports(r, s, e);
	if (n < 0 || !path)
		return n;
	if (r->target == RULE_RANGE && path[1] &&
		!path[1 + strspn(path + 1, "0123456789")]) {
		(void)bad(e, text, "may mean a network or a path");
		err_hint(
			e, "write the path as %s* or the network without https://", path);
		return -EINVAL;
	}
	return parse_path(path, r, e);
}

static int print_range(const struct rule *r, bool ports, struct buf *out)
{
	char text[ADDRESS_TEXT_MAX];
	bool v4 = r->range.bits >= 96 && address_is_v4(&r->range.base);
	unsigned whole = v4 ? 32 : 128, bits = v4 ? r->range.bits - 96U : r->range.bits;
	bool brackets = !v4 && (ports || r->path || r->proto != RULE_ANY);
	int n = buf_addf(
		out, "%s%s", brackets ? "[" : "", address_text(&r->range.base, text));

	if (n == 0 && bits != whole)
		n = buf_addf(out, "/%u", bits);
	return n == 0 && brackets ? buf_add_str(out, "]") : n;
}

static const struct scheme *scheme_of(enum rule_proto p)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (schemes[i].proto == p && schemes[i].port)
			return &schemes[i];
	return NULL;
}

static bool ports_shown(const struct rule *r, const struct scheme *s)
{
	if (r->proto == RULE_WEB)
		return false;
	if (s)
		return r->port_from != s->port || r->port_to != s->port;
	return r->port_from != 0 || r->port_to != PORT_MAX;
}

int rule_target_print(const struct rule *r, struct buf *out)
{
	const struct scheme *s = scheme_of(r->proto);
	bool ports = ports_shown(r, s);
	int n = s ? buf_addf(out, "%s://", s->name) : 0;

	if (n == 0 && r->target == RULE_RANGE)
		n = print_range(r, ports, out);
	else if (n == 0)
		n = buf_add_str(out, r->target == RULE_PUBLIC ? "public" : r->name);
	if (n == 0 && ports)
		n = buf_addf(out, ":%u", r->port_from);
	if (n == 0 && ports && r->port_to != r->port_from)
		n = buf_addf(out, "-%u", r->port_to);
	return n == 0 && r->path ? buf_add_str(out, r->path) : n;
}
