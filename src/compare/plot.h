/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plot.h - plots as inline SVG 2, readable at the width of a telephone: 400 units wide, text of 13.
 *
 * Axes are logarithmic: the walls lie orders of magnitude apart. Colours come from classes
 * of the page's style (page.c).
 */
#ifndef BRIG_COMPARE_PLOT_H
#define BRIG_COMPARE_PLOT_H

#include <stddef.h>

struct buf;

struct plot_bar {
	const char *name, *value; /* the text at its right */
	const char *colour;       /* class */
	double low, middle, high; /* the whisker, and the bar's end; 0: nothing to show */
};

/* One bar below the other. 'unit' names the axis. 0 or -ENOMEM. */
int plot_bars(const struct plot_bar *bars, size_t n, const char *unit, struct buf *out);

struct plot_dot {
	const char *name, *colour;
	double at; /* 0: nothing to show */
};

struct plot_line {
	const char *name;
	struct plot_dot dots[32];
	size_t n;
};

/* Dots on one line each; 1 is marked as 'one'. */
int plot_dots(const struct plot_line *lines, size_t n, const char *one, struct buf *out);

#endif
