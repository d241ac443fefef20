/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/path.h"
#include "base/term.h"
#include "cli/command.h"
#include "cli/env.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

struct exec_args {
	struct strv env, env_files;
	char *user, *workdir, *detach_keys;
	bool interactive, tty, detach;
};

static const struct opt opts[] = {
	OPT(struct exec_args, "interactive", 'i', NULL, interactive, opt_bool,
		"keep standard input open"),
	OPT(struct exec_args, "tty", 't', NULL, tty, opt_bool, "give it a terminal"),
	OPT(struct exec_args, "detach", 'd', NULL, detach, opt_bool,
		"leave it running in the background"),
	OPT(struct exec_args, "env", 'e', "K[=V]", env, opt_list,
		"set a variable, or hand on the caller's"),
	OPT(struct exec_args, "env-file", 0, "FILE", env_files, opt_list,
		"set the variables of a file, one K=V a line", .words = "@file"),
	OPT(struct exec_args, "user", 'u', "USER", user, opt_str,
		"name or id[:group] inside; default: you"),
	OPT(struct exec_args, "workdir", 'w', "DIR", workdir, opt_str,
		"working directory inside"),
	OPT(struct exec_args, "detach-keys", 0, "KEYS", detach_keys, opt_str,
		"keys that detach; default ctrl-p,ctrl-q"),
	{ 0 },
};

static void clear(void *args)
{
	struct exec_args *a = args;

	strv_clear(&a->env);
	strv_clear(&a->env_files);
	free(a->user);
	free(a->workdir);
	free(a->detach_keys);
}

static int environment(const struct exec_args *a, const struct sandbox *s, bool tty,
	struct strv *env, struct err *e)
{
	const char *term = getenv("TERM");
	int r = env_set_all(env, &s->rec.env, e);

	if (r == 0 && tty && term) {
		auto_free char *one = str_printf("TERM=%s", term);

		r = one ? env_set(env, one, e) : err_set(e, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < a->env_files.n && r == 0; i++)
		r = env_file(env, a->env_files.v[i], e);
	return r == 0 ? env_set_all(env, &a->env, e) : r;
}

static int serve(const struct exec_args *a, struct sandbox *s, struct control_request *q,
	struct err *e)
{
	struct session session = SESSION_INIT;
	uint16_t rows, cols;

	session.fd = session_open(s, true, e);
	if (session.fd < 0)
		return session.fd;
	session.detach_keys = a->detach_keys ? a->detach_keys : s->rec.detach_keys;
	if (a->detach)
		return session_start(session.fd, q, e);
	session.held = s;
	if (term_size(STDIN_FILENO, &rows, &cols)) {
		q->rows = rows;
		q->cols = cols;
	}
	return session_attach(&session, q, e);
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct exec_args *a = inv->args;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	auto_strv struct strv env = { 0 };
	bool both = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	struct control_request q = { .verb = CONTROL_EXEC,
		.user = a->user,
		.argv = inv->rest,
		.detach = a->detach };
	int r = sandbox_open(inv->words.v[0], &s, e);

	if (r < 0)
		return r;
	if (!inv->rest.n) {
		(void)err_set(e, EINVAL, "no command");
		err_hint(e, "brig exec %s -- COMMAND", s.name);
		return -EINVAL;
	}
	/* asked for neither: as any command is run in the foreground */
	q.tty = a->interactive || a->tty ? a->tty : both && !a->detach;
	q.stdin_open = a->interactive || a->tty ? a->interactive : !a->detach;
	q.cwd = a->workdir ? a->workdir : s.rec.cwd;
	if (!q.user)
		q.user = s.rec.user;
	r = environment(a, &s, q.tty, &env, e);
	q.env = env;
	return r == 0 ? serve(a, &s, &q, e) : r;
}

const struct command verb_exec = {
	.name = "exec",
	.usage = "[OPTIONS] NAME [--] COMMAND [ARG...]",
	.brief = "run another command in a sandbox",
	.detail = "A sandbox that is stopped is started for it, and stopped again when "
		  "the command ends.",
	.opts = opts,
	.args_size = sizeof(struct exec_args),
	.flags = OPTS_STOP_AT_FIRST,
	.words_min = 1,
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
	.clear = clear,
};
