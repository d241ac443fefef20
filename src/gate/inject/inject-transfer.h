/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-transfer.h - a request to an upstream server and its response, by libcurl.
 */
#ifndef BRIG_GATE_INJECT_TRANSFER_H
#define BRIG_GATE_INJECT_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>

struct err;
struct inject_head;
struct inject_serve;
struct exchange_request;
struct injector;

/* Give 'x' its job. -EINVAL for what can't be asked, or another -errno. */
int inject_transfer_start(struct inject_serve *x, struct err *e);

/*
 * Where to connect for 'q': proxy, or its address number 'i', and how long to wait for it.
 * 'ret' is to be freed when the handle is done with. -EHOSTUNREACH when there is no way.
 */
int inject_route(const struct injector *in, CURL *c, const struct exchange_request *q,
	size_t i, struct curl_slist **ret, struct err *e);

/* "https://api.example.com:443/"; the caller frees it. */
char *inject_url(const struct exchange_request *q);

/* Did nothing leave for the server yet, so that another address may be tried? */
bool inject_may_retry(CURL *c, CURLcode result);

/* What went wrong, in a sentence that names the host, and the status that says it. */
char *inject_why(CURL *c, CURLcode result, const char *host, const char *detail,
	unsigned *ret_status);

#endif
