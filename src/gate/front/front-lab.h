/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front-lab.h - a gate for front's tests: its policy and pins are real, its vault signs with
 * a CA made on the spot, its injector answers by itself, all in one loop.
 *
 * The injector does what the path says: /hello, /echo (as it comes), /count (how much came),
 * /sse (two events, the second when told), /big?N (N bytes), /trailers, /fail, /cut,
 * /hang, /stall (doesn't read until told); and echoes WebSockets.
 */
#ifndef BRIG_GATE_FRONT_LAB_H
#define BRIG_GATE_FRONT_LAB_H

#include "base/buf.h"
#include "gate/front/front.h"
#include "gate/gate.h"

#include <openssl/ssl.h>

struct lab {
	struct gate g;
	X509 *ca;
	EVP_PKEY *ca_key;
	bool vault_mute, vault_refuses;
	unsigned signed_n;
	/* what the injector was asked last */
	char method[32], host[256], target[512], seen[4096];
	uint16_t port;
	size_t addrs_n;
	struct address addr;
	unsigned requests, resets;
	bool go; /* /sse, /stall: go on */
	/* what the log was told last */
	unsigned denials, ends;
	char reason[256];
	unsigned status;
	uint64_t up, down;
	/* what conn_tunnel() got */
	int tunnel;
	char tunnel_name[256];
	uint16_t tunnel_port;
};

/* 'rules' are lines. Exits when it can't be made. */
struct lab *lab_new(const char *rules);
void lab_free(struct lab *l);
void lab_rules(struct lab *l, const char *rules); /* others, and front_recheck() */

/* Let the loop run for a moment. */
void lab_turn(struct lab *l);

/* A client's end of a new connection. 'name' and 'dst' as in front_spec. */
int lab_connect(struct lab *l, const struct front_spec *s);
int lab_clear(struct lab *l, const char *dst); /* transparent, port 80 */
int lab_proxy(struct lab *l);

/* Send all; the loop runs as long as it takes. */
void lab_send(struct lab *l, int fd, const void *data, size_t len);
void lab_say(struct lab *l, int fd, const char *text);
/* Read until 'needle' is there (NULL: until the end); what was read is added to 'b'. */
bool lab_hear(struct lab *l, int fd, const char *needle, struct buf *b);

/* A TLS client that trusts the lab's CA (if 'trust'); NULL when the handshake fails. */
SSL *lab_tls(struct lab *l, int fd, const char *name, bool trust, const char *alpn);
void lab_tls_say(struct lab *l, SSL *ssl, const char *text);
bool lab_tls_hear(struct lab *l, SSL *ssl, const char *needle, struct buf *b);

#endif
