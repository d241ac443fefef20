/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/make.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct create_args {
	struct make_args make;
};

static const struct opt opts[] = {
	MAKE_OPTS(struct create_args, make),
	OPT(struct create_args, "quiet", 'q', NULL, make.quiet, opt_bool,
		"no progress, no notes"),
	{ 0 },
};

static void clear(void *args)
{
	make_args_clear(&((struct create_args *)args)->make);
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct create_args *a = inv->args;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	bool existed;
	int r = make_sandbox(inv, &a->make, &s, &existed, e);

	if (r < 0)
		return r;
	if (existed) {
		(void)err_set(e, EEXIST, "a sandbox '%s' exists already", s.name);
		err_hint(e, "start it: brig start %s; or make another: --new", s.name);
		return -EEXIST;
	}
	return out_line("%s", s.name);
}

const struct command verb_create = {
	.name = "create",
	.usage = "[OPTIONS] [AGENT] [PATH...] [-- ARG...]",
	.brief = "create a sandbox without starting it",
	.detail = "Options and words are those of brig run. The name is printed.",
	.opts = opts,
	.args_size = sizeof(struct create_args),
	.words_max = 64,
	.complete = "@agent @dir",
	.run = run,
	.clear = clear,
};
