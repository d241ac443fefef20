/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate-priv.h - between the files of the gate that carry connections.
 */
#ifndef BRIG_GATE_GATE_PRIV_H
#define BRIG_GATE_GATE_PRIV_H

#include "gate/gate.h"

struct parcel;

/* gate-config.c: put a configuration (JSON) in force; on failure nothing has changed. */
int gate_config_apply(struct gate *g, const char *text, size_t len, struct err *e);

/* gate-log.c */
int gate_log_new(struct gate *g, struct err *e);
void gate_log_flush(struct gate *g); /* all that is waiting, at the end */
void gate_log_free(struct gate *g);

/* What a connection is, for judging it again. */
struct flow {
	char name[NAME_MAX_LEN + 1]; /* "": by address */
	struct address addr;
	bool has_addr;
	uint16_t port;
	enum policy_proto proto;
};
void flow_query(const struct flow *f, struct policy_query *q);

/* conn.c: everything that waits to be known */
int conn_listen(struct gate *g, const int fds[], struct err *e);
void conn_recheck(struct gate *g);
void conn_reset(int fd); /* close so that the peer sees a failure, not an end */

/* conn-dial.c: connect to one of several addresses, or through the upstream proxy */
struct dial;
/* fd < 0: failed. 'to': whom it leads to; NULL where a proxy may be between. */
typedef void dial_cb(int fd, const struct address *to, const char *reason, void *data);
struct dial_spec {
	const char *name; /* for the upstream proxy; may be NULL */
	const struct address *addrs;
	size_t n;
	uint16_t port;
	dial_cb *cb;
	void *data;
};
int dial_start(struct gate *g, const struct dial_spec *s, struct dial **ret);
void dial_cancel(struct dial *d);
void dial_answer(struct gate *g, struct parcel *p); /* INJECTOR_DIALED */

/* pass.c: bytes both ways, untouched. Takes both descriptors over, also on failure. */
int pass_start(
	struct gate *g, int client, int server, const struct flow *f, struct err *e);
void pass_recheck(struct gate *g);
size_t pass_count(void);

#endif
