/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/landlock-confine.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"
#include "linux/caps.h"

#include <signal.h>
#include <unistd.h>

static void need_landlock(void)
{
	struct err e = { 0 };

	if (landlock_abi() == 0)
		test_skip("this kernel has no Landlock");
	expect(caps_no_new_privs(&e) == 0);
}

static int try_open(const char *path, int flags)
{
	auto_fd int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : 0;
}

TEST(without_landlock_nothing_happens_and_the_result_says_so)
{
	if (landlock_abi() != 0)
		test_skip("this kernel has Landlock");
	expect(landlock_confine(NULL, 0, 0, NULL) == 0);
	expect(try_open("/etc/passwd", O_RDONLY) == 0);
}

TEST(only_what_is_named_can_be_reached)
{
	char dir[] = "/tmp/landlock-test.XXXXXX";
	struct landlock_rule rules[] = { { "/usr", -1, LANDLOCK_READ | LANDLOCK_EXEC },
		{ dir, -1, LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_MAKE },
		{ "/etc/hostname", -1, LANDLOCK_READ } };
	struct err e = { 0 };

	need_landlock();
	expect(mkdtemp(dir) && chdir(dir) == 0);
	expect(landlock_confine(
		       rules, 3, LANDLOCK_NO_SIGNALS | LANDLOCK_NO_SOCKETS, &e) == 1);
	expect(try_open("/etc/passwd", O_RDONLY) == -EACCES);
	expect(try_open("/etc/hostname", O_RDONLY) == 0);
	expect(try_open("file", O_RDWR | O_CREAT) == 0 && unlink("file") == 0);
	expect(try_open("/tmp/landlock-outside", O_RDWR | O_CREAT) == -EACCES);
	if (landlock_abi() >= 6)
		expect(kill(getppid(), 0) < 0 && errno == EPERM);
	_exit(0); /* a leak checker would need /proc, which is out of reach */
}

TEST(a_path_that_is_missing_is_an_error)
{
	struct landlock_rule rule = { "/there/is/no/such", -1, LANDLOCK_READ };
	struct err e = { 0 };

	need_landlock();
	expect(landlock_confine(&rule, 1, 0, &e) == -ENOENT && strstr(e.msg, rule.path));
}
