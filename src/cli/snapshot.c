/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/keep.h"
#include "cli/out.h"
#include "cli/verbs.h"

static int create(const struct invocation *inv, struct err *e)
{
	const char *name = inv->words.v[1];
	AUTO(snapshot_abandon) struct snapshot_new n = SNAPSHOT_NEW_INIT;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	uint64_t us = 0;
	int r = record_check_name(name, e);

	r = r < 0 ? r : sandbox_open(inv->words.v[0], &s, e);
	r = r < 0 ? r : snapshot_begin(&n, e);
	r = r < 0 ? r : keep_sandbox(&s, name, &n, &us, e);
	r = r < 0 ? r : snapshot_commit(&n, name, e);
	if (r < 0)
		return r;
	out_note("'%s' stood for %llu.%llu ms", s.name, (unsigned long long)us / 1000,
		(unsigned long long)us / 100 % 10);
	return out_line("%s", name);
}

struct ls_args {
	bool json;
};

static const struct opt ls_opts[] = {
	OPT(struct ls_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

static int show(const char *name, struct out_table *t, struct json *all)
{
	auto_snapshot struct snapshot s = SNAPSHOT_INIT;
	char ago[CLOCK_TEXT_MAX], size[STR_SIZE_MAX];
	struct err why = { 0 };
	int r = snapshot_load(name, &s, &why);
	struct json *j;

	if (t)
		return out_table_add(t,
			(const char *const[]){ name, r < 0 ? "-" : s.info.sandbox,
				r < 0 ? "-"
				      : clock_ago(s.info.created, clock_real_ns(), ago),
				r < 0 ? "damaged"
				      : str_from_size(snapshot_size(&s), size) });
	j = json_new_object();
	if (json_append(all, j) < 0)
		return -ENOMEM;
	(void)json_add(j, "whole", json_new_bool(r == 0));
	if (r == 0) {
		(void)json_add_str(j, "sandbox", s.info.sandbox);
		(void)json_add_str(j, "created", clock_text(s.info.created, ago));
		(void)json_add(j, "memory", json_new_uint(s.info.memory));
		(void)json_add(j, "disk", json_new_uint(snapshot_size(&s)));
	}
	return json_add_str(j, "name", name);
}

static int ls(const struct invocation *inv, struct err *e)
{
	static const char *const heads[] = { "NAME", "SANDBOX", "MADE", "SIZE" };
	bool as_json = ((const struct ls_args *)inv->args)->json;
	struct out_table *t = as_json ? NULL : out_table_new(heads, 4);
	auto_json struct json *all = as_json ? json_new_array() : NULL;
	auto_strv struct strv names = { 0 };
	int r = snapshot_names(&names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (show(names.v[i], t, all) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = as_json ? out_json(all, e) : out_table_print(t);
	out_table_free(t);
	return r;
}

static int rm(const struct invocation *inv, struct err *e)
{
	for (size_t i = 0; i < inv->words.n; i++) {
		int r = snapshot_remove(inv->words.v[i], e);

		if (r < 0)
			return r;
		(void)out_line("%s", inv->words.v[i]);
	}
	return 0;
}

static const struct command command_create = {
	.name = "create",
	.usage = "SANDBOX NAME",
	.brief = "keep a running microVM as it is at this moment",
	.detail = "Memory, processors, devices and the writable layers are kept; the "
		  "sandbox "
		  "stands while its layer is copied, and goes on. Its workspace is named "
		  "in "
		  "the snapshot and not copied, save what an overlay holds back. Secrets "
		  "are "
		  "placeholders in it, as they are in the sandbox.",
	.words_min = 2,
	.words_max = 2,
	.complete = "@sandbox",
	.run = create,
};

static const struct command command_ls = {
	.name = "ls",
	.usage = "[--json]",
	.brief = "list snapshots",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = ls,
};

static const struct command command_rm = {
	.name = "rm",
	.usage = "NAME...",
	.brief = "remove snapshots; sandboxes that go on from them stay",
	.words_min = 1,
	.words_max = 1024,
	.run = rm,
};

static const struct command *const subs[] = { &command_create, &command_ls, &command_rm,
	NULL };

const struct command verb_snapshot = {
	.name = "snapshot",
	.usage = "[create] SANDBOX NAME | ls | rm NAME...",
	.brief = "keep a running microVM, memory and all",
	.detail = "brig restore makes a sandbox that goes on from a snapshot.",
	.words_min = 2,
	.words_max = 2,
	.complete = "@sandbox",
	.sub = subs,
	.run = create,
};
