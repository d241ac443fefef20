/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-transfer.h"

#include "base/err.h"
#include "base/str.h"
#include "gate/exchange.h"
#include "gate/inject/inject-proxy.h"
#include "gate/inject/inject.h"

/*
 * Theory of operation. libcurl never looks a name up here: the gate has judged addresses,
 * and those are meant. CURLOPT_CONNECT_TO leads a request to one of them, and is part of
 * what libcurl compares before it uses a kept connection again: so an address that isn't
 * allowed any more is not reached by an old connection, and nothing that one exchange says
 * about a name (as with CURLOPT_RESOLVE) is ever believed in another. It takes one address
 * only; the next one is tried here, while nothing has been sent.
 */
#define CONNECT_MS      15000L
#define CONNECT_MORE_MS 3000L /* while there is another address */

char *inject_url(const struct exchange_request *q)
{
	bool v6 = strchr(q->host, ':') != NULL;

	return str_printf("%s://%s%s%s:%u/", q->tls ? "https" : "http", v6 ? "[" : "",
		q->host, v6 ? "]" : "", q->port);
}

static int use_proxy(const struct injector *in, CURL *c, const char *proxy)
{
	(void)curl_easy_setopt(c, CURLOPT_RESOLVE, inject_proxy_resolve(in->proxy));
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 2 * CONNECT_MS);
	return curl_easy_setopt(c, CURLOPT_PROXY, proxy) == CURLE_OK ? 0 : -ENOMEM;
}

int inject_route(const struct injector *in, CURL *c, const struct exchange_request *q,
	size_t i, struct curl_slist **ret, struct err *e)
{
	const char *proxy =
		inject_proxy_for(in->proxy, q->tls, q->host, q->addrs, q->addrs_n);
	char text[ADDRESS_TEXT_MAX];
	auto_free char *to = NULL;
	struct curl_slist *list;

	if (proxy)
		return use_proxy(in, c, proxy) < 0 ? err_set(e, ENOMEM, "out of memory")
						   : 0;
	if (i >= q->addrs_n)
		return err_set(e, EHOSTUNREACH,
			"%s: no address is known, and no proxy leads there", q->host);
	to = str_printf(address_is_v4(&q->addrs[i]) ? "::%s:%u" : "::[%s]:%u",
		address_text(&q->addrs[i], text), q->port);
	list = to ? curl_slist_append(NULL, to) : NULL;
	if (!list)
		return err_set(e, ENOMEM, "out of memory");
	(void)curl_easy_setopt(c, CURLOPT_CONNECT_TO, list);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
		i + 1 < q->addrs_n ? CONNECT_MORE_MS : CONNECT_MS);
	*ret = list;
	return 0;
}

bool inject_may_retry(CURL *c, CURLcode result)
{
	curl_off_t sent = 0;

	(void)curl_easy_getinfo(c, CURLINFO_PRETRANSFER_TIME_T, &sent);
	return sent == 0 &&
		(result == CURLE_COULDNT_CONNECT || result == CURLE_OPERATION_TIMEDOUT ||
			result == CURLE_SSL_CONNECT_ERROR);
}

/* libcurl's own words, without its prefixes. */
static const char *detail_of(CURLcode result, const char *detail)
{
	if (str_starts(detail, "SSL certificate problem: "))
		detail += strlen("SSL certificate problem: ");
	else if (str_starts(detail, "SSL: "))
		detail += strlen("SSL: ");
	return *detail ? detail : curl_easy_strerror(result);
}

char *inject_why(CURL *c, CURLcode result, const char *host, const char *detail,
	unsigned *ret_status)
{
	long code = 0;

	*ret_status = result == CURLE_OPERATION_TIMEDOUT ? 504 : 502;
	(void)curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &code);
	detail = detail_of(result, detail);
	if (result == CURLE_PEER_FAILED_VERIFICATION)
		return str_printf(
			"the certificate of '%s' is not trusted: %s", host, detail);
	if (result == CURLE_COULDNT_CONNECT && code)
		return str_printf("connect to '%s': %s", host, err_text((int)code));
	if (result == CURLE_OPERATION_TIMEDOUT)
		return str_printf("connect to '%s': timed out", host);
	if (result == CURLE_COULDNT_RESOLVE_PROXY)
		return str_printf("'%s': the proxy's name is not known", host);
	if (result == CURLE_SSL_CONNECT_ERROR)
		return str_printf("TLS with '%s': %s", host, detail);
	return str_printf("'%s': %s", host, detail);
}
