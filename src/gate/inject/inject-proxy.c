/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-proxy.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gate/no-proxy.h"

#include <curl/curl.h>
#include <netdb.h>

#define ADDRS_MAX 8

enum { HTTP, HTTPS, ALL, URLS };

struct inject_proxy {
	char *url[URLS];
	char *known
		[URLS]; /* "host:port:addr,addr", for libcurl; NULL: host is an address */
	struct strv no;
	struct curl_slist *resolve;
};

static void free_url(CURLU *u)
{
	curl_url_cleanup(u);
}
AUTO_DEFINE(CURLU *, free_url);

static void free_part(char *s)
{
	curl_free(s);
}
AUTO_DEFINE(char *, free_part);

static int look_up(const char *host, const char *port, char **ret, struct err *e)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	auto_buf struct buf b = { 0 };
	int n = 0, r = getaddrinfo(host, port, &want, &all);

	if (r != 0)
		return err_set(
			e, EHOSTUNREACH, "the proxy '%s': %s", host, gai_strerror(r));
	r = buf_addf(&b, "%s:%s:", host, port);
	for (const struct addrinfo *a = all; r == 0 && a && n < ADDRS_MAX;
		a = a->ai_next) {
		char text[ADDRESS_TEXT_MAX];
		struct address at;
		uint16_t at_port;

		if (address_from_sockaddr(a->ai_addr, &at, &at_port) < 0)
			continue;
		r = buf_addf(&b, address_is_v4(&at) ? "%s%s" : "%s[%s]", n++ ? "," : "",
			address_text(&at, text));
	}
	freeaddrinfo(all);
	if (r < 0 || !n)
		return err_set(e, EHOSTUNREACH, "the proxy '%s' has no address", host);
	*ret = buf_take(&b);
	return *ret ? 0 : err_set(e, ENOMEM, "out of memory");
}

static const char *find_known(
	const struct inject_proxy *p, const char *host, const char *port)
{
	auto_free char *key = str_printf("%s:%s:", host, port);

	for (int i = 0; p && key && i < URLS; i++)
		if (p->known[i] && str_starts(p->known[i], key))
			return p->known[i];
	return NULL;
}

static int resolve(struct inject_proxy *p, int which, const char *host, const char *port,
	const struct inject_proxy *before, struct err *e)
{
	const char *known = find_known(p, host, port);
	struct address a;

	if (address_parse(host, &a) == 0)
		return 0;
	if (!known)
		known = find_known(before, host, port);
	if (known) {
		p->known[which] = strdup(known);
		return p->known[which] ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	if (before) {
		int r = err_set(e, EHOSTUNREACH, "the proxy '%s' is new here", host);

		err_hint(e, "restart the sandbox, so that its address is looked up");
		return r;
	}
	return look_up(host, port, &p->known[which], e);
}

/* libcurl looks the target's name up for socks5 and socks4: there is nobody to ask. */
static const char *by_name(const char *scheme)
{
	if (strcmp(scheme, "socks5") == 0)
		return "socks5h";
	if (strcmp(scheme, "socks4") == 0)
		return "socks4a";
	return scheme;
}

static int take_url(struct inject_proxy *p, int which, const char *text,
	const struct inject_proxy *before, struct err *e)
{
	AUTO(free_url_auto) CURLU *u = curl_url();
	AUTO(free_part_auto) char *scheme = NULL, *host = NULL, *port = NULL, *url = NULL;
	auto_free char *full =
		str_printf("%s%s", strstr(text, "://") ? "" : "http://", text);
	int r;

	if (!u || !full)
		return err_set(e, ENOMEM, "out of memory");
	if (curl_url_set(u, CURLUPART_URL, full, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return err_set(e, EINVAL, "the proxy's address is no URL");
	/* 1080 is what libcurl takes for every kind of proxy but https */
	if (curl_url_get(u, CURLUPART_PORT, &port, 0) != CURLUE_OK)
		(void)curl_url_set(u, CURLUPART_PORT,
			strcmp(scheme, "https") == 0 ? "443" : "1080", 0);
	(void)curl_url_set(
		u, CURLUPART_SCHEME, by_name(scheme), CURLU_NON_SUPPORT_SCHEME);
	(void)curl_url_set(u, CURLUPART_PATH, NULL, 0);
	if (!port && curl_url_get(u, CURLUPART_PORT, &port, 0) != CURLUE_OK)
		return err_set(e, EINVAL, "the proxy's address has no port");
	if (curl_url_get(u, CURLUPART_URL, &url, 0) != CURLUE_OK)
		return err_set(e, EINVAL, "the proxy's address is no URL");
	r = resolve(p, which, host, port, before, e);
	if (r == 0 && !(p->url[which] = strdup(url)))
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

static int take_all(struct inject_proxy *p, const struct json *j,
	const struct inject_proxy *before, struct err *e)
{
	static const char *const keys[] = { "http", "https", "all" };
	const char *no = json_get_str(j, "no");
	int r = 0;

	for (int i = 0; r == 0 && i < URLS; i++) {
		const char *text = json_get_str(j, keys[i]);

		if (text && *text)
			r = take_url(p, i, text, before, e);
	}
	for (int i = 0; r == 0 && i < URLS; i++) {
		struct curl_slist *l = p->known[i]
			? curl_slist_append(p->resolve, p->known[i])
			: p->resolve;

		if (p->known[i] && !l)
			r = err_set(e, ENOMEM, "out of memory");
		p->resolve = l ? l : p->resolve;
	}
	if (r == 0 && no && strv_split(&p->no, no, ", \t") < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

int inject_proxy_new(const struct json *j, const struct inject_proxy *before,
	struct inject_proxy **ret, struct err *e)
{
	struct inject_proxy *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, ENOMEM, "out of memory");
	r = take_all(p, j, before, e);
	if (r < 0)
		inject_proxy_free(p);
	else
		*ret = p;
	return r;
}

void inject_proxy_free(struct inject_proxy *p)
{
	if (!p)
		return;
	for (int i = 0; i < URLS; i++) {
		free(p->url[i]);
		free(p->known[i]);
	}
	strv_clear(&p->no);
	curl_slist_free_all(p->resolve);
	free(p);
}

/* What is this machine itself is never a proxy's business. */
static bool all_local(const struct address *addrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (address_kind(&addrs[i]) != ADDRESS_LOOPBACK)
			return false;
	return n != 0;
}

const char *inject_proxy_for(const struct inject_proxy *p, bool tls, const char *host,
	const struct address *addrs, size_t n)
{
	const char *url = p ? p->url[tls ? HTTPS : HTTP] : NULL;

	if (p && !url)
		url = p->url[ALL];
	/* by name only: whoever resolves names for the host is the one to ask */
	if (p && !url && n == 0)
		url = p->url[tls ? HTTP : HTTPS];
	if (!url || no_proxy_covers(&p->no, host) || all_local(addrs, n))
		return NULL;
	return url;
}

struct curl_slist *inject_proxy_resolve(const struct inject_proxy *p)
{
	return p ? p->resolve : NULL;
}
