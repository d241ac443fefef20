/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cli/names.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"

struct stop_args {
	uint64_t time;
	bool all;
};

static const struct opt opts[] = {
	OPT(struct stop_args, "time", 't', "TIME", time, opt_duration,
		"how long its command may take to end; default 10s"),
	OPT(struct stop_args, "all", 'a', NULL, all, opt_bool, "every sandbox that runs"),
	{ 0 },
};

static int stop_one(const char *name, const struct invocation *inv, struct err *e)
{
	const struct stop_args *a = inv->args;
	struct control_request q = { .verb = CONTROL_STOP,
		.grace_ns = a->time ? a->time : 10 * NS_PER_SEC };
	struct control_reply reply;
	int r = session_ask_name(name, &q, &reply, e);
	bool ending = r == -ECONNRESET;

	/* a keeper that is about to end by itself may hang up without an answer */
	while (r == -ECONNRESET)
		r = session_ask_name(name, &q, &reply, e);
	if (r == 0)
		json_struct_clear(&control_reply_schema, &reply);
	else if (ending && (r == -ESRCH || r == -ENOENT))
		r = 0;
	return r == 0 ? out_line("%s", name) : r;
}

static int run(const struct invocation *inv, struct err *e)
{
	return names_each(inv,
		((struct stop_args *)inv->args)->all ? NAMES_RUNNING : NAMES_GIVEN,
		stop_one, e);
}

const struct command verb_stop = {
	.name = "stop",
	.usage = "[-t TIME] NAME...",
	.brief = "stop sandboxes: their command is asked to end, then killed",
	.opts = opts,
	.args_size = sizeof(struct stop_args),
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
