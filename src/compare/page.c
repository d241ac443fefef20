/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/page.h"

#include "base/clock.h"
#include "compare/plot.h"
#include "compare/table.h"
#include "wall/wall.h"

static const char style[] =
	":root{color-scheme:light "
	"dark;--ink:#1c2126;--soft:#5b6570;--paper:#fff;--line:#dde2e7;"
	"--band:#f5f7f9}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5b1;--paper:#"
	"14181c;"
	"--line:#2c343c;--band:#1b2127}}\n"
	"*{box-sizing:border-box}body{margin:0 "
	"auto;max-width:70rem;padding:1rem;background:"
	"var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.5rem;line-height:1.2;margin:.5rem "
	"0}h2{font-size:1.15rem;margin:2rem 0 .5rem}\n"
	"p{max-width:45rem;margin:.4rem 0}.soft{color:var(--soft);font-size:.9rem}\n"
	".plots{display:grid;gap:1.5rem "
	"2.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,"
	"22rem),1fr))}figure{margin:0}figcaption{font-weight:600;margin-bottom:.4rem}\n"
	"svg{display:block;width:100%;max-width:34rem;height:auto;font:13px "
	"system-ui,sans-serif}\n"
	"svg text{fill:var(--ink)}svg "
	".tick{fill:var(--soft);font-size:11px}.value{font-variant-numeric:"
	"tabular-nums}\n"
	".grid,.rail{stroke:var(--line)}.one{stroke:var(--soft);stroke-dasharray:3 3}"
	".whisker{stroke:var(--ink);fill:none;stroke-width:1.5}\n"
	".scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px}\n"
	"table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:"
	"tabular-nums}\n"
	"th,td{padding:.4rem .7rem;text-align:left;border-bottom:1px solid var(--line);"
	"vertical-align:top;white-space:nowrap}thead th{background:var(--band)}"
	"tbody tr:last-child>*{border-bottom:0}"
	"th:first-child{position:sticky;left:0;background:var(--band)}\n"
	".key{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.5rem "
	"0;padding:0;list-style:none;"
	"font-size:.9rem}.key "
	"svg{display:inline-block;width:.8em;height:.8em;margin-right:.35em}\n"
	".c0{fill:#868e96}.c1{fill:#b8860b}.c2{fill:#2f7fc1}.c3{fill:#1b9e77}.c4{fill:#"
	"d95f02}"
	".c5{fill:#8a63d2}.c6{fill:#c2407a}.c7{fill:#5d8a1f}.c8{fill:#00838f}.c9{fill:#"
	"a0522d}\n";

static const char *colour(size_t i)
{
	static const char *const names[] = { "c0", "c1", "c2", "c3", "c4", "c5", "c6",
		"c7", "c8", "c9" };

	return names[i % (sizeof(names) / sizeof(*names))];
}

int html_text(const char *text, struct buf *out)
{
	int r = 0;

	for (; *text && r == 0; text++)
		r = *text == '<'        ? buf_add_str(out, "&lt;")
			: *text == '>'  ? buf_add_str(out, "&gt;")
			: *text == '&'  ? buf_add_str(out, "&amp;")
			: *text == '"'  ? buf_add_str(out, "&quot;")
			: *text == '\'' ? buf_add_str(out, "&#39;")
					: buf_add(out, text, 1);
	return r;
}

static int html_element(const char *tag, const char *text, struct buf *out)
{
	int r = buf_addf(out, "<%s>", tag);

	r = r == 0 ? html_text(text, out) : r;
	return r == 0 ? buf_addf(out, "</%.*s>", (int)strcspn(tag, " "), tag) : r;
}

int table_html(const struct table *t, struct buf *out)
{
	int r = html_element("h2", t->title, out);

	r = r == 0 ? buf_add_str(out, "\n<div class=\"scroll\"><table>\n<thead><tr>") : r;
	for (size_t i = 0; i < t->heads.n && r == 0; i++)
		r = html_element("th scope=\"col\"", t->heads.v[i], out);
	r = r == 0 ? buf_add_str(out, "</tr></thead>\n<tbody>\n") : r;
	for (size_t i = 0; i < t->cells.n && r == 0; i++) {
		size_t column = i % t->heads.n;

		r = column == 0 ? buf_add_str(out, "<tr>") : 0;
		r = r < 0 ? r
			  : html_element(column ? "td" : "th scope=\"row\"",
				    t->cells.v[i], out);
		if (r == 0 && column == t->heads.n - 1)
			r = buf_add_str(out, "</tr>\n");
	}
	r = r == 0 ? buf_add_str(out, "</tbody></table></div>\n") : r;
	for (size_t i = 0; i < t->notes.n && r == 0; i++) {
		r = html_element("p class=\"soft\"", t->notes.v[i], out);
		r = r == 0 ? buf_add_str(out, "\n") : r;
	}
	return r;
}

/* ---- plots */

static int figure(const char *title, struct buf *out)
{
	int r = buf_add_str(out, "<figure>");

	r = r == 0 ? html_element("figcaption", title, out) : r;
	return r == 0 ? buf_add_str(out, "\n") : r;
}

enum bars { BARS_START, BARS_ONE, BARS_MANY };

