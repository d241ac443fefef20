/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/table.h"

#include "wall/wall.h"

static const struct claim claims[] = {
	{ "chroot", "1 MB", "instant", "10 MB", "" },
	{ "nspawn", "10 MB", "under 1 s", "100 MB", "" },
	{ "systemd-nspawn", "10 MB", "under 1 s", "100 MB", "" },
	{ "container", "", "milliseconds", "", "weak, medium surface" },
	{ "docker", "", "milliseconds", "", "weak, medium surface" },
	{ "microvm", "", "seconds", "", "strong, minimal surface" },
	{ "qemu", "4 GB + 4 CPUs", "30–60 s", "40 GB", "strong, large surface" },
};

const struct claim *claim_of(const struct approach *a)
{
	static const struct claim none = { "", "", "", "", "" };

	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++)
		if (strcmp(claims[i].name, a->name) == 0)
			return &claims[i];
	return &none;
}

/* Three figures, of the unit that suits it. */
static void put_figure(
	double figure, char *out, size_t size, double unit, const char *name)
{
	double v = figure / unit;

	(void)snprintf(out, size, "%.*f%s", v < 10 ? 2 : v < 100 ? 1 : 0, v, name);
}

const char *cell_time(struct sample *ns, char out[CELL_MAX])
{
	double mid = sample_median(ns);
	double unit = mid < 1e3 ? 1 : mid < 1e6 ? 1e3 : mid < 1e9 ? 1e6 : 1e9;
	const char *name = unit < 1e3 ? " ns"
		: unit < 1e6          ? " µs"
		: unit < 1e9          ? " ms"
				      : " s";
	char low[24], high[24], middle[24];

	out[0] = '\0';
	if (ns->n == 0)
		return out;
	put_figure(mid, middle, sizeof(middle), unit, name);
	put_figure(sample_percentile(ns, 10), low, sizeof(low), unit, "");
	put_figure(sample_percentile(ns, 90), high, sizeof(high), unit, "");
	if (ns->n == 1)
		(void)snprintf(out, CELL_MAX, "%s", middle);
	else
		(void)snprintf(out, CELL_MAX, "%s (%s–%s)", middle, low, high);
	return out;
}

/* What 'kib' is best told in. */
static double size_unit(double kib, const char **name)
{
	*name = kib < 1024 ? " KiB" : kib < 1024 * 1024 ? " MiB" : " GiB";
	return kib < 1024 ? 1 : kib < 1024 * 1024 ? 1024 : 1024 * 1024;
}

const char *cell_size(double kib, char out[CELL_MAX])
{
	const char *name;
	double unit = size_unit(kib, &name);

	put_figure(kib, out, CELL_MAX, unit, name);
	return out;
}

const char *cell_sizes(struct sample *kib, bool at_most, char out[CELL_MAX])
{
	double mid = sample_median(kib), unit;
	char low[24], high[24], middle[24];
	const char *name;

	out[0] = '\0';
	if (kib->n == 0)
		return out;
	unit = size_unit(mid, &name);
	put_figure(mid, middle, sizeof(middle), unit, name);
	put_figure(sample_percentile(kib, 10), low, sizeof(low), unit, "");
	put_figure(sample_percentile(kib, 90), high, sizeof(high), unit, "");
	if (kib->n == 1)
		(void)snprintf(out, CELL_MAX, "%s%s", at_most ? "≤ " : "", middle);
	else
		(void)snprintf(out, CELL_MAX, "%s%s (%s–%s)", at_most ? "≤ " : "", middle,
			low, high);
	return out;
}

/* ---- isolation */

const char *cell_kernel(const struct approach *a, char out[CELL_MAX])
{
	const struct seen *s = &a->seen;

	if (!s->known)
		out[0] = '\0';
	else if (s->own_kernel)
		(void)snprintf(out, CELL_MAX, "its own, %.*s",
			(int)strcspn(s->kernel, " "), s->kernel);
	else
		(void)snprintf(out, CELL_MAX, "the host's");
	return out;
}

