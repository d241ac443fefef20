/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/keep.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct restore_args {
	char *name;
};

static const struct opt opts[] = {
	OPT(struct restore_args, "name", 0, "NAME", name, opt_str,
		"of the new sandbox; without it that of the old one"),
	{ 0 },
};

static void clear(void *args)
{
	free(((struct restore_args *)args)->name);
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct restore_args *a = inv->args;
	auto_snapshot struct snapshot s = SNAPSHOT_INIT;
	const char *name;
	int r = snapshot_load(inv->words.v[0], &s, e);

	r = r < 0 ? r : snapshot_check_places(&s, e);
	r = r < 0 ? r : snapshot_check_memory(&s, e);
	if (r < 0)
		return r;
	name = a->name ? a->name : s.info.sandbox;
	r = keep_restore(&s, name, e);
	return r ? r : out_line("%s", name);
}

const struct command verb_restore = {
	.name = "restore",
	.usage = "[--name NAME] SNAPSHOT",
	.brief = "make a sandbox that goes on from a snapshot",
	.detail = "Its programs go on where they were, as another sandbox: with its own "
		  "name, "
		  "network, machine id, clock and random numbers of the kernel's. "
		  "Connections "
		  "of the old one are broken in it, and ports are not published. What a "
		  "program itself keeps to make random numbers from is the same in all "
		  "that "
		  "go on from one snapshot.",
	.opts = opts,
	.args_size = sizeof(struct restore_args),
	.words_min = 1,
	.words_max = 1,
	.run = run,
	.clear = clear,
};
