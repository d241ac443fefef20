/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no-proxy.h - which hosts are reached past the upstream proxy: the variable no_proxy, as
 * curl(1) reads it.
 *
 * Gate and injector have to agree on it: whom the injector sends straight, it sends to
 * addresses that only the gate can look up.
 */
#ifndef BRIG_GATE_NO_PROXY_H
#define BRIG_GATE_NO_PROXY_H

#include <stdbool.h>

struct strv;

/*
 * 'host' is a normalised name or an address in text form. Words of the list: "example.com",
 * ".example.com" and "*.example.com" mean it and all beneath it, "*" everything; addresses
 * and networks mean addresses.
 */
bool no_proxy_covers(const struct strv *list, const char *host);

#endif
