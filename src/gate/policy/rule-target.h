/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule-target.h - the TARGET of a rule: read, and printed in its one form.
 */
#ifndef BRIG_GATE_RULE_TARGET_H
#define BRIG_GATE_RULE_TARGET_H

#include "gate/policy/rule.h"

/*
 * Fill in target, proto, ports, range, name and path from the text. The action must be
 * there already: a name alone is ports 80 and 443 to allow, and everything to deny.
 */
int rule_target_parse(const char *text, struct rule *r, struct err *e);

/* Append it in its canonical form; 0 or -ENOMEM. */
int rule_target_print(const struct rule *r, struct buf *out);

#endif
