/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h - a long operation as a table: each stage goes up, and can come down again.
 *
 * stages_up runs the table from the top. When a stage fails, those before it come down in
 * reverse and the first failure is what the caller gets. stages_down ends what stages_up
 * began. One table so serves start, failure and stop, and its names are the progress
 * lines.
 */
#ifndef BRIG_BASE_STAGE_H
#define BRIG_BASE_STAGE_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct stage {
	const char *name;                     /* "mount the workspace" */
	int (*up)(void *with, struct err *e); /* NULL: nothing to do */
	int (*down)(void *with,
		struct err *e); /* NULL: nothing to undo; must cope with half */
};

/* Told of each stage that went up and how long it took; may be NULL. */
typedef void stage_watch(void *with, const char *name, uint64_t ns);

int stages_up(const struct stage *table, size_t n, void *with, stage_watch *watch,
	struct err *e);

/* All of it in reverse, going on after a failure. Returns the first failure. */
int stages_down(const struct stage *table, size_t n, void *with, struct err *e);

#endif
