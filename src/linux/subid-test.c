/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/subid.h"

#include "base/test.h"

static bool find(const char *text, struct subid_range *r)
{
	struct subid_query q = {
		.name = "ann", .uid = 1001, .avoid = 1001, .want = 65536
	};

	return subid_find(text, &q, r);
}

TEST(a_range_is_found_by_name_and_by_number)
{
	struct subid_range r;

	expect(find("bob:1:5\nann:100000:65536\n", &r) && r.first == 100000);
	expect(find("1001:300000:65536", &r) && r.first == 300000 && r.count == 65536);
	expect(!find("annabel:1:70000\nan:1:70000\n10011:5:70000\n", &r));
	expect(!find("", &r) && !find("\n\n:\n::\nann\nann:\nann:1\nann:1:", &r));
}

TEST(the_first_long_range_wins_else_the_longest)
{
	struct subid_range r;

	expect(find("ann:5000:10\nann:200000:80000\nann:400000:99999\n", &r));
	expect(r.first == 200000 && r.count == 80000);
	expect(find("ann:5000:10\nann:6000:30\nann:7000:20\n", &r) && r.first == 6000);
}

TEST(ranges_that_would_do_harm_are_passed_over)
{
	struct subid_range r;

	expect(!find("ann:0:65536\n", &r)); /* the host's root */
	expect(!find(
		"ann:1000:65536\n", &r)); /* the caller itself: maps may not overlap */
	expect(!find("ann:4294967290:65536\n", &r)); /* past the last id */
	expect(!find("ann:4294967295:1\n", &r) && !find("ann:100000:0\n", &r));
	expect(!find("ann:-1:65536\nann:1x:5\nann:5000:6y\nann: 5000:6\n", &r));
	expect(!find("ann:99999999999999999999999:65536\n", &r));
	expect(find("ann:4294967290:5\n", &r) && r.count == 5);
}

TEST(a_range_is_mapped_when_all_of_it_is)
{
	struct subid_range r = { 100000, 65536 };

	expect(subid_mapped("0 0 4294967295\n", r));
	expect(!subid_mapped("0 0 65536\n", r) && !subid_mapped("", r));
	expect(!subid_mapped("0 0 100000\n", r) && !subid_mapped("100001 5 99999\n", r));
	expect(subid_mapped("150000 1 60000\n 0 7 150000\n", r));
	expect(!subid_mapped("150001 1 60000\n 0 7 150000\n", r));
	expect(!subid_mapped("nonsense\n", r));
}
