/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front.h - HTTP that the gate speaks with the sandbox itself.
 *
 * Three ways lead here: TLS that has to be opened (terminated with a leaf certificate that
 * the vault signs), HTTP in clear, and the gate's own proxy port. HTTP/1.1 and HTTP/2 (by
 * ALPN; RFC 9112, RFC 9113). Each request is parsed strictly, made canonical, judged
 * (POLICY_REQUEST) and handed to the injector (exchange.h); its response is streamed back
 * as it comes. A request that is denied gets 403 and a sentence that names the rule or the
 * remedy; one that could be read in two ways gets 400 and the connection ends.
 */
#ifndef BRIG_GATE_FRONT_H
#define BRIG_GATE_FRONT_H

#include "gate/policy/address.h"

#include <stdbool.h>
#include <stdint.h>

struct err;
struct front;
struct gate;
struct parcel;

int front_shared_new(struct gate *g, struct err *e); /* fills g->front */
void front_shared_free(struct gate *g);

/* A parcel from the vault (VAULT_SIGNED, VAULT_NOT_SIGNED). 0 or -EPROTO. */
int front_vault_parcel(struct gate *g, const struct parcel *p);

struct front_spec {
	int fd;     /* taken over, also on failure; nothing has been consumed from it */
	bool tls;   /* a ClientHello waits in it */
	bool proxy; /* connected to the proxy port */
	const char *
		name; /* what it is for: the SNI or the tunnel's name; NULL: by address, or
			     (clear text) by whatever pinned name its Host says */
	const struct address *dst; /* where the client meant to connect; NULL: proxy */
	uint16_t port;
};

int front_start(struct gate *g, const struct front_spec *s, struct err *e);

/* After a change of policy: end what is no longer allowed. */
void front_recheck(struct gate *g);

#endif
