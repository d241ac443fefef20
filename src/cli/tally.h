/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - what apply, discard and undo did, for the audit log.
 *
 * They work in a child (changes_work()), which counts here; the log is written by the
 * parent, so that its file stays the caller's.
 */
#ifndef BRIG_CLI_TALLY_H
#define BRIG_CLI_TALLY_H

#include <stdint.h>

struct err;
struct sandbox;

struct tally {
	uint64_t changed, removed;  /* files in the workspace */
	uint64_t left;              /* changes that were not applied */
	uint64_t released, dropped; /* things that had been held back */
	uint64_t overlays;          /* thrown away as a whole */
};

/* Shared with the children that are to come. NULL without memory. */
struct tally *tally_new(struct err *e);

/* Write the event, if anything was done, with 'r' as the verb's outcome; and free it. */
void tally_note(struct tally *t, const struct sandbox *s, const char *type, int r);

#endif
