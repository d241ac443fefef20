/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-multi.h - libcurl's transfers, driven by the event loop.
 *
 * One curl multi handle a process: it keeps connections open for requests to come. A
 * transfer that ends is reported by its call-back, from the loop, never from within a
 * call of libcurl; there the handle may be removed, freed or added anew.
 */
#ifndef BRIG_GATE_INJECT_MULTI_H
#define BRIG_GATE_INJECT_MULTI_H

#include "base/auto.h"

#include <curl/curl.h>
#include <openssl/types.h>

struct err;
struct inject_multi;
struct loop;

typedef void inject_done_cb(CURLcode result, void *data);
typedef void inject_settle_cb(void *data);

/* 'settle' is called when libcurl has had its turn, so that what was queued is written. */
int inject_multi_new(struct loop *l, inject_settle_cb *settle, void *data,
	struct inject_multi **ret, struct err *e);
void inject_multi_free(struct inject_multi *m);

/* A handle with nothing set but what all of this process's have in common; NULL without
 * memory. */
CURL *inject_multi_take(struct inject_multi *m, X509_STORE *trust);
void inject_multi_give(struct inject_multi *m, CURL *c); /* back; NULL is fine */

/* 0 or -ENOMEM. 'done' is called once, unless the handle is removed before. */
int inject_multi_add(struct inject_multi *m, CURL *c, inject_done_cb *done, void *data);
void inject_multi_remove(struct inject_multi *m, CURL *c);

#endif
