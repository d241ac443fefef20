/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"
#include "sandbox/agent.h"

#define GOOD "{\"description\": \"d\", \"command\": [\"sh\"]"

static int parse(const char *text, struct agent *a, struct err *e)
{
	return agent_parse(text, strlen(text), "x.json", a, e);
}

static void expect_bad(const char *text, const char *why)
{
	struct agent a = { 0 };
	struct err e = { 0 };

	expect(parse(text, &a, &e) < 0);
	if (!strstr(e.msg, why)) {
		fprintf(stderr, "got \"%s\", want \"%s\"\n", e.msg, why);
		exit(1);
	}
	expect(strstr(e.msg, "x.json"));
	expect(!a.command.v && !a.description);
}

TEST(a_recipe_with_everything_is_read)
{
	auto_agent struct agent a = { 0 };
	struct err e = { 0 };

	expect(parse("{\"description\": \"An agent\", \"program\": \"claude\","
		     "\"command\": [\"{program}\", \"--yes\"],"
		     "\"path_args\": [\"--add-dir\", \"{path}\"], \"args\": \"append\","
		     "\"install\": \"npm install -g x\", \"image\": \"debian:12\","
		     "\"env\": [\"A=1\", \"B_2\"], \"tty\": true,"
		     "\"files\": [\"~/.gitconfig\"],"
		     "\"net\": [\"api.example.com\", \"*.example.org:443\"]}",
		       &a, &e) == 0);
	expect_str(a.program, "claude");
	expect(a.command.n == 2 && a.env.n == 2 && a.net.n == 2 && a.tty);
}

TEST(an_unknown_key_names_the_nearest)
{
	expect_bad(GOOD ", \"instal\": \"x\"}", "did you mean 'install'?");
}

TEST(what_no_recipe_may_say_is_refused)
{
	expect_bad("{}", "'description' is missing");
	expect_bad("{\"description\": \"d\", \"command\": []}", "'command' is empty");
	expect_bad("{\"description\": \"d\", \"command\": [\"\"]}", "'command' is empty");
	expect_bad("{\"description\": \"d\", \"command\": [\"{program}\"]}",
		"there is no 'program'");
	expect_bad("{\"description\": \"d\", \"program\": \"x\","
		   " \"command\": [\"a\", \"{program}\"]}",
		"must be its first word");
	expect_bad(GOOD ", \"program\": \"a/b\"}", "neither a name nor a path");
	expect_bad(GOOD ", \"program\": \"..\"}", "neither a name nor a path");
	expect_bad(GOOD ", \"path_args\": [\"--dir\"]}", "has no {path}");
	expect_bad(GOOD ", \"args\": \"prepend\"}", "args");
	expect_bad(GOOD ", \"env\": [\"1A=2\"]}", "NAME=VALUE");
	expect_bad(GOOD ", \"env\": [\"=2\"]}", "NAME=VALUE");
	expect_bad(GOOD ", \"env\": [\"A-B\"]}", "NAME=VALUE");
	expect_bad(GOOD ", \"install\": \"a\\nb\"}", "no line of text");
	expect_bad(GOOD ", \"description\": null}", "'description' is empty");
}

TEST(a_file_that_is_the_home_or_the_root_is_refused)
{
	expect_bad(GOOD ", \"files\": [\"~\"]}", "begins with neither");
	expect_bad(GOOD ", \"files\": [\"~/\"]}", "no file or folder");
	expect_bad(GOOD ", \"files\": [\"~/x/..\"]}", "no file or folder");
	expect_bad(GOOD ", \"files\": [\"~/x/../../y\"]}", "no file or folder");
	expect_bad(GOOD ", \"files\": [\"/\"]}", "no file or folder");
	expect_bad(GOOD ", \"files\": [\"relative\"]}", "begins with neither");
}

TEST(a_host_is_a_dns_name_with_a_star_and_a_port)
{
	static const char *const good[] = { "a.example", "*.a.example",
		"a-b.example:8443", "localhost" };
	static const char *const no[] = { "", "*", "*.", "a..b", ".a", "a.", "-a.b",
		"a-.b", "a_b.c", "a.b:", "a.b:0", "a.b:65536", "http://a.b", "a.*.b",
		"a b" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		auto_free char *text = str_printf(GOOD ", \"net\": [\"%s\"]}", good[i]);
		auto_agent struct agent a = { 0 };
		struct err e = { 0 };

		expect(parse(text, &a, &e) == 0);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		auto_free char *text = str_printf(GOOD ", \"net\": [\"%s\"]}", no[i]);

		expect_bad(text, "is no host name");
	}
}

