/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

static int wait_one(const char *name, const struct invocation *inv, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct exit_state x = { 0 };
	enum sandbox_status status;
	struct control_request q = { .verb = CONTROL_WAIT };
	struct control_reply reply;
	int fd, r = sandbox_open(name, &s, e);

	(void)inv;
	if (r < 0)
		return r;
	/* a keeper that is about to end may hang up without an answer: then what it wrote
	 * down is the answer, once it is gone */
	while ((fd = session_open(&s, false, NULL)) >= 0) {
		uint64_t code;

		if (session_ask(fd, &q, &reply, NULL) < 0)
			continue;
		code = reply.status;
		json_struct_clear(&control_reply_schema, &reply);
		return out_line("%llu", (unsigned long long)code);
	}
	status = sandbox_status(&s, NULL, &x);
	if (status != SANDBOX_EXITED) {
		json_struct_clear(&exit_schema, &x);
		return err_set(e, ESRCH,
			status == SANDBOX_BROKEN ? "sandbox '%s' has ended, but its "
						   "exit.json can't be read"
						 : "sandbox '%s' has not run to an end",
			name);
	}
	r = out_line("%llu", (unsigned long long)x.status);
	json_struct_clear(&exit_schema, &x);
	return r;
}

static int run(const struct invocation *inv, struct err *e)
{
	return names_each(inv, NAMES_GIVEN, wait_one, e);
}

const struct command verb_wait = {
	.name = "wait",
	.usage = "NAME...",
	.brief = "wait until sandboxes have ended, and print their exit status",
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
