/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/peer.h"

#include <errno.h>

/* ---- bubblewrap: the machine's system directories read-only, namespaces of its own */

static int bwrap_words(struct compare *c, struct strv *ret)
{
	static const char *const dirs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64",
		"/etc", "/opt" };
	int r = strv_add_all(ret, WORDS("bwrap", "--unshare-all", "--die-with-parent"));

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs) && r == 0; i++)
		r = strv_add_all(ret, WORDS("--ro-bind-try", dirs[i], dirs[i]));
	return r < 0 ? r
		     : strv_add_all(ret,
			       WORDS("--proc", "/proc", "--dev", "/dev", "--tmpfs",
				       "/tmp", "--tmpfs", "/root", "--bind", c->ws, c->ws,
				       "--chdir", c->ws, "--setenv", "HOME", "/root"));
}

static int bwrap_start(struct compare *c, struct approach *a, unsigned round,
	char *const *cmd, struct strv *ret)
{
	int r = bwrap_words(c, ret);

	(void)a;
	(void)round;
	return r < 0 ? r : strv_add_all(ret, cmd);
}

/* It has none to enter: each command is in a new one, and timed inside all the same. */
static int bwrap_begin(struct compare *c, struct approach *a)
{
	(void)c;
	(void)a;
	return 0;
}

static int bwrap_enter(struct compare *c, struct approach *a, struct strv *ret)
{
	(void)a;
	return bwrap_words(c, ret);
}

static int bwrap_idle(struct compare *c, struct approach *a, unsigned i)
{
	auto_strv struct strv words = { 0 };
	auto_free char *program = str_printf("%s/brig-measure", c->ws);
	pid_t pid;

	if (i >= AGENTS_MAX || !program || bwrap_words(c, &words) < 0 ||
		strv_add_all(&words, WORDS(program, "sleep")) < 0)
		return -ENOMEM;
	if (exec_interrupted())
		return -EINTR;
	pid = exec_spawn(words.v, c->ws);
	if (pid < 0)
		return (int)pid;
	a->pids[i] = pid;
	a->pids_n = i + 1;
	return 0;
}

static size_t bwrap_roots(
	struct compare *c, struct approach *a, unsigned i, pid_t *ret, size_t max)
{
	(void)c;
	if (i >= a->pids_n || max < 1)
		return 0;
	ret[0] = a->pids[i];
	return 1;
}

static void bwrap_end(struct compare *c, struct approach *a)
{
	(void)c;
	while (a->pids_n > 0)
		exec_kill(a->pids[--a->pids_n]);
}

static int bwrap_probe(struct compare *c, struct approach *a)
{
	if (c->image)
		approach_fails(a, NULL, "it has no images: it is measured on the host's");
	else if (!exec_have("bwrap"))
		approach_fails(a, NULL, "bubblewrap is not installed");
	return a->why ? -ENOENT : 0;
}

const struct peer_kind peer_kinds[] = {
	{ "bwrap",
		{ .start = bwrap_start,
			.begin = bwrap_begin,
			.enter = bwrap_enter,
			.idle = bwrap_idle,
			.roots = bwrap_roots,
			.end = bwrap_end,
			.probe = bwrap_probe } },
	{ 0 },
};
