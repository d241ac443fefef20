/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.h - repeated measurements of one thing: the median, and how far they spread.
 *
 * Figures may be added in any order and of any unit. A percentile between two of them is
 * interpolated in proportion (type 7 of Hyndman and Fan 1996, what R and NumPy do).
 */
#ifndef BRIG_BASE_SAMPLE_H
#define BRIG_BASE_SAMPLE_H

#include "base/auto.h"

#include <stddef.h>

struct sample {
	double *v;
	size_t n, cap;
};

/* 0 or -ENOMEM. */
int sample_add(struct sample *s, double figure);

/* What 'part' of 100 of them are not above, 0 to 100; 0.0 of none. Sorts them. */
double sample_percentile(struct sample *s, unsigned part);

static inline double sample_median(struct sample *s)
{
	return sample_percentile(s, 50);
}

void sample_clear(struct sample *s);
#define auto_sample AUTO(sample_clear)

#endif
