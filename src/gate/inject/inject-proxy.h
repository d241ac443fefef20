/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-proxy.h - the host's own proxy, if it reaches the world through one.
 *
 * By the variables that all programs know (http_proxy, https_proxy, all_proxy, no_proxy):
 * http, https, socks4a and socks5h; of the latter, names are always the proxy's business.
 */
#ifndef BRIG_GATE_INJECT_PROXY_H
#define BRIG_GATE_INJECT_PROXY_H

#include "gate/policy/address.h"

#include <stdbool.h>

struct curl_slist;
struct err;
struct inject_proxy;
struct json;

/*
 * From {"http":URL,"https":URL,"all":URL,"no":"a,b"}; NULL for none. The names of proxies
 * are looked up here and now, which may block: before the promise. Afterwards ('before'
 * not NULL) only names that 'before' knows are taken: -EHOSTUNREACH.
 */
int inject_proxy_new(const struct json *j, const struct inject_proxy *before,
	struct inject_proxy **ret, struct err *e);
void inject_proxy_free(struct inject_proxy *p);

/*
 * The proxy for connections to 'host', or NULL: straight to the addresses. 'addrs' are
 * those the gate gave (n 0: by name only).
 */
const char *inject_proxy_for(const struct inject_proxy *p, bool tls, const char *host,
	const struct address *addrs, size_t n);

/* For CURLOPT_RESOLVE: addresses of the proxies. May be NULL. */
struct curl_slist *inject_proxy_resolve(const struct inject_proxy *p);

#endif
