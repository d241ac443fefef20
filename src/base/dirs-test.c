/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dirs.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"

#include <sys/stat.h>

static void forget(void)
{
	static const char *const names[] = { "BRIG_HOME", "XDG_STATE_HOME",
		"XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HOME",
		"BRIG_LIBEXEC", "BRIG_DATADIR" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(void)unsetenv(names[i]);
}

static void is(enum dir which, const char *want)
{
	auto_free char *got = dirs_path(which);

	expect(got);
	expect_str(got, want);
}

TEST(without_variables_they_are_in_the_home)
{
	forget();
	(void)setenv("HOME", "/home//me/", 1);
	is(DIR_STATE, "/home/me/.local/state/brig");
	is(DIR_DATA, "/home/me/.local/share/brig");
	is(DIR_CONFIG, "/home/me/.config/brig");
	is(DIR_RUN, "/home/me/.local/state/brig/run");
}

TEST(the_xdg_variables_move_them)
{
	forget();
	(void)setenv("HOME", "/home/me", 1);
	(void)setenv("XDG_STATE_HOME", "/s", 1);
	(void)setenv("XDG_DATA_HOME", "/d", 1);
	(void)setenv("XDG_CONFIG_HOME", "/c", 1);
	(void)setenv("XDG_RUNTIME_DIR", "/r", 1);
	is(DIR_STATE, "/s/brig");
	is(DIR_DATA, "/d/brig");
	is(DIR_CONFIG, "/c/brig");
	is(DIR_RUN, "/r/brig");
}

TEST(a_relative_or_empty_xdg_variable_is_ignored)
{
	forget();
	(void)setenv("HOME", "/home/me", 1);
	(void)setenv("XDG_STATE_HOME", "state", 1);
	(void)setenv("XDG_RUNTIME_DIR", "", 1);
	is(DIR_STATE, "/home/me/.local/state/brig");
	is(DIR_RUN, "/home/me/.local/state/brig/run");
}

TEST(brig_home_moves_all_of_them)
{
	auto_free char *below = NULL;

	forget();
	(void)setenv("XDG_STATE_HOME", "/s", 1);
	(void)setenv("BRIG_HOME", "/b/./x", 1);
	is(DIR_STATE, "/b/x/state");
	is(DIR_DATA, "/b/x/data");
	is(DIR_RUN, "/b/x/run");
	is(DIR_CONFIG, "/b/x/config");
	below = dirs_path_in(DIR_RUN, "a.sock");
	expect_str(below, "/b/x/run/a.sock");
	expect(chdir("/usr") == 0);
	(void)setenv("BRIG_HOME", "rel", 1);
	is(DIR_STATE, "/usr/rel/state");
}

TEST(what_is_opened_is_made_for_its_owner_alone)
{
	char at[] = "/tmp/brig-dirs.XXXXXX";
	auto_free char *home = NULL, *state = NULL;
	auto_fd int fd = -1;
	struct stat st;

	forget();
	expect(mkdtemp(at));
	(void)setenv("BRIG_HOME", at, 1);
	fd = dirs_open(DIR_STATE, "sandboxes", NULL);
	expect(fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode));
	expect((st.st_mode & 077) == 0);
	home = dirs_path_in(DIR_STATE, "sandboxes");
	state = dirs_path(DIR_STATE);
	expect(rmdir(home) == 0 && rmdir(state) == 0 && rmdir(at) == 0);
}

TEST(one_that_can_not_be_made_is_named_with_a_remedy)
{
	struct err e = { 0 };

	forget();
	(void)setenv("BRIG_HOME", "/proc/none", 1);
	expect(dirs_open(DIR_STATE, NULL, &e) < 0);
	expect(strstr(e.msg, "/proc/none"));
	expect(strstr(e.hint, "BRIG_HOME"));
}

TEST(helpers_are_where_the_variables_say)
{
	auto_free char *helper = NULL, *share = NULL;

	forget();
	(void)setenv("BRIG_LIBEXEC", "/l", 1);
	(void)setenv("BRIG_DATADIR", "/d", 1);
	helper = dirs_helper("brig-warder");
	share = dirs_share("agents");
	expect_str(helper, "/l/brig-warder");
	expect_str(share, "/d/agents");
}
