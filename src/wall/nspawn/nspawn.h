/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nspawn.h - the nspawn wall; what it is stands in nspawn.c.
 */
#ifndef BRIG_WALL_NSPAWN_H
#define BRIG_WALL_NSPAWN_H

struct wall;

extern const struct wall wall_nspawn;

#endif
