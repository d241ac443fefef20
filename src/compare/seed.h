/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRIG_COMPARE_SEED_H
#define BRIG_COMPARE_SEED_H

#include "compare/compare.h"

/*
 * The seed of brig: an agent's 'rm -rf' of its workspace, a throw-away one here, behind this
 * wall; then brig undo. 'ret': what was lost and what came back, in words that the caller
 * frees; '*back': all of it. 0, or -errno.
 */
int seed_run(struct compare *c, struct approach *a, char **ret, bool *back);

#endif
