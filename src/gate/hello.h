/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello.h - what a TLS ClientHello says in clear (RFC 8446 section 4.1.2, RFC 6066 section 3).
 */
#ifndef BRIG_GATE_HELLO_H
#define BRIG_GATE_HELLO_H

#include "gate/policy/name.h"

#include <stdbool.h>
#include <stddef.h>

#define HELLO_MAX 65536U /* bytes of records that a ClientHello may take */

struct hello {
	char name[NAME_MAX_LEN + 1]; /* server name, normalised; "": none */
	bool ech;                    /* asks for an encrypted ClientHello (type 0xfe0d) */
	bool h2, http1;              /* ALPN offers */
	bool alpn;                   /* ALPN is there at all */
};

enum hello_result {
	HELLO_MORE, /* a ClientHello so far */
	HELLO_DONE,
	HELLO_OTHER, /* no TLS */
	HELLO_BAD,   /* TLS, but malformed, or made to be read in two ways: two names,
			a name that is no host name, lengths that don't agree */
};

/* Look at what has been received so far; nothing is consumed. Also over several records. */
enum hello_result hello_parse(const void *data, size_t len, struct hello *ret);

#endif
