/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - the keeper's side of a sandbox's network: gate, injector and vault, started when
 * the sandbox first says something, started again when one of them dies.
 *
 * The keeper holds the listeners throughout: what arrives while no gate runs waits in the
 * kernel, and is judged by the next one. When they can't be kept running the listeners are
 * closed, and with them goes the sandbox's link: no network is what is left.
 */
#ifndef BRIG_SANDBOX_NET_H
#define BRIG_SANDBOX_NET_H

#include "gate/roles.h"
#include "linux/gatens.h"
#include "sandbox/net-config.h"

#include <stdbool.h>
#include <stdint.h>

struct keeper;
struct loop_source;

enum net_role { NET_GATE, NET_INJECTOR, NET_VAULT, NET_ROLES };

struct net_proc {
	int control; /* parcels; -1: not running */
	struct loop_source *src;
	unsigned owed; /* answers to configurations that were sent */
};

struct net {
	bool on; /* the sandbox has a gate */
	int starter, pins;
	struct net_upstream upstream;
	struct net_proc proc[NET_ROLES];
	struct loop_source *wake[GATENS_FDS]; /* while none of them runs */
	bool running, used;                   /* now; ever */
	struct loop_source *look; /* now and then, whether the host's network changed */
	char *told;               /* the gate's last configuration */
	bool reload_asked;        /* somebody waits for it to be in force */
	unsigned deaths;          /* since 'since_ns' */
	uint64_t since_ns;
};

#define NET_INIT                                                  \
	{                                                         \
		.starter = -1, .pins = -1, .proc = {              \
			[0 ... NET_ROLES - 1] = { .control = -1 } \
		}                                                 \
	}

/* A stage before the wall starts, and its end. */
int net_up(struct keeper *k, struct err *e);
int net_down(struct keeper *k);

/* After the wall has started: watch its listeners. */
int net_listen(struct keeper *k, struct err *e);

/* Read "policy" or "secrets" anew. 0: in force; 1: serve_reload_done() will say; -errno. */
int net_reload(struct keeper *k, const char *what, struct err *e);

/* The directory of spec->trust for the wall; caller frees. */
char *net_trust_path(const struct keeper *k);

#endif