const char *cell_calls(const struct approach *a, char out[CELL_MAX])
{
	const struct seen *s = &a->seen;

	if (!s->known || (!s->own_kernel && s->calls < 0))
		(void)snprintf(out, CELL_MAX, "%s", s->known ? "unknown" : "");
	else if (!s->own_kernel)
		(void)snprintf(out, CELL_MAX, "%ld of %ld", s->calls, s->calls_of);
	else if (a->kernel_calls >= 0)
		(void)snprintf(
			out, CELL_MAX, "0; its kernel's jail: %ld", a->kernel_calls);
	else
		(void)snprintf(out, CELL_MAX, "0; its kernel's: unknown");
	return out;
}

const char *cell_files(const struct approach *a)
{
	const struct seen *s = &a->seen;

	return !s->known    ? ""
		: s->secret ? "visible"
		: s->climb  ? "hidden; root climbs out"
			    : "hidden";
}

static int add(struct table *t, const char *text)
{
	return strv_add(&t->cells, text);
}

static int add_isolation(struct table *t, struct approach *a)
{
	const struct seen *s = &a->seen;
	char text[CELL_MAX];
	int r = add(t, cell_kernel(a, text));

	r = r < 0 ? r : add(t, cell_calls(a, text));
	text[0] = '\0';
	if (s->known)
		(void)snprintf(text, sizeof(text), "%ld%s", s->devices,
			s->own_kernel && s->devices ? ", its own" : "");
	r = r < 0 ? r : add(t, text);
	r = r < 0 ? r : add(t, cell_files(a));
	if (s->known)
		(void)snprintf(text, sizeof(text), "%s (%ld)",
			s->process ? "visible" : "hidden", s->processes);
	r = r < 0 ? r : add(t, text);
	r = r < 0 ? r : add(t, !s->known ? "" : s->loopback ? "visible" : "hidden");
	r = r < 0 ? r : add(t, cell_time(&a->start, text));
	return r < 0 ? r : add(t, claim_of(a)->isolation);
}

/* ---- cost */

static int add_cost(struct table *t, struct approach *a)
{
	const struct claim *said = claim_of(a);
	char text[CELL_MAX], total[CELL_MAX];
	auto_free char *claim = NULL;
	int r = add(t, cell_sizes(&a->one, a->at_most, text));

	r = r < 0 ? r : add(t, cell_time(&a->start, text));
	total[0] = '\0';
	if (a->many.n)
		(void)snprintf(total, sizeof(total), "%s%.30s", a->at_most ? "≤ " : "",
			cell_size(a->total, text));
	r = r < 0 ? r : add(t, total);
	claim = *said->memory || *said->start
		? str_printf("%s%s%s%s%s", said->memory, *said->memory ? "; " : "",
			  said->start, *said->ten ? "; " : "", said->ten)
		: strdup("");
	return r < 0 || !claim ? -ENOMEM : add(t, claim);
}

static int add_figures(
	struct table *t, struct approach *a, enum figure first, enum figure last)
{
	char text[CELL_MAX];
	int r = 0;

	for (unsigned f = first; f <= last && r == 0; f++)
		r = add(t, cell_time(&a->figures[f], text));
	return r;
}

static int add_heads(struct table *t, const struct compare *c, enum table_kind kind)
{
	char *const *isolation = WORDS("isolation", "kernel",
		"host calls a program reaches", "host devices", "host files",
		"host processes (seen)", "host network", "start-up", "commonly said");
	int r = 0;

	switch (kind) {
	case TABLE_ISOLATION: return strv_add_all(&t->heads, isolation);
	case TABLE_COST:
		r = strv_add_all(
			&t->heads, WORDS("approach", "memory an agent", "start-up"));
		r = r < 0 ? r : strv_addf(&t->heads, "memory for %u agents", c->agents);
		return r < 0 ? r : strv_add(&t->heads, "commonly said (10 agents)");
	case TABLE_SMALL:
	case TABLE_WORK:
		r = strv_add(&t->heads, kind == TABLE_SMALL ? "small things" : "at work");
		for (unsigned f = 0; f < FIGURES && r == 0; f++)
			if ((kind == TABLE_SMALL) == (f < FIGURE_LS))
				r = strv_add(&t->heads, figure_kinds[f].title);
		return r;
	case TABLES: break;
	}
	return -EINVAL;
}

