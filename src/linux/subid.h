/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subid.h - readers of /etc/subuid, /etc/subgid and of /proc/PID/uid_map.
 */
#ifndef BRIG_LINUX_SUBID_H
#define BRIG_LINUX_SUBID_H

#include <stdbool.h>
#include <stdint.h>

struct subid_range {
	uint32_t first, count;
};

/*
 * The user's range in a text of lines "NAME-OR-UID:FIRST:COUNT" (subuid(5)): the first
 * one of at least 'want' ids, else the longest. Ranges with id 0, past 2^32-2, or holding
 * 'uid' or 'avoid' are passed over, as are lines that don't read. 'name' may be NULL.
 * False: none.
 */
struct subid_query {
	const char *name;
	uint32_t uid;
	uint32_t avoid; /* the caller's own id in this file's number space */
	uint32_t want;
};
bool subid_find(const char *text, const struct subid_query *q, struct subid_range *ret);

/*
 * Are all ids of the range there in a user namespace whose map is 'map', lines of
 * "INSIDE OUTSIDE COUNT" (user_namespaces(7))?
 */
bool subid_mapped(const char *map, struct subid_range r);

#endif
