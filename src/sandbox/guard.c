/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: one walk finds everything that matters. What is already there is
 * remembered, so that only differences count in the end, and what can be mounted
 * read-only is: hooks, and the start-up files at the root of the workspace and of each
 * repository. A mount alone could be walked around by renaming a directory above it, so
 * each directory above is pinned by a mount of its own. .git/config can't be mounted: git
 * replaces it by rename(2), which a mount point refuses, and 'git remote add' must work.
 * Start-up files elsewhere (a package's own .vscode) are not mounted either, or a package
 * manager could not replace the package.
 */
#include "sandbox/guard.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/path.h"
#include "sandbox/gitconfig.h"
#include "sandbox/guard-extra.h"
#include "sandbox/guard-names.h"
#include "sandbox/guard-state.h"
#include "sandbox/place.h"

#include <fcntl.h>
#include <sys/stat.h>

/* A ctime is taken from a clock that ticks every few milliseconds. */
#define CLOCK_SLACK_NS (50 * NS_PER_MS)

static int remember(const struct guard_ws *ws, struct guard_state *s, struct err *e)
{
	for (size_t i = 0; i < s->scan.items.n; i++) {
		struct guard_item *it = guard_scan_at(&s->scan, i);
		struct err quiet;
		size_t before = s->data.len;

		it->off = before;
		it->copied = guard_item_read(ws, it, &s->data, &quiet) == 0;
		if (!it->copied)
			s->data.len = before;
		it->len = s->data.len - before;
		if (it->kind == GUARD_GITLINK && it->copied)
			it->leads = guard_link_leads(
				ws, &s->scan, it, s->data.data + it->off, it->len);
	}
	if (s->data.len == 0 && buf_reserve(&s->data, 0) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int add_once(struct strv *s, const char *text)
{
	return strv_has(s, text) ? 0 : strv_add(s, text);
}

/* Pin every directory above 'path' (and 'path' itself), and mount 'path' read-only. */
static int protect(struct guard_plan *plan, const char *path)
{
	auto_free char *copy = strdup(path);
	int r = copy ? 0 : -ENOMEM;

	if (plan->pins.n + plan->readonly.n > GUARD_MOUNTS_MAX - 64) {
		plan->partial = true;
		return 0;
	}
	for (char *p = copy; r == 0 && (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		r = add_once(&plan->pins, copy);
	}
	return r < 0 ? r : add_once(&plan->readonly, path);
}

/* The directory of hooks of a git directory, made when it is not there. */
static int plan_gitdir(
	const struct guard_ws *ws, struct guard_plan *plan, const char *path)
{
	auto_free char *hooks = *path ? str_printf("%s/hooks", path) : strdup("hooks");
	struct err quiet;
	auto_fd int git = path_open_plain(
		ws->root, *path ? path : ".", O_PATH | O_DIRECTORY, 0, &quiet);
	auto_fd int fd = -1;

	if (!hooks)
		return -ENOMEM;
	if (git < 0)
		return 0;
	if (mkdirat(git, "hooks", 0755) == 0 && ws->uid != PLACE_ANYONE &&
		fchownat(git, "hooks", ws->uid, ws->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	fd = path_open_plain(git, "hooks", O_PATH | O_DIRECTORY, 0, &quiet);
	return fd < 0 ? 0 : protect(plan, hooks);
}

/* Is 'len' bytes of 'path' (with the last "/") the root of the workspace or of a
 * worktree? */
static bool is_project(const struct guard_scan *scan, const char *path, size_t len)
{
	auto_free char *git = str_printf("%.*s.git", (int)len, path);

	return len == 0 ||
		(git &&
			(guard_scan_find(scan, git, GUARD_GITDIR) ||
				guard_scan_find(scan, git, GUARD_GITLINK)));
}

static int plan_startup(
	const struct guard_scan *scan, struct guard_plan *plan, const char *path)
{
	size_t base, len;
	const struct guard_name *row = guard_name_match(path, &base);
	auto_free char *what = NULL;

	if (!row || !is_project(scan, path, base))
		return 0;
	len = strlen(row->path);
	what = row->path[len - 1] == '/' ? strndup(path, base + len - 1) : strdup(path);
	return what ? protect(plan, what) : -ENOMEM;
}

static int plan_item(const struct guard_ws *ws, const struct guard_scan *scan,
	const struct guard_item *it, struct guard_plan *plan)
{
	auto_free char *common = NULL;

	switch ((enum guard_kind)it->kind) {
	case GUARD_GITDIR:
		common = *it->path ? str_printf("%s/commondir", it->path)
				   : strdup("commondir");
		if (!common)
			return -ENOMEM;
		if (guard_scan_find(scan, common, GUARD_COMMONDIR))
			return 0; /* a worktree's: the hooks are its repository's */
		if (++plan->repos > GUARD_REPOS_MAX) {
			plan->partial = true;
			return 0;
		}
		return plan_gitdir(ws, plan, it->path);
	case GUARD_HOOKS_DIR: return it->type == GUARD_DIR ? protect(plan, it->path) : 0;
	case GUARD_GITLINK: return it->type == GUARD_FILE ? protect(plan, it->path) : 0;
	case GUARD_STARTUP:
		return it->type == GUARD_FILE ? plan_startup(scan, plan, it->path) : 0;
	case GUARD_CONFIG:
	case GUARD_HOOK:
	case GUARD_COMMONDIR:
	case GUARD_TODO:
	case GUARD_SETID:
	case GUARD_ESCAPE: return 0;
	}
	return 0;
}

int guard_begin(
	const struct guard_ws *ws, int state, struct guard_plan *ret, struct err *e)
{
	AUTO(guard_state_clear)
	struct guard_state s = { .since = clock_real_ns() - CLOCK_SLACK_NS };
	AUTO(guard_plan_clear) struct guard_plan plan = { 0 };
	struct guard_walk w = { .ws = ws, .scan = &s.scan };
	int r = guard_walk_all(&w, e);

	if (r == 0)
		r = guard_extra_find(&w, e);
	if (r < 0)
		return r;
	guard_scan_sort(&s.scan);
	s.partial = s.scan.partial;
	r = remember(ws, &s, e);
	if (r == 0)
		r = guard_state_save(state, &s, e);
	if (r < 0)
		return err_wrap(e, "guard '%s'", ws->path);
	plan.partial = s.scan.partial;
	plan.skipped = s.scan.skipped;
	for (size_t i = 0; r == 0 && i < s.scan.items.n; i++)
		r = plan_item(ws, &s.scan, guard_scan_at(&s.scan, i), &plan);
	if (r < 0)
		return err_set(e, -r, "guard '%s': %s", ws->path, strerrordesc_np(-r));
	strv_sort(&plan.pins);
	strv_sort(&plan.readonly);
	*ret = plan;
	plan = (struct guard_plan){ 0 };
	return 0;
}

void guard_plan_clear(struct guard_plan *p)
{
	strv_clear(&p->pins);
	strv_clear(&p->readonly);
}
