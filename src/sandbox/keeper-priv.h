/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-priv.h - the keeper's own state, shared by its files and nobody else.
 *
 * What one of them does for the others is in keeper-serve.h, -relay.h, -reload.h, -ports.h,
 * -sockets.h, -stats.h, -snapshot.h,
 * -audit.h and net.h.
 *
 *	keeper.c        the process: set-up, stages, the end
 *	keeper-start.c  the stages: what is brought up from a record
 *	keeper-serve.c  clients and their requests
 *	keeper-net.c    the network: gate, injector and vault
 *	keeper-relay.c  commands: frames between clients and the warder
 *	keeper-reload.c rules and secrets that have changed
 *	keeper-ports.c  published ports
 *	keeper-sockets.c  sockets of the host's
 *	keeper-conn.c   a connection to a port or a socket
 *	keeper-stats.c  what it uses
 *	keeper-snapshot.c  the machine is kept, and one that was goes on
 *	keeper-audit.c  what is written down of it all
 */
#ifndef BRIG_SANDBOX_KEEPER_PRIV_H
#define BRIG_SANDBOX_KEEPER_PRIV_H

#include "base/wire.h"
#include "guest/exec.h"
#include "guest/proto.h"
#include "guest/window.h"
#include "linux/cgroup.h"
#include "linux/idmap.h"
#include "sandbox/audit.h"
#include "sandbox/control.h"
#include "sandbox/guarding.h"
#include "sandbox/log.h"
#include "sandbox/net.h"
#include "sandbox/sandbox.h"
#include "wall/wall.h"

#include <fcntl.h>

struct channel; /* keeper-relay.h */
struct client;  /* keeper-serve.h */
struct loop;
struct loop_source;
struct ports;
struct sockets;

#define GUEST_DIED          "the sandbox ended by itself" /* a reason */
#define MAIN_CHANNEL        1U
#define EXIT_STATUS_BRIG    125U
#define EXIT_STATUS_TIMEOUT 124U /* as timeout(1) has it */

struct keeper {
	struct loop *loop;
	struct sandbox sandbox;
	const struct wall *wall;
	struct wall_run run;
	struct net net;
	struct run_state state;
	struct idmap ids;
	struct cgroup_host host; /* what control groups can be had */
	char *group;             /* the name of ours */
	struct cgroup cgroup;
	bool has_cgroup;
	struct guarding guard;
	struct log log;
	int lock, listener;
	size_t stages_done;
	bool keep;  /* --rm, but there is something to keep */
	char *gone; /* --rm: its name is gone, what its files are under now */

	struct wire guest;
	struct loop_source *guest_src, *listen_src, *init_src, *timeout, *grace, *booting,
		*silent;
	struct client *clients;
	struct channel *channels;
	uint16_t next_channel;

	bool main_wanted; /* the main command was asked for */
	bool other_users; /* a command ran as somebody else than the caller */
	bool ending;
	bool unsaid; /* how it ended could not be written down */
	bool paused;
	const char *stop_reason; /* it was told to end: why */
	const char *reason;      /* why it ended */
	uint64_t status;
	struct strv notes;

	/* ports, sockets, audit, reload */
	struct ports *ports;
	struct sockets *sockets; /* NULL behind the host's kernel */
	struct audit audit;
	struct events_rate {
		uint64_t at_ns;
		uint64_t left, dropped; /* lines */
	} rate[NET_ROLES];
	bool reloading;
	struct keeping *keeping; /* its machine is being kept for a client */
	bool restoring;          /* it goes on from another one's, and isn't itself yet */
};

/* keeper-start.c */
int keeper_up(struct keeper *k, struct err *e);
void keeper_down(struct keeper *k);

/* keeper.c */
void keeper_end(struct keeper *k, const char *reason, uint64_t status);
void keeper_stop(struct keeper *k, const char *reason, uint64_t grace_ns, int sig);
void keeper_maybe_idle(struct keeper *k);

#endif
