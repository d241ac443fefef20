/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/names.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"
#include "wall/wall.h"

static int inspect_one(const char *name, const struct invocation *inv, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	auto_json struct json *j = json_new_object();
	struct run_state run = { 0 };
	struct exit_state x = { 0 };
	const struct wall *wall;
	enum sandbox_status status;
	int r = sandbox_open(name, &s, e);

	(void)inv;
	if (r < 0)
		return r;
	status = sandbox_status(&s, &run, &x);
	(void)json_add_str(j, "status", sandbox_status_name(status));
	(void)json_add_str(j, "directory", s.path);
	(void)json_add(j, "record", json_from_struct(&record_schema, &s.rec));
	if (run.boot_id)
		(void)json_add(j, "run", json_from_struct(&run_schema, &run));
	if (status == SANDBOX_EXITED)
		(void)json_add(j, "exit", json_from_struct(&exit_schema, &x));
	if (wall_find(s.rec.wall, &wall, NULL) == 0) {
		(void)json_add_str(j, "separates", wall->brief);
		(void)json_add_str(j, "does_not_stop", wall->passes);
	}
	json_struct_clear(&run_schema, &run);
	json_struct_clear(&exit_schema, &x);
	return out_json(j, e);
}

static int run(const struct invocation *inv, struct err *e)
{
	return names_each(inv, NAMES_GIVEN, inspect_one, e);
}

const struct command verb_inspect = {
	.name = "inspect",
	.usage = "NAME...",
	.brief = "everything brig knows of sandboxes, as JSON",
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
