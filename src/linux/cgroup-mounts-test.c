/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup-mounts.h"

#include "base/err.h"
#include "base/test.h"

static const char hybrid_mounts[] =
	"23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
	"33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 - cgroup cgroup "
	"rw,cpu,cpuacct\n"
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	"40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup "
	"rw,name=systemd\n"
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

static struct cgroup_mounts parse(const char *mountinfo, const char *cgroup)
{
	struct cgroup_mounts m = { 0 };
	struct err e = { 0 };

	expect(cgroup_mounts_parse(mountinfo, cgroup, &m, &e) == 0);
	return m;
}

TEST(a_hybrid_layout_is_read)
{
	AUTO(cgroup_mounts_clear)
	struct cgroup_mounts m = parse(hybrid_mounts,
		"9:name=systemd:/\n4:memory:/a/b\n1:cpu,cpuacct:/\n0::/user.slice\n");

	expect(m.n == 3 && !m.h[0].v2 && !m.h[1].v2 && m.h[2].v2);
	expect(m.h[0].has == (CGROUP_BIT(CGROUP_CPU) | CGROUP_BIT(CGROUP_CPUACCT)));
	expect_str(m.h[0].own, "/sys/fs/cgroup/cpu,cpuacct");
	expect_str(m.h[1].own, "/sys/fs/cgroup/memory/a/b");
	expect_str(m.h[2].own, "/sys/fs/cgroup/unified/user.slice");
}

TEST(a_mounted_subtree_is_taken_off_the_path)
{
	AUTO(cgroup_mounts_clear)
	struct cgroup_mounts m =
		parse("41 31 0:38 /docker/x /sys/fs/cgroup rw - cgroup2 c rw\n",
			"0::/docker/x/app\n");

	expect(m.n == 1);
	expect_str(m.h[0].own, "/sys/fs/cgroup/app");
}

TEST(a_group_outside_of_what_is_mounted_has_no_directory)
{
	const char *mount = "41 31 0:38 /docker/x /sys/fs/cgroup rw - cgroup2 c rw\n";
	struct cgroup_mounts m = parse(mount, "0::/docker/xy\n");

	expect(m.n == 1 && !m.h[0].own);
	cgroup_mounts_clear(&m);
	m = parse("41 31 0:38 / /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/../other\n");
	expect(m.n == 1 && !m.h[0].own);
	cgroup_mounts_clear(&m);
}

TEST(escaped_names_and_second_mounts_are_handled)
{
	AUTO(cgroup_mounts_clear)
	struct cgroup_mounts m =
		parse("1 2 0:1 / /my\\040groups rw a:1 b:2 - cgroup2 none rw\n"
		      "1 2 0:1 / /again rw - cgroup2 none rw\n",
			"0::/g\n");

	expect(m.n == 1);
	expect_str(m.h[0].own, "/my groups/g");
}

TEST(lines_that_do_not_read_are_passed_over)
{
	AUTO(cgroup_mounts_clear)
	struct cgroup_mounts m = parse("\n-\n1 2 - cgroup2 x rw\n1 2 3 4 5 6 - cgroup2\n"
				       "1 2 3 / relative rw - cgroup2 none rw\n",
		"::\n0:\n\n0\n:::::\n");

	expect(m.n == 0);
}

TEST(this_process_can_be_asked)
{
	AUTO(cgroup_mounts_clear) struct cgroup_mounts m = { 0 };
	struct err e = { 0 };

	expect(cgroup_mounts_read(&m, &e) == 0);
}
