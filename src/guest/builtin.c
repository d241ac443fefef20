/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/builtin.h"

#include "base/str.h"
#include "guest/accept.h"
#include "guest/dial.h"
#include "guest/filestream.h"

#include <fcntl.h>
#include <inttypes.h>

static int pack(const char *path)
{
	const int out = STDOUT_FILENO;
	const struct files_sink sink = files_sink_fd(&out);
	struct files_count n;
	struct err e;

	if (files_pack(AT_FDCWD, path, 0, &sink, &n, &e) < 0) {
		dprintf(STDERR_FILENO, "%s\n", e.msg);
		return 1;
	}
	if (n.failed)
		dprintf(STDERR_FILENO, "%" PRIu64 " not copied; the first: %s\n",
			n.failed, n.problem.msg);
	return n.failed ? 1 : 0;
}

static int unpack(const char *path)
{
	const int in = STDIN_FILENO;
	const struct files_source src = files_source_fd(&in);
	const struct files_dest dest = {
		.dirfd = AT_FDCWD, .path = path, .flags = FILES_FOLLOW
	};
	struct files_count n;
	struct err e;

	if (files_unpack(&src, &dest, &n, &e) < 0) {
		dprintf(STDERR_FILENO, "%s\n", e.msg);
		return 1;
	}
	return 0;
}

static const struct builtin {
	const char *name;
	int (*run)(const char *arg);
} builtins[] = { { "@pack", pack }, { "@unpack", unpack }, { "@dial", dial_run },
	{ "@accept", accept_run } };

static const struct builtin *find(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
		if (str_eq(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

bool builtin_exists(const char *name)
{
	return find(name);
}

int builtin_run(char *const *argv)
{
	const struct builtin *b = find(argv[0]);

	if (!b || !argv[1] || argv[2]) {
		dprintf(STDERR_FILENO, "usage: %s ARGUMENT\n", argv[0]);
		return 2;
	}
	return b->run(argv[1]);
}
