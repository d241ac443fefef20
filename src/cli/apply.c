/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"
#include "cli/changes.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/tally.h"
#include "cli/verbs.h"
#include "sandbox/clean.h"
#include "sandbox/guard.h"
#include "sandbox/since.h"

#include <fcntl.h>

/* So many lines about what was not applied; the rest is counted. */
#define LINES_MAX 50

struct apply_args {
	bool held, force;
};

static const struct opt opts[] = {
	OPT(struct apply_args, "held", 0, NULL, held, opt_bool,
		"also what is held back because the host would run it: all, IDs or "
		"PATHs"),
	OPT(struct apply_args, "force", 'f', NULL, force, opt_bool,
		"also over files that the host changed meanwhile"),
	{ 0 },
};

struct apply {
	const struct changes *c;
	const struct apply_args *a;
	struct strv ids;   /* of what was held back */
	struct strv *only; /* for each mount: paths in it; empty: nothing of it, unless */
	bool all;          /* no path was given */
	size_t left;
	struct tally *tally;
};

/* A word is an id where --held was given and it is a number, else a path. */
static bool is_id(const struct apply_args *a, const char *word)
{
	return a->held && word[strspn(word, "0123456789")] == '\0';
}

/* The mount of this kind that holds a path, and the path in it. */
static int find_mount(
	const struct changes *c, const char *word, int mode, size_t *ret, char **rest)
{
	auto_free char *cwd = getcwd(NULL, 0);
	auto_free char *full = path_join(cwd ? cwd : "/", word);
	size_t found = 0, only = 0;

	for (size_t i = 0; full && i < c->s.rec.mounts.n; i++) {
		const struct mount_spec *m = record_mount(&c->s.rec, i);
		const char *at = full + strlen(m->src);

		if (m->mode != mode)
			continue;
		found++;
		only = i;
		if (!path_beneath(full, m->src))
			continue;
		*ret = i;
		*rest = strdup(at + strspn(at, "/"));
		return *rest ? 1 : -ENOMEM;
	}
	/* said from elsewhere: as it stands in the one workspace there is */
	if (*word == '/' || found != 1)
		return 0;
	*ret = only;
	*rest = path_clean(word);
	return *rest ? !str_starts(*rest, "..") : -ENOMEM;
}

