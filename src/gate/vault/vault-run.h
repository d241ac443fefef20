/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault-run.h - running a small program of the host's, with bytes in and out, for a while.
 */
#ifndef BRIG_GATE_VAULT_RUN_H
#define BRIG_GATE_VAULT_RUN_H

#include <stdbool.h>

struct buf;
struct err;

struct vault_run {
	char *const *argv;    /* argv[0] is looked for on PATH */
	const struct buf *in; /* its standard input, under 4 KiB; NULL: nothing */
	struct buf *out; /* gets its standard output, as far as there is room in it; NULL:
			    dropped */
	int wait_ms;     /* then it is killed */
};

/* Its exit status (128+n for a signal), or -ETIMEDOUT, -ENOENT, ... */
int vault_run(const struct vault_run *r, struct err *e);

/* Is the program on PATH? */
bool vault_run_there(const char *program);

#endif
