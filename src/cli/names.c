/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"

#include "cli/out.h"
#include "sandbox/sandbox.h"

static int collect(const struct invocation *inv, enum names_which which,
	struct strv *names, struct err *e)
{
	auto_strv struct strv all = { 0 };
	int r;

	if (which == NAMES_GIVEN) {
		if (inv->words.n == 0) {
			(void)err_set(e, EINVAL, "which sandbox?");
			err_hint(e, "usage: brig %s %s", inv->command->name,
				inv->command->usage);
			return -EINVAL;
		}
		return strv_add_all(names, inv->words.v) < 0
			? err_set(e, ENOMEM, "out of memory")
			: 0;
	}
	r = sandbox_names(&all, e);
	for (size_t i = 0; i < all.n && r == 0; i++) {
		auto_sandbox struct sandbox s = SANDBOX_INIT;

		if (which == NAMES_RUNNING &&
			(sandbox_open(all.v[i], &s, NULL) < 0 || !sandbox_kept(&s)))
			continue;
		r = strv_add(names, all.v[i]) < 0 ? err_set(e, ENOMEM, "out of memory")
						  : 0;
	}
	return r;
}

int names_each(const struct invocation *inv, enum names_which which,
	int (*each)(const char *name, const struct invocation *inv, struct err *e),
	struct err *e)
{
	auto_strv struct strv names = { 0 };
	int r = collect(inv, which, &names, e), last = 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		struct err mine = { 0 };

		r = each(names.v[i], inv, &mine);
		if (r >= 0)
			continue;
		if (last < 0) {
			out_error("%s: %s", inv->command->name, e->msg);
			if (e->hint[0])
				out_hint("%s", e->hint);
		}
		last = r;
		*e = mine;
	}
	return last;
}
