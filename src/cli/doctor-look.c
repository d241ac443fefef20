/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor-look.c - gathers; see doctor.h.
 */
#include "base/dirs.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/doctor.h"
#include "image/store.h"
#include "linux/idmap.h"
#include "wall/wall.h"

#include <sys/statvfs.h>

static void look_walls(struct doctor *d)
{
	for (size_t i = 0; walls[i] && d->walls_n < DOCTOR_WALLS; i++) {
		struct doctor_wall *w = &d->walls[d->walls_n++];

		w->wall = walls[i];
		if (w->wall->probe(&w->err) < 0) {
			if (!w->err.code)
				(void)err_set(&w->err, ENOSYS, "it doesn't work here");
			continue;
		}
		w->err = (struct err){ 0 };
		d->good = d->good || w->wall->own_pids;
		if (w->wall->not_auto)
			continue;
		if (!d->best || w->wall->strength > d->best->strength)
			d->best = w->wall;
	}
}

static void look_system(struct doctor *d)
{
	for (const struct probe *p = probes; p->name && d->system_n < DOCTOR_ROWS; p++) {
		struct doctor_row *row = &d->system[d->system_n++];
		int r;

		row->name = p->name;
		row->what = p->what;
		r = probe_run(p, &row->result);
		if (r < 0) {
			row->result.state = PROBE_MISSING;
			(void)snprintf(row->result.detail, sizeof(row->result.detail),
				"could not be tried: %s", strerrordesc_np(-r));
		}
	}
}

static struct doctor_row *add(struct doctor *d, const char *name, const char *what)
{
	struct doctor_row *row = &d->own[d->own_n < DOCTOR_ROWS ? d->own_n++ : 0];

	row->name = name;
	row->what = what;
	return row;
}

/* The directory itself, or the nearest above it that is there, in which it would be made.
 */
static bool usable(const char *path, char *free_text, size_t size)
{
	auto_free char *at = strdup(path);
	struct statvfs fs;
	char amount[STR_SIZE_MAX];

	while (at && access(at, F_OK) < 0 && *at) {
		char *slash = strrchr(at, '/');

		if (!slash || slash == at)
			return false;
		*slash = '\0';
	}
	if (!at || access(at, W_OK | X_OK) < 0)
		return false;
	if (statvfs(at, &fs) == 0)
		(void)snprintf(free_text, size, "%s free%s",
			str_from_size((uint64_t)fs.f_bavail * fs.f_frsize, amount),
			strcmp(at, path) == 0 ? "" : ", not made yet");
	return true;
}

static void look_dir(struct doctor *d, enum dir which, const char *name, const char *what)
{
	struct probe_result *r = &add(d, name, what)->result;
	auto_free char *path = dirs_path(which);
	char text[64] = "";

	if (!path) {
		r->state = PROBE_MISSING;
		(void)snprintf(r->detail, sizeof(r->detail), "no home directory");
		(void)snprintf(r->remedy, sizeof(r->remedy), "set HOME or BRIG_HOME");
		return;
	}
	if (usable(path, text, sizeof(text))) {
		(void)snprintf(r->detail, sizeof(r->detail), "%.180s (%s)", path, text);
		return;
	}
	r->state = which == DIR_CONFIG ? PROBE_DEGRADED : PROBE_MISSING;
	(void)snprintf(r->detail, sizeof(r->detail), "%.180s can't be written", path);
	(void)snprintf(r->remedy, sizeof(r->remedy),
		"make it writable, or set BRIG_HOME to a directory that is");
}

static bool look_helper(struct doctor *d, const char *program, const char *what)
{
	struct probe_result *r = &add(d, program, what)->result;
	auto_free char *found = dirs_helper(program);
	auto_free char *path = found ? path_clean(found) : NULL;

	(void)snprintf(r->detail, sizeof(r->detail), "%s", path ? path : "?");
	if (path && access(path, X_OK) == 0)
		return true;
	r->state = PROBE_MISSING;
	(void)snprintf(
		r->detail, sizeof(r->detail), "no program %.180s", path ? path : "?");
	(void)snprintf(
		r->remedy, sizeof(r->remedy), "run 'make install', or set BRIG_LIBEXEC");
	return false;
}

static void look_images(struct doctor *d)
{
	struct probe_result *r = &add(d, "images", "what was pulled or imported")->result;
	auto_image_list struct image_list list = { 0 };
	auto_store struct store s = { .dir = -1, .lock = -1 };
	struct err e = { 0 };
	int ret = store_open(0, &s, &e);

	if (ret == -ENOENT) {
		(void)snprintf(
			r->detail, sizeof(r->detail), "none yet; 'host' needs none");
		return;
	}
	if (ret == 0)
		ret = store_list(&s, &list, &e);
	if (ret < 0) {
		r->state = PROBE_DEGRADED;
		(void)snprintf(r->detail, sizeof(r->detail), "%.250s", e.msg);
		(void)snprintf(r->remedy, sizeof(r->remedy), "%.250s", e.hint);
		return;
	}
	(void)snprintf(r->detail, sizeof(r->detail), "%zu in %.180s", list.n, s.path);
}

