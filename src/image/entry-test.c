/* SPDX-License-Identifier: Apache-2.0 */
#include "image/entry.h"

#include "base/err.h"
#include "base/str.h"
#include "base/test.h"

#include <sys/stat.h>

static struct entry_plan plan;

static int decide(
	const char *name, mode_t type, const char *link, const char *hard, struct err *e)
{
	struct entry in = {
		.name = name, .symlink = link, .hardlink = hard, .type = type
	};

	memset(e, 0, sizeof(*e));
	return entry_decide(&in, &plan, e);
}

static void becomes(const char *name, mode_t type, enum entry_verb verb, const char *path)
{
	struct err e;

	expect(decide(name, type, NULL, NULL, &e) == 0);
	expect(plan.verb == verb);
	expect_str(plan.path, path);
}

static void refuses(const char *name, mode_t type, const char *hard, const char *why)
{
	struct err e;

	expect(decide(name, type, NULL, hard, &e) == -EBADMSG);
	if (!strstr(e.msg, why))
		expect_str(e.msg, why);
}

TEST(names_are_tidied)
{
	becomes("a/b", S_IFREG, ENTRY_FILE, "a/b");
	becomes("./a//b/.", S_IFREG, ENTRY_FILE, "a/b");
	becomes("./", S_IFDIR, ENTRY_DIR, "");
	becomes("a/", S_IFDIR, ENTRY_DIR, "a");
	becomes("/", S_IFDIR, ENTRY_DIR, "");
	becomes("...", S_IFIFO, ENTRY_FIFO, "...");
}

TEST(names_that_lead_out_are_refused)
{
	refuses("../a", S_IFREG, NULL, "'..'");
	refuses("a/../../b", S_IFREG, NULL, "'..'");
	refuses("a/..", S_IFDIR, NULL, "'..'");
	refuses("/etc/passwd", S_IFREG, NULL, "absolute");
	refuses("", S_IFREG, NULL, "no name");
	refuses("/", S_IFREG, NULL, "root");
	refuses("a", S_IFREG, "/", "hard link");
	refuses(".", S_IFREG, NULL, "root");
	refuses("a\033[2Jb/../x", S_IFREG, NULL, "\\x1b");
}

TEST(hard_links_stay_inside)
{
	struct err e;

	expect(decide("a", S_IFREG, NULL, "./b/c", &e) == 0 &&
		plan.verb == ENTRY_HARDLINK);
	expect_str(plan.target, "b/c");
	refuses("a", S_IFREG, "/etc/passwd", "hard link");
	refuses("a", S_IFREG, "../x", "hard link");
	refuses("a", S_IFREG, ".", "hard link");
	refuses(".", S_IFREG, "x", "root");
}

TEST(devices_are_dropped_in_dev_and_refused_elsewhere)
{
	becomes("dev/null", S_IFCHR, ENTRY_DROP, "dev/null");
	becomes("./dev/pts/0", S_IFBLK, ENTRY_DROP, "dev/pts/0");
	refuses("etc/null", S_IFCHR, NULL, "device");
	refuses("dev", S_IFBLK, NULL, "device");
	refuses("devil/x", S_IFBLK, NULL, "device");
	refuses("s", S_IFSOCK, NULL, "type");
}

TEST(whiteouts_name_what_they_hide)
{
	becomes("a/.wh.b", S_IFREG, ENTRY_WHITEOUT, "a/b");
	becomes(".wh.b", S_IFREG, ENTRY_WHITEOUT, "b");
	becomes("a/.wh..wh..opq", S_IFREG, ENTRY_OPAQUE, "a");
	becomes(".wh..wh..opq", S_IFREG, ENTRY_OPAQUE, "");
	becomes("a/.wh..wh.plnk", S_IFREG, ENTRY_DROP, "a/.wh..wh.plnk");
	refuses("a/.wh.", S_IFREG, NULL, "no name");
	refuses("a/.wh..", S_IFREG, NULL, "no name");
	refuses("a/.wh...", S_IFREG, NULL, "no name");
}

TEST(symbolic_links_may_point_anywhere)
{
	struct err e;

	expect(decide("a", S_IFLNK, "/etc/../x", NULL, &e) == 0 &&
		plan.verb == ENTRY_SYMLINK);
	expect_str(plan.target, "/etc/../x");
	expect(decide("a", S_IFLNK, "", NULL, &e) == -EBADMSG);
	expect(decide("a", S_IFLNK, NULL, NULL, &e) == -EBADMSG);
}

TEST(nesting_and_length_are_bounded)
{
	char deep[2 * 300 + 1], wide[5000];

	for (int i = 0; i < 300; i++)
		memcpy(deep + 2 * i, "a/", 2);
	deep[2 * 256] = '\0';
	becomes(deep, S_IFDIR, ENTRY_DIR, (deep[2 * 256 - 1] = '\0', deep));
	deep[2 * 256 - 1] = '/';
	deep[2 * 256] = 'a';
	deep[2 * 257] = '\0';
	refuses(deep, S_IFDIR, NULL, "deep");
	memset(wide, 'x', sizeof(wide));
	wide[256] = '\0';
	refuses(wide, S_IFREG, NULL, "long");
	wide[256] = 'x';
	wide[4999] = '\0';
	refuses(wide, S_IFREG, NULL, "long");
}
