/* SPDX-License-Identifier: Apache-2.0 */
#include "base/term.h"
#include "cli/make.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"

struct run_args {
	struct make_args make;
};

static const struct opt opts[] = {
	MAKE_OPTS(struct run_args, make),
	OPT(struct run_args, "detach", 'd', NULL, make.detach, opt_bool,
		"start it, print its name, and leave it running"),
	OPT(struct run_args, "quiet", 'q', NULL, make.quiet, opt_bool,
		"no progress, no notes"),
	{ 0 },
};

static void clear(void *args)
{
	make_args_clear(&((struct run_args *)args)->make);
}

/*
 * A sandbox whose command never came to run is not left behind for the person to find.
 *
 * Mustn't: take away one that did run: when its keeper was killed, its workspace has to be
 *          looked through, and it may hold changes.
 */
static void unmake(const struct sandbox *s)
{
	struct exit_state x = { 0 };
	struct idmap ids;
	bool never = false;

	if (sandbox_hold(s, NULL) < 0 || idmap_for_caller(&ids, NULL) < 0)
		return;
	switch (sandbox_status(s, NULL, &x)) {
	case SANDBOX_CREATED: never = true; break;
	case SANDBOX_EXITED: never = str_eq(x.reason, "not started"); break;
	case SANDBOX_RUNNING:
	case SANDBOX_PAUSED:
	case SANDBOX_CRASHED:
	case SANDBOX_BROKEN: break;
	}
	if (never)
		(void)clean_remove(s, &ids, -1, NULL);
	json_struct_clear(&exit_schema, &x);
}

static int attach(const struct sandbox *s, int fd, bool fresh, const struct run_args *a,
	struct err *e)
{
	struct session session = { .fd = fd,
		.detach_keys = s->rec.detach_keys,
		.pipes = { -1, -1 },
		.held = s,
		.quiet = a->make.quiet };
	struct control_request q = { .verb = fresh ? CONTROL_RUN : CONTROL_ATTACH,
		.tty = s->rec.tty,
		.stdin_open = s->rec.stdin_open };
	uint16_t rows = 0, cols = 0;

	if (term_size(STDIN_FILENO, &rows, &cols)) {
		q.rows = rows;
		q.cols = cols;
	}
	return session_attach(&session, &q, e);
}

static int detach(const struct sandbox *s, int fd, struct err *e)
{
	struct control_request q = { .verb = CONTROL_START };
	int r = session_start(fd, &q, e);

	return r ? r : out_line("%s", s->name);
}

static int run(const struct invocation *inv, struct err *e)
{
	struct run_args *a = inv->args;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	bool existed, running;
	int fd, r;

	a->make.fleeting = true;
	r = make_sandbox(inv, &a->make, &s, &existed, e);

	if (r < 0)
		return r;
	running = existed && sandbox_kept(&s);
	if (running && inv->rest.n) {
		(void)err_set(e, EBUSY, "sandbox '%s' is running already", s.name);
		err_hint(e,
			"run another command in it: brig exec %s -- ...; or make "
			"another: --new",
			s.name);
		return -EBUSY;
	}
	if (existed && !running) {
		r = sandbox_hold(&s, e);
		if (r < 0)
			return r;
		/* another brig may have been quicker; then this is its sandbox's record */
		running = sandbox_kept(&s);
		if (!running && (r = sandbox_write_record(&s, e)) < 0)
			return r;
	}
	fd = session_open(&s, true, e);
	if (fd < 0) {
		if (!existed)
			unmake(&s);
		return fd;
	}
	if (a->make.detach)
		r = running ? out_line("%s", s.name) : detach(&s, fd, e);
	else
		r = attach(&s, fd, !running, a, e);
	if (r && !existed)
		unmake(&s);
	return r;
}

const struct command verb_run = {
	.name = "run",
	.usage = "[OPTIONS] [AGENT] [PATH...] [-- ARG...]",
	.brief = "create a sandbox, start it and attach to it",
	.detail = "Without an AGENT it runs a shell, or the ARGs as its command. The "
		  "first PATH (default: "
		  "the current directory) is the working directory; each PATH is seen at "
		  "the same place, "
		  "read-write, or as PATH:ro or PATH:overlay.\n\n"
		  "The same agent in the same directory again starts and attaches to "
		  "that sandbox; --new "
		  "makes another.\n\n"
		  "The exit status is the command's; 125 if brig failed, 126 if the "
		  "command can't be "
		  "executed, 127 if it wasn't found, 124 after --timeout.",
	.opts = opts,
	.args_size = sizeof(struct run_args),
	.words_max = 64,
	.complete = "@agent @dir",
	.run = run,
	.clear = clear,
};
