/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request-authority.h - "host:port" of a Host header, :authority or CONNECT, taken apart.
 *
 * No user information, no percent-escapes, no blanks, no empty or zero-padded port: what
 * is meant must be what every server would take it for (RFC 3986 section 3.2, RFC 9110
 * section 7.2).
 */
#ifndef BRIG_GATE_REQUEST_AUTHORITY_H
#define BRIG_GATE_REQUEST_AUTHORITY_H

#include "gate/policy/address.h"
#include "gate/policy/name.h"

struct authority {
	bool named;                  /* by name, not by address */
	char name[NAME_MAX_LEN + 1]; /* normalised; of an address: its canonical text */
	struct address addr;
	uint16_t port; /* 0: none was given */
};

/* 0 or -EINVAL. */
int authority_parse(const char *text, struct authority *ret);

/* The same place? 'port' stands in where one has none. */
bool authority_same(const struct authority *a, const struct authority *b, uint16_t port);

/* "name:443", brackets around IPv6, no port when it is 'usual'. */
#define AUTHORITY_TEXT_MAX (NAME_MAX_LEN + 16)
const char *authority_text(
	const char *host, uint16_t port, uint16_t usual, char out[AUTHORITY_TEXT_MAX]);

#endif
