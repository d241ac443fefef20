/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/changes.h"

#include "base/dirs.h"
#include "base/err.h"
#include "cli/out.h"
#include "sandbox/clean.h"
#include "sandbox/guard.h"
#include "sandbox/place.h"

#include <fcntl.h>
#include <sys/file.h>

static int tidy(struct changes *c, struct err *e)
{
	auto_strv struct strv notes = { 0 };
	bool removed = false;
	int r = clean_crashed(&c->s, &notes, &removed, e);

	for (size_t i = 0; i < notes.n; i++)
		out_note("%s", notes.v[i]);
	if (r == 0 && removed)
		return err_set(e, ENOENT,
			"sandbox '%s' was removed after its keeper was killed",
			c->s.name);
	return r;
}

/* Keep it from being started meanwhile. One that runs can't be held, nor need it be. */
static int hold(struct changes *c, struct err *e)
{
	int r;

	if (sandbox_kept(&c->s))
		return 0;
	r = sandbox_hold(&c->s, e);
	if (r == 0 && sandbox_status(&c->s, NULL, NULL) == SANDBOX_CRASHED)
		r = tidy(c, e);
	return r;
}

static int take_lock(struct changes *c, struct err *e)
{
	c->lock = openat(c->s.dir, "changes.lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock < 0)
		return err_sys(e, "lock the changes of '%s'", c->s.name);
	if (flock(c->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EBUSY, "another brig is at work on the changes of '%s'",
			c->s.name);
	return 0;
}

int changes_open(
	const char *name, enum changes_how how, struct changes *ret, struct err *e)
{
	int r = sandbox_open(name, &ret->s, e);

	if (r == 0 &&
		(how != CHANGES_LOOK ||
			sandbox_status(&ret->s, NULL, NULL) == SANDBOX_CRASHED))
		r = hold(ret, e);
	if (r < 0)
		return r;
	ret->running = sandbox_kept(&ret->s);
	if (ret->running && how == CHANGES_STOPPED) {
		(void)err_set(e, EBUSY, "sandbox '%s' is running", ret->s.name);
		err_hint(e, "brig stop %s", ret->s.name);
		return -EBUSY;
	}
	if (how != CHANGES_LOOK)
		r = take_lock(ret, e);
	return r < 0 ? r : idmap_for_caller(&ret->ids, e);
}

void changes_close(struct changes *c)
{
	if (c->lock >= 0)
		(void)close(c->lock);
	c->lock = -1;
	sandbox_clear(&c->s);
}

struct work {
	int (*work)(void *with, struct err *e);
	void *with;
};

static int do_work(void *with, struct err *e)
{
	const struct work *w = with;
	int r = w->work(w->with, e);

	if (r >= 0 && out_flush() < 0)
		return err_set(e, EIO, "write to standard output");
	return r;
}

int changes_work(const struct changes *c, int (*work)(void *with, struct err *e),
	void *with, struct err *e)
{
	struct work w = { work, with };

	/* or the child would print it a second time */
	if (out_flush() < 0)
		return err_set(e, EIO, "write to standard output");
	return clean_in_userns(&c->ids, -1, do_work, &w, e);
}

size_t changes_overlays(const struct changes *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->s.rec.mounts.n; i++)
		n += record_mount(&c->s.rec, i)->mode == MOUNT_OVERLAY;
	return n;
}

static bool has_namespace(const struct changes *c)
{
	return !c->ids.root && !c->ids.single;
}

uid_t changes_uid(const struct changes *c)
{
	return has_namespace(c) ? c->ids.work_uid : PLACE_ANYONE;
}

gid_t changes_gid(const struct changes *c)
{
	return has_namespace(c) ? c->ids.work_gid : (gid_t)-1;
}

/* Where all sandboxes keep their files. */
static const char *private_files(void)
{
	static char *path;
	auto_free char *state = path ? NULL : dirs_path(DIR_STATE);

	if (state)
		path = realpath(state, NULL);
	return path;
}

int changes_open_overlay(
	const struct changes *c, size_t i, struct overlay_ws *ret, struct err *e)
{
	const struct mount_spec *m = record_mount(&c->s.rec, i);
	auto_fd int lower = -1, upper = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "ws/%zu/upper", i);
	upper = openat(c->s.dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (upper < 0 && errno == ENOENT)
		return 0;
	if (upper < 0)
		return err_sys(e, "open what '%s' holds of '%s'", c->s.name, m->src);
	lower = open(m->src, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (lower < 0)
		return err_sys(e, "open '%s'", m->src);
	*ret = (struct overlay_ws){ .lower = take_fd(&lower),
		.upper = take_fd(&upper),
		.path = m->src,
		.avoid = private_files(),
		.uid = changes_uid(c),
		.gid = changes_gid(c) };
	return 1;
}

void changes_close_overlay(struct overlay_ws *ws)
{
	(void)close(ws->lower);
	(void)close(ws->upper);
}

int changes_open_held(const struct changes *c)
{
	int fd =
		openat(c->s.dir, "held", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int changes_open_workspace(
	const struct changes *c, const char *path, struct guard_ws *ret, struct err *e)
{
	for (size_t i = 0; i < c->s.rec.mounts.n; i++) {
		const struct mount_spec *m = record_mount(&c->s.rec, i);
		int root;

		if (!str_eq(m->src, path))
			continue;
		root = open(m->src, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (root < 0)
			return err_sys(e, "open '%s'", m->src);
		*ret = (struct guard_ws){ .root = root,
			.path = m->src,
			.avoid = private_files(),
			.uid = changes_uid(c),
			.gid = changes_gid(c) };
		return 0;
	}
	return err_set(e, EINVAL, "'%s' is no workspace of '%s'", path, c->s.name);
}
