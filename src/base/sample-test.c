/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sample.h"

#include "base/test.h"

static void add_all(struct sample *s, const double *v, size_t n)
{
	while (n--)
		expect(sample_add(s, *v++) == 0);
}

TEST(none_and_one)
{
	auto_sample struct sample s = { 0 };

	expect(sample_median(&s) == 0);
	add_all(&s, (double[]){ 7 }, 1);
	expect(sample_median(&s) == 7);
	expect(sample_percentile(&s, 10) == 7 && sample_percentile(&s, 90) == 7);
}

TEST(the_order_does_not_matter)
{
	auto_sample struct sample s = { 0 };

	add_all(&s, (double[]){ 3, 1, 2 }, 3);
	expect(sample_median(&s) == 2);
	expect(sample_percentile(&s, 0) == 1 && sample_percentile(&s, 100) == 3);
	/* and one more after it was looked at */
	add_all(&s, (double[]){ 0 }, 1);
	expect(sample_median(&s) == 1.5);
}

TEST(between_two_in_proportion)
{
	auto_sample struct sample s = { 0 };

	add_all(&s, (double[]){ 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110 }, 11);
	expect(sample_percentile(&s, 10) == 20);
	expect(sample_percentile(&s, 90) == 100);
	expect(sample_percentile(&s, 25) == 35);
}

TEST(many)
{
	auto_sample struct sample s = { 0 };

	for (int i = 1000; i > 0; i--)
		expect(sample_add(&s, i) == 0);
	expect(s.n == 1000 && sample_median(&s) == 500.5);
}
