/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/path.h"
#include "cli/command.h"
#include "cli/copy.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>

#define SAID_MAX 4096

struct cp_args {
	char *user;
	bool follow, quiet;
};

static const struct opt opts[] = {
	OPT(struct cp_args, "follow-link", 'L', NULL, follow, opt_bool,
		"follow a link that is the host's SRC itself"),
	OPT(struct cp_args, "user", 'u', "USER", user, opt_str,
		"read or write as this user inside; default: you"),
	OPT(struct cp_args, "quiet", 'q', NULL, quiet, opt_bool, "no notes"),
	{ 0 },
};

static void clear(void *args)
{
	free(((struct cp_args *)args)->user);
}

/*
 * "NAME:PATH" as 'docker cp' has it: what has no ':' after a plain word is a file of the
 * host. '*name' stays NULL for one; else both are the caller's to free.
 */
static int split(const char *word, char **name, char **path, struct err *e)
{
	const char *colon = strchr(word, ':');

	if (*word == '.' || *word == '/' || !colon || colon == word ||
		memchr(word, '/', (size_t)(colon - word)))
		return 0;
	if (!colon[1])
		return err_set(e, EINVAL, "'%s': which file?", word);
	*name = strndup(word, (size_t)(colon - word));
	*path = str_printf("%s%s", colon[1] == '/' ? "" : "/", colon + 1);
	return *name && *path ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* The end of the copy inside. Returns its exit status or -errno. */
struct remote {
	const struct sandbox *s;
	const char *builtin, *path, *user;
	int in, out;
	struct buf said;
};

static int run_remote(struct remote *r, struct err *e)
{
	auto_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	auto_strv struct strv argv = { 0 };
	struct session session = SESSION_INIT;
	struct control_request q = { .verb = CONTROL_EXEC,
		.builtin = true,
		.user = (char *)(uintptr_t)(r->user ? r->user : r->s->rec.user),
		.cwd = (char[]){ "/" },
		.stdin_open = r->in >= 0 };

	if (null < 0)
		return err_sys(e, "open '/dev/null'");
	if (strv_add(&argv, r->builtin) < 0 || strv_add(&argv, r->path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	q.argv = argv;
	r->said.max = SAID_MAX;
	session.pipes.in = r->in;
	session.pipes.out = r->out >= 0 ? r->out : null;
	session.pipes.err = &r->said;
	session.detach_keys = "";
	session.fd = session_open(r->s, true, e);
	return session.fd < 0 ? session.fd : session_attach(&session, &q, e);
}

/* What the end inside said, made safe to show; "" for nothing. */
static char *said(struct remote *r)
{
	char *text = buf_take(&r->said);
	char *end = text ? strchr(text, '\n') : NULL;
	char *shown;

	if (end)
		*end = '\0';
	shown = str_escape(text ? text : "");
	free(text);
	return shown;
}

static void note_result(const struct copy_result *local)
{
	const struct files_count *n = &local->count;
	auto_free char *problem = str_escape(n->problem.msg);

	if (n->failed && n->problem.code)
		out_note("%llu not copied; the first: %s", (unsigned long long)n->failed,
			problem ? problem : "?");
	if (n->skipped)
		out_note("%llu left out: sockets, FIFOs and devices are not copied",
			(unsigned long long)n->skipped);
	if (n->links_out)
		out_note("%llu symbolic links lead out of what was copied",
			(unsigned long long)n->links_out);
}

/*
 * Both ends have ended. The one that failed first made the other fail: a stream that was
 * cut short, or that nobody read, is not the reason.
 */
static int verdict(const struct cp_args *a, struct remote *r, int status,
	struct copy_result *local, struct err *e)
{
	auto_free char *words = said(r);
	bool second = local->err.code == EPROTO || local->err.code == EPIPE;

	if (status < 0)
		return status;
	if (local->r < 0 && !(second && status != 0)) {
		auto_free char *shown = str_escape(local->err.msg);
		int code = local->err.code;

		(void)err_set(e, code, "%s", shown ? shown : "out of memory");
		if (local->err.hint[0])
			err_hint(e, "%s", local->err.hint);
		return -code;
	}
	if (status != 0 && (local->r < 0 || local->count.failed == 0)) {
		/* session_attach has said why it could not be started */
		if (!words || !*words)
			return status;
		return err_set(e, EIO, "in '%s': %s", r->s->name, words);
	}
	if (words && *words)
		out_note("in '%s': %s", r->s->name, words);
	if (!a->quiet)
		note_result(local);
	return local->count.failed ? 1 : 0;
}

struct copying {
	const char *name, *inside, *outside;
	bool out; /* of the sandbox */
};

static int copy(const struct copying *c, const struct cp_args *a, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct copy_spec spec = {
		.path = c->outside, .unpack = c->out, .follow = a->follow && !c->out
	};
	struct remote r = { .s = &s,
		.builtin = c->out ? "@pack" : "@unpack",
		.path = c->inside,
		.user = a->user,
		.in = -1,
		.out = -1 };
	struct copy_result local;
	struct copy host;
	int status = sandbox_open(c->name, &s, e);

	if (status == 0)
		status = copy_start(&spec, &host, e);
	if (status < 0)
		return status;
	*(c->out ? &r.out : &r.in) = host.pipe;
	status = run_remote(&r, e);
	copy_finish(&host, &local);
	status = verdict(a, &r, status, &local, e);
	buf_clear(&r.said);
	return status;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct cp_args *a = inv->args;
	auto_free char *from = NULL, *from_path = NULL, *to = NULL, *to_path = NULL;
	const char *src = inv->words.v[0], *dst = inv->words.v[1];
	int r = split(src, &from, &from_path, e);

	if (r == 0)
		r = split(dst, &to, &to_path, e);
	if (r < 0)
		return r;
	if (!*src || !*dst)
		return err_set(e, EINVAL, "an empty path names no file");
	if (from && to) {
		(void)err_set(e, EINVAL, "can't copy from sandbox to sandbox");
		err_hint(e, "copy it out to the host first, then in");
		return -EINVAL;
	}
	if (!from && !to) {
		(void)err_set(
			e, EINVAL, "neither '%s' nor '%s' is in a sandbox", src, dst);
		err_hint(e, "write NAME:PATH for the one that is");
		return -EINVAL;
	}
	if (str_eq(from ? dst : src, "-"))
		return err_set(e, EINVAL,
			"archives on standard input and output are not "
			"for cp; './-' is a file of that name");
	if (a->follow && from) {
		(void)err_set(e, EINVAL, "-L is for a file of the host");
		err_hint(e, "a '/' at the end of the path follows a link to a directory");
		return -EINVAL;
	}
	return copy(&(struct copying){ .name = from ? from : to,
			    .inside = from ? from_path : to_path,
			    .outside = from ? dst : src,
			    .out = from != NULL },
		a, e);
}

const struct command verb_cp = {
	.name = "cp",
	.usage = "[OPTIONS] SRC NAME:DST | NAME:SRC DST",
	.brief = "copy files between the host and a sandbox",
	.detail =
		"As 'docker cp': a directory is copied with all beneath it, into DST if "
		"that is a directory, else as DST; SRC/. means its contents. A path in "
		"the sandbox begins at its root. A name with ':' on the host is written "
		"./NAME.\n\n"
		"What is copied out belongs to you and has no set-id bits; sockets, "
		"FIFOs and devices are left out. Beneath a directory that a sandbox can "
		"write to, no link leads out of it.\n\n"
		"A sandbox that is stopped is started for it, and stopped again. The "
		"exit status is 1 if some files could not be read.",
	.opts = opts,
	.args_size = sizeof(struct cp_args),
	.words_min = 2,
	.words_max = 2,
	.complete = "@sandbox @file",
	.run = run,
	.clear = clear,
};
