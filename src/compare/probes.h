/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probes.h - attempts to escape, made behind each wall, and an agent that deletes its workspace.
 *
 * The attempts are those of test/hostile, in one installed program, brig-probe, which also says
 * of each what is expected of every wall. They harm nothing where they succeed: they reach for
 * a file, a process, sockets and memory that are made for them, in a workspace that is thrown
 * away. What would harm behind the chroot wall is left out there.
 */
#ifndef BRIG_COMPARE_PROBES_H
#define BRIG_COMPARE_PROBES_H

#include "compare/compare.h"

enum outcome {
	OUTCOME_STOPPED,
	OUTCOME_OWN, /* it gets at a kernel, the sandbox's own */
	OUTCOME_OUT,
	OUTCOME_UNTRIED, /* this machine has not what it tries */
	OUTCOME_LEFT_OUT,
	OUTCOME_BROKEN,
	OUTCOME_LOST, /* the workspace, and what undo brought back */
};
extern const char *const outcome_names[];

struct probe_result {
	const struct approach *wall;
	char *name, *what; /* of the attempt */
	enum outcome outcome;
	bool expected;
	char *layer;  /* what of the wall stopped it, by the wall's design; NULL */
	char *detail; /* the step that decided, as the attempt says */
	char *why;    /* not stopped: why that is expected of this wall; NULL */
};

struct probe_results {
	struct probe_result *v;
	size_t n;
};

/* All attempts behind each wall of 'c'. 0, or -errno with 'e'; after -EINTR all is removed by
 * compare_end(). */
int probes_run(struct compare *c, struct probe_results *ret, struct err *e);
void probes_clear(struct probe_results *r);

struct json *probes_json(const struct probe_results *r, const struct compare *c);

#endif
