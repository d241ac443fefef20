/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guarding.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"
#include "sandbox/guard.h"
#include "sandbox/points.h"
#include "sandbox/sandbox.h"
#include "sandbox/since.h"

#include <sys/mman.h>
#include <sys/stat.h>

/* At most so many lines are shown; the rest is counted. */
#define NOTES_MAX 20

void guarding_clear(struct guarding *g)
{
	for (size_t i = 0; i < g->n; i++) {
		strv_clear(&g->mounts[i].pinned);
		strv_clear(&g->mounts[i].readonly);
	}
	free(g->mounts);
	*g = (struct guarding){ 0 };
}

/* The place where the guard remembers mount 'i'. */
static int open_state(const struct sandbox *s, size_t i, bool make, struct err *e)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "guard/%zu", i);
	if (make)
		return file_open_dir(s->dir, path, 0700, e);
	return openat(s->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* A directory that the sandbox can write to, opened; -1 for any other mount. */
static int open_guarded(const struct mount_spec *m)
{
	if (m->mode != MOUNT_RW)
		return -1;
	/* a link on the way may be the sandbox's work: what it leads to is not ours to
	 * tidy */
	return path_open_real(m->src, O_RDONLY | O_DIRECTORY, NULL);
}

/* Where all sandboxes keep their files: no link in a workspace may lead there. Caller
 * frees. */
static char *private_files(void)
{
	auto_free char *state = dirs_path(DIR_STATE);

	return state ? realpath(state, NULL) : NULL;
}

static int begin_one(const struct sandbox *s, size_t i, struct guarding_mount *gm,
	struct strv *notes, struct err *e)
{
	auto_free char *avoid = private_files();
	const struct mount_spec *m = record_mount(&s->rec, i);
	auto_fd int root = open_guarded(m);
	auto_fd int state = -1;
	struct guard_ws ws = { .root = root,
		.path = m->src,
		.avoid = avoid,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1 };
	struct guard_plan plan = { 0 };
	int r;

	if (m->mode == MOUNT_OVERLAY)
		return since_begin(s, i, e);
	if (root < 0)
		return 0;
	state = open_state(s, i, true, e);
	if (state < 0)
		return state;
	r = guard_begin(&ws, state, &plan, e);
	if (r < 0)
		return err_wrap(e, "guard '%s'", m->src);
	if (plan.partial)
		(void)strv_addf(notes,
			"'%s' is too large to protect beforehand in full: "
			"the rest is looked through at the end",
			m->src);
	gm->pinned = plan.pins;
	gm->readonly = plan.readonly;
	plan.pins = plan.readonly = (struct strv){ 0 };
	guard_plan_clear(&plan);
	return 0;
}

int guarding_begin(
	const struct sandbox *s, struct guarding *g, struct strv *notes, struct err *e)
{
	auto_fd int held = -1;

	g->mounts = calloc(s->rec.mounts.n + 1, sizeof(*g->mounts));
	if (!g->mounts)
		return err_set(e, ENOMEM, "out of memory");
	g->n = s->rec.mounts.n;
	/* made by the caller, so that it can see later whether there is something in it
	 */
	held = file_open_dir(s->dir, "held", 0700, e);
	if (held < 0)
		return held;
	/* before the guard makes directories for hooks where there were none */
	points_take(s, notes);
	for (size_t i = 0; i < g->n; i++) {
		int r = begin_one(s, i, &g->mounts[i], notes, e);

		if (r < 0)
			return r;
	}
	return 0;
}

struct ending {
	const struct sandbox *s;
	const struct idmap *ids;
	bool inside; /* in the user namespace: owners are inside ids */
	int out;     /* lines for the person; the first is the count of what was held */
};

static int report_one(const struct mount_spec *m, const struct guard_report *r,
	struct buf *lines, size_t *held)
{
	for (size_t i = 0; i < r->n; i++) {
		auto_free char *path = str_escape(r->v[i].path);
		auto_free char *why = str_escape(r->v[i].why ? r->v[i].why : "");

		if (!path || !why)
			return -ENOMEM;
		*held += r->v[i].id != NULL;
		if (buf_addf(lines, "%s: %s/%s: %s\n",
			    guard_outcome_text(r->v[i].outcome), m->src, path, why) < 0)
			return -ENOMEM;
	}
	if (r->skipped &&
		buf_addf(lines, "%llu directories in '%s' could not be looked into\n",
			(unsigned long long)r->skipped, m->src) < 0)
		return -ENOMEM;
	if (r->partial)
		return buf_addf(lines,
			"'%s' is too large: not all of it was looked through\n", m->src);
	return 0;
}

static int end_one(
	const struct ending *x, size_t i, struct buf *lines, size_t *held, struct err *e)
{
	const struct mount_spec *m = record_mount(&x->s->rec, i);
	auto_free char *avoid = private_files();
	auto_fd int state = open_state(x->s, i, false, e);
	auto_fd int root = -1, held_dir = -1;
	struct guard_report report = { 0 };
	struct guard_ws ws = { .path = m->src,
		.avoid = avoid,
		.uid = x->inside ? x->ids->work_uid : (uid_t)-1,
		.gid = x->inside ? x->ids->work_gid : (gid_t)-1 };
	int r;

	if (state < 0 || !guard_pending(state))
		return 0;
	root = open_guarded(m);
	if (root < 0) {
		r = buf_addf(
			lines, "'%s' is gone: it could not be looked through\n", m->src);
		return r < 0 ? err_set(e, -r, "out of memory") : 0;
	}
	ws.root = root;
	held_dir = file_open_dir(x->s->dir, "held", 0700, e);
	if (held_dir < 0)
		return held_dir;
	r = guard_check(&ws, state, held_dir, &report, e);
	if (r == 0 && report_one(m, &report, lines, held) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	guard_report_clear(&report);
	return r < 0 ? err_wrap(e, "look through '%s'", m->src) : 0;
}

static int end_all(void *with, struct err *e)
{
	struct ending *x = with;
	auto_buf struct buf lines = { 0 };
	char count[24];
	size_t held = 0;
	int r = 0;

	for (size_t i = 0; i < x->s->rec.mounts.n && r == 0; i++)
		r = end_one(x, i, &lines, &held, e);
	(void)snprintf(count, sizeof(count), "%zu\n", held);
	if (file_write_all(x->out, count, strlen(count)) < 0 ||
		file_write_all(x->out, lines.data ? lines.data : "", lines.len) < 0)
		return err_set(e, EIO, "report what was held back");
	return r;
}

static int take_lines(int fd, struct guarding *g, struct strv *notes, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_strv struct strv lines = { 0 };
	int r = file_read_fd(fd, "report", (size_t)8 << 20, &text, e);

	if (r < 0)
		return r;
	if (strv_split(&lines, text.data ? text.data : "", "\n") < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (lines.n)
		g->held += strtoul(lines.v[0], NULL, 10);
	for (size_t i = 1; i < lines.n && i <= NOTES_MAX; i++)
		(void)strv_add(notes, lines.v[i]);
	if (lines.n > NOTES_MAX + 1)
		(void)strv_addf(notes, "... and %zu more", lines.n - NOTES_MAX - 1);
	if (g->held)
		(void)strv_addf(notes,
			"%zu held back because the host would run %s later", g->held,
			g->held == 1 ? "it" : "them");
	return 0;
}

static bool any_pending(const struct sandbox *s)
{
	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		auto_fd int state = open_state(s, i, false, NULL);

		if (state >= 0 && guard_pending(state))
			return true;
	}
	return false;
}

int guarding_end(const struct sandbox *s, const struct idmap *ids, int userns,
	struct guarding *g, struct strv *notes, struct err *e)
{
	auto_fd int out = -1;
	bool inside = !ids->root && !ids->single && !g->own_files;
	struct ending x = { .s = s, .ids = ids, .inside = inside };
	int r, read_back;

	if (!any_pending(s))
		return 0;
	out = memfd_create("report", MFD_CLOEXEC);
	if (out < 0)
		return err_sys(e, "make a memory file");
	x.out = out;
	/* what the sandbox's root made in the workspace is out of the caller's reach */
	r = inside ? clean_in_userns(ids, userns, end_all, &x, e) : end_all(&x, e);
	(void)lseek(out, 0, SEEK_SET);
	read_back = take_lines(out, g, notes, r < 0 ? NULL : e);
	return r < 0 ? r : read_back;
}
