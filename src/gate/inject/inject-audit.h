/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-audit.h - what happened to secrets, told to the keeper: by name, never by value.
 *
 * Equal events of one second are one line with a count: a hostile sandbox may cause
 * thousands. What doesn't fit is counted, and said to be left out.
 */
#ifndef BRIG_GATE_INJECT_AUDIT_H
#define BRIG_GATE_INJECT_AUDIT_H

#include <stdbool.h>

struct err;
struct inject_audit;
struct loop;

int inject_audit_new(
	struct loop *l, int keeper, struct inject_audit **ret, struct err *e);
void inject_audit_free(struct inject_audit *a); /* sends what is left */

/* 'reason' is NULL when the secret was used. */
void inject_audit_secret(
	struct inject_audit *a, const char *secret, const char *host, const char *reason);

#endif
