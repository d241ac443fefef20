/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-reload.h - rules or secrets have changed: clients ask, one after another, to have
 * them loaded anew (net_reload() of net.h), and are answered when that is in force.
 */
#ifndef BRIG_SANDBOX_KEEPER_RELOAD_H
#define BRIG_SANDBOX_KEEPER_RELOAD_H

#include "sandbox/keeper-priv.h"

int reload_ask(struct client *c, const struct control_request *q, struct err *e);

/* Once after each net_reload() that gave 1. 0, or -errno and why not. */
void serve_reload_done(struct keeper *k, int result, const char *why);

#endif