static int take_word(struct apply *x, const char *word, struct err *e)
{
	auto_free char *rest = NULL;
	size_t i = 0;
	int r;

	if (is_id(x->a, word))
		return strv_add(&x->ids, word) < 0 ? err_set(e, ENOMEM, "out of memory")
						   : 0;
	r = find_mount(x->c, word, MOUNT_OVERLAY, &i, &rest);
	if (r == 0 && x->a->held && str_set(&rest, NULL) == 0)
		r = find_mount(x->c, word, MOUNT_RW, &i, &rest);
	if (r == 0)
		return err_set(e, EINVAL, "'%s' is in no %s workspace of '%s'", word,
			x->a->held ? "writable" : "overlay", x->c->s.name);
	if (r > 0) {
		x->all = false;
		/* "" is all of the workspace */
		r = strv_add(&x->only[i], *rest && !str_eq(rest, ".") ? rest : "/");
	}
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static bool is_whole(const struct strv *only)
{
	return strv_has(only, "/");
}

static void say(const struct overlay_ws *ws, const struct overlay_event *ev)
{
	static const char *const words[] = { [OVERLAY_APPLIED] = "applied",
		[OVERLAY_TRIMMED] = "applied in part",
		[OVERLAY_HELD] = "held back",
		[OVERLAY_CONFLICT] = "not applied",
		[OVERLAY_SPECIAL] = "not applied: no file, directory or link",
		[OVERLAY_FAILED] = "not applied" };
	auto_free char *path = str_escape(ev->path);
	auto_free char *why = str_escape(ev->why ? ev->why : "");

	out_note("%s: %s/%s%s%s", words[ev->outcome], ws->path, path ? path : "?",
		ev->why ? ": " : "", why ? why : "");
}

/* Prints what became of the changes, and returns how many were not applied in full. */
static size_t report(const struct overlay_ws *ws, const struct overlay_report *rep)
{
	size_t said = 0, held = 0, conflicts = 0;

	for (size_t i = 0; i < rep->n; i++) {
		if (rep->v[i].outcome == OVERLAY_APPLIED)
			continue;
		held += rep->v[i].outcome == OVERLAY_HELD ||
			rep->v[i].outcome == OVERLAY_TRIMMED;
		conflicts += rep->v[i].outcome == OVERLAY_CONFLICT;
		if (said++ < LINES_MAX)
			say(ws, &rep->v[i]);
	}
	if (said > LINES_MAX)
		out_note("... and %zu more", said - LINES_MAX);
	(void)out_line(
		"applied %zu of %zu changes to %s", rep->n - rep->left, rep->n, ws->path);
	if (held)
		out_hint("look at what was held back with brig diff -p; apply it with "
			 "--held, or throw it away with brig discard");
	if (conflicts)
		out_hint(
			"what the host changed too is kept; --force takes the sandbox's");
	return rep->left;
}

static int empty_upper(const struct changes *c, size_t i, int upper, struct err *e)
{
	char path[32];
	auto_fd int work = -1;

	(void)snprintf(path, sizeof(path), "ws/%zu/work", i);
	work = openat(c->s.dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return work < 0 ? err_sys(e, "open '%s'", path) : overlay_discard(upper, work, e);
}

static int apply_overlay(struct apply *x, size_t i, struct err *e)
{
	AUTO(overlay_report_clear) struct overlay_report rep = { 0 };
	unsigned flags =
		(x->a->force ? OVERLAY_FORCE : 0) | (x->a->held ? OVERLAY_PROTECTED : 0);
	bool whole = x->all || is_whole(&x->only[i]);
	struct overlay_ws ws;
	int r = changes_open_overlay(x->c, i, &ws, e);

	if (r <= 0)
		return r;
	if (!whole)
		ws.only = x->only[i].v;
	r = overlay_apply(&ws, since_read(&x->c->s, i), flags, &rep, e);
	if (r == 0) {
		size_t left = report(&ws, &rep);

		x->left += left + rep.partial;
		x->tally->changed += rep.n - left;
		x->tally->left += left + rep.partial;
		/* all of it is the host's now. Under a running sandbox it stays, and says
		 * the same */
		if (whole && left == 0 && !rep.partial)
			r = x->c->running ? since_set(&x->c->s, i, e)
					  : empty_upper(x->c, i, ws.upper, e);
	}
	changes_close_overlay(&ws);
	return r;
}

static bool is_wanted(const struct apply *x, const struct guard_held *h)
{
	if (strv_has(&x->ids, h->id) || (x->all && x->ids.n == 0))
		return true;
	for (size_t i = 0; i < x->c->s.rec.mounts.n; i++) {
		const struct strv *only = &x->only[i];

		if (!str_eq(record_mount(&x->c->s.rec, i)->src, h->workspace))
			continue;
		for (size_t k = 0; k < only->n; k++)
			if (is_whole(only) || path_beneath(h->path, only->v[k]))
				return true;
	}
	return false;
}

static int release(
	struct apply *x, int dir, const struct guard_held *h, size_t *n, struct err *e)
{
	auto_free char *path = str_escape(h->path);
	struct guard_ws ws;
	struct err why = { 0 };
	int r = changes_open_workspace(x->c, h->workspace, &ws, &why);

	if (r == 0) {
		r = guard_release(&ws, dir, h->id, &why);
		(void)close(ws.root);
	}
	(void)e;
	if (r < 0) {
		auto_free char *shown = str_escape(why.msg);

		out_note("not put back: %s: %s", path ? path : "?", shown ? shown : "?");
		x->left++;
		return 0;
	}
	(*n)++;
	x->tally->released++;
	return out_line("put back %s/%s", h->workspace, path ? path : "?");
}

static int release_held(struct apply *x, struct err *e)
{
	auto_fd int dir = changes_open_held(x->c);
	struct guard_held *v = NULL;
	size_t n = 0, done = 0, before = x->left;
	int r = dir < 0
		? (dir == -ENOENT ? 0 : err_set(e, -dir, "open what was held back"))
		: guard_held_list(dir, &v, &n, e);

	for (size_t i = 0; i < n; i++) {
		if (r == 0 && is_wanted(x, &v[i]))
			r = release(x, dir, &v[i], &done, e);
		guard_held_clear(&v[i]);
	}
	free(v);
	if (r == 0 && x->left == before && done < x->ids.n)
		return err_set(e, ENOENT, "not all of these are held back by '%s'",
			x->c->s.name);
	return r;
}

/* In the child. Returns 1 when something is left. */
static int work(void *with, struct err *e)
{
	struct apply *x = with;
	int r = 0;

	for (size_t i = 0; i < x->c->s.rec.mounts.n && r == 0; i++)
		if (record_mount(&x->c->s.rec, i)->mode == MOUNT_OVERLAY &&
			(x->all ? x->ids.n == 0 : x->only[i].n > 0))
			r = apply_overlay(x, i, e);
	if (r == 0 && x->a->held)
		r = release_held(x, e);
	return r == 0 && x->left ? 1 : r;
}

static int ask(const struct changes *c, int verb, struct err *e)
{
	struct control_request q = { .verb = verb };
	struct control_reply reply;
	int r = session_ask_name(c->s.name, &q, &reply, e);

	if (r == 0)
		json_struct_clear(&control_reply_schema, &reply);
	return r;
}

/* The sandbox holds still while the files under it change. */
static int apply_paused(struct apply *x, struct err *e)
{
	bool paused = sandbox_status(&x->c->s, NULL, NULL) == SANDBOX_PAUSED;
	struct err late = { 0 };
	int r;

	if (!x->c->running)
		return changes_work(x->c, work, x, e);
	if (!paused) {
		r = ask(x->c, CONTROL_PAUSE, e);
		if (r < 0) {
			(void)err_wrap(e, "pause '%s' meanwhile", x->c->s.name);
			err_hint(e, "brig stop %s", x->c->s.name);
			return r;
		}
	}
	r = changes_work(x->c, work, x, e);
	if (!paused && ask(x->c, CONTROL_RESUME, &late) < 0 && late.code != ESRCH)
		out_note("resume '%s': %s", x->c->s.name, late.msg);
	return r;
}

static int check(const struct apply *x, struct err *e)
{
	const struct changes *c = x->c;

	if (x->a->held && c->running && clean_has_held(&c->s)) {
		(void)err_set(e, EBUSY,
			"what was held back can't be put back while '%s' runs",
			c->s.name);
		err_hint(e, "brig stop %s", c->s.name);
		return -EBUSY;
	}
	if (x->a->held || changes_overlays(c) > 0)
		return 0;
	(void)err_set(e, EINVAL, "sandbox '%s' has no overlay workspace", c->s.name);
	if (clean_has_held(&c->s))
		err_hint(e, "what was held back is put in place by brig apply --held %s",
			c->s.name);
	return -EINVAL;
}

static int run(const struct invocation *inv, struct err *e)
{
	auto_changes struct changes c = CHANGES_INIT;
	struct apply x = { .c = &c, .a = inv->args, .all = true };
	int r = changes_open(CHANGES_NAME(inv), CHANGES_ANY, &c, e);

	if (r < 0)
		return r;
	x.only = calloc(c.s.rec.mounts.n + 1, sizeof(*x.only));
	r = x.only ? check(&x, e) : err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i + 1 < inv->words.n && r == 0; i++)
		r = take_word(&x, inv->words.v[i], e);
	x.tally = r == 0 ? tally_new(e) : NULL;
	if (r == 0 && !x.tally)
		r = -ENOMEM;
	if (r == 0) {
		r = apply_paused(&x, e);
		tally_note(x.tally, &c.s, "apply", r);
	}
	for (size_t i = 0; x.only && i < c.s.rec.mounts.n; i++)
		strv_clear(&x.only[i]);
	free(x.only);
	strv_clear(&x.ids);
	return r;
}

const struct command verb_apply = {
	.name = "apply",
	.usage = "[--held] [--force] [PATH|ID...] NAME",
	.brief = "put what an overlay workspace holds into the host's directory",
	.detail =
		"All of it, or what is at or beneath the PATHs. What the host would run "
		"later (git's hooks, commands in git's configuration, start-up files) is "
		"held back unless --held is given; so is what the host changed since the "
		"sandbox began, unless --force is.\n\n"
		"With --held, what was held back from a workspace in place is put there "
		"too: all, or the IDs that brig diff shows, or what is beneath the "
		"PATHs.\n\n"
		"A running sandbox is paused meanwhile. The exit status is 1 if "
		"something "
		"was not applied.",
	.opts = opts,
	.args_size = sizeof(struct apply_args),
	.words_min = 1,
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
