/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto.h - what the keeper and the warder say to each other, in frames of base/wire.h.
 *
 * Channel 0 is control; every other channel is one command, numbered by the keeper and
 * free again once its EXITED and the EOFs of its streams have come, or its FAILED.
 * Numbers are little-endian. The keeper takes every byte from the warder for hostile:
 * each decoder checks lengths, ranges and characters, and fails with -EPROTO.
 *
 * Flow control: a channel's standard input, and its output (both streams together),
 * each have a window of GUEST_WINDOW bytes. A sender spends it with DATA, the receiver
 * gives back by CREDIT what it has passed on. More than the window is a violation.
 *
 *	keeper                                  warder
 *	                                   <--  READY
 *	EXEC (in parts, GUEST_MORE)        -->
 *	                                   <--  STARTED, or FAILED and nothing more
 *	DATA, EOF, SIGNAL, WINSIZE, CREDIT <->  DATA, EOF, CREDIT
 *	                                   <--  EXITED, then what is left, EOF, EOF
 *
 * After EXITED the streams of processes that outlive the command are followed for
 * GUEST_DRAIN_MS more; what the command itself had written arrives in any case.
 */
#ifndef BRIG_GUEST_PROTO_H
#define BRIG_GUEST_PROTO_H

#include "base/wire.h"

#include <stddef.h>
#include <stdint.h>

#define GUEST_VERSION  1U
#define GUEST_WINDOW   (256U << 10)
#define GUEST_DRAIN_MS 200U

enum guest_type {
	/* to the warder */
	GUEST_EXEC = 1,    /* guest_exec_send() of guest/exec.h */
	GUEST_SIGNAL = 2,  /* u32 signal, for the command's main process */
	GUEST_WINSIZE = 3, /* u16 rows, u16 columns */
	GUEST_STOP = 4,    /* channel 0: struct guest_stop; ends with the warder's exit */
	GUEST_FREEZE = 5,  /* channel 0: SIGSTOP to every process; answered by DONE */
	GUEST_THAW = 6,    /* channel 0: SIGCONT to every process; answered by DONE */
	GUEST_GET_STATS = 7, /* channel 0: answered by STATS */
	/* channel 0: FREEZE, with files written out, and in expectation of a copy of the machine
	 * elsewhere (guest/suspend.h); answered by DONE. THAW ends it. */
	GUEST_SUSPEND = 8,
	GUEST_IDENTITY = 9, /* channel 0: struct guest_identity; answered by DONE */
	/* both ways */
	GUEST_DATA = 16, /* bytes; flags: enum guest_stream */
	GUEST_EOF = 17,  /* flags: the stream; from the warder with GUEST_STDIN: unread */
	GUEST_CREDIT = 18, /* u32 bytes that may be sent more */
	/* from the warder */
	GUEST_READY = 32,   /* channel 0: u32 version, u32 pid as it sees itself */
	GUEST_STARTED = 33, /* u32 pid inside */
	GUEST_FAILED = 34,  /* struct guest_failed */
	GUEST_EXITED = 35,  /* struct guest_exited */
	GUEST_STATS = 36,   /* channel 0: struct guest_stats */
	GUEST_DONE = 37,    /* channel 0: u32 guest_type that was done, u32 errno */
	GUEST_KEPT = 38, /* of a copy, after READY, for each command: struct guest_kept */
};

enum guest_stream { GUEST_STDIN = 0, GUEST_STDOUT = 1, GUEST_STDERR = 2 };

enum guest_step {         /* what failed */
	GUEST_STEP_SPAWN, /* process, pipes or terminal could not be made */
	GUEST_STEP_USER,
	GUEST_STEP_CWD,
	GUEST_STEP_EXEC,
};

struct guest_failed {
	enum guest_step step;
	int code;       /* errno, 1..4095 */
	char what[256]; /* "exec 'foo'"; printable bytes, show it through str_escape() */
};

