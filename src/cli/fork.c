/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/keep.h"
#include "cli/out.h"
#include "cli/verbs.h"

#define COUNT_MAX 1000U

struct fork_args {
	uint64_t count;
};

static const struct opt opts[] = {
	OPT(struct fork_args, "count", 'n', "N", count, opt_count, "that many; else one"),
	{ 0 },
};

/* Two machines that write to the same files by caches of their own would not see each other. */
static int check_workspaces(const struct sandbox *s, struct err *e)
{
	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		const struct mount_spec *m = record_mount(&s->rec, i);

		if (m->mode != MOUNT_RW)
			continue;
		(void)err_set(e, EOPNOTSUPP,
			"'%s' is shared read-write, and two sandboxes would write to it",
			m->src);
		err_hint(e, "make it with %s:overlay or %s:ro, and fork that", m->src,
			m->src);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_walls(const struct sandbox *s, struct err *e)
{
	if (str_eq(s->rec.wall, "microvm"))
		return 0;
	(void)err_set(e, EOPNOTSUPP, "the %s wall has no machine that could be forked",
		s->rec.wall);
	err_hint(e, "--wall microvm has one");
	return -EOPNOTSUPP;
}

/* NAME-1, NAME-2 and so on: the next that is free. */
static char *free_name(const char *base, unsigned *number)
{
	for (; *number < 100000; (*number)++) {
		auto_free char *name = str_printf("%.50s-%u", base, *number);
		auto_sandbox struct sandbox s = SANDBOX_INIT;

		if (!name)
			return NULL;
		if (sandbox_open_raw(name, &s, NULL) == -ENOENT)
			return take_ptr(&name);
	}
	return NULL;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct fork_args *a = inv->args;
	AUTO(snapshot_abandon) struct snapshot_new n = SNAPSHOT_NEW_INIT;
	auto_snapshot struct snapshot kept = SNAPSHOT_INIT;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	uint64_t us = 0, count = a->count ? a->count : 1;
	unsigned number = 1;
	int r = sandbox_open(inv->words.v[0], &s, e);

	if (r == 0 && count > COUNT_MAX)
		r = err_set(e, EINVAL, "at most %u at once", COUNT_MAX);
	r = r < 0 ? r : check_walls(&s, e);
	r = r < 0 ? r : check_workspaces(&s, e);
	r = r < 0 ? r : snapshot_begin(&n, e);
	r = r < 0 ? r : keep_sandbox(&s, s.name, &n, &us, e);
	r = r < 0 ? r : snapshot_load_new(&n, &kept, e);
	if (r < 0)
		return r;
	out_note("'%s' stood for %llu.%llu ms", s.name, (unsigned long long)us / 1000,
		(unsigned long long)us / 100 % 10);
	for (uint64_t i = 0; r == 0 && i < count; i++) {
		auto_free char *name = free_name(s.name, &number);

		if (!name)
			return err_set(e, ENOMEM, "find a name for the copy");
		r = keep_restore(&kept, name, e);
		if (r == 0)
			(void)out_line("%s", name);
	}
	return r;
}

const struct command verb_fork = {
	.name = "fork",
	.usage = "[--count N] SANDBOX",
	.brief = "make copies of a running microVM that go on beside it",
	.detail = "A copy has the memory, the programs and the writable layers of the "
		  "sandbox at "
		  "one moment, and shares with it and other copies what none of them "
		  "writes. "
		  "It is another sandbox, as brig restore says. A workspace has to be an "
		  "overlay, whose changes are copied, or read-only.",
	.opts = opts,
	.args_size = sizeof(struct fork_args),
	.words_min = 1,
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
};
