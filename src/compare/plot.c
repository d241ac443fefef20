/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/plot.h"

#include "base/buf.h"
#include "compare/table.h"

#include <math.h>

#define WIDE   400.0
#define ROW    36
#define LEFT   4.0
#define RIGHT  396.0
#define LINE_X 96.0 /* where the lines of dots begin */

struct axis {
	double low, high; /* powers of ten */
	double from, to;  /* where they are */
};

static double place(const struct axis *a, double v)
{
	double part = (log10(v) - a->low) / (a->high - a->low);

	return a->from + (a->to - a->from) * (part < 0 ? 0 : part > 1 ? 1 : part);
}

static void widen(struct axis *a, double v)
{
	if (v <= 0)
		return;
	a->low = fmin(a->low, floor(log10(v) + 1e-9));
	a->high = fmax(a->high, ceil(log10(v) - 1e-9));
}

static int begin(double high, const char *label, struct buf *out)
{
	int r = buf_addf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
		WIDE, high);

	r = r == 0 ? html_text(label, out) : r;
	return r == 0 ? buf_add_str(out, "\">\n") : r;
}

/* Lines at the powers of ten, the plot being 'high' without their labels. */
static int grid(const struct axis *a, double high, struct buf *out)
{
	int r = 0;

	for (double p = a->low; p <= a->high + 0.5 && r == 0; p++) {
		double x = place(a, pow(10, p));
		const char *anchor = p <= a->low ? "start"
			: p >= a->high           ? "end"
						 : "middle";

		r = buf_addf(out,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" "
			"y2=\"%.0f\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%.0f\" "
			"text-anchor=\"%s\">%g</text>\n",
			x, x, high, x, high + 13, anchor, pow(10, p));
	}
	return r;
}

static int words(double x, double y, const char *class, const char *anchor,
	const char *text, struct buf *out)
{
	int r = buf_addf(out,
		"<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x,
		y, anchor);

	r = r == 0 ? html_text(text, out) : r;
	return r == 0 ? buf_add_str(out, "</text>\n") : r;
}

static int bar(const struct axis *a, const struct plot_bar *b, double y, struct buf *out)
{
	double x = b->middle > 0 ? place(a, b->middle) : a->from;
	int r = words(LEFT, y + 13, "name", "start", b->name, out);

	r = r == 0 ? words(RIGHT, y + 13, "value", "end", b->value, out) : r;
	if (r < 0 || b->middle <= 0)
		return r;
	r = buf_addf(out,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"11\" "
		"rx=\"2\"/>\n",
		b->colour, a->from, y + 18, fmax(x - a->from, 2));
	if (r == 0 && b->high > b->low)
		r = buf_addf(out,
			"<path class=\"whisker\" d=\"M%.1f %.1fH%.1fM%.1f %.1fv7M%.1f "
			"%.1fv7\"/>\n",
			place(a, b->low), y + 23.5, place(a, b->high), place(a, b->low),
			y + 20, place(a, b->high), y + 20);
	return r;
}

int plot_bars(const struct plot_bar *bars, size_t n, const char *unit, struct buf *out)
{
	struct axis a = { .low = 99, .high = -99, .from = LEFT, .to = RIGHT };
	double high = (double)n * ROW;
	int r;

	for (size_t i = 0; i < n; i++) {
		widen(&a, bars[i].low);
		widen(&a, bars[i].middle);
		widen(&a, bars[i].high);
	}
	if (a.low > a.high)
		return 0;
	/* the smallest has a bar, too */
	if (a.high <= a.low)
		a.low--;
	r = begin(high + 30, unit, out);
	r = r == 0 ? grid(&a, high, out) : r;
	for (size_t i = 0; i < n && r == 0; i++)
		r = bar(&a, &bars[i], (double)i * ROW, out);
	r = r == 0 ? words(WIDE / 2, high + 27, "tick", "middle", unit, out) : r;
	return r == 0 ? buf_add_str(out, "</svg>\n") : r;
}

static int line(
	const struct axis *a, const struct plot_line *l, double y, struct buf *out)
{
	int r = words(LEFT, y + 20, "name", "start", l->name, out);

	r = r < 0 ? r
		  : buf_addf(out,
			    "<line class=\"rail\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
			    "y2=\"%.1f\"/>\n",
			    a->from, a->to, y + 16, y + 16);
	for (size_t i = 0; i < l->n && r == 0; i++) {
		const struct plot_dot *d = &l->dots[i];

		if (d->at <= 0)
			continue;
		r = buf_addf(out,
			"<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"><title>",
			d->colour, place(a, d->at), y + 16);
		r = r == 0 ? html_text(d->name, out) : r;
		r = r == 0 ? buf_addf(out, ": %.2f</title></circle>\n", d->at) : r;
	}
	return r;
}

int plot_dots(const struct plot_line *lines, size_t n, const char *one, struct buf *out)
{
	struct axis a = { .low = 0, .high = 1, .from = LINE_X, .to = RIGHT - 4 };
	double high = (double)n * ROW;
	int r;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < lines[i].n; k++)
			widen(&a, lines[i].dots[k].at);
	r = begin(high + 30, one, out);
	r = r == 0 ? grid(&a, high, out) : r;
	r = r < 0 ? r
		  : buf_addf(out,
			    "<line class=\"one\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" "
			    "y2=\"%.0f\"/>\n",
			    place(&a, 1), place(&a, 1), high);
	for (size_t i = 0; i < n && r == 0; i++)
		r = line(&a, &lines[i], (double)i * ROW, out);
	r = r == 0 ? words((a.from + a.to) / 2, high + 27, "tick", "middle", one, out)
		   : r;
	return r == 0 ? buf_add_str(out, "</svg>\n") : r;
}
