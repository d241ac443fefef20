/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-naive.h - a verdict the slow way, rule by rule: what tests hold policy_judge() to.
 */
#ifndef BRIG_GATE_POLICY_NAIVE_H
#define BRIG_GATE_POLICY_NAIVE_H

#include "gate/policy/policy.h"

/* 'opens': the NULL-terminated patterns that were given to policy_open_host(), or NULL. */
void policy_naive_judge(const struct policy *p, const char *const *opens,
	const struct policy_query *q, struct policy_verdict *ret);

#endif
