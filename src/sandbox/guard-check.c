/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the workspace is walked again and each thing found is compared
 * with what was remembered: by inode and ctime, which a sandbox can't set, where the
 * ctime is old enough to tell, else by contents. What is new or changed and of a kind
 * that runs on the host is copied to the held directory first and taken away (or put back
 * as it was) second, so that a crash between the two only makes a second copy. What is
 * missing is left missing: nothing runs from it.
 */
#include "sandbox/guard.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "sandbox/guard-config.h"
#include "sandbox/guard-extra.h"
#include "sandbox/guard-held.h"
#include "sandbox/guard-names.h"
#include "sandbox/guard-state.h"
#include "sandbox/place.h"

#include <fcntl.h>
#include <sys/stat.h>

struct check {
	const struct guard_ws *ws;
	int held;
	const struct guard_state *then;
	const struct guard_scan *now;
	struct guard_report *report;
	bool failed;
};

/* One thing that is found, what it holds, and what was there before (or NULL). */
struct suspect {
	struct guard_item *it;
	const struct guard_item *was;
	struct buf data; /* its contents; empty when 'unread' */
	bool unread;
};

static int report(struct check *c, const char *path, const char *why, char *id,
	enum guard_outcome outcome)
{
	struct guard_report *r = c->report;
	struct guard_event *grown = realloc(r->v, (r->n + 1) * sizeof(*grown));

	if (!grown) {
		free(id);
		return -ENOMEM;
	}
	r->v = grown;
	grown[r->n] = (struct guard_event){ strdup(path), strdup(why), id, outcome };
	c->failed = c->failed || outcome == GUARD_FAILED;
	return grown[r->n].path && grown[r->n].why ? (r->n++, 0) : -ENOMEM;
}

/* The bytes that the thing had before; false when there are none to compare with. */
static bool data_before(
	const struct check *c, const struct guard_item *was, struct buf *view)
{
	if (!was || !was->copied)
		return false;
	*view = (struct buf){ .data = c->then->data.data + was->off, .len = was->len };
	return true;
}

static bool is_same(const struct check *c, const struct suspect *s)
{
	struct buf before;

	if (!s->was || s->was->type != s->it->type)
		return false;
	/* two changes within one tick of the clock would have one ctime */
	if (s->was->ino == s->it->ino && s->was->ctime == s->it->ctime &&
		s->was->size == s->it->size &&
		s->it->ctime + 2 * NS_PER_SEC < c->then->since)
		return true;
	return !s->unread && data_before(c, s->was, &before) &&
		before.len == s->data.len &&
		(before.len == 0 || memcmp(before.data, s->data.data, before.len) == 0);
}

/* Is the name still the thing that was judged? */
static bool is_still(const struct check *c, const struct suspect *s)
{
	struct guard_item again = { .path = s->it->path };
	struct err quiet;

	return guard_item_read(c->ws, &again, NULL, &quiet) == 0 &&
		again.ino == s->it->ino && again.ctime == s->it->ctime;
}

static int put_back(const struct check *c, int dir, const char *name,
	const struct guard_item *was, const struct buf *data, struct err *e)
{
	struct place as = {
		.mode = was->mode & 0777, .uid = c->ws->uid, .gid = c->ws->gid
	};
	auto_free char *target = NULL;

	if (was->type != GUARD_LINK)
		return place_bytes(dir, name, data->data, data->len, &as, e);
	target = strndup(data->data, data->len);
	return target ? place_symlink(dir, name, target, &as, e)
		      : err_set(e, ENOMEM, "out of memory");
}

/* Copy it away; or, when it can't be copied, give it a name under which nothing runs. */
static int keep(const struct check *c, const struct suspect *s, int dir, const char *why,
	char **id, struct err *e)
{
	const struct guard_item *it = s->it;
	struct held_entry entry = { c->ws->path, it->path, why,
		s->unread                        ? HELD_ASIDE
			: it->type == GUARD_LINK ? HELD_LINK
						 : HELD_FILE,
		it->mode };
	int r = held_add(c->held, &entry, s->data.data, s->data.len, id, e);
	auto_free char *aside = NULL;

	if (r < 0 || !s->unread)
		return r;
	aside = held_aside(path_base(it->path), *id);
	if (!aside || renameat(dir, path_base(it->path), dir, aside) < 0)
		return err_sys(e, "rename '%s'", it->path);
	return 0;
}