static void look_ids(struct doctor *d)
{
	struct idmap m = { 0 };
	struct err e = { 0 };
	const char *who = "you are yourself inside";
	size_t len;

	if (idmap_for_caller(&m, &e) < 0) {
		(void)snprintf(d->ids, sizeof(d->ids), "%.250s", e.msg);
		return;
	}
	if (m.root)
		who = "root inside is not root outside";
	else if (m.single)
		who = "you are root inside, and nobody else is there";
	len = (size_t)snprintf(d->ids, sizeof(d->ids), "%s; inside <- outside:", who);
	for (unsigned i = 0; i < m.uid_n && len < sizeof(d->ids); i++) {
		const struct idmap_range *r = &m.uid[i];
		char more[16] = "";

		if (r->count > 1)
			(void)snprintf(
				more, sizeof(more), "-%u", r->inside + r->count - 1);
		len += (size_t)snprintf(d->ids + len, sizeof(d->ids) - len,
			"%s %u%s <- %u", i ? "," : "", r->inside, more, r->outside);
	}
}

void doctor_look(struct doctor *d)
{
	*d = (struct doctor){ 0 };
	look_walls(d);
	look_system(d);
	look_dir(d, DIR_STATE, "state", "sandboxes: records, logs, writable layers");
	look_dir(d, DIR_DATA, "data", "images");
	look_dir(d, DIR_RUN, "run", "sockets");
	look_dir(d, DIR_CONFIG, "config", "your own recipes");
	/* no wall can do anything without it */
	d->good = look_helper(d, "brig-warder", "runs commands inside") && d->good;
	(void)look_helper(d, "brig-image", "pulls and unpacks images");
	look_images(d);
	look_ids(d);
}

static int rows_json(struct json *all, const struct doctor_row *rows, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct probe_result *p = &rows[i].result;
		struct json *j = json_new_object();

		r = json_append(all, j);
		if (r == 0)
			r = json_add_str(j, "name", rows[i].name);
		if (r == 0)
			r = json_add_str(j, "what", rows[i].what);
		if (r == 0)
			r = json_add_str(j, "state", probe_state_name(p->state));
		if (r == 0)
			r = json_add_str(j, "detail", p->detail);
		if (r == 0)
			r = json_add_str(j, "remedy", p->remedy[0] ? p->remedy : NULL);
	}
	return r;
}

static int walls_json(struct json *all, const struct doctor *d)
{
	int r = 0;

	for (size_t i = 0; i < d->walls_n && r == 0; i++) {
		const struct doctor_wall *w = &d->walls[i];
		struct json *j = json_new_object();

		r = json_append(all, j);
		if (r == 0)
			r = json_add_str(j, "name", w->wall->name);
		if (r == 0)
			r = json_add(j, "works", json_new_bool(w->err.code == 0));
		if (r == 0)
			r = json_add(j, "auto", json_new_bool(w->wall == d->best));
		if (r == 0)
			r = json_add(j, "strength",
				json_new_uint((uint64_t)w->wall->strength));
		if (r == 0)
			r = json_add_str(j, "brief", w->wall->brief);
		if (r == 0)
			r = json_add_str(j, "passes", w->wall->passes);
		if (r == 0 && w->err.code)
			r = json_add_str(j, "error", w->err.msg);
		if (r == 0 && w->err.hint[0])
			r = json_add_str(j, "hint", w->err.hint);
	}
	return r;
}

struct json *doctor_json(const struct doctor *d)
{
	struct json *j = json_new_object();
	struct json *w = json_new_array(), *s = json_new_array(), *o = json_new_array();
	int r = j ? 0 : -ENOMEM;

	if (json_add(j, "walls", w) < 0 || json_add(j, "system", s) < 0 ||
		json_add(j, "own", o) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = walls_json(w, d);
	if (r == 0)
		r = rows_json(s, d->system, d->system_n);
	if (r == 0)
		r = rows_json(o, d->own, d->own_n);
	if (r == 0)
		r = json_add_str(j, "ids", d->ids);
	if (r == 0)
		r = json_add(j, "ok", json_new_bool(d->good));
	if (r == 0)
		r = json_add_str(j, "version", BRIG_VERSION);
	if (r < 0) {
		json_free(j);
		return NULL;
	}
	return j;
}
