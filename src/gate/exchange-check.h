/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange-check.h - is a head in the canonical form of exchange.h?
 *
 * Both sides ask before they send and after they have received: what comes out of a
 * process that may have been taken over is worth no more than what it is made of.
 * Each returns NULL, or what is wrong in words that hold nothing of the head itself.
 */
#ifndef BRIG_GATE_EXCHANGE_CHECK_H
#define BRIG_GATE_EXCHANGE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct exchange_failure;
struct exchange_headers;
struct exchange_request;
struct exchange_response;

const char *exchange_check_request(const struct exchange_request *q);
const char *exchange_check_response(const struct exchange_response *p);
const char *exchange_check_headers(const struct exchange_headers *h);
const char *exchange_check_failure(const struct exchange_failure *f);

/* A token (RFC 9110 section 5.6.2), not empty; 'lower': without capital letters. */
bool exchange_is_token(const char *text, bool lower);

/* A field value (RFC 9110 section 5.5): no control bytes but TAB, no blanks at its ends. */
bool exchange_is_value(const char *text);

/* Does this name (in lower case) belong to one connection or to the framing of messages? */
bool exchange_is_hop(const char *name);

#endif
