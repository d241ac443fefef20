/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/reconcile.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

struct ls_args {
	bool quiet, json, running;
};

static const struct opt opts[] = {
	OPT(struct ls_args, "quiet", 'q', NULL, quiet, opt_bool, "names only"),
	OPT(struct ls_args, "running", 0, NULL, running, opt_bool, "only those that run"),
	OPT(struct ls_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

struct row {
	const char *name;
	struct sandbox s;
	enum sandbox_status status;
	struct run_state run;
	struct exit_state x;
};

static void describe(const struct row *r, char out[64])
{
	char ago[CLOCK_TEXT_MAX];
	uint64_t now = clock_real_ns();

	switch (r->status) {
	case SANDBOX_RUNNING:
	case SANDBOX_PAUSED:
		(void)snprintf(out, 64, "%s, started %s", sandbox_status_name(r->status),
			clock_ago(r->run.started, now, ago));
		break;
	case SANDBOX_EXITED:
		(void)snprintf(out, 64, "exited (%llu) %s",
			(unsigned long long)r->x.status,
			clock_ago(r->x.finished, now, ago));
		break;
	case SANDBOX_CREATED:
	case SANDBOX_CRASHED:
	case SANDBOX_BROKEN:
		(void)snprintf(out, 64, "%s", sandbox_status_name(r->status));
		break;
	}
}

static int table_row(struct out_table *t, const struct row *r)
{
	const struct mount_spec *ws = record_mount(&r->s.rec, 0);
	char status[64];

	describe(r, status);
	return out_table_add(t,
		(const char *const[]){ r->name, r->s.rec.agent, r->s.rec.wall, status,
			r->s.rec.root.image, ws && ws->workspace ? ws->src : "" });
}

static int json_row(struct json *all, const struct row *r)
{
	struct json *j = json_new_object();
	const struct mount_spec *ws = record_mount(&r->s.rec, 0);

	if (json_append(all, j) < 0)
		return -ENOMEM;
	(void)json_add_str(j, "name", r->name);
	(void)json_add_str(j, "status", sandbox_status_name(r->status));
	if (!r->s.rec.name)
		return 0;
	(void)json_add_str(j, "agent", r->s.rec.agent);
	(void)json_add_str(j, "wall", r->s.rec.wall);
	(void)json_add_str(j, "image", r->s.rec.root.image);
	(void)json_add_str(j, "workspace", ws && ws->workspace ? ws->src : NULL);
	(void)json_add(j, "created", json_new_uint(r->s.rec.created));
	if (r->status == SANDBOX_RUNNING || r->status == SANDBOX_PAUSED) {
		(void)json_add(j, "started", json_new_uint(r->run.started));
		(void)json_add(j, "keeper", json_new_uint(r->run.keeper));
	} else if (r->status == SANDBOX_EXITED) {
		(void)json_add(j, "exit_status", json_new_uint(r->x.status));
		(void)json_add_str(j, "reason", r->x.reason);
	}
	return 0;
}

static int show(const struct ls_args *a, const struct row *r, struct out_table *t,
	struct json *all)
{
	if (a->running && r->status != SANDBOX_RUNNING && r->status != SANDBOX_PAUSED)
		return 0;
	if (a->quiet)
		return out_line("%s", r->name);
	return a->json ? json_row(all, r) : table_row(t, r);
}

static int run(const struct invocation *inv, struct err *e)
{
	static const char *const heads[] = { "NAME", "AGENT", "WALL", "STATUS", "IMAGE",
		"WORKSPACE" };
	const struct ls_args *a = inv->args;
	auto_strv struct strv names = { 0 };
	auto_json struct json *all = json_new_array();
	struct out_table *t = out_table_new(heads, 6);
	struct err crash = { 0 };
	int untidy = reconcile_all(false, &crash);
	int r = sandbox_names(&names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		struct row row = { .name = names.v[i], .s = SANDBOX_INIT };
		int opened = sandbox_open(names.v[i], &row.s, NULL);

		if (opened == -ENOENT)
			continue;
		row.status = opened < 0 ? SANDBOX_BROKEN
					: sandbox_status(&row.s, &row.run, &row.x);
		r = show(a, &row, t, all);
		json_struct_clear(&run_schema, &row.run);
		json_struct_clear(&exit_schema, &row.x);
		sandbox_clear(&row.s);
	}
	if (r == 0 && a->json && !a->quiet)
		r = out_json(all, e);
	else if (r == 0 && !a->quiet)
		r = out_table_print(t);
	out_table_free(t);
	if (r < 0)
		return e->code ? r : err_set(e, -r, "print the list");
	/* listed as what it is, and why it still is */
	if (untidy < 0)
		*e = crash;
	return untidy;
}

const struct command verb_ls = {
	.name = "ls",
	.usage = "[--json] [-q]",
	.brief = "list sandboxes",
	.opts = opts,
	.args_size = sizeof(struct ls_args),
	.run = run,
};
