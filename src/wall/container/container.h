/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.h - the container wall; what it is stands in container.c.
 */
#ifndef BRIG_WALL_CONTAINER_H
#define BRIG_WALL_CONTAINER_H

struct wall;

extern const struct wall wall_container;

#endif
