/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRIG_WALL_SENTRY_SENTRY_H
#define BRIG_WALL_SENTRY_SENTRY_H

struct wall;

extern const struct wall wall_sentry;

#endif
