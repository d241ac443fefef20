/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"

#include <fcntl.h>
#include <limits.h>

static void cleans_to(const char *from, const char *want)
{
	auto_free char *got = path_clean(from);

	expect(got);
	expect_str(got, want);
}

TEST(paths_are_tidied_by_letters)
{
	cleans_to("/", "/");
	cleans_to("//a/./b/", "/a/b");
	cleans_to("/a/../../b", "/b");
	cleans_to("a/../..", "..");
	cleans_to("../../a/..", "../..");
	cleans_to("", ".");
	cleans_to("./", ".");
	cleans_to("/..", "/");
	cleans_to("/a/b/..", "/a");
	cleans_to("/a/..", "/");
}

TEST(beneath_is_about_whole_components)
{
	expect(path_beneath("/a/b", "/a"));
	expect(path_beneath("/a", "/a"));
	expect(!path_beneath("/ab", "/a"));
	expect(path_beneath("/x", "/"));
}

TEST(opening_beneath_refuses_every_way_out)
{
	char dir[] = "/tmp/path-test.XXXXXX";
	struct err e = { 0 };

	expect(mkdtemp(dir));
	auto_fd int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	expect(symlinkat("/etc", root, "abs") == 0);
	expect(symlinkat("../../etc", root, "dots") == 0);
	expect(symlinkat(".", root, "self") == 0);
	expect(path_open_beneath(root, "abs/passwd", O_RDONLY, 0, &e) == -EXDEV);
	expect(path_open_beneath(root, "dots/passwd", O_RDONLY, 0, &e) == -EXDEV);
	expect(path_open_beneath(root, "../etc/passwd", O_RDONLY, 0, &e) == -EXDEV);
	expect(path_open_plain(root, "self", O_RDONLY, 0, &e) < 0);
	expect(path_open_in_root(root, "abs/passwd", O_RDONLY, 0, &e) == -ENOENT);
	auto_fd int made = path_mkdirs_in_root(root, "/a/b/c", 0755, &e);
	expect(made >= 0);
	expect(faccessat(root, "a/b/c", F_OK, 0) == 0);
	expect(file_remove_tree(AT_FDCWD, dir, &e) == 0);
	expect(access(dir, F_OK) < 0);
	expect(access("/etc/passwd", F_OK) == 0);
}
