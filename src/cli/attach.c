/* SPDX-License-Identifier: Apache-2.0 */
#include "base/term.h"
#include "cli/command.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

struct attach_args {
	char *detach_keys;
	bool no_stdin;
};

static const struct opt opts[] = {
	OPT(struct attach_args, "detach-keys", 0, "KEYS", detach_keys, opt_str,
		"keys that detach; default ctrl-p,ctrl-q"),
	OPT(struct attach_args, "no-stdin", 0, NULL, no_stdin, opt_bool, "only look on"),
	{ 0 },
};

static void clear(void *args)
{
	free(((struct attach_args *)args)->detach_keys);
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct attach_args *a = inv->args;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct session session = SESSION_INIT;
	struct control_request q = { .verb = CONTROL_ATTACH };
	uint16_t rows, cols;
	int r = sandbox_open(inv->words.v[0], &s, e);

	if (r < 0)
		return r;
	session.fd = session_open(&s, false, e);
	if (session.fd < 0)
		return session.fd;
	session.detach_keys = a->detach_keys ? a->detach_keys : s.rec.detach_keys;
	q.tty = s.rec.tty && !a->no_stdin;
	q.stdin_open = s.rec.stdin_open && !a->no_stdin;
	if (term_size(STDIN_FILENO, &rows, &cols)) {
		q.rows = rows;
		q.cols = cols;
	}
	return session_attach(&session, &q, e);
}

const struct command verb_attach = {
	.name = "attach",
	.usage = "[OPTIONS] NAME",
	.brief = "attach to the command of a running sandbox",
	.opts = opts,
	.args_size = sizeof(struct attach_args),
	.words_min = 1,
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
	.clear = clear,
};
