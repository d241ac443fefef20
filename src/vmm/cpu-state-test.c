/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/cpu-state.h"

#include "base/err.h"
#include "base/test.h"

#include <string.h>

static struct cpu_features some(void)
{
	return (struct cpu_features){ .head = { .nent = 3 },
		.entry = { { .function = 0,
				   .eax = 0x10,
				   .ebx = 0x68747541,
				   .edx = 0x69746e65,
				   .ecx = 0x444d4163 },
			{ .function = 1,
				.eax = 0x00a20f10,
				.ecx = 0x00001234,
				.edx = 0x55 },
			{ .function = 7, .ebx = 0xf0 } } };
}

TEST(the_same_processor_will_do)
{
	struct cpu_features a = some(), b = some();
	struct err e = { 0 };

	expect(cpu_compare(&a, &b, &e) == 0);
	/* more than what was there is fine, and what a CPU's number is doesn't matter */
	a.entry[2].ebx = 0xff;
	b.entry[1].ebx = 77;
	expect(cpu_compare(&a, &b, &e) == 0);
}

TEST(another_make_or_model_is_refused_with_both_names)
{
	struct cpu_features a = some(), b = some();
	struct err e = { 0 };

	b.entry[1].eax += 0x10;
	expect(cpu_compare(&a, &b, &e) == -ENOTSUP && strstr(e.msg, "0xa20f20") &&
		strstr(e.msg, "0xa20f10"));
	b = some();
	memcpy(&b.entry[0].ebx, "Genu", 4);
	expect(cpu_compare(&a, &b, &e) == -ENOTSUP && strstr(e.msg, "Genu"));
	expect(e.hint[0]);
}

TEST(a_feature_that_is_missing_is_refused)
{
	struct cpu_features a = some(), b = some();
	struct err e = { 0 };

	b.entry[2].ebx |= 0x100;
	expect(cpu_compare(&a, &b, &e) == -ENOTSUP && strstr(e.msg, "0x100"));
	b = some();
	a.head.nent = 2;
	expect(cpu_compare(&a, &b, &e) == -ENOTSUP);
}