static int take_away(const struct check *c, const struct suspect *s, const char *why,
	char **id, struct err *e)
{
	struct buf before;
	const char *name;
	auto_fd int dir = place_open_parent(c->ws->root, s->it->path, &name, e);
	int r;

	if (dir < 0)
		return dir;
	r = keep(c, s, dir, why, id, e);
	if (r < 0)
		return r;
	if (!s->unread && !is_still(c, s))
		return err_set(e, EAGAIN, "it changes while it is held back");
	if (data_before(c, s->was, &before) &&
		(s->was->type == GUARD_FILE || s->was->type == GUARD_LINK)) {
		r = put_back(c, dir, name, s->was, &before, e);
		return r < 0 ? r : GUARD_RESTORED;
	}
	if (!s->unread && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '%s'", s->it->path);
	return GUARD_HELD;
}

static int hold(struct check *c, const struct suspect *s, const char *why)
{
	auto_free char *said = NULL;
	char *id = NULL;
	struct err e = { 0 };
	int r = take_away(c, s, why, &id, &e);

	if (r >= 0)
		return report(c, s->it->path, why, id, (enum guard_outcome)r);
	said = str_printf("%s; %s", why, e.msg);
	return report(c, s->it->path, said ? said : why, id, GUARD_FAILED);
}

/* The file keeps its other lines. */
static int hold_lines(
	struct check *c, const struct suspect *s, const struct guard_trim *t)
{
	const struct guard_item *it = s->it;
	struct held_entry entry = { c->ws->path, it->path, t->why.data, HELD_CONFIG,
		it->mode };
	struct place as = {
		.mode = it->mode & 0777, .uid = c->ws->uid, .gid = c->ws->gid
	};
	auto_free char *said = NULL;
	struct err e = { 0 };
	char *id = NULL;
	const char *name;
	auto_fd int dir = place_open_parent(c->ws->root, it->path, &name, &e);
	int r = dir < 0 ? dir
			: held_add(c->held, &entry, t->cut.data, t->cut.len, &id, &e);

	if (r == 0 && !is_still(c, s))
		r = err_set(&e, EAGAIN, "it changes while it is held back");
	if (r == 0)
		r = place_bytes(dir, name, t->text.data, t->text.len, &as, &e);
	if (r == 0)
		return report(c, it->path, t->why.data, id, GUARD_RESTORED);
	said = str_printf("%s; %s", t->why.data, e.msg);
	return report(c, it->path, said ? said : e.msg, id, GUARD_FAILED);
}

static int judge_config(struct check *c, const struct suspect *s)
{
	AUTO(guard_trim_clear) struct guard_trim t = { 0 };
	struct buf before = { 0 };
	int r;

	if (s->it->type == GUARD_LINK)
		return hold(c, s, "git's configuration is a link");
	if (s->unread)
		return hold(c, s, "git's configuration can't be read");
	(void)data_before(c, s->was, &before);
	r = guard_trim(c->ws, s->it->path, &before, &s->data, &t);
	if (r == -EBADMSG || r == -EFBIG)
		return hold(c, s, "git's configuration is malformed");
	if (r < 0 || t.n == 0)
		return r;
	return hold_lines(c, s, &t);
}

/* As 'git worktree add' writes it, in X/worktrees/NAME for a git directory X. */
static bool is_worktrees_own(const struct check *c, const struct suspect *s)
{
	auto_free char *dir = guard_dirname(s->it->path);
	auto_free char *up = dir ? guard_dirname(dir) : NULL;
	auto_free char *top = up ? guard_dirname(up) : NULL;

	return top && str_eq(path_base(up), "worktrees") && s->it->type == GUARD_FILE &&
		(str_eq(s->data.data, "../..\n") || str_eq(s->data.data, "../..")) &&
		guard_scan_find(c->now, top, GUARD_GITDIR);
}

/* Does a list of 'git rebase' hold a command? */
static bool has_commands(const struct buf *text)
{
	for (const char *p = text->data; p && *p; p = strchr(p, '\n')) {
		p += strspn(p, " \t\r\n");
		if ((str_starts(p, "exec") && strchr(" \t", p[4])) ||
			(*p == 'x' && strchr(" \t", p[1])))
			return true;
	}
	return false;
}

static int judge_link(struct check *c, const struct suspect *s, bool same)
{
	bool leads = !s->unread &&
		guard_link_leads(c->ws, c->now, s->it, s->data.data, s->data.len);

	if (leads || (same && !s->was->leads))
		return 0;
	return hold(c, s, "leads git to a repository that nobody checked");
}

static int strip(struct check *c, const struct suspect *s)
{
	struct err e = { 0 };
	struct stat st;
	auto_fd int fd = path_open_plain(c->ws->root, s->it->path, O_PATH, 0, &e);
	int r = fd;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		int caps = place_no_caps(fd);

		r = place_chmod(fd, st.st_mode & 0777);
		r = r < 0 ? r : caps;
	}
	return report(c, s->it->path,
		r < 0 ? strerrordesc_np(-r) : "set-user-ID, set-group-ID or capabilities",
		NULL, r < 0 ? GUARD_FAILED : GUARD_STRIPPED);
}

