/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-store.h - where network rules are kept, as text: read whole, or not at all.
 *
 *	SHARE/policy/PRESET.rules		what comes with brig
 *	CONFIG/policy.rules			global; its first line may be "preset NAME"
 *	STATE/sandboxes/NAME/policy.rules	of one sandbox
 *
 * One rule a line (gate/policy/rule.h), '#' begins a comment. A person may edit the files; what
 * brig changes in them leaves every other line as it is. Changes are made under a lock and
 * on disk when they return. A line that is no rule makes the whole file an error, which
 * names both: a policy with a hole is none.
 */
#ifndef BRIG_SANDBOX_POLICY_STORE_H
#define BRIG_SANDBOX_POLICY_STORE_H

#include "base/str.h"
#include "gate/policy/policy.h"

struct err;
struct json;

#define POLICY_FILE_MAX (16U << 20)

/* "none", "locked", "balanced", "open", NULL. 'none' has no gate and no file. */
extern const char *const policy_presets[];
int policy_preset_check(const char *name, struct err *e); /* -EINVAL names the nearest */

/* The preset of new sandboxes: the global file's, else "balanced". Caller frees. */
int policy_preset_default(char **ret, struct err *e);
int policy_preset_set(const char *name, struct err *e);

/* Rules in the order of their files; origin is "preset NAME", "global", "sandbox", "agent". */
struct policy_rules {
	struct rule *v;
	size_t n, room;
};

void policy_rules_clear(struct policy_rules *r);
#define auto_policy_rules AUTO(policy_rules_clear)

struct policy_scope {
	const char *preset; /* NULL: leave out */
	bool global;
	const char *sandbox; /* a name; NULL: leave out */
};
int policy_rules_load(
	const struct policy_scope *s, struct policy_rules *ret, struct err *e);

/* The same as a policy, sealed; the rules are taken over. 'opens': hosts that secrets are
 * bound to, or NULL. */
int policy_rules_compile(struct policy_rules *r, const struct strv *opens,
	struct policy **ret, struct err *e);

/* [{"origin":"global","text":"allow ..."},...], as the gate is told (roles.h). NULL without
 * memory. */
struct json *policy_rules_json(const struct policy_rules *r);

/* Ten hex digits of the rule's text: the same rule has the same id everywhere. */
#define POLICY_ID_MAX 11
const char *policy_rule_id(const struct rule *r, char out[POLICY_ID_MAX]);

/*
 * Add rules (lines) to a sandbox's file, or with NULL to the global one; all or none.
 * Returns how many were not there yet. What was added is appended to 'added' (may be NULL)
 * in its canonical form.
 */
int policy_store_add(
	const char *sandbox, const struct strv *lines, struct strv *added, struct err *e);

/* The same in a sandbox's open directory, with where they come from: "agent", "secret"; NULL:
 * said by a person. */
int policy_store_add_at(
	int dir, const struct strv *lines, const char *origin, struct err *e);

/*
 * Remove what has this id, or this text ("allow a.example"), or this target ("a.example":
 * what allows and what denies it). Texts are appended to 'removed'. -ENOENT when there is
 * none.
 */
int policy_store_remove(
	const char *sandbox, const char *what, struct strv *removed, struct err *e);

#endif
