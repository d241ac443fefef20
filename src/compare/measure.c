/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.c - the parts of a comparison: in turns, so that whatever else the machine does
 * falls on all of them alike.
 */
#include "compare/compare.h"
#include "compare/memory.h"

#include "base/clock.h"
#include "base/err.h"

#define START_SECONDS 60
#define WORK_SECONDS  60
/* No round of a part begins later than this: a slow machine has fewer of them. */
#define PART_NS (75 * NS_PER_SEC)

/* Run 'words' and take the first number that it prints. */
static int run_number(struct compare *c, struct approach *a, const struct strv *words,
	unsigned seconds, double *ret)
{
	auto_buf struct buf out = { 0 }, said = { 0 };
	int r = exec_run(words->v, c->ws, seconds, &out, &said);

	if (r == -ETIMEDOUT)
		(void)buf_addf(&said, "\nno answer in %u seconds\n", seconds);
	if (r == 0 && out.data && sscanf(out.data, "%lf", ret) == 1)
		return 0;
	if (r == -EINTR)
		return r;
	approach_fails(a, NULL, said.data);
	return -EIO;
}

/* The first byte of a new one's output. */
static int start_once(struct compare *c, struct approach *a, unsigned round, double *ns)
{
	char *const *cmd = WORDS("/bin/echo", "ready");
	auto_strv struct strv words = { 0 };

	if (strv_add_all(&words, WORDS(c->measure, "first", "--")) < 0 ||
		a->ops->start(c, a, round, cmd, &words) < 0)
		return -ENOMEM;
	return run_number(c, a, &words, START_SECONDS, ns);
}

/* Round 0 warms up, and finds out what can't be run. */
static int starts(struct compare *c)
{
	uint64_t until = clock_mono_ns() + PART_NS;

	for (unsigned round = 0; round <= c->rounds; round++) {
		if (round > 1 && clock_mono_ns() > until)
			break;
		for (size_t i = 0; i < c->n; i++) {
			struct approach *a = &c->rows[i];
			double ns = 0;
			int r;

			if (a->why)
				continue;
			compare_progress(c, "start-up, round %u of %u: %s", round,
				c->rounds, a->name);
			r = start_once(c, a, round, &ns);
			if (r == -EINTR)
				return r;
			if (r == 0 && round > 0)
				(void)sample_add(&a->start, ns);
		}
	}
	return 0;
}

/* ---- inside */

static int enter(struct compare *c, struct approach *a, char *const *cmd,
	unsigned seconds, struct buf *out, struct buf *said)
{
	auto_strv struct strv words = { 0 };

	if (a->ops->enter(c, a, &words) < 0 || strv_add_all(&words, cmd) < 0)
		return -ENOMEM;
	return exec_run(words.v, c->ws, seconds, out, said);
}

/* Lines "NAME <TAB> nanoseconds". */
static void take_micro(struct approach *a, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t');

		if (!tab)
			continue;
		*tab = '\0';
		for (size_t f = 0; f < FIGURES; f++)
			if (str_eq(figure_kinds[f].micro, line))
				(void)sample_add(&a->figures[f], strtod(tab + 1, NULL));
	}
}

static int small_things(struct compare *c, struct approach *a)
{
	auto_strv struct strv cmd = { 0 };
	auto_buf struct buf out = { 0 };
	int r = strv_addf(&cmd, "%s/brig-measure", c->ws);

	r = r < 0 ? r : strv_add(&cmd, "micro");
	for (size_t f = 0; f < FIGURES && r == 0; f++)
		if (figure_kinds[f].micro)
			r = strv_add(&cmd, figure_kinds[f].micro);
	r = r < 0 ? r : enter(c, a, cmd.v, WORK_SECONDS, &out, NULL);
	if (r == 0 && out.data)
		take_micro(a, out.data);
	return r;
}

