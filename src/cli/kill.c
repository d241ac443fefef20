/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"
#include "cli/session.h"
#include "cli/verbs.h"

#include <signal.h>
#include <strings.h>

struct kill_args {
	uint64_t signal;
};

static int opt_signal(void *to, const char *text, struct err *e)
{
	uint64_t n;

	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, text) == 0) {
			*(uint64_t *)to = (unsigned)i;
			return 0;
		}
	}
	if (str_to_uint(text, 64, "signal", &n, NULL) < 0 || n == 0)
		return err_set(e, EINVAL, "'%s' is no signal: write TERM or 15", text);
	*(uint64_t *)to = n;
	return 0;
}

static const struct opt opts[] = {
	OPT(struct kill_args, "signal", 's', "SIGNAL", signal, opt_signal,
		"which; default KILL",
		.words = "KILL TERM INT HUP QUIT USR1 USR2 STOP CONT"),
	{ 0 },
};

static int kill_one(const char *name, const struct invocation *inv, struct err *e)
{
	const struct kill_args *a = inv->args;
	struct control_request q = { .verb = CONTROL_KILL,
		.signal = a->signal ? a->signal : SIGKILL };
	struct control_reply reply;
	int r = session_ask_name(name, &q, &reply, e);

	if (r == 0)
		json_struct_clear(&control_reply_schema, &reply);
	return r;
}

static int run(const struct invocation *inv, struct err *e)
{
	return names_each(inv, NAMES_GIVEN, kill_one, e);
}

const struct command verb_kill = {
	.name = "kill",
	.usage = "[-s SIGNAL] NAME...",
	.brief = "send a signal to the command of sandboxes",
	.opts = opts,
	.args_size = sizeof(struct kill_args),
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
