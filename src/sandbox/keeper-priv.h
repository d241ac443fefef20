/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-priv.h - the keeper's own state, shared by its files and nobody else.
 *
 *	keeper.c        the process: set-up, stages, the end
 *	keeper-start.c  the stages: what is brought up from a record
 *	keeper-serve.c  clients and their requests
 *	keeper-net.c    the network: gate, injector and vault
 *	keeper-relay.c  commands: frames between clients and the warder
 *	keeper-reload.c rules and secrets that have changed
 *	keeper-ports.c  published ports
 *	keeper-conn.c   a connection to one
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

struct loop;
struct loop_source;
struct port_conn;
struct port_spec;
struct ports;

#define MAIN_CHANNEL        1U
#define EXIT_STATUS_BRIG    125U
#define EXIT_STATUS_TIMEOUT 124U /* as timeout(1) has it */

/* A connection of the command line. */
struct client {
	struct keeper *k;
	struct client *next;
	struct wire wire;
	struct loop_source *src;
	struct buf request; /* parts of it so far */
	int verb;           /* of the request; -1 before */
	uint16_t channel;   /* attached to it; 0: none */
	bool owns_stdin;
	bool wait_end;             /* wants to hear of the sandbox's end */
	bool closing;              /* ends when what is queued is written */
	struct port_spec *publish; /* its sockets are to come */
	enum { RELOAD_NONE, RELOAD_QUEUED, RELOAD_ASKED } reload;
	char *what; /* is to be loaded anew */
};

/* A command in the sandbox. */
struct channel {
	struct channel *next;
	uint16_t id;
	bool tty;
	bool started, exited, failed;
	bool detached;   /* exec -d: nobody listens */
	bool runs_on;    /* its client has detached, and is not missed */
	unsigned eofs;   /* of stdout and stderr that came */
	uint32_t unpaid; /* bytes passed on that clients have not taken yet */
	struct guest_window in, out;
	uint64_t status;
	char *error;            /* why it could not be started */
	int code;               /* the errno of that */
	bool port;              /* no command: it carries a connection to a port ... */
	struct port_conn *conn; /* ... whose host's side may have gone */
};

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
	struct loop_source *guest_src, *listen_src, *init_src, *timeout, *grace;
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

	/* ports, audit, reload */
	struct ports *ports;
	struct audit audit;
	struct events_rate {
		uint64_t at_ns;
		uint64_t left, dropped; /* lines */
	} rate[NET_ROLES];
	bool reloading;
};

/* keeper-start.c */
int keeper_up(struct keeper *k, struct err *e);
void keeper_down(struct keeper *k);

/* keeper-serve.c */
int serve_listen(struct keeper *k, struct err *e);
struct client *serve_add(struct keeper *k, int fd, struct err *e);
void serve_reply(struct client *c, const struct control_reply *r);
void serve_error(struct client *c, const struct err *e);
void serve_answer(struct client *c, const struct control_reply *r); /* the one it gets */
void serve_started(struct client *c); /* the answer to a start */
void serve_flush(struct client *c);
void serve_drop(struct client *c);
void serve_end_all(struct keeper *k); /* BYE to everyone who waits */
int serve_guest_stats(
	struct keeper *k, const struct wire_frame *f); /* the warder's answer */
void serve_bye(struct client *c, const struct channel *ch);

/* keeper-reload.c */
int reload_ask(struct client *c, const struct control_request *q, struct err *e);
void serve_reload_done(
	struct keeper *k, int result, const char *why); /* after net_reload() gave 1 */
/* keeper-net.c: read "policy" or "secrets" anew. 0: in force, 1: will be said, -errno */
int net_reload(struct keeper *k, const char *what, struct err *e);

/* keeper-ports.c: a stage's up, before the promise, and down */
int ports_up(struct keeper *k, struct err *e);
void ports_down(struct keeper *k);
int ports_publish(struct keeper *k, const struct port_spec *p, int sock, struct err *e);
int ports_unpublish(struct keeper *k, const struct port_spec *want,
	struct json_list *ret_gone, struct err *e);
/* As they listen; 'chosen': only those whose port was left to us. */
int ports_list(const struct keeper *k, bool chosen, struct json_list *ret);
void ports_resume(struct keeper *k); /* the warder takes bytes again */

/* keeper-conn.c */
struct port_conns {
	struct port_conn *first;
	size_t n;
};
struct port_conns *ports_conns(const struct keeper *k);
void conn_accept(struct keeper *k, int fd, uint16_t guest); /* takes the socket over */
void conn_close_all(struct keeper *k);
void conn_resume_all(struct keeper *k);
int conn_frame(struct keeper *k, struct channel *ch, const struct wire_frame *f);

/* keeper-audit.c: it never fails; what can't be written down is said in the notes */
void keeper_audit_open(struct keeper *k);
void keeper_audit_start(struct keeper *k);
void keeper_audit_exec(struct keeper *k, const struct control_request *q, uint16_t id);
void keeper_audit_port(struct keeper *k, const char *action, const struct port_spec *p);
void keeper_audit_reload(struct keeper *k, const char *what);
void keeper_audit_stop(struct keeper *k);
void keeper_audit_close(struct keeper *k);
/* Lines of ROLE_EVENTS, from a role (enum net_role) that may have been taken over. */
void keeper_events(struct keeper *k, int role, const char *lines, size_t len);

/* keeper-relay.c */
int relay_start(struct keeper *k, struct err *e); /* watch the warder's stream */
struct channel *relay_find(struct keeper *k, uint16_t id);
struct channel *relay_exec(
	struct keeper *k, const struct control_request *q, uint16_t id, struct err *e);
int relay_main(struct keeper *k, const struct control_request *q, struct err *e);
void relay_attach(struct client *c, struct channel *ch);
void relay_from_client(struct client *c, const struct wire_frame *f);
void relay_client_gone(struct client *c);
void relay_pay(struct keeper *k, struct channel *ch);
void relay_flush(struct keeper *k);
void relay_send(struct keeper *k, const struct wire_frame *f);
bool relay_congested(const struct keeper *k); /* ports_resume() follows */
void relay_remove(struct keeper *k, struct channel *gone);
uint16_t relay_new_id(struct keeper *k);
bool relay_has_commands(const struct keeper *k); /* and not only ports' connections */

/* keeper.c */
void keeper_end(struct keeper *k, const char *reason, uint64_t status);
void keeper_stop(struct keeper *k, const char *reason, uint64_t grace_ns, int sig);
void keeper_maybe_idle(struct keeper *k);

#endif
