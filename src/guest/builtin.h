/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.h - commands that the warder brings along, for images that lack them.
 *
 * They run in a forked child with the user's rights, standard streams and directory.
 */
#ifndef BRIG_GUEST_BUILTIN_H
#define BRIG_GUEST_BUILTIN_H

#include <stdbool.h>

bool builtin_exists(const char *name); /* "@pack", "@unpack", "@dial", "@accept" */

/* Run it and return its exit status; messages go to standard error. */
int builtin_run(char *const *argv);

#endif
