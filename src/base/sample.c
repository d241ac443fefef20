/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sample.h"

int sample_add(struct sample *s, double figure)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		double *v = reallocarray(s->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = figure;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double sample_percentile(struct sample *s, unsigned part)
{
	double at = s->n ? (double)(s->n - 1) * part / 100 : 0;
	size_t low = (size_t)at;

	if (s->n == 0)
		return 0;
	qsort(s->v, s->n, sizeof(*s->v), by_size);
	if (low + 1 >= s->n)
		return s->v[s->n - 1];
	return s->v[low] + (s->v[low + 1] - s->v[low]) * (at - (double)low);
}

void sample_clear(struct sample *s)
{
	free(s->v);
	*s = (struct sample){ 0 };
}
