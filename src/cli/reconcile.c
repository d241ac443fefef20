/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reconcile.h"

#include "base/err.h"
#include "cli/out.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"
#include "sandbox/sandbox.h"

/* Whoever made it holds it until it runs; nobody does, so that one is dead. */
static int remove_fleeting(const struct sandbox *s, bool say, struct err *e)
{
	struct idmap ids;
	int r;

	if (!sandbox_try_hold(s) || sandbox_status(s, NULL, NULL) != SANDBOX_CREATED)
		return 0;
	r = idmap_for_caller(&ids, e);
	if (r == 0)
		r = clean_remove(s, &ids, -1, e);
	return r == 0 && say ? out_line("removed %s: it was never started", s->name) : r;
}

static int reconcile_one(const char *name, bool say, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	auto_strv struct strv notes = { 0 };
	bool removed = false;
	int r;

	if (sandbox_open(name, &s, NULL) < 0)
		return 0;
	if (s.rec.fleeting && sandbox_status(&s, NULL, NULL) == SANDBOX_CREATED)
		return remove_fleeting(&s, say, e);
	if (sandbox_status(&s, NULL, NULL) != SANDBOX_CRASHED)
		return 0;
	r = sandbox_hold(&s, e);
	if (r == -ENOENT)
		return 0;
	/* whoever held it may have tidied up, or started it */
	if (r == 0 && sandbox_status(&s, NULL, NULL) == SANDBOX_CRASHED)
		r = clean_crashed(&s, &notes, &removed, e);
	else
		return r;
	for (size_t i = 0; i < notes.n; i++)
		out_note("%s: %s", name, notes.v[i]);
	if (r == 0 && say)
		return out_line(
			"tidied up after %s%s", name, removed ? " and removed it" : "");
	return r;
}

int reconcile_all(bool say, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int r = sandbox_names(&names, e), last = 0;

	/* one that can't be helped is not in the way of the others */
	for (size_t i = 0; i < names.n && r == 0; i++) {
		struct err mine = { 0 };
		int one = reconcile_one(names.v[i], say, &mine);

		if (one == 0)
			continue;
		if (last < 0)
			out_error("%s", e->msg);
		last = one;
		*e = mine;
	}
	return r < 0 ? r : last;
}