/* A row of one that can't be run, and below the first of the tables why. */
static int add_why(struct table *t, enum table_kind kind, const struct approach *a)
{
	int r = add(t, "not here");

	for (size_t i = 2; i < t->heads.n && r == 0; i++)
		r = add(t, "");
	return r == 0 && kind == TABLE_COST
		? strv_addf(&t->notes, "%s does not run here: %s", a->name, a->why)
		: r;
}

static int add_row(struct table *t, enum table_kind kind, struct approach *a)
{
	int r = add(t, a->name);

	if (r < 0 || a->why)
		return r < 0 ? r : add_why(t, kind, a);
	switch (kind) {
	case TABLE_COST: return add_cost(t, a);
	case TABLE_ISOLATION: return add_isolation(t, a);
	case TABLE_SMALL: return add_figures(t, a, FIGURE_CALL, FIGURE_WRITE);
	case TABLE_WORK: return add_figures(t, a, FIGURE_LS, FIGURE_NODE);
	case TABLES: break;
	}
	return -EINVAL;
}

int table_make(enum table_kind kind, struct compare *c, struct table *ret)
{
	static const char *const titles[] = { "What an agent costs", "What separates it",
		"Small things", "At work" };
	static const char *const notes[] = {
		"Memory: the proportional set size of everything that runs for it, idle. "
		"Start-up: from the call to the first byte of output.",
		"Seen from inside, by a program that looks. Host calls: system calls "
		"that "
		"reach the host's kernel; of a kernel of its own, what its jail lets "
		"that "
		"kernel ask for.",
		"One of each, timed inside.",
		"Timed inside; git clones 500 files and looks at their status.",
	};
	int r;

	*ret = (struct table){ .title = titles[kind] };
	r = strv_add(&ret->notes, notes[kind]);
	r = r == 0 ? add_heads(ret, c, kind) : r;
	for (size_t i = 0; i < c->n && r == 0; i++)
		/* what has no wall starts nothing, and what it sees is all */
		if (c->rows[i].wall || i > 0 || kind == TABLE_SMALL ||
			kind == TABLE_WORK || kind == TABLE_ISOLATION)
			r = add_row(ret, kind, &c->rows[i]);
	if (r < 0)
		table_clear(ret);
	return r;
}

void table_clear(struct table *t)
{
	strv_clear(&t->heads);
	strv_clear(&t->cells);
	strv_clear(&t->notes);
}

/* ---- as text */

static int markdown_row(char *const *cells, size_t n, struct buf *out)
{
	int r = buf_add_str(out, "|");

	for (size_t i = 0; i < n && r == 0; i++) {
		r = buf_add_str(out, " ");
		for (const char *p = cells[i]; *p && r == 0; p++)
			r = *p == '|' ? buf_add_str(out, "\\|") : buf_add(out, p, 1);
		if (r == 0)
			r = buf_add_str(out, " |");
	}
	return r == 0 ? buf_add_str(out, "\n") : r;
}

int table_markdown(const struct table *t, struct buf *out)
{
	int r = buf_addf(out, "## %s\n\n", t->title);

	r = r == 0 ? markdown_row(t->heads.v, t->heads.n, out) : r;
	r = r == 0 ? buf_add_str(out, "|") : r;
	for (size_t i = 0; i < t->heads.n && r == 0; i++)
		r = buf_add_str(out, "---|");
	r = r == 0 ? buf_add_str(out, "\n") : r;
	for (size_t i = 0; i < t->cells.n && r == 0; i += t->heads.n)
		r = markdown_row(t->cells.v + i, t->heads.n, out);
	for (size_t i = 0; i < t->notes.n && r == 0; i++)
		r = buf_addf(out, "\n%s\n", t->notes.v[i]);
	return r == 0 ? buf_add_str(out, "\n") : r;
}
