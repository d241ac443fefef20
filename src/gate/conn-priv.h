/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn-priv.h - a connection that is not yet known: between conn.c and conn-sniff.c.
 */
#ifndef BRIG_GATE_CONN_PRIV_H
#define BRIG_GATE_CONN_PRIV_H

#include "gate/gate-priv.h"

struct loop_source;

struct conn {
	struct gate *g;
	struct conn *next, **at;
	int fd, upstream;
	struct loop_source *src, *up_src, *timer;
	struct dial *dial;
	struct gate_lookup *lookup;
	struct address dst; /* where a transparent one meant to go: the key of its pins */
	struct flow flow; /* name: of a tunnel, the host; else found by the first bytes */
	bool fixed_name; /* the name is the client's word, not to be looked for in pins */
	bool dst_known;  /* it has an address of its own; a tunnel to a name has none */
	bool raw;        /* any protocol is allowed */
	bool settled;    /* what it is is known; waits for the upstream only */
	size_t seen;     /* bytes looked at so far */
};

/* The best verdict that a connection can have. */
struct conn_choice {
	struct conn *c;
	const char *want; /* this name only; NULL: any */
	enum policy_proto proto;
	struct policy_verdict best;
	char name[NAME_MAX_LEN + 1];
	bool pinned;
};

uint64_t conn_now(void); /* seconds of CLOCK_BOOTTIME, as pins count */

/* conn.c */
int conn_release(struct conn *c); /* everything but the client's descriptor: returned */
void conn_drop(struct conn *c);
/* Ended by the policy; the log hears of it. 'reason' NULL: the verdict's own. */
void conn_deny(struct conn *c, const struct policy_verdict *v, const char *reason);
void conn_join(struct conn *c); /* both ends are there, and it is known what it is */
void conn_connect_upstream(struct conn *c);

/* conn-sniff.c */
void conn_judge(struct conn *c, enum policy_proto proto, const char *want,
	struct conn_choice *ret);
void conn_set_name(struct conn *c, const struct conn_choice *ch);
void conn_client_speaks(struct loop_source *src, uint32_t events, void *data);

#endif
