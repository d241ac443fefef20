/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warder.h - the state of PID 1 of a sandbox; private to the warder's own files.
 *
 * warder.c talks to the keeper and reaps, command.c carries one command from its request
 * to its end, command-io.c moves its bytes.
 */
#ifndef BRIG_GUEST_WARDER_H
#define BRIG_GUEST_WARDER_H

#include "base/loop.h"
#include "base/wire.h"
#include "guest/procs.h"
#include "guest/spawn.h"
#include "guest/window.h"

#include <linux/vm_sockets.h>

#define WARDER_BUCKETS 128U

struct err;
struct warder;

/* One stream of a command towards the keeper. */
struct command_out {
	struct command *command;
	struct loop_source *src;
	int fd;
	bool open;
	bool moved;    /* something was read since the last look */
	uint32_t owed; /* bytes the command had written when it ended and that are still
			  to come */
};

struct command_in {
	struct loop_source *src;
	int fd;
	bool eof; /* close when the queue is empty */
	struct buf queue;
	size_t at;
};

struct command {
	struct command *next_channel, *next_pid; /* of the same bucket */
	struct warder *warder;
	uint16_t channel;
	bool tty;
	bool started; /* the program runs */
	bool exited;
	pid_t pid; /* 0 before fork and after reaping */
	int status_fd;
	struct loop_source *status_src;
	struct command_out out[2];
	struct command_in in;
	struct guest_window rx, tx; /* standard input; output */
	struct loop_source *drain;
	struct buf request; /* parts of an EXEC that is not complete */
};

struct warder {
	struct loop *loop;
	struct wire wire;
	struct loop_source *wire_src;
	struct loop_source *reap_again, *grace, *idle;
	struct spawn_env spawn;
	struct procs procs;
	struct command *by_channel[WARDER_BUCKETS];
	struct command *by_pid[WARDER_BUCKETS];
	unsigned n_commands, n_running;
	bool congested; /* the keeper is slow to read: commands' output waits */
	bool stopping;
	bool suspended; /* nothing runs, and commands' output waits: suspend.h */
	struct sockaddr_vm
		host;       /* where the keeper's stream led to; no family: elsewhere */
	int random;         /* -1: there is none */
	int last;           /* how the machine ends, for reboot(2); 0: it is not ours */
	uint64_t reaped_us; /* processor time of what was reaped */
};

struct command *command_by_channel(struct warder *w, uint16_t channel);
struct command *command_by_pid(struct warder *w, pid_t pid);

/* Frames of a channel; unknown channels are those of a command that has just ended. */
int command_exec(struct warder *w, const struct wire_frame *f);
int command_frame(struct command *c, const struct wire_frame *f);

/* The command's main process was reaped. */
void command_reaped(struct command *c, const struct guest_exited *how);

/* Free the command if nothing more can come of it. */
void command_settle(struct command *c);

/* Signal the main process of every command. */
void command_signal_all(struct warder *w, int sig);

/* command-io.c */
int command_io_start(struct command *c, struct spawned *s);
void command_io_watch(struct command *c); /* after credit or congestion changed */
void command_io_exited(struct command *c);
void command_io_close(struct command *c);
int command_io_input(struct command *c, const struct wire_frame *f);
void command_io_eof(struct command *c);
void command_io_resize(struct command *c, uint16_t rows, uint16_t cols);

/* A negative 'r' means that the keeper is gone or mad, and so everything ends. */
void warder_must(struct warder *w, int r);
void warder_flush(struct warder *w);
void warder_none_left(struct warder *w); /* after a command ended */

/* Serve the stream that is in w->wire from now on. */
int warder_watch_wire(struct warder *w, struct err *e);
/* After 'suspended' has changed. */
void warder_watch_commands(struct warder *w);

#endif