static struct plot_bar bar_of(
	enum bars what, struct approach *a, size_t i, char text[CELL_MAX])
{
	double unit = what == BARS_START ? 1e6 : 1024;
	struct sample *s = what == BARS_START ? &a->start : &a->one;
	struct plot_bar b = { .name = a->name, .value = text, .colour = colour(i) };

	text[0] = '\0';
	if (a->why) {
		(void)snprintf(text, CELL_MAX, "not here");
	} else if (what == BARS_MANY) {
		if (a->many.n)
			(void)cell_size(a->total, text);
		b.middle = b.low = b.high = a->total / unit;
	} else if (s->n) {
		(void)(what == BARS_START ? cell_time(s, text)
					  : cell_sizes(s, a->at_most, text));
		b.low = sample_percentile(s, 10) / unit;
		b.middle = sample_median(s) / unit;
		b.high = sample_percentile(s, 90) / unit;
	}
	return b;
}

static int add_bars(struct compare *c, enum bars what, const char *title, struct buf *out)
{
	struct plot_bar bars[APPROACHES_MAX];
	char texts[APPROACHES_MAX][CELL_MAX];
	size_t n = 0;
	int r = figure(title, out);

	/* what has no wall has no memory of its own */
	for (size_t i = what == BARS_START ? 0 : 1; i < c->n; i++, n++)
		bars[n] = bar_of(what, &c->rows[i], i, texts[n]);
	r = r == 0 ? plot_bars(bars, n, what == BARS_START ? "milliseconds" : "MiB", out)
		   : r;
	return r == 0 ? buf_add_str(out, "</figure>\n") : r;
}

static int add_key(const struct compare *c, struct buf *out)
{
	int r = buf_add_str(out, "<ul class=\"key\">");

	for (size_t i = 1; i < c->n && r == 0; i++) {
		if (c->rows[i].why)
			continue;
		r = buf_addf(out,
			"<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><circle "
			"class=\"%s\" "
			"cx=\"5\" cy=\"5\" r=\"5\"/></svg>",
			colour(i));
		r = r == 0 ? html_text(c->rows[i].name, out) : r;
		r = r == 0 ? buf_add_str(out, "</li>") : r;
	}
	return r == 0 ? buf_add_str(out, "</ul>\n") : r;
}

static int add_ratios(struct compare *c, struct buf *out)
{
	auto_free struct plot_line *lines = calloc(FIGURES, sizeof(*lines));
	size_t n = 0;
	int r = lines ? figure("Work, in times of what it takes without a wall", out)
		      : -ENOMEM;

	for (size_t f = 0; f < FIGURES && r == 0; f++) {
		double native = sample_median(&c->rows[0].figures[f]);

		if (native <= 0)
			continue;
		lines[n].name = figure_kinds[f].title;
		for (size_t i = 1; i < c->n; i++)
			lines[n].dots[lines[n].n++] =
				(struct plot_dot){ c->rows[i].name, colour(i),
					sample_median(&c->rows[i].figures[f]) / native };
		n++;
	}
	r = r == 0 ? add_key(c, out) : r;
	r = r == 0 ? plot_dots(lines, n, "times native", out) : r;
	return r == 0 ? buf_add_str(out, "</figure>\n") : r;
}

static int add_plots(struct compare *c, struct buf *out)
{
	auto_free char *ten = str_printf("Memory for %u agents", c->agents);
	int r = ten ? buf_add_str(out, "<div class=\"plots\">\n") : -ENOMEM;

	r = r == 0 ? add_bars(c, BARS_START, "Start-up, to the first byte of output", out)
		   : r;
	r = r == 0 ? add_bars(c, BARS_ONE, "Memory of one agent", out) : r;
	r = r == 0 ? add_bars(c, BARS_MANY, ten, out) : r;
	r = r == 0 ? add_ratios(c, out) : r;
	return r == 0 ? buf_add_str(out, "</div>\n") : r;
}

int page_make(struct compare *c, struct buf *out)
{
	char when[CLOCK_TEXT_MAX];
	auto_free char *about = str_printf(
		"Measured by brig " BRIG_VERSION
		" on %.10s, Linux %s, %ld CPUs, image %s, %u rounds. "
		"Bars are medians; the thin lines go from what 10 of 100 are not above "
		"to 90 of 100. "
		"Axes are logarithmic.",
		clock_text(clock_real_ns(), when), c->kernel,
		sysconf(_SC_NPROCESSORS_ONLN), c->image ? c->image : "host", c->rounds);
	int r = about ? buf_addf(out,
				"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta "
				"charset=\"utf-8\">\n"
				"<meta name=\"viewport\" "
				"content=\"width=device-width,initial-scale=1\">\n"
				"<title>Walls "
				"compared</title>\n<style>\n%s</style>\n</head>\n<body>\n"
				"<h1>What a sandbox costs, and what it separates</h1>\n",
				style)
		      : -ENOMEM;

	r = r == 0 ? html_element("p class=\"soft\"", about, out) : r;
	r = r == 0 ? buf_add_str(out, "\n") : r;
	r = r == 0 ? add_plots(c, out) : r;
	for (unsigned kind = 0; kind < TABLES && r == 0; kind++) {
		AUTO(table_clear) struct table t = { 0 };

		r = table_make((enum table_kind)kind, c, &t);
		r = r == 0 ? table_html(&t, out) : r;
	}
	return r == 0 ? buf_add_str(out, "</body>\n</html>\n") : r;
}
