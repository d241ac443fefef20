/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/compare-probes.h"

#include "base/err.h"
#include "base/json.h"
#include "cli/out.h"
#include "cli/wrap.h"
#include "compare/probes.h"
#include "wall/wall.h"

#define MARK 13
#define NAME 22

static int say(unsigned indent, const char *text)
{
	auto_buf struct buf out = { 0 };
	auto_free char *shown = str_escape(text);
	struct wrap_item item = { "", shown, indent, out_columns() };

	return shown && wrap_item(&item, &out) == 0 ? out_text(out.data) : -ENOMEM;
}

/* What stands beside the name: the first line goes on where that ended. */
static int beside(const char *text)
{
	auto_buf struct buf out = { 0 };
	auto_free char *shown = str_escape(text);
	struct wrap_item item = { "", shown, MARK + NAME + 1, out_columns() };

	return shown && wrap_item(&item, &out) == 0 ? out_text(out.data + MARK + NAME + 1)
						    : -ENOMEM;
}

static int print_one(const struct probe_result *p)
{
	static const enum out_style styles[] = { OUT_GREEN, OUT_GREEN, OUT_RED, OUT_DIM,
		OUT_DIM, OUT_RED, OUT_YELLOW };
	auto_free char *text = str_printf("%s%s%s", p->layer ? p->layer : "",
		p->layer ? ": " : "", p->detail ? p->detail : "");
	int r = printf("  %s%-*s%s%-*s ", out_on(styles[p->outcome]), MARK - 2,
			outcome_names[p->outcome], out_off(), NAME, p->name) < 0
		? -EIO
		: 0;

	r = r < 0 ? r : beside(p->what);
	if (r == 0 && !p->expected)
		r = say(MARK + 2, "NOT AS EXPECTED");
	r = r < 0 || !text ? r : say(MARK + 2, text);
	return r == 0 && p->why ? say(MARK + 2, p->why) : r;
}

static int print_wall(const struct approach *a, const struct probe_results *all)
{
	unsigned n[OUTCOME_LOST + 1] = { 0 };
	int r = out_line("\n%s%s%s: %s", out_on(OUT_BOLD), a->name, out_off(),
		a->why ? a->why : a->wall->brief);

	for (size_t i = 0; i < all->n && r == 0; i++) {
		if (all->v[i].wall != a)
			continue;
		n[all->v[i].outcome]++;
		r = print_one(&all->v[i]);
	}
	if (r < 0 || a->why)
		return r;
	return out_line(
		"  %u stopped, %u at a kernel of its own, %u not stopped, %u could not "
		"be tried, %u left out",
		n[OUTCOME_STOPPED], n[OUTCOME_OWN], n[OUTCOME_OUT],
		n[OUTCOME_UNTRIED] + n[OUTCOME_BROKEN], n[OUTCOME_LEFT_OUT]);
}

static int print(struct compare *c, const struct probe_results *all)
{
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++)
		if (c->rows[i].wall)
			r = print_wall(&c->rows[i], all);
	return r;
}

int compare_probes(struct compare *c, bool json, struct err *e)
{
	AUTO(probes_clear) struct probe_results all = { 0 };
	bool good = true;
	int r = probes_run(c, &all, e);

	if (c->progress)
		c->progress("");
	if (r == 0 && json) {
		auto_json struct json *j = probes_json(&all, c);

		r = j ? out_json(j, e) : err_set(e, ENOMEM, "out of memory");
	} else if (r == 0) {
		r = print(c, &all);
	}
	for (size_t i = 0; i < all.n; i++)
		good &= all.v[i].expected;
	return r < 0 ? r : good ? 0 : 1;
}
