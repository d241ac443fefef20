/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - requests to a registry, by libcurl.
 *
 * Only http and https; http is for this very machine, or where the user said --insecure.
 * Redirects are followed at most five times, never from https to http, and libcurl leaves
 * the Authorization header out on another host. Proxies come from the environment
 * (http_proxy, HTTPS_PROXY, ALL_PROXY, NO_PROXY), except for this very machine.
 */
#ifndef BRIG_IMAGE_HTTP_H
#define BRIG_IMAGE_HTTP_H

#include "base/buf.h"
#include "image/challenge.h"
#include "image/digest.h"

#include <curl/curl.h>

struct err;

#define HTTP_CONNECT_SECONDS 20L
#define HTTP_STALL_SECONDS   30L /* without a byte */

struct http_policy {
	bool insecure; /* http anywhere, and certificates of any name */
};

/* What the headers of the last reply (after redirects) said. */
struct http_reply {
	long status;
	struct challenge challenge;
	char digest[DIGEST_TEXT_MAX]; /* Docker-Content-Digest, or "" */
	long retry_after;             /* seconds, 0 for none */
	int64_t range_start;          /* Content-Range's, -1 for none */
	struct buf body;              /* where no other sink was asked for */
};

struct http_request {
	const char *url;
	const char *auth;   /* "Authorization: ...", or NULL */
	const char *accept; /* a value, or NULL */
	const char *form;   /* body of a POST, or NULL */
	size_t body_max;
};

void http_reply_clear(struct http_reply *r);
#define auto_http_reply AUTO(http_reply_clear)

/* A handle that is set up for 'url' but for a sink; headers go to 'reply'. */
CURL *http_new(
	const char *url, const struct http_policy *policy, struct http_reply *reply);

/* A list of headers; NULLs are left out. */
struct curl_slist *http_headers(const char *first, const char *second);

/*
 * Ask, and read the body. Any status is a success here; what failed on the way is an
 * error, -EAGAIN when it may go better another time. Tries three times.
 */
int http_ask(const struct http_request *q, const struct http_policy *policy,
	struct http_reply *ret, struct err *e);

/* Is a failure of the network (a CURLcode) worth another try? */
bool http_is_passing(int curl_code);
bool http_status_is_passing(long status);

/* Fail because of a status, with what the registry's JSON body says about it. */
int http_refused(const struct http_reply *r, const char *what, struct err *e);

/* What went wrong on the way to 'host'. */
int http_failed(int curl_code, const char *detail, const char *url, struct err *e);

#endif
