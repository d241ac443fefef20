/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-audit.h - what is written down of what happens. It never fails: what can't be
 * written is said in the notes.
 */
#ifndef BRIG_SANDBOX_KEEPER_AUDIT_H
#define BRIG_SANDBOX_KEEPER_AUDIT_H

#include "sandbox/keeper-priv.h"

struct port_spec;

void keeper_audit_open(struct keeper *k);
void keeper_audit_start(struct keeper *k);
void keeper_audit_exec(struct keeper *k, const struct control_request *q, uint16_t id);
void keeper_audit_port(struct keeper *k, const char *action, const struct port_spec *p);
void keeper_audit_reload(struct keeper *k, const char *what);
void keeper_audit_stop(struct keeper *k);
void keeper_audit_close(struct keeper *k);
/* Lines of ROLE_EVENTS, from a role that may have been taken over. */
void keeper_events(struct keeper *k, enum net_role role, const char *lines, size_t len);

#endif
