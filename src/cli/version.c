/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"

#include <sys/utsname.h>

struct args {
	bool json;
};

static const struct opt options[] = {
	OPT(struct args, "json", 0, NULL, json, opt_bool, "print JSON"),
	{ 0 },
};

static int print_json(const struct utsname *u, struct err *e)
{
	auto_json struct json *j = json_new_object();

	if (!j || json_add_str(j, "version", BRIG_VERSION) < 0 ||
		json_add_str(j, "kernel", u->release) < 0 ||
		json_add_str(j, "architecture", u->machine) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return out_json(j, e) < 0 ? EXIT_BRIG : 0;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct args *a = inv->args;
	struct utsname u;

	if (uname(&u) < 0)
		return err_sys(e, "ask for the kernel's name");
	if (a && a->json)
		return print_json(&u, e);
	return out_line("brig %s", BRIG_VERSION) < 0 ? EXIT_BRIG : 0;
}

const struct command verb_version = {
	.name = "version",
	.usage = "[--json]",
	.brief = "Print the version",
	.opts = options,
	.args_size = sizeof(struct args),
	.run = run,
};
