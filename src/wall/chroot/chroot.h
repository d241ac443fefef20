/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chroot.h - the chroot wall; what it is stands in chroot.c.
 */
#ifndef BRIG_WALL_CHROOT_H
#define BRIG_WALL_CHROOT_H

struct wall;

extern const struct wall wall_chroot;

#endif
