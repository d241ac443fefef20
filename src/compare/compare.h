/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.h - what each way of isolation costs and shows on this machine, measured.
 *
 * An approach is one of brig's walls, another program's sandbox (a peer), or none at all
 * (native, what the others are held against). All run the same programs on the same image.
 * compare_begin() makes a directory for it all, the parts measure, compare_end() takes
 * everything away again, also after a failure or a signal (exec.h). What an approach can't
 * do is no failure: it says why.
 */
#ifndef BRIG_COMPARE_COMPARE_H
#define BRIG_COMPARE_COMPARE_H

#include "base/buf.h"
#include "base/sample.h"
#include "base/str.h"
#include "compare/exec.h"
#include "compare/figure.h"

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct compare;
struct wall;

/* What brig-measure saw from inside (measure/look.c). */
struct seen {
	bool known;
	bool own_kernel;
	char kernel[160], boot[48], listed[96], interfaces[128];
	long calls, calls_of; /* -1: can't be told */
	long devices, devices_of, processes;
	bool secret, climb, process, loopback; /* of the host's */
};

#define AGENTS_MAX 1000

struct approach {
	const struct approach_ops *ops;
	const struct wall *wall; /* NULL: native, or a peer */
	char name[32];
	char *why;                      /* it can't be run here; NULL: it can */
	struct sample start;            /* nanoseconds until the first byte */
	struct sample one;              /* KiB of one agent alone */
	struct sample many;             /* KiB of each of several */
	double total;                   /* KiB of those together */
	bool at_most;                   /* memory could only be told without sharing */
	struct sample figures[FIGURES]; /* nanoseconds */
	struct seen seen;
	long kernel_calls; /* own kernel: host calls that it may make itself; -1: unknown */
	bool running;      /* there is one to enter */
	pid_t pids[AGENTS_MAX]; /* peers: what was started for it, or 0 */
	size_t pids_n;
};

/* How to get a command behind it. Words are those of a command line. */
struct approach_ops {
	/* One that runs 'cmd' and goes; -errno. 'round' makes its name its own. */
	int (*start)(struct compare *c, struct approach *a, unsigned round,
		char *const *cmd, struct strv *ret);
	/* One that stays, to be entered by the words of 'enter' and a command. */
	int (*begin)(struct compare *c, struct approach *a);
	int (*enter)(struct compare *c, struct approach *a, struct strv *ret);
	/* The i-th of several that do nothing; the processes that they are made of. */
	int (*idle)(struct compare *c, struct approach *a, unsigned i);
	size_t (*roots)(struct compare *c, struct approach *a, unsigned i, pid_t *ret,
		size_t max);
	/* All of it gone. */
	void (*end)(struct compare *c, struct approach *a);
	/* NULL or why this machine can't; into a->why. */
	int (*probe)(struct compare *c, struct approach *a);
};
extern const struct approach_ops wall_ops, native_ops;

#define APPROACHES_MAX 20

struct compare {
	const char *image; /* NULL: the host's */
	unsigned agents, rounds;
	char *self, *measure, *workloads; /* paths of programs */
	char *dir, *ws;                   /* of this run; the workspace in it */
	char token[40], boot[48], kernel[160];
	pid_t witness, listener; /* a process, and a port, of the host's to be seen */
	int port;
	struct approach *rows;
	size_t n;
	void (*progress)(const char *text); /* NULL: nobody looks */
};

/* Fill 'c' with these walls (none: all), native, and peers; prepare the directory. */
int compare_begin(struct compare *c, const struct strv *walls, bool peers, struct err *e);

/* Everything in turns. 0, or -EINTR after a signal; what fails is in the rows. */
int compare_measure(struct compare *c, struct err *e);
int compare_memory(struct compare *c);

/* Remove sandboxes, processes and files of this run. */
void compare_end(struct compare *c);

/* Say where it is, if anybody looks. */
void compare_progress(const struct compare *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* It can't be run: keep the first reason. 'said': its last line is the reason. */
void approach_fails(struct approach *a, const char *what, const char *said);

#endif
