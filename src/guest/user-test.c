/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/user.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/test.h"

#include <sys/stat.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "broken:x:7\n"
			     "minus:x:4294967295:0::/:/bin/sh\n"
			     "ann:x:1000:1001:Ann,,,:/home/ann:/bin/zsh\n"
			     "last:x:5:6::relative:";
static const char group[] =
	"root:x:0:\nwheel:x:10:root,ann\nann:x:1001:ann\nadm:x:4:joann,ann\n";

static struct user resolve(const char *spec)
{
	struct user u;
	struct err e;

	expect(user_resolve(spec, passwd, group, &u, &e) == 0);
	return u;
}

TEST(a_name_gives_ids_home_shell_and_groups)
{
	struct user u = resolve("ann");

	expect(u.uid == 1000 && u.gid == 1001 && u.n_groups == 2);
	expect(u.groups[0] == 10 && u.groups[1] == 4);
	expect_str(u.home, "/home/ann");
	expect_str(u.shell, "/bin/zsh");
}

TEST(nothing_means_root)
{
	struct user u = resolve("");

	expect(u.uid == 0 && u.gid == 0 && u.n_groups == 1 && u.groups[0] == 10);
	expect_str(u.home, "/root");
}

TEST(numbers_need_no_entry)
{
	struct user u = resolve("4711");

	expect(u.uid == 4711 && u.gid == 0 && u.n_groups == 0);
	expect_str(u.home, "/");
	expect_str(u.name, "");
	u = resolve("4711:12");
	expect(u.uid == 4711 && u.gid == 12);
	u = resolve("1000");
	expect_str(u.name, "ann");
}

TEST(a_named_group_replaces_the_others)
{
	struct user u = resolve("ann:wheel");

	expect(u.uid == 1000 && u.gid == 10 && u.n_groups == 0);
	u = resolve(":wheel");
	expect(u.uid == 0 && u.gid == 10);
}

TEST(a_home_that_is_no_absolute_path_is_the_root)
{
	struct user u = resolve("last");

	expect(u.uid == 5 && u.gid == 6);
	expect_str(u.home, "/");
}

TEST(what_is_not_there_is_named)
{
	struct user u;
	struct err e;

	expect(user_resolve("bob", passwd, group, &u, &e) == -EINVAL);
	expect_str(e.msg, "user 'bob': not in /etc/passwd");
	expect(user_resolve("ann:ops", passwd, group, &u, &e) == -EINVAL);
	expect_str(e.msg, "group 'ops': not in /etc/group");
	expect(user_resolve("broken", passwd, group, &u, &e) == -EINVAL);
}

TEST(the_id_that_changes_nothing_is_refused)
{
	struct user u;
	struct err e;

	expect(user_resolve("4294967295", passwd, group, &u, &e) == -EINVAL);
	expect(user_resolve("minus", passwd, group, &u, &e) == -EINVAL);
	expect(user_resolve("0:4294967295", passwd, group, &u, &e) == -EINVAL);
	expect(user_resolve("99999999999999999999", passwd, group, &u, &e) == -EINVAL);
}

TEST(a_fifo_in_place_of_the_text_does_not_block)
{
	char dir[] = "/tmp/brig-user-XXXXXX", path[64];
	auto_buf struct buf b = { 0 };
	struct err e;

	expect(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/passwd", dir);
	expect(user_read_text(path, &b, &e) == 0 && b.len == 0 && b.data);
	expect(mkfifo(path, 0600) == 0);
	expect(user_read_text(path, &b, &e) == -EINVAL);
	expect(unlink(path) == 0 && rmdir(dir) == 0);
}
