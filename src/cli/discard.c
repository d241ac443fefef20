/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/changes.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/tally.h"
#include "cli/verbs.h"
#include "sandbox/guard.h"
#include "sandbox/place.h"

#include <fcntl.h>

struct discard_args {
	bool held;
};

static const struct opt opts[] = {
	OPT(struct discard_args, "held", 0, NULL, held, opt_bool,
		"throw away what was held back from the workspace instead: all, or IDs"),
	{ 0 },
};

struct discard {
	const struct changes *c;
	const struct strv *words; /* ids, then the sandbox's name */
	struct tally *tally;
};

static int discard_overlay(const struct changes *c, size_t i, struct err *e)
{
	auto_fd int upper = -1, work = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "ws/%zu/upper", i);
	upper = openat(c->s.dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (upper < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s'", path);
	(void)snprintf(path, sizeof(path), "ws/%zu/work", i);
	work = openat(c->s.dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (work < 0)
		return err_sys(e, "open '%s'", path);
	return overlay_discard(upper, work, e);
}

static int discard_overlays(void *with, struct err *e)
{
	const struct discard *d = with;
	int r = 0;

	for (size_t i = 0; i < d->c->s.rec.mounts.n && r == 0; i++)
		if (record_mount(&d->c->s.rec, i)->mode == MOUNT_OVERLAY) {
			r = discard_overlay(d->c, i, e);
			d->tally->overlays += r == 0;
		}
	return r;
}

/* What was too large to be moved away is still in the workspace, under another name. */
static void drop_aside(const struct changes *c, const struct guard_held *h)
{
	struct guard_ws ws = { .root = -1 };
	const char *name;
	int dir = -1;

	if (!h->aside || changes_open_workspace(c, h->workspace, &ws, NULL) < 0)
		return;
	dir = place_open_parent(ws.root, h->aside, &name, NULL);
	if (dir >= 0) {
		(void)unlinkat(dir, name, 0);
		(void)close(dir);
	}
	(void)close(ws.root);
}

static bool is_wanted(const struct strv *words, const char *id)
{
	for (size_t i = 0; i + 1 < words->n; i++)
		if (str_eq(words->v[i], id))
			return true;
	return words->n == 1;
}

static int discard_held(void *with, struct err *e)
{
	const struct discard *d = with;
	auto_fd int dir = changes_open_held(d->c);
	struct guard_held *v = NULL;
	size_t n = 0, dropped = 0;
	int r = dir < 0
		? (dir == -ENOENT ? 0 : err_set(e, -dir, "open what was held back"))
		: guard_held_list(dir, &v, &n, e);

	for (size_t i = 0; i < n; i++) {
		if (r == 0 && is_wanted(d->words, v[i].id)) {
			drop_aside(d->c, &v[i]);
			r = guard_drop(dir, v[i].id, e);
			dropped += r == 0;
			d->tally->dropped += r == 0;
		}
		guard_held_clear(&v[i]);
	}
	free(v);
	if (r == 0 && dropped + 1 < d->words->n)
		return err_set(e, ENOENT, "not all of these are held back by '%s'",
			d->c->s.name);
	return r;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct discard_args *a = inv->args;
	auto_changes struct changes c = CHANGES_INIT;
	struct discard d = { .c = &c, .words = &inv->words };
	int r;

	if (!a->held && inv->words.n > 1)
		return err_set(e, EINVAL, "an overlay is discarded as a whole");
	r = changes_open(CHANGES_NAME(inv), CHANGES_STOPPED, &c, e);
	if (r < 0)
		return r;
	if (!a->held && changes_overlays(&c) == 0)
		return err_set(
			e, EINVAL, "sandbox '%s' has no overlay workspace", c.s.name);
	d.tally = tally_new(e);
	if (!d.tally)
		return -ENOMEM;
	r = changes_work(&c, a->held ? discard_held : discard_overlays, &d, e);
	tally_note(d.tally, &c.s, "discard", r);
	return r;
}

const struct command verb_discard = {
	.name = "discard",
	.usage = "[--held [ID...]] NAME",
	.brief = "throw away what an overlay workspace holds",
	.detail =
		"The host's directory stays as it is, and the sandbox sees it again. The "
		"sandbox must not be running.\n\n"
		"With --held, instead, what was held back from a workspace because the "
		"host would run it later (brig diff shows it).",
	.opts = opts,
	.args_size = sizeof(struct discard_args),
	.words_min = 1,
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
