/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/out.h"
#include "cli/reconcile.h"
#include "cli/verbs.h"
#include "linux/cgroup.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"
#include "sandbox/sandbox.h"

struct prune_args {
	bool force;
};

static const struct opt opts[] = {
	OPT(struct prune_args, "force", 'f', NULL, force, opt_bool,
		"also remove every sandbox that doesn't run and holds no changes"),
	{ 0 },
};

/*
 * A directory without a record was never a sandbox, or isn't any more. A bad record is kept
 * to be looked at: what it holds can't be told.
 */
static int prune_half_made(const char *name, const struct idmap *ids, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r = sandbox_open_raw(name, &s, e);

	/* held first: whoever makes it holds it until the record is there */
	if (r == 0)
		r = sandbox_hold(&s, e);
	if (r == -ENOENT || (r == 0 && faccessat(s.dir, "record.json", F_OK, 0) == 0))
		return 0;
	if (r == 0)
		r = clean_remove(&s, ids, -1, e);
	return r == 0 ? out_line("removed %s: it was half-made", name) : r;
}

static bool is_idle(const struct sandbox *s)
{
	enum sandbox_status status = sandbox_status(s, NULL, NULL);

	return (status == SANDBOX_CREATED || status == SANDBOX_EXITED) &&
		!clean_has_overlay(s) && !clean_has_held(s);
}

static int prune_one(const char *name, bool force, const struct idmap *ids, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r = sandbox_open(name, &s, e);

	if (r == -EBADMSG)
		return prune_half_made(name, ids, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!force || !is_idle(&s))
		return 0;
	r = sandbox_hold(&s, e);
	if (r == -ENOENT || (r == 0 && !is_idle(&s)))
		return 0;
	if (r == 0)
		r = clean_remove(&s, ids, -1, e);
	return r == 0 ? out_line("removed %s", name) : r;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct prune_args *a = inv->args;
	auto_strv struct strv names = { 0 }, left = { 0 };
	struct idmap ids;
	struct err crash = { 0 };
	int last = reconcile_all(true, &crash);
	int r = idmap_for_caller(&ids, e);

	if (r == 0 && last < 0)
		*e = crash;
	if (r == 0)
		r = clean_gone_all(&ids, e);
	if (r == 0)
		r = sandbox_names(&names, e);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		struct err mine = { 0 };
		int one = prune_one(names.v[i], a->force, &ids, &mine);

		if (one < 0) {
			last = one;
			*e = mine;
		}
	}
	return r < 0 ? r : last;
}

const struct command verb_prune = {
	.name = "prune",
	.usage = "[--force]",
	.brief = "remove what crashes left: processes, control groups, half-made "
		 "sandboxes",
	.opts = opts,
	.args_size = sizeof(struct prune_args),
	.run = run,
};
