/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile.h - makes what is on disk true again after keepers were killed.
 */
#ifndef BRIG_CLI_RECONCILE_H
#define BRIG_CLI_RECONCILE_H

#include <stdbool.h>

struct err;

/* Tidy up after every sandbox whose keeper is dead. Says what it did with 'say'. */
int reconcile_all(bool say, struct err *e);

#endif
