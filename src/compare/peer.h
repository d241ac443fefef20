/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - other programs' sandboxes, beside which brig's walls can be put.
 */
#ifndef BRIG_COMPARE_PEER_H
#define BRIG_COMPARE_PEER_H

#include "compare/compare.h"

struct peer_kind {
	const char *name;
	struct approach_ops ops;
};

/* Ended by a NULL name. */
extern const struct peer_kind peer_kinds[];

#endif
