/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit-event.h - events that gate, injector and vault report: "net" and "secret".
 *
 * Whoever sends them may have been taken over by the sandbox. So an event becomes a new
 * object of known fields, each of its type and bounded; anything else in it refuses it.
 */
#ifndef BRIG_SANDBOX_AUDIT_EVENT_H
#define BRIG_SANDBOX_AUDIT_EVENT_H

#include <stddef.h>

struct err;
struct json;

#define AUDIT_EVENT_MAX 2048U /* bytes of a line */

/* "net" or "secret" in 'ret_type', the other fields in 'ret' (the caller's). */
int audit_event_parse(const char *line, size_t len, const char **ret_type,
	struct json **ret, struct err *e);

#endif
