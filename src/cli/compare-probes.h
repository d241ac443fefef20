/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRIG_CLI_COMPARE_PROBES_H
#define BRIG_CLI_COMPARE_PROBES_H

#include "compare/compare.h"

/* 'brig compare --probes': exit status 0 if all is as expected, 1 if not; -errno. */
int compare_probes(struct compare *c, bool json, struct err *e);

#endif
