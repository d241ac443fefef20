/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wall.c - brig's own walls, used as a person does: by the command line of this program.
 */
#include "wall/wall.h"
#include "base/err.h"
#include "compare/compare.h"
#include "linux/callcount.h"
#include "linux/seccomp-filter.h"
#include "sandbox/sandbox.h"

#define NAME_MAX_   64
#define END_SECONDS 60

static void name_of(
	const struct approach *a, const char *kind, unsigned i, char out[NAME_MAX_])
{
	(void)snprintf(
		out, NAME_MAX_, "compare-%d-%.20s-%s%u", (int)getpid(), a->name, kind, i);
}

/* "brig run" with what all of them have. */
static int run_words(struct compare *c, struct approach *a, struct strv *ret)
{
	int r = strv_add(ret, c->self);

	r = r < 0 ? r : strv_add_all(ret, WORDS("run", "-q", "--wall", a->name));
	/* the chroot wall has the host's; the others none, as their peers have */
	if (r == 0 && a->wall->own_net)
		r = strv_add_all(ret, WORDS("--net", "none"));
	if (r == 0 && c->image)
		r = strv_add_all(ret, WORDS("--image", c->image));
	return r;
}

static int end_words(
	struct compare *c, const char *name, char *const *cmd, struct strv *ret)
{
	int r = strv_add_all(ret, WORDS("--name", name, c->ws, "--"));

	return r == 0 ? strv_add_all(ret, cmd) : r;
}

static int start(struct compare *c, struct approach *a, unsigned round, char *const *cmd,
	struct strv *ret)
{
	char name[NAME_MAX_];
	int r = run_words(c, a, ret);

	name_of(a, "r", round, name);
	r = r == 0 ? strv_add(ret, "--rm") : r;
	return r == 0 ? end_words(c, name, cmd, ret) : r;
}

/* One that sleeps, in the background. */
static int keep(struct compare *c, struct approach *a, const char *name)
{
	auto_strv struct strv words = { 0 };
	auto_free char *program = str_printf("%s/brig-measure", c->ws);
	auto_buf struct buf said = { 0 };
	int r = run_words(c, a, &words);

	if (!program || r < 0 || strv_add(&words, "-d") < 0 ||
		end_words(c, name, WORDS(program, "sleep"), &words) < 0)
		return -ENOMEM;
	r = exec_run(words.v, c->ws, 60, NULL, &said);
	if (r > 0)
		approach_fails(a, "brig run", said.data);
	return r > 0 ? -EIO : r;
}

static int begin(struct compare *c, struct approach *a)
{
	char name[NAME_MAX_];

	name_of(a, "w", 0, name);
	return keep(c, a, name);
}

static int enter(struct compare *c, struct approach *a, struct strv *ret)
{
	char name[NAME_MAX_];

	name_of(a, "w", 0, name);
	return strv_add_all(ret, WORDS(c->self, "exec", "-w", c->ws, name, "--"));
}

static int idle(struct compare *c, struct approach *a, unsigned i)
{
	char name[NAME_MAX_];

	name_of(a, "i", i, name);
	return keep(c, a, name);
}

/* The keeper: it has started all the others. */
static size_t roots(
	struct compare *c, struct approach *a, unsigned i, pid_t *ret, size_t max)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct run_state run = { 0 };
	struct err quiet;
	char name[NAME_MAX_];

	(void)c;
	name_of(a, "i", i, name);
	if (max < 1 || sandbox_open(name, &s, &quiet) < 0)
		return 0;
	(void)sandbox_status(&s, &run, NULL);
	ret[0] = (pid_t)run.keeper;
	json_struct_clear(&run_schema, &run);
	return ret[0] > 0 ? 1 : 0;
}

static void end(struct compare *c, struct approach *a)
{
	auto_free char *prefix = str_printf("compare-%d-%s-", (int)getpid(), a->name);
	auto_strv struct strv names = { 0 }, words = { 0 };
	struct err quiet;
	bool any = false;

	if (!prefix || sandbox_names(&names, &quiet) < 0 ||
		strv_add_all(&words, WORDS(c->self, "rm", "--force")) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (str_starts(names.v[i], prefix))
			any |= strv_add(&words, names.v[i]) == 0;
	if (any)
		(void)exec_run(words.v, NULL, END_SECONDS, NULL, NULL);
}

/* What the kernel of such a wall may ask of the host's, by the filter of its jail. */
static long jail_calls(const struct wall *w)
{
	const struct seccomp_program *p = str_eq(w->name, "sentry")
		? &seccomp_sentries[SECCOMP_SENTRY_RUN]
		: str_eq(w->name, "microvm") ? &seccomp_vmms[SECCOMP_VMM_MAIN_FILES]
					     : NULL;
	struct callcount n;

	return p && callcount_take(p->insn, p->n, &n) == 0 ? (long)n.through : -1;
}

static int probe(struct compare *c, struct approach *a)
{
	struct err e = { 0 };

	(void)c;
	if (a->wall->probe(&e) < 0) {
		approach_fails(a, NULL, e.msg);
		return -ENOSYS;
	}
	a->kernel_calls = a->wall->host_kernel ? -1 : jail_calls(a->wall);
	return 0;
}

const struct approach_ops wall_ops = { .start = start,
	.begin = begin,
	.enter = enter,
	.idle = idle,
	.roots = roots,
	.end = end,
	.probe = probe };

/* ---- none at all */

static int native_start(struct compare *c, struct approach *a, unsigned round,
	char *const *cmd, struct strv *ret)
{
	(void)c;
	(void)a;
	(void)round;
	return strv_add_all(ret, cmd);
}

static int native_nothing(struct compare *c, struct approach *a)
{
	(void)c;
	(void)a;
	return 0;
}

static int native_enter(struct compare *c, struct approach *a, struct strv *ret)
{
	(void)c;
	(void)a;
	(void)ret;
	return 0;
}

static void native_end(struct compare *c, struct approach *a)
{
	(void)c;
	(void)a;
}

const struct approach_ops native_ops = { .start = native_start,
	.begin = native_nothing,
	.enter = native_enter,
	.end = native_end,
	.probe = native_nothing };
