/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-file.h - one file of rules: read, and edited line by line.
 *
 * Edits hold a lock beside the file, so that none is lost, and replace the file whole.
 */
#ifndef BRIG_SANDBOX_POLICY_FILE_H
#define BRIG_SANDBOX_POLICY_FILE_H

#include "sandbox/policy-store.h"

struct buf;

#define POLICY_FILE "policy.rules"

struct policy_file {
	const char *where, *origin;
	char **ret_preset; /* NULL: a preset line is an error; else where it goes */
};

/* The file's text; one that isn't there is empty. */
int policy_file_read(int dir, const char *path, struct buf *ret, struct err *e);

/* Append its rules. The message names file and line. */
int policy_file_parse(const struct buf *text, const struct policy_file *f,
	struct policy_rules *ret, struct err *e);

/* As policy-store.h has them, in the directory 'dir'. */
int policy_file_set_preset(int dir, const char *name, struct err *e);
int policy_file_add(int dir, bool global, const struct strv *lines, struct strv *added,
	struct err *e);
int policy_file_remove(
	int dir, bool global, const char *what, struct strv *removed, struct err *e);

#endif