struct guest_exited {
	int status; /* of wait(2): WIFEXITED or WIFSIGNALED */
	uint64_t user_us, system_us, max_rss_kib;
};

struct guest_stats {
	uint32_t commands, processes, threads;
	uint64_t rss_bytes; /* summed over processes: shared pages count for each */
	uint64_t cpu_us;    /* of all processes, living and reaped */
};

struct guest_stop {
	uint32_t signal; /* 0 for SIGTERM */
	uint32_t grace_ms;
};

#define GUEST_HOSTNAME_MAX 64U
#define GUEST_MACHINE_ID   32U
#define GUEST_ENTROPY      64U

/* Who a copy of a machine is, and what must not be the same as in the other one. */
struct guest_identity {
	char hostname[GUEST_HOSTNAME_MAX + 1];
	char machine_id[GUEST_MACHINE_ID + 1]; /* hexadecimal: machine-id(5) */
	uint64_t real_ns;                      /* CLOCK_REALTIME */
	uint8_t entropy[GUEST_ENTROPY];
};

enum guest_kept_flags {
	GUEST_KEPT_TTY = 1,
	GUEST_KEPT_STARTED = 2,
	GUEST_KEPT_EXITED = 4,
	GUEST_KEPT_STDOUT = 8, /* its end is still to come */
	GUEST_KEPT_STDERR = 16,
	GUEST_KEPT_ALL = 31,
};

/* A command that goes on in a copy: what may still be sent each way before CREDIT comes. */
struct guest_kept {
	uint32_t in_left, out_left;
	uint32_t flags;
};

#define GUEST_BODY_MAX 272U /* encoders return the length, at most this */
size_t guest_failed_encode(const struct guest_failed *m, uint8_t out[GUEST_BODY_MAX]);
size_t guest_exited_encode(const struct guest_exited *m, uint8_t out[GUEST_BODY_MAX]);
size_t guest_stats_encode(const struct guest_stats *m, uint8_t out[GUEST_BODY_MAX]);
size_t guest_stop_encode(const struct guest_stop *m, uint8_t out[GUEST_BODY_MAX]);
size_t guest_identity_encode(const struct guest_identity *m, uint8_t out[GUEST_BODY_MAX]);
size_t guest_kept_encode(const struct guest_kept *m, uint8_t out[GUEST_BODY_MAX]);
int guest_identity_decode(const struct wire_frame *f, struct guest_identity *ret);
int guest_kept_decode(const struct wire_frame *f, struct guest_kept *ret);
int guest_failed_decode(const struct wire_frame *f, struct guest_failed *ret);
int guest_exited_decode(const struct wire_frame *f, struct guest_exited *ret);
int guest_stats_decode(const struct wire_frame *f, struct guest_stats *ret);
int guest_stop_decode(const struct wire_frame *f, struct guest_stop *ret);

/* Frames of one or two numbers: u32 for all types but WINSIZE. */
int guest_u32_decode(const struct wire_frame *f, uint32_t *ret);
int guest_pair_decode(
	const struct wire_frame *f, uint32_t *a, uint32_t *b); /* READY, DONE */
int guest_winsize_decode(const struct wire_frame *f, uint16_t *rows, uint16_t *cols);
int guest_send_u32(struct wire *w, uint16_t channel, enum guest_type type, uint32_t v);
int guest_send_pair(struct wire *w, enum guest_type type, uint32_t a, uint32_t b);
int guest_send_winsize(struct wire *w, uint16_t channel, uint16_t rows, uint16_t cols);
int guest_send_body(struct wire *w, uint16_t channel, enum guest_type type,
	const uint8_t *body, size_t len);

/*
 * Is this a frame that a warder may send: known type, right channel, flags and length?
 * The keeper asks this first for every frame. 0 or -EPROTO.
 */
int guest_check_from_warder(const struct wire_frame *f);

/* The exit status of Docker's habit: 127 not found, 126 not runnable, 125 anything else.
 */
int guest_failed_status(const struct guest_failed *m);

#endif
