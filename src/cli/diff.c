/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/changes.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/patch.h"
#include "cli/verbs.h"
#include "sandbox/guard.h"

#include <sys/stat.h>

struct diff_args {
	bool json, patch;
};

static const struct opt opts[] = {
	OPT(struct diff_args, "patch", 'p', NULL, patch, opt_bool,
		"the changes to texts, line by line"),
	OPT(struct diff_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

struct diff {
	const struct changes *c;
	const struct diff_args *a;
	struct json *changes, *held; /* arrays, with --json */
	bool partial;
};

/* JSON is UTF-8, a name is bytes: what is none is escaped, and marked. */
static void add_bytes(struct json *j, const char *key, const char *text)
{
	auto_free char *calm = strdup(text), *shown = NULL;

	/* JSON has its own way to write control characters */
	for (char *p = calm; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	shown = calm ? str_escape(calm) : NULL;
	if (shown && strcmp(shown, calm) == 0) {
		(void)json_add_str(j, key, text);
		return;
	}
	free(shown);
	shown = str_escape(text);
	(void)json_add_str(j, key, shown);
	(void)json_add(j, "escaped", json_new_bool(true));
}

static const char *type_name(mode_t mode)
{
	return S_ISDIR(mode)    ? "directory"
		: S_ISREG(mode) ? "file"
		: S_ISLNK(mode) ? "link"
				: "special";
}

static int json_change(
	struct json *all, const char *workspace, const struct overlay_change *c)
{
	struct json *j = json_new_object();
	char op[2] = { c->op, '\0' }, mode[8];

	if (json_append(all, j) < 0)
		return -ENOMEM;
	(void)snprintf(mode, sizeof(mode), "%04o", c->mode & 07777);
	(void)json_add_str(j, "workspace", workspace);
	add_bytes(j, "path", c->path);
	(void)json_add_str(j, "op", op);
	(void)json_add_str(j, "type", type_name(c->mode));
	(void)json_add_str(j, "mode", mode);
	(void)json_add(j, "size", json_new_uint(c->size));
	return 0;
}

static int line_change(const char *workspace, const struct overlay_change *c)
{
	static const char ops[] = "AMDT";
	static const enum out_style styles[] = { OUT_GREEN, OUT_YELLOW, OUT_RED,
		OUT_YELLOW };
	const char *at = strchr(ops, c->op);
	auto_free char *shown = str_escape(c->path);

	if (!shown)
		return -ENOMEM;
	return out_line("%s%c%s %s%s%s%s",
		out_on(at && *at ? styles[at - ops] : OUT_PLAIN), c->op, out_off(),
		workspace, str_eq(workspace, "/") ? "" : "/", shown,
		S_ISDIR(c->mode) ? "/" : "");
}

static int show_overlay(struct diff *d, const struct overlay_ws *ws, struct err *e)
{
	AUTO(overlay_diff_clear) struct overlay_diff found = { 0 };
	int r = overlay_diff(ws, &found, e);

	if (r == 0 && d->a->patch && !d->a->json && changes_overlays(d->c) > 1)
		r = out_line("%s# %s%s", out_on(OUT_DIM), ws->path, out_off());
	for (size_t i = 0; i < found.n && r == 0; i++)
		r = d->a->json        ? json_change(d->changes, ws->path, &found.v[i])
			: d->a->patch ? patch_print(ws, &found.v[i], e)
				      : line_change(ws->path, &found.v[i]);
	d->partial |= found.partial || found.skipped;
	return r < 0 && !e->code ? err_set(e, -r, "print the changes") : r;
}

static int json_held(struct json *all, const struct guard_held *h)
{
	struct json *j = json_new_object();

	if (json_append(all, j) < 0)
		return -ENOMEM;
	(void)json_add_str(j, "id", h->id);
	(void)json_add_str(j, "workspace", h->workspace);
	add_bytes(j, "path", h->path);
	(void)json_add_str(j, "why", h->why);
	if (h->text)
		add_bytes(j, "text", h->text);
	return 0;
}

/* Lines of git's configuration that were taken out. */
static int print_text(const char *text)
{
	auto_strv struct strv lines = { 0 };
	int r = strv_split(&lines, text, "\n");

	for (size_t i = 0; i < lines.n && r == 0; i++) {
		auto_free char *plain = strdup(lines.v[i] + strspn(lines.v[i], "\t"));
		auto_free char *shown = plain ? str_escape(plain) : NULL;

		r = shown ? out_line("        %s%s%s", out_on(OUT_DIM), shown, out_off())
			  : -ENOMEM;
	}
	return r;
}

static int line_held(const struct guard_held *h)
{
	auto_free char *path = str_escape(h->path);
	auto_free char *why = str_escape(h->why);
	int r;

	if (!path || !why)
		return -ENOMEM;
	r = out_line("%sH%s %s/%s  (held back as %s: %s)", out_on(OUT_YELLOW), out_off(),
		h->workspace, path, h->id, why);
	return r == 0 && h->text ? print_text(h->text) : r;
}

static int show_held(struct diff *d, struct err *e)
{
	auto_fd int dir = changes_open_held(d->c);
	struct guard_held *v = NULL;
	size_t n = 0;
	int r = dir < 0
		? (dir == -ENOENT ? 0 : err_set(e, -dir, "open what was held back"))
		: guard_held_list(dir, &v, &n, e);

	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = d->a->json ? json_held(d->held, &v[i]) : line_held(&v[i]);
		guard_held_clear(&v[i]);
	}
	free(v);
	return r < 0 && !e->code ? err_set(e, -r, "print what was held back") : r;
}

static int show_all(struct diff *d, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < d->c->s.rec.mounts.n && r == 0; i++) {
		struct overlay_ws ws;

		if (record_mount(&d->c->s.rec, i)->mode != MOUNT_OVERLAY)
			continue;
		r = changes_open_overlay(d->c, i, &ws, e);
		if (r <= 0)
			continue;
		r = show_overlay(d, &ws, e);
		changes_close_overlay(&ws);
	}
	return r < 0 ? r : show_held(d, e);
}

/* In the child. */
static int work(void *with, struct err *e)
{
	struct diff *d = with;
	auto_json struct json *all = json_new_object();
	int r;

	if (d->a->json) {
		d->changes = json_new_array();
		d->held = json_new_array();
		if (json_add(all, "changes", d->changes) < 0 ||
			json_add(all, "held", d->held) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	r = show_all(d, e);
	if (r == 0 && d->a->json) {
		(void)json_add(all, "partial", json_new_bool(d->partial));
		return out_json(all, e);
	}
	if (r == 0 && d->partial)
		out_note("not everything is listed: there are too many changes, or "
			 "directories that can't be read");
	return r;
}

static int run(const struct invocation *inv, struct err *e)
{
	auto_changes struct changes c = CHANGES_INIT;
	struct diff d = { .c = &c, .a = inv->args };
	int r = changes_open(inv->words.v[0], CHANGES_LOOK, &c, e);

	return r < 0 ? r : changes_work(&c, work, &d, e);
}

const struct command verb_diff = {
	.name = "diff",
	.usage = "[-p] [--json] NAME",
	.brief = "show what overlay workspaces hold, and what was held back",
	.detail =
		"Each line begins with A (added), M (modified), D (deleted), T (of "
		"another "
		"type) or H. H is what a session had written to a workspace that it may "
		"write to, and that was held back because the host would run it later, "
		"with the id for brig apply --held.\n\n"
		"Names and texts come from the sandbox: control characters in them are "
		"shown as \\xNN on a terminal.",
	.opts = opts,
	.args_size = sizeof(struct diff_args),
	.words_min = 1,
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
};