TEST(the_command_has_paths_and_arguments_in_their_places)
{
	auto_agent struct agent a = { 0 };
	auto_strv struct strv got = { 0 };
	auto_agent_program struct agent_program p = { 0 };
	auto_strv struct strv paths = { 0 }, args = { 0 };
	struct agent_call call = { .program = &p };
	auto_free char *line = NULL;
	struct err e = { 0 };

	expect(strv_split(&p.start, "/n/node /n/x.js", " ") == 0);
	expect(strv_split(&paths, "/w/two /w/three", " ") == 0);
	expect(strv_split(&args, "-p hello", " ") == 0);
	call.paths = paths.v;
	call.args = args.v;
	expect(parse("{\"description\": \"d\", \"program\": \"x\","
		     "\"command\": [\"{program}\", \"--yolo\"],"
		     "\"path_args\": [\"--add-dir\", \"{path}\"]}",
		       &a, &e) == 0);
	expect(agent_command(&a, &call, &got, &e) == 0);
	line = str_join(got.v, " ");
	expect_str(line,
		"/n/node /n/x.js --yolo --add-dir /w/two --add-dir /w/three -p hello");
	strv_clear(&got);
	call = (struct agent_call){ 0 };
	expect(agent_command(&a, &call, &got, &e) == 0);
	expect(got.n == 2);
	expect_str(got.v[0], "x");
}

TEST(arguments_that_replace_are_the_whole_command)
{
	auto_agent struct agent a = { 0 };
	auto_strv struct strv got = { 0 };
	auto_strv struct strv args = { 0 };
	struct agent_call call = { 0 };
	struct err e = { 0 };

	expect(strv_split(&args, "ls /", " ") == 0);
	call.args = args.v;
	expect(parse(GOOD ", \"args\": \"replace\"}", &a, &e) == 0);
	expect(agent_command(&a, &call, &got, &e) == 0);
	expect(got.n == 2);
	expect_str(got.v[0], "ls");
}

TEST(a_name_in_the_environment_is_passed_only_if_set)
{
	auto_agent struct agent a = { 0 };
	auto_strv struct strv got = { 0 };
	struct err e = { 0 };

	(void)setenv("BRIG_TEST_SET", "x=y", 1);
	(void)unsetenv("BRIG_TEST_UNSET");
	expect(parse(GOOD ", \"env\": [\"A=\", \"BRIG_TEST_SET\", \"BRIG_TEST_UNSET\"]}",
		       &a, &e) == 0);
	expect(agent_env(&a, &got, &e) == 0);
	expect(got.n == 2);
	expect_str(got.v[0], "A=");
	expect_str(got.v[1], "BRIG_TEST_SET=x=y");
}

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = str_printf("%s/%s", dir, name);
	auto_free char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	struct err e = { 0 };

	expect(file_mkdirs(AT_FDCWD, folder, 0755, &e) == 0);
	expect(file_replace(AT_FDCWD, path, text, strlen(text), 0644, 0, &e) == 0);
}

TEST(a_users_recipe_hides_brigs_and_a_broken_one_is_no_missing_one)
{
	char tmp[] = "/tmp/brig-agent-XXXXXX";
	auto_agent struct agent a = { 0 };
	auto_strv struct strv names = { 0 };
	struct err e = { 0 };

	expect(mkdtemp(tmp));
	(void)setenv("BRIG_HOME", tmp, 1);
	put(tmp, "config/agents/mine.json", GOOD "}");
	put(tmp, "config/agents/broken.json", GOOD);
	put(tmp, "config/agents/Bad Name.json", GOOD "}");
	expect(agent_load("mine", &a, &e) == 0);
	expect(a.own);
	expect_str(a.name, "mine");
	expect(agent_load("broken", &a, &e) < 0 && e.code != ENOENT);
	expect(agent_load("mien", &a, &e) == -ENOENT);
	expect(strstr(e.hint, "'mine'"));
	expect(agent_load("../config/agents/mine", &a, &e) == -ENOENT);
	expect(agent_names(&names, &e) == 0);
	expect(strv_has(&names, "mine") && strv_has(&names, "broken"));
	expect(!strv_has(&names, "Bad Name"));
	expect(file_remove_tree(AT_FDCWD, tmp, &e) == 0);
}

TEST(every_recipe_that_comes_with_brig_is_good)
{
	static const char *const all[] = { "shell", "claude", "codex", "gemini",
		"copilot", "opencode" };
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		auto_free char *file = str_printf("%s/%s.json", RECIPES, all[i]);
		auto_buf struct buf text = { 0 };
		auto_agent struct agent a = { 0 };

		expect(file_read(AT_FDCWD, file, AGENT_MAX_BYTES, &text, &e) == 0);
		if (agent_parse(text.data, text.len, file, &a, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			exit(1);
		}
		expect(strcmp(all[i], "shell") == 0 || a.install);
	}
}
