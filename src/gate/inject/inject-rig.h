/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-rig.h - for tests: an injector with real upstream servers, and a gate's side of it.
 *
 * The injector is $BRIG_INJECTOR, the servers are $INJECT_UPSTREAM (test/inject-upstream.py);
 * without them a test is skipped. Everything fails the test that goes wrong.
 */
#ifndef BRIG_GATE_INJECT_RIG_H
#define BRIG_GATE_INJECT_RIG_H

#include "base/wire.h"
#include "gate/exchange.h"

#include <sys/types.h>

#define RIG_SENTINEL "sk-brig-sentinel-0001"
#define RIG_VALUE    "real-secret/value+1"

struct json;
struct parcel;

struct rig {
	pid_t servers, injector;
	int servers_in; /* closing it ends them */
	int keeper, vault, gate;
	struct json *ports;
};

/* 'config' is the text of the configuration; "{}" for none. */
struct rig rig_start(const char *config);
void rig_stop(struct rig *r);

uint16_t rig_port(const struct rig *r, const char *name);

/* A new set of secrets: one, with this value. */
void rig_give_secret(struct rig *r, const char *value);

/* A message from the injector within five seconds. */
void rig_recv(int fd, struct parcel *p);

/* A new exchange socket. */
struct wire rig_exchange(struct rig *r);

struct rig_reply {
	struct exchange_response head;
	struct exchange_headers trailers;
	struct buf body;
	struct exchange_failure failure; /* status 0: none */
	bool hints;                      /* a 1xx was there */
	uint64_t first_ns, last_ns;      /* when the first and the last DATA came */
};
void rig_reply_clear(struct rig_reply *p);

/* GET https://api.example.test:port/target at 127.0.0.1; change it, then rig_ask(). */
struct exchange_request rig_request(struct rig *r, const char *port, const char *target);

void rig_send(struct wire *w, enum exchange_type type, const void *data, size_t len);
void rig_send_request(struct wire *w, const struct exchange_request *q);

/* The next frame; false at the end of the stream. */
bool rig_next(struct wire *w, struct wire_frame *f);

/* Read until END or FAILED. */
void rig_read_reply(struct wire *w, struct rig_reply *ret);

/* All of it: the request (cleared then), the body if there is one, the reply. */
void rig_ask(struct wire *w, struct exchange_request *q, const char *body,
	struct rig_reply *ret);

/* The same on a socket of its own. */
void rig_ask_once(struct rig *r, struct exchange_request *q, struct rig_reply *ret);

/* It fails with this status and a reason that holds 'why', and no secret. */
void rig_expect_failed(
	struct rig *r, struct exchange_request *q, unsigned status, const char *why);

void rig_set(char **to, const char *text);

#endif