static const char *startup_why(const struct suspect *s)
{
	size_t base;
	const struct guard_name *row = guard_name_match(s->it->path, &base);

	if (!row)
		row = guard_name_leads(s->it->path);
	return row ? row->why : "start-up file";
}

static int judge(struct check *c, const struct suspect *s)
{
	bool same = is_same(c, s);

	if (s->it->kind == GUARD_SETID)
		return strip(c, s);
	if (s->it->kind == GUARD_ESCAPE)
		return hold(c, s, "leads into the private files of a sandbox");
	if (s->it->kind == GUARD_GITLINK)
		return judge_link(c, s, same);
	if (same || (!s->was && c->then->partial && s->it->ctime < c->then->since))
		return 0;
	switch ((enum guard_kind)s->it->kind) {
	case GUARD_STARTUP: return hold(c, s, startup_why(s));
	case GUARD_HOOK: return hold(c, s, "hook that git runs");
	case GUARD_CONFIG: return judge_config(c, s);
	case GUARD_COMMONDIR:
		return is_worktrees_own(c, s) ? 0
					      : hold(c, s, "leads git to other hooks");
	case GUARD_TODO:
		return s->unread || has_commands(&s->data)
			? hold(c, s, "commands for 'git rebase --continue'")
			: 0;
	case GUARD_GITLINK:
	case GUARD_SETID:
	case GUARD_ESCAPE:
	case GUARD_GITDIR:
	case GUARD_HOOKS_DIR: return 0;
	}
	return 0;
}

static int check_item(struct check *c, struct guard_item *it)
{
	struct suspect s = { .it = it,
		.was = guard_scan_find(
			&c->then->scan, it->path, (enum guard_kind)it->kind) };
	struct err quiet;
	int r;

	if (it->kind == GUARD_GITDIR || it->kind == GUARD_HOOKS_DIR)
		return 0;
	s.unread = guard_item_read(c->ws, it, &s.data, &quiet) < 0 ||
		buf_reserve(&s.data, 0) < 0;
	if (s.unread)
		s.data.len = 0;
	r = it->type == GUARD_FILE || it->type == GUARD_LINK ? judge(c, &s) : 0;
	buf_clear(&s.data);
	return r;
}

int guard_check(const struct guard_ws *ws, int state, int held, struct guard_report *ret,
	struct err *e)
{
	AUTO(guard_state_clear) struct guard_state then = { 0 };
	AUTO(guard_scan_clear) struct guard_scan now = { 0 };
	AUTO(guard_report_clear) struct guard_report rep = { 0 };
	struct check c = {
		.ws = ws, .held = held, .then = &then, .now = &now, .report = &rep
	};
	struct guard_walk w = { .ws = ws, .look = true, .scan = &now };
	int r = guard_state_load(state, &then, e);

	if (r < 0)
		return r;
	w.since = then.since;
	r = guard_walk_all(&w, e);
	if (r == 0)
		r = guard_extra_again(&w, &then, e);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < now.items.n; i++)
		r = check_item(&c, guard_scan_at(&now, i));
	if (r < 0)
		return err_set(e, -r, "check '%s': %s", ws->path, strerrordesc_np(-r));
	rep.skipped = now.skipped;
	rep.partial = now.partial;
	if (!c.failed)
		r = guard_state_remove(state, e);
	if (r < 0)
		return r;
	*ret = rep;
	rep = (struct guard_report){ 0 };
	return 0;
}

bool guard_pending(int state)
{
	return guard_state_exists(state);
}

void guard_report_clear(struct guard_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		free(r->v[i].why);
		free(r->v[i].id);
	}
	free(r->v);
	*r = (struct guard_report){ 0 };
}

const char *guard_outcome_text(enum guard_outcome o)
{
	switch (o) {
	case GUARD_HELD: return "held back";
	case GUARD_RESTORED: return "held back, restored";
	case GUARD_STRIPPED: return "set-id bits taken off";
	case GUARD_FAILED: return "could not be held back";
	}
	return "?";
}
