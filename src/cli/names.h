/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - verbs that do the same for each sandbox that was named.
 */
#ifndef BRIG_CLI_NAMES_H
#define BRIG_CLI_NAMES_H

#include "cli/command.h"

enum names_which { NAMES_GIVEN, NAMES_RUNNING, NAMES_ALL };

/*
 * Call 'each' for every name given (at least one), or for all there are. After a failure
 * the rest still has its turn: each failure is reported and the last one returned.
 */
int names_each(const struct invocation *inv, enum names_which which,
	int (*each)(const char *name, const struct invocation *inv, struct err *e),
	struct err *e);

#endif