/* The line of brig-workloads for this word, as what to do before and what to time. */
static int find_work(struct compare *c, const char *word, char **before, char **command)
{
	auto_buf struct buf out = { 0 };
	auto_strv struct strv lines = { 0 };
	int r = exec_run(WORDS(c->workloads, "list"), c->ws, 10, &out, NULL);

	if (r != 0 || strv_split(&lines, out.data ? out.data : "", "\n") < 0)
		return r < 0 ? r : -EIO;
	for (size_t i = 0; i < lines.n; i++) {
		auto_strv struct strv cells = { 0 };

		if (strv_split(&cells, lines.v[i], "\t") < 0 || cells.n != 5 ||
			!str_eq(cells.v[0], word))
			continue;
		*before = strdup(cells.v[3]);
		*command = strdup(cells.v[4]);
		return *before && *command ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

static int work(struct compare *c, struct approach *a, enum figure f)
{
	auto_free char *before = NULL, *command = NULL;
	auto_free char *program = str_printf("%s/brig-measure", c->ws);
	auto_buf struct buf out = { 0 };
	double ns;
	int r = 0;

	if (figure_kinds[f].work)
		r = find_work(c, figure_kinds[f].work, &before, &command);
	else if (!(before = strdup("true")) || !(command = strdup("exec ls /proc")))
		r = -ENOMEM;
	if (r == 0)
		r = enter(c, a,
			WORDS(program, "time", "-b", before, "--", "sh", "-c", command),
			WORK_SECONDS, &out, NULL);
	/* one that fails, as its program isn't in the image, is left out */
	if (r == 0 && out.data && sscanf(out.data, "%lf", &ns) == 1)
		(void)sample_add(&a->figures[f], ns);
	return r;
}

static void copy_text(char *to, size_t size, const char *from)
{
	auto_free char *shown = str_escape(from);

	(void)snprintf(to, size, "%s", shown ? shown : "");
}

/* One line of what brig-measure saw; the text is a sandbox's. */
static void take_seen(struct seen *s, const struct strv *cells)
{
	const char *key = cells->v[0], *value = cells->n > 1 ? cells->v[1] : "";
	bool seen = str_eq(value, "seen");

	if (str_eq(key, "kernel"))
		copy_text(s->kernel, sizeof(s->kernel), value);
	else if (str_eq(key, "boot"))
		copy_text(s->boot, sizeof(s->boot), value);
	else if (str_eq(key, "interfaces"))
		copy_text(s->interfaces, sizeof(s->interfaces), value);
	else if (str_eq(key, "secret"))
		s->secret = seen;
	else if (str_eq(key, "climb"))
		s->climb = seen;
	else if (str_eq(key, "process"))
		s->process = seen;
	else if (str_eq(key, "loopback"))
		s->loopback = seen, s->known = true;
	if (cells->n < 3)
		return;
	if (str_eq(key, "calls") && value[0] != '-') {
		s->calls = strtol(value, NULL, 10);
		s->calls_of = strtol(cells->v[2], NULL, 10);
	} else if (str_eq(key, "devices")) {
		s->devices = strtol(value, NULL, 10);
		s->devices_of = strtol(cells->v[2], NULL, 10);
	} else if (str_eq(key, "processes")) {
		s->processes = strtol(value, NULL, 10);
		copy_text(s->listed, sizeof(s->listed), cells->v[2]);
	}
}

static int look(struct compare *c, struct approach *a)
{
	auto_free char *program = str_printf("%s/brig-measure", c->ws);
	auto_free char *secret = str_printf("secret=%s/secret", c->dir);
	auto_free char *pid = str_printf("pid=%d", (int)c->witness);
	auto_free char *token = str_printf("token=%s", c->token);
	auto_free char *port = str_printf("port=%d", c->port);
	auto_buf struct buf out = { 0 }, said = { 0 };
	auto_strv struct strv lines = { 0 };
	struct seen *s = &a->seen;
	int r;

	if (!program || !secret || !pid || !token || !port)
		return -ENOMEM;
	r = enter(c, a, WORDS(program, "look", secret, pid, token, port), WORK_SECONDS,
		&out, &said);
	if (r == -EINTR)
		return r;
	if (r != 0 || strv_split(&lines, out.data ? out.data : "", "\n") < 0) {
		approach_fails(a, "look around", said.data);
		return 0;
	}
	*s = (struct seen){ .calls = -1, .devices = -1, .processes = -1 };
	for (size_t i = 0; i < lines.n; i++) {
		auto_strv struct strv cells = { 0 };

		if (strv_split(&cells, lines.v[i], "\t") == 0 && cells.n > 0)
			take_seen(s, &cells);
	}
	s->own_kernel = strcmp(s->kernel, c->kernel) != 0 ||
		(s->boot[0] && strcmp(s->boot, c->boot) != 0);
	return 0;
}

static int begin_one(struct compare *c, struct approach *a)
{
	int r;

	compare_progress(c, "what is seen from inside: %s", a->name);
	r = a->ops->begin(c, a);
	if (r == -EINTR)
		return r;
	a->running = r == 0;
	return a->running ? look(c, a) : 0;
}

static int inside_once(struct compare *c, struct approach *a, unsigned round)
{
	int r;

	compare_progress(c, "at work, round %u of %u: %s", round, c->rounds, a->name);
	r = small_things(c, a);
	for (size_t f = 0; f < FIGURES && r != -EINTR; f++)
		if (!figure_kinds[f].micro)
			r = work(c, a, (enum figure)f);
	return r == -EINTR ? r : 0;
}

static int inside(struct compare *c)
{
	uint64_t until;
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++)
		if (!c->rows[i].why)
			r = begin_one(c, &c->rows[i]);
	until = clock_mono_ns() + PART_NS;
	for (unsigned round = 1; round <= c->rounds && r == 0; round++) {
		if (round > 1 && clock_mono_ns() > until)
			break;
		for (size_t i = 0; i < c->n && r == 0; i++)
			if (c->rows[i].running)
				r = inside_once(c, &c->rows[i], round);
	}
	/* beside another of its kind one would share that one's pages */
	for (size_t i = 0; i < c->n; i++)
		c->rows[i].ops->end(c, &c->rows[i]);
	return r;
}

int compare_measure(struct compare *c, struct err *e)
{
	int r;

	for (size_t i = 0; i < c->n; i++)
		(void)c->rows[i].ops->probe(c, &c->rows[i]);
	r = starts(c);
	r = r == 0 ? inside(c) : r;
	r = r == 0 ? compare_memory(c) : r;
	return r < 0 ? err_set(e, EINTR, "interrupted: everything of this run is removed")
		     : 0;
}

/* ---- memory */

#define ROOTS_MAX 8
#define SETTLE_US 500000

static double weigh_one(struct compare *c, struct approach *a, unsigned i)
{
	pid_t roots[ROOTS_MAX];
	size_t n = a->ops->roots(c, a, i, roots, ROOTS_MAX);

	return memory_of(roots, n, &a->at_most);
}

/* So many at once; their memory, each, into 'ret'. */
static int weigh(struct compare *c, struct approach *a, unsigned agents,
	struct sample *ret, double *total)
{
	int r = 0;

	for (unsigned i = 0; i < agents && r == 0; i++) {
		compare_progress(c, "memory: %s, agent %u of %u", a->name, i + 1, agents);
		r = a->ops->idle(c, a, i);
	}
	if (r == 0)
		(void)usleep(SETTLE_US);
	*total = 0;
	for (unsigned i = 0; i < agents && r == 0; i++) {
		double kib = weigh_one(c, a, i);

		*total += kib;
		if (kib > 0)
			(void)sample_add(ret, kib);
	}
	a->ops->end(c, a);
	return r == -EINTR || exec_interrupted() ? -EINTR : 0;
}

#define ONES_MAX 3

int compare_memory(struct compare *c)
{
	unsigned ones = c->rounds < ONES_MAX ? c->rounds : ONES_MAX;
	double alone;
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++) {
		struct approach *a = &c->rows[i];

		if (a->why || !a->ops->idle)
			continue;
		for (unsigned k = 0; k < ones && r == 0; k++)
			r = weigh(c, a, 1, &a->one, &alone);
		if (r == 0)
			r = weigh(c, a, c->agents, &a->many, &a->total);
	}
	return r;
}
