/* SPDX-License-Identifier: Apache-2.0 */
/* keeper-stats.h - what a sandbox uses: as the host sees it, and as its own kernel does. */
#ifndef BRIG_SANDBOX_KEEPER_STATS_H
#define BRIG_SANDBOX_KEEPER_STATS_H

#include "sandbox/keeper-priv.h"

/* Answer this client, now or when the warder has told. 0 or -errno. */
int stats_ask(struct client *c, struct err *e);

/* The warder has told. 0 or -EPROTO. */
int stats_from_guest(struct keeper *k, const struct wire_frame *f);

#endif
