/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explode.h - a tar's members to numbered files; runs in a jail that is to hold them.
 */
#ifndef BRIG_IMAGE_EXPLODE_H
#define BRIG_IMAGE_EXPLODE_H

#include "image/jail.h"

#define EXPLODE_TABLE       "table.json"
#define EXPLODE_TABLE_MAX   ((size_t)16 << 20)
#define EXPLODE_MEMBERS_MAX 16384U

/* A jail's 'run': the tar comes from 'in', 'arg' is a struct untar_limits. */
int explode_run(const struct jail *j, struct jail_result *res, struct err *e);

#endif
