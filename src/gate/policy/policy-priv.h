/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-priv.h - the inside of a policy, for policy.c and policy-judge.c.
 */
#ifndef BRIG_GATE_POLICY_PRIV_H
#define BRIG_GATE_POLICY_PRIV_H

#include "base/str.h"
#include "gate/policy/policy-table.h"
#include "gate/policy/policy.h"

struct policy {
	bool sealed;
	struct rule *rules;
	size_t n, room;
	struct strv opens; /* patterns of policy_open_host() */
	struct policy_table table, open_table;
	struct address *own; /* of the host */
	size_t own_n;
	uint32_t *publics; /* the rules about every public address */
	size_t publics_n;
	uint8_t named[(UINT16_MAX + 1) / 8]; /* bits: ports with denials by name */
};

#endif
