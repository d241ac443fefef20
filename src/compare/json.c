/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/json.h"

#include "base/clock.h"
#include "base/json.h"
#include "compare/table.h"
#include "wall/wall.h"

/* median, p10, p90 and n, in 'unit' of what was taken; null of none. */
static struct json *sample_json(struct sample *s, double unit)
{
	struct json *j = s->n ? json_new_object() : NULL;

	if (!j)
		return NULL;
	(void)json_add(j, "median", json_new_double(sample_median(s) / unit));
	(void)json_add(j, "p10", json_new_double(sample_percentile(s, 10) / unit));
	(void)json_add(j, "p90", json_new_double(sample_percentile(s, 90) / unit));
	(void)json_add(j, "n", json_new_uint(s->n));
	return j;
}

static void add_sample(struct json *to, const char *key, struct sample *s, double unit)
{
	if (s->n)
		(void)json_add(to, key, sample_json(s, unit));
}

static void add_count(struct json *to, const char *key, long n)
{
	if (n >= 0)
		(void)json_add(to, key, json_new_uint((uint64_t)n));
}

static struct json *seen_json(const struct approach *a)
{
	const struct seen *s = &a->seen;
	struct json *j = json_new_object();

	if (!j)
		return NULL;
	(void)json_add(j, "own_kernel", json_new_bool(s->own_kernel));
	(void)json_add_str(j, "kernel", s->kernel);
	/* calls of a program that the host's kernel serves */
	add_count(j, "host_calls", s->own_kernel ? 0 : s->calls);
	add_count(j, "calls_of_linux", s->calls_of);
	add_count(j, "host_calls_of_its_kernel", s->own_kernel ? a->kernel_calls : -1);
	add_count(j, "devices", s->devices);
	add_count(j, "processes", s->processes);
	(void)json_add_str(j, "ls_proc", s->listed);
	(void)json_add_str(j, "interfaces", s->interfaces);
	(void)json_add(j, "host_files", json_new_bool(s->secret));
	(void)json_add(j, "climbs_out", json_new_bool(s->climb));
	(void)json_add(j, "host_processes", json_new_bool(s->process));
	(void)json_add(j, "host_network", json_new_bool(s->loopback));
	return j;
}

static struct json *row_json(struct approach *a)
{
	struct json *j = json_new_object(), *figures;
	const struct claim *said = claim_of(a);

	if (!j)
		return NULL;
	(void)json_add_str(j, "name", a->name);
	(void)json_add_str(j, "kind",
		a->wall                         ? "wall"
			: a->ops == &native_ops ? "native"
						: "peer");
	(void)json_add(j, "runs", json_new_bool(!a->why));
	if (a->why)
		(void)json_add_str(j, "why", a->why);
	add_sample(j, "start_ms", &a->start, 1e6);
	add_sample(j, "memory_kib", &a->one, 1);
	add_sample(j, "memory_of_many_kib", &a->many, 1);
	if (a->many.n)
		(void)json_add(j, "memory_total_kib", json_new_double(a->total));
	if (a->at_most)
		(void)json_add(j, "memory_at_most", json_new_bool(true));
	if (a->seen.known)
		(void)json_add(j, "sees", seen_json(a));
	figures = json_new_object();
	for (size_t f = 0; f < FIGURES && figures; f++)
		add_sample(figures, figure_kinds[f].key, &a->figures[f], 1e3);
	(void)json_add(j, "figures_us", figures);
	if (*said->memory)
		(void)json_add_str(j, "said_of_memory", said->memory);
	if (*said->start)
		(void)json_add_str(j, "said_of_start", said->start);
	if (*said->ten)
		(void)json_add_str(j, "said_of_ten", said->ten);
	return j;
}

struct json *compare_json(struct compare *c)
{
	struct json *j = json_new_object(), *rows = json_new_array();
	char when[CLOCK_TEXT_MAX];

	if (!j || !rows) {
		json_free(j);
		json_free(rows);
		return NULL;
	}
	(void)json_add_str(j, "version", BRIG_VERSION);
	(void)json_add_str(j, "kernel", c->kernel);
	(void)json_add_str(j, "taken", clock_text(clock_real_ns(), when));
	(void)json_add_str(j, "image", c->image ? c->image : "host");
	(void)json_add(j, "cpus", json_new_uint((uint64_t)sysconf(_SC_NPROCESSORS_ONLN)));
	(void)json_add(j, "rounds", json_new_uint(c->rounds));
	(void)json_add(j, "agents", json_new_uint(c->agents));
	for (size_t i = 0; i < c->n; i++)
		if (json_append(rows, row_json(&c->rows[i])) < 0)
			break;
	if (json_add(j, "approaches", rows) == 0)
		return j;
	json_free(j);
	return NULL;
}
