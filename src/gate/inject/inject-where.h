/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-where.h - which of a host's addresses answered last.
 *
 * It is tried first: a kept connection is to one address, and one that is dead would cost
 * every request its patience.
 */
#ifndef BRIG_GATE_INJECT_WHERE_H
#define BRIG_GATE_INJECT_WHERE_H

#include "gate/exchange.h"

struct inject_where;

struct inject_where *inject_where_new(void);
void inject_where_free(struct inject_where *w);
void inject_where_note(
	struct inject_where *w, const char *host, uint16_t port, const struct address *a);

/* Bring the address that answered last, if it is among them, to the front. */
void inject_where_order(const struct inject_where *w, struct exchange_request *q);

#endif
