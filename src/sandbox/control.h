/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - what the command line and a keeper say to each other, over a unix socket.
 *
 * One request a connection, in frames of base/wire.h on channel 0. The client sends
 * REQUEST (JSON), the keeper answers REPLY (JSON). After the reply to "run", "attach" and
 * "exec" the frames of the guest protocol go both ways for one command: the client sends
 * DATA, EOF, SIGNAL and WINSIZE, the keeper DATA, CREDIT, STARTED, FAILED and EXITED; the
 * client may send as much standard input as it was given CREDIT for. Last comes BYE
 * (JSON), then the end. A client that goes away takes the command of an "exec" along,
 * unless it said DETACH (no payload).
 *
 * After "publish" the keeper answers twice: REPLY to say that it takes the sockets, which
 * then come as one message of SCM_RIGHTS, and REPLY when it listens.
 *
 * The socket is in a directory of the user's own, and the keeper looks at the peer's user
 * besides: only the same user, or root, is served.
 */
#ifndef BRIG_SANDBOX_CONTROL_H
#define BRIG_SANDBOX_CONTROL_H

#include "base/json.h"
#include "base/str.h"
#include "base/wire.h"

struct err;

enum control_type { CONTROL_REQUEST = 64, CONTROL_REPLY, CONTROL_BYE, CONTROL_DETACH };
#define CONTROL_MORE 1U /* frame flag: another part of this message follows */
#define CONTROL_MAX  ((size_t)4 << 20)

enum control_verb {
	CONTROL_RUN,    /* start the main command and attach to it */
	CONTROL_START,  /* start the main command; replies when it runs */
	CONTROL_ATTACH, /* to the main command */
	CONTROL_EXEC,
	CONTROL_STOP, /* ask, wait for grace, kill; replies when it has ended */
	CONTROL_KILL, /* a signal to the main command */
	CONTROL_PAUSE,
	CONTROL_RESUME,
	CONTROL_WAIT, /* replies when it has ended */
	CONTROL_STATS,
	CONTROL_PING,
	CONTROL_PUBLISH, /* 'port'; then its sockets */
	CONTROL_UNPUBLISH, /* 'port'; replies with those that went, as they were asked for */
	CONTROL_PORTS,     /* replies with those that are published, as they are */
	CONTROL_RELOAD,    /* 'what' has changed; replies when it is in force */
	CONTROL_SNAPSHOT, /* keeper-snapshot.h */
};

struct control_request {
	int verb;
	struct strv argv;
	struct strv env;
	char *user;
	char *cwd;
	bool builtin; /* of the warder's: guest/builtin.h */
	bool tty;
	bool stdin_open;
	bool detach; /* exec: reply with STARTED and let it run */
	uint64_t rows, cols;
	uint64_t signal;
	uint64_t grace_ns;
	char *port; /* for port_parse() */
	char *what; /* "policy", "secrets" */
};

struct control_reply {
	bool ok;
	uint64_t code; /* errno */
	char *error;
	char *hint;
	uint64_t status; /* exit status: stop, wait */
	/* stats; what can't be known is 0 */
	uint64_t memory, memory_peak, memory_limit, cpu_ns, pids, pids_limit, oom_kills;
	/* of one with a kernel of its own, in that kernel's words */
	uint64_t guest_memory, guest_free, guest_available, guest_cached, guest_returned,
		guest_cpu_ns, guest_processes, net_in, net_out;
	struct json_list ports; /* of struct port_spec; run, start: free ones it took */
};

/* How it ended. */
struct control_bye {
	uint64_t status; /* of the command, as a shell has it */
	char *reason;    /* "exited", "timeout", "stopped", "out of memory", "detached" */
	char *error;     /* the command could not be started: why */
	struct strv notes; /* lines for the person: what was held back, what was kept */
};

extern const struct json_schema control_request_schema, control_reply_schema,
	control_bye_schema;

/* Queue a message. 0 or -errno. */
int control_send(struct wire *w, enum control_type type, const struct json_schema *s,
	const void *m);

/*
 * Collect the parts of a message in 'parts'. Returns 1 and fills 'out' when it is whole,
 * 0 when more is to come, -errno when it is bad.
 */
int control_take(const struct wire_frame *f, struct buf *parts,
	const struct json_schema *s, void *out, struct err *e);

/* A question with one answer. */
struct control_ask {
	int fd; /* connected; stays the caller's */
	const struct control_request *q;
	uint64_t wait_ns; /* 0: for ever */
	const int *fds;   /* CONTROL_PUBLISH: the sockets */
	size_t fds_n;
};

/*
 * Ask, and take the reply, which the caller clears. A refusal is an error with the
 * keeper's words; -ETIMEDOUT; -ECONNRESET when the keeper is gone.
 */
int control_ask(const struct control_ask *a, struct control_reply *ret, struct err *e);

/* Descriptors over a unix stream, with a byte; they stay the sender's, and come to the
 * receiver close-on-exec. The count, or -errno; -EPROTO for a message of another kind. */
int control_send_fds(int sock, const int *fds, size_t n);
int control_take_fds(int sock, int *fds, size_t max);

/* Listen as, and connect to, RUN/NAME.sock whatever the length of the path. Descriptors.
 */
int control_listen(const char *name, struct err *e);
int control_connect(const char *name, struct err *e);
void control_unlink(const char *name);

/* Is the peer of a unix socket this user, or root? */
bool control_peer_allowed(int fd);

#endif
