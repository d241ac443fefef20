/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"
#include "cli/session.h"
#include "cli/verbs.h"

static int resume_one(const char *name, const struct invocation *inv, struct err *e)
{
	struct control_request q = { .verb = CONTROL_RESUME };
	struct control_reply reply;
	int r = session_ask_name(name, &q, &reply, e);

	(void)inv;
	if (r == 0)
		json_struct_clear(&control_reply_schema, &reply);
	return r;
}

static int run(const struct invocation *inv, struct err *e)
{
	return names_each(inv, NAMES_GIVEN, resume_one, e);
}

const struct command verb_resume = {
	.name = "resume",
	.usage = "NAME...",
	.brief = "let paused sandboxes go on",
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
