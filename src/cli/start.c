/* SPDX-License-Identifier: Apache-2.0 */
#include "base/term.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

struct start_args {
	bool attach;
};

static const struct opt opts[] = {
	OPT(struct start_args, "attach", 'a', NULL, attach, opt_bool,
		"attach to its command"),
	{ 0 },
};

static int start_one(const char *name, bool attach, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct control_request q = { .verb = attach ? CONTROL_RUN : CONTROL_START };
	uint16_t rows, cols;
	int fd, r = sandbox_open(name, &s, e);

	if (r < 0)
		return r;
	if (sandbox_kept(&s))
		return err_set(e, EALREADY, "sandbox '%s' runs already", name);
	fd = session_open(&s, true, e);
	if (fd < 0)
		return fd;
	if (attach) {
		struct session session = { .fd = fd,
			.detach_keys = s.rec.detach_keys,
			.pipes = { -1, -1 },
			.held = &s };

		q.tty = s.rec.tty;
		q.stdin_open = s.rec.stdin_open;
		if (term_size(STDIN_FILENO, &rows, &cols)) {
			q.rows = rows;
			q.cols = cols;
		}
		return session_attach(&session, &q, e);
	}
	r = session_start(fd, &q, e);
	return r ? r : out_line("%s", name);
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct start_args *a = inv->args;

	if (a->attach && inv->words.n > 1)
		return err_set(e, EINVAL, "only one sandbox can be attached to");
	for (size_t i = 0; i < inv->words.n; i++) {
		int r = start_one(inv->words.v[i], a->attach, e);

		if (r)
			return r;
	}
	return 0;
}

const struct command verb_start = {
	.name = "start",
	.usage = "[-a] NAME...",
	.brief = "start sandboxes that are stopped",
	.opts = opts,
	.args_size = sizeof(struct start_args),
	.words_min = 1,
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
