/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"
#include "cli/out.h"
#include "cli/secret-store.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"
#include "sandbox/sandbox.h"

struct rm_args {
	bool force, all;
};

static const struct opt opts[] = {
	OPT(struct rm_args, "force", 'f', NULL, force, opt_bool,
		"stop it if it runs; throw away changes that were not applied"),
	OPT(struct rm_args, "all", 'a', NULL, all, opt_bool, "every sandbox"),
	{ 0 },
};

static int stop_it(const char *name, struct err *e)
{
	struct control_request q = { .verb = CONTROL_STOP, .grace_ns = 1, .signal = 9 };
	struct control_reply reply;
	int r;

	/* a keeper that is about to end by itself may hang up without an answer */
	do
		r = session_ask_name(name, &q, &reply, e);
	while (r == -ECONNRESET);
	if (r == 0)
		json_struct_clear(&control_reply_schema, &reply);
	/* ended, or removed, meanwhile: just as well */
	return r == -ESRCH || r == -ENOENT ? 0 : r;
}

static int check(struct sandbox *s, bool force, struct err *e)
{
	if (sandbox_kept(s)) {
		(void)err_set(e, EBUSY, "sandbox '%s' is running", s->name);
		err_hint(e, "stop it first, or brig rm --force %s", s->name);
		return -EBUSY;
	}
	if (force)
		return 0;
	if (clean_has_overlay(s)) {
		(void)err_set(e, EBUSY,
			"sandbox '%s' holds changes that were not applied", s->name);
		err_hint(e,
			"see them with brig diff; brig apply or brig discard; or rm "
			"--force");
		return -EBUSY;
	}
	if (clean_has_held(s)) {
		(void)err_set(e, EBUSY,
			"sandbox '%s' holds files that were held back from the workspace",
			s->name);
		err_hint(e, "see them with brig diff; brig apply --held; or rm --force");
		return -EBUSY;
	}
	return 0;
}

static int rm_one(const char *name, const struct invocation *inv, struct err *e)
{
	const struct rm_args *a = inv->args;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	auto_strv struct strv notes = { 0 };
	struct idmap ids;
	bool removed = false;
	int r = sandbox_open(name, &s, e);

	/* what can't be read can still be removed, by force */
	if (r == -EBADMSG && a->force)
		r = sandbox_open_raw(name, &s, e);
	if (r == 0 && a->force && sandbox_kept(&s))
		r = stop_it(name, e);
	if (r == 0)
		r = sandbox_hold(&s, e);
	/* --rm took it away itself */
	if (r == -ENOENT && s.dir >= 0 && a->force)
		return out_line("%s", name);
	if (r == 0)
		r = idmap_for_caller(&ids, e);
	if (r < 0)
		return r;
	if (s.rec.name && sandbox_status(&s, NULL, NULL) == SANDBOX_CRASHED)
		r = clean_crashed(&s, &notes, &removed, e);
	for (size_t i = 0; i < notes.n; i++)
		out_note("%s", notes.v[i]);
	if (r < 0)
		return r;
	if (removed)
		return out_line("%s", name);
	r = check(&s, a->force, e);
	if (r == 0)
		r = clean_remove(&s, &ids, -1, e);
	if (r == 0)
		r = secret_store_forget(name, e);
	return r == 0 ? out_line("%s", name) : r;
}

static int run(const struct invocation *inv, struct err *e)
{
	return names_each(inv,
		((struct rm_args *)inv->args)->all ? NAMES_ALL : NAMES_GIVEN, rm_one, e);
}

const struct command verb_rm = {
	.name = "rm",
	.usage = "[-f] NAME...",
	.brief = "remove sandboxes",
	.opts = opts,
	.args_size = sizeof(struct rm_args),
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
