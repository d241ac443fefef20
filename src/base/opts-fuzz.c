/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command line, one a line: whatever they are, a parse ends, and frees. */
#include "base/buf.h"
#include "base/err.h"
#include "base/opts.h"
#include "base/str.h"
#include "base/term.h"

#include <stdint.h>

struct args {
	bool tty;
	char *name;
	struct strv env;
	uint64_t memory, timeout, pids, cpus;
};

static const struct opt table[] = {
	OPT(struct args, "tty", 't', NULL, tty, opt_bool, "a terminal"),
	OPT(struct args, "name", 'n', "NAME", name, opt_str, "its name"),
	OPT(struct args, "env", 'e', "K=V", env, opt_list, "a variable"),
	OPT(struct args, "memory", 'm', "SIZE", memory, opt_size, "a limit"),
	OPT(struct args, "timeout", 'T', "TIME", timeout, opt_duration, "a time"),
	OPT(struct args, "pids", 'p', "N", pids, opt_count, "another limit"),
	OPT(struct args, "cpus", 'c', "N", cpus, opt_cpus, "and another"),
	{ 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf text = { 0 };
	auto_strv struct strv argv = { 0 }, words = { 0 }, rest = { 0 };
	struct opts_result result = { .words = &words, .rest = &rest };
	struct args a = { 0 };
	struct term_keys keys;
	struct err e = { 0 };
	char *const none[] = { NULL };

	if (size == 0 || buf_add(&text, data + 1, size - 1) < 0 ||
		strv_split(&argv, text.data, "\n") < 0)
		return 0;
	(void)opts_parse(table, &a, argv.v ? argv.v : none, data[0] & OPTS_STOP_AT_FIRST,
		&result, &e);
	free(a.name);
	strv_clear(&a.env);
	(void)term_keys_parse(text.data, &keys, &e);
	return 0;
}
