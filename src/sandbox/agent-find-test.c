/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent-find-test.c - fake homes, in which each way of installing a program is laid out,
 * and what is shown of them.
 */
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/test.h"
#include "sandbox/agent.h"

static char tmp[64];

static char *at(const char *path)
{
	return str_printf("%s/%s", tmp, path);
}

static void begin(void)
{
	auto_free char *real = NULL;

	(void)snprintf(tmp, sizeof(tmp), "/tmp/brig-find-XXXXXX");
	expect(mkdtemp(tmp));
	real = realpath(tmp, NULL);
	expect(real && strcmp(real, tmp) == 0);
}

static void end(void)
{
	struct err e = { 0 };

	expect(file_remove_tree(AT_FDCWD, tmp, &e) == 0);
}

static void put(const char *name, const char *text)
{
	auto_free char *path = at(name);
	auto_free char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	struct err e = { 0 };

	expect(file_mkdirs(AT_FDCWD, folder, 0755, &e) == 0);
	expect(file_replace(AT_FDCWD, path, text, strlen(text), 0755, 0, &e) == 0);
}

static void link_to(const char *name, const char *target)
{
	auto_free char *path = at(name);
	auto_free char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	struct err e = { 0 };

	expect(file_mkdirs(AT_FDCWD, folder, 0755, &e) == 0);
	expect(symlink(target, path) == 0);
}

/* Look for 'x' with these directories beneath tmp as PATH, and tmp/home as home. */
static int find(const char *dirs, struct agent_program *p, struct err *e)
{
	struct agent a = { .name = (char[]){ "x" },
		.program = (char[]){ "x" },
		.install = (char[]){ "get x" } };
	auto_free char *home = at("home");
	auto_strv struct strv list = { 0 }, full = { 0 };
	auto_free char *search = NULL;

	*p = (struct agent_program){ 0 };
	expect(strv_split(&list, dirs, ":") == 0);
	for (size_t i = 0; i < list.n; i++)
		expect(strv_take(&full, at(list.v[i])) == 0);
	expect(strv_add(&full, "/usr/bin") == 0 && strv_add(&full, "/bin") == 0);
	search = str_join(full.v, ":");
	return agent_find_in(&a, search, home, p, e);
}

/* 'got' is these paths beneath tmp, in any order; "" for none. */
static void expect_paths(struct strv *got, const char *want)
{
	auto_strv struct strv names = { 0 }, full = { 0 };
	auto_free char *a = NULL, *b = NULL;

	expect(strv_split(&names, want, " ") == 0);
	for (size_t i = 0; i < names.n; i++)
		expect(strv_take(&full,
			       *names.v[i] == '/' ? strdup(names.v[i])
						  : at(names.v[i])) == 0);
	strv_sort(&full);
	strv_sort(got);
	a = full.n ? str_join(full.v, "\n") : strdup("");
	b = got->n ? str_join(got->v, "\n") : strdup("");
	expect_str(b, a);
}

static void expect_found(
	const char *dirs, const char *shown, const char *start, const char *paths)
{
	auto_agent_program struct agent_program p = { 0 };
	auto_strv struct strv words = { 0 };
	struct err e = { 0 };

	if (find(dirs, &p, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	expect_paths(&p.dirs, shown);
	expect_paths(&p.paths, paths);
	expect(strv_split(&words, start, " ") == 0);
	expect(words.n == p.start.n);
	for (size_t i = 0; i < words.n; i++) {
		auto_free char *full =
			strchr("/-", *words.v[i]) ? strdup(words.v[i]) : at(words.v[i]);

		expect_str(p.start.v[i], full);
	}
}

TEST(a_missing_program_names_the_command_that_installs_it)
{
	auto_agent_program struct agent_program p = { 0 };
	struct err e = { 0 };

	begin();
	put("home/bin/y", "\177ELF");
	expect(find("home/bin", &p, &e) == -ENOENT);
	expect(strstr(e.msg, "'x' is not installed"));
	expect(strstr(e.hint, "get x"));
	end();
}

TEST(a_single_file_in_a_shared_folder_is_shown_alone)
{
	begin();
	put("home/bin/x", "\177ELF");
	put("home/bin/y", "\177ELF");
	put("home/lib/other", "");
	put("home/secret", "");
	expect_found("home/bin", "home/bin/x", "home/bin/x", "home/bin");
	end();
}

TEST(a_version_behind_a_link_is_shown_and_the_link_is_not_needed)
{
	begin();
	put("home/.local/share/x/versions/2.1.0", "\177ELF");
	link_to("home/.local/bin/x", "../share/x/versions/2.1.0");
	expect_found("home/.local/bin", "home/.local/share/x/versions/2.1.0",
		"home/.local/share/x/versions/2.1.0", "");
	end();
}

TEST(a_package_of_npm_in_a_version_managers_prefix_is_shown_with_its_node)
{
	begin();
	put("home/.nvm/v22/bin/node", "\177ELF");
	put("home/.nvm/v22/lib/node_modules/@a/x/cli.js", "#!/usr/bin/env node\n");
	put("home/.nvm/v22/README.md", "");
	put("home/.nvm/alias/default", "");
	link_to("home/.nvm/v22/bin/x", "../lib/node_modules/@a/x/cli.js");
	expect_found("home/.nvm/v22/bin", "home/.nvm/v22",
		"home/.nvm/v22/lib/node_modules/@a/x/cli.js", "home/.nvm/v22/bin");
	end();
}

TEST(a_package_of_npm_beneath_dot_local_is_shown_without_the_rest)
{
	begin();
	put("home/.local/lib/node_modules/x/bin/cli.js", "#!/bin/sh\n");
	put("home/.local/lib/node_modules/z/cli.js", "");
	put("home/.local/share/keyring", "");
	link_to("home/.local/bin/x", "../lib/node_modules/x/bin/cli.js");
	expect_found("home/.local/bin", "home/.local/lib/node_modules/x",
		"home/.local/lib/node_modules/x/bin/cli.js", "");
	end();
}

TEST(a_flat_node_modules_and_pnpms_store_are_shown_whole)
{
	begin();
	put("home/.x/local/node_modules/x/cli.js", "#!/bin/sh\n");
	put("home/.x/credentials", "");
	link_to("home/.x/local/node_modules/.bin/x", "../x/cli.js");
	expect_found("home/.x/local/node_modules/.bin", "home/.x/local/node_modules",
		"home/.x/local/node_modules/x/cli.js", "home/.x/local/node_modules/.bin");
	end();
	begin();
	put("home/p/global/5/.pnpm/x@1/node_modules/x/cli.js", "#!/bin/sh\n");
	link_to("home/p/bin/x", "../global/5/.pnpm/x@1/node_modules/x/cli.js");
	expect_found("home/p/bin", "home/p/global/5/.pnpm",
		"home/p/global/5/.pnpm/x@1/node_modules/x/cli.js", "");
	end();
}

TEST(a_prefix_with_somebodys_folder_in_it_is_not_shown)
{
	begin();
	put("home/tools/bin/x", "\177ELF");
	put("home/tools/lib/x.so", "");
	expect_found(
		"home/tools/bin", "home/tools", "home/tools/bin/x", "home/tools/bin");
	put("home/tools/private/letter", "");
	expect_found("home/tools/bin", "home/tools/bin/x", "home/tools/bin/x",
		"home/tools/bin");
	end();
}

TEST(a_virtual_environment_is_shown_with_the_python_behind_its_link)
{
	begin();
	put("home/py/312/bin/python3.12", "\177ELF");
	put("home/py/312/lib/os.py", "");
	link_to("home/venv/bin/python", "../../py/312/bin/python3.12");
	put("home/venv/lib/site.py", "");
	put("home/venv/pyvenv.cfg", "");
	{
		auto_free char *line = str_printf("#!%s/home/venv/bin/python\n", tmp);

		put("home/venv/bin/x", line);
	}
	link_to("home/.local/bin/x", "../../venv/bin/x");
	expect_found("home/.local/bin", "home/py/312 home/venv", "home/venv/bin/x",
		"home/venv/bin");
	end();
}

TEST(an_interpreter_behind_a_link_that_is_not_shown_is_started_by_hand)
{
	begin();
	put("home/n/node-22", "\177ELF");
	put("home/n/other", "");
	link_to("home/bin/node", "../n/node-22");
	put("home/lib/node_modules/x/cli.js", "#!/usr/bin/env -S node --flag\n");
	link_to("home/bin/x", "../lib/node_modules/x/cli.js");
	expect_found("home/bin", "home/lib/node_modules/x home/n/node-22",
		"home/n/node-22 --flag home/lib/node_modules/x/cli.js", "");
	end();
}

TEST(a_script_of_the_systems_shell_needs_nothing_more)
{
	begin();
	put("home/bin/x", "#!/bin/sh -e\n");
	expect_found("home/bin", "home/bin/x", "home/bin/x", "home/bin");
	end();
}

TEST(the_home_itself_is_never_shown)
{
	auto_agent_program struct agent_program p = { 0 };
	struct err e = { 0 };

	begin();
	put("home/package.json", "{}");
	put("home/cli.js", "#!/usr/bin/env node\n");
	put("home/bin/node", "\177ELF");
	link_to("home/bin/x", "../cli.js");
	expect(find("home/bin", &p, &e) == -EPERM);
	expect(strstr(e.msg, "holds more than the program"));
	end();
	begin();
	put("package.json", "{}");
	put("home/src/app/cli.js", "#!/usr/bin/env node\n");
	put("home/bin/node", "\177ELF");
	link_to("home/bin/x", "../src/app/cli.js");
	expect(find("home/bin", &p, &e) == -EPERM);
	end();
}

TEST(a_home_behind_a_link_is_still_the_home)
{
	auto_agent_program struct agent_program p = { 0 };
	struct err e = { 0 };

	begin();
	put("disk/me/package.json", "{}");
	put("disk/me/cli.js", "#!/usr/bin/env node\n");
	put("disk/me/bin/node", "\177ELF");
	link_to("disk/me/bin/x", "../cli.js");
	link_to("home", "disk/me");
	expect(find("home/bin", &p, &e) == -EPERM);
	end();
}

TEST(a_linked_package_is_shown_from_its_package_json)
{
	begin();
	put("home/code/app/package.json", "{}");
	put("home/code/app/dist/cli.js", "#!/usr/bin/env node\n");
	put("home/code/other/secret", "");
	put("home/node/bin/node", "\177ELF");
	put("home/node/lib/x", "");
	link_to("home/node/bin/x", "../../code/app/dist/cli.js");
	expect_found("home/node/bin", "home/code/app home/node",
		"home/code/app/dist/cli.js", "home/node/bin");
	end();
}

TEST(a_shim_is_refused_because_it_says_nothing)
{
	auto_agent_program struct agent_program p = { 0 };
	struct err e = { 0 };

	begin();
	put("home/.volta/bin/volta-shim", "\177ELF");
	link_to("home/.volta/bin/x", "volta-shim");
	expect(find("home/.volta/bin", &p, &e) == -EPERM);
	expect(strstr(e.msg, "stands for another program"));
	end();
}

TEST(a_ring_of_interpreters_ends)
{
	auto_agent_program struct agent_program p = { 0 };
	auto_free char *line = NULL;
	struct err e = { 0 };

	begin();
	line = str_printf("#!%s/home/bin/x\n", tmp);
	put("home/bin/x", line);
	expect(find("home/bin", &p, &e) == -ELOOP);
	end();
}

TEST(a_missing_interpreter_is_named)
{
	auto_agent_program struct agent_program p = { 0 };
	struct err e = { 0 };

	begin();
	put("home/bin/x", "#!/usr/bin/env no-such-interpreter\n");
	expect(find("home/bin", &p, &e) == -ENOENT);
	expect(strstr(e.msg, "no-such-interpreter"));
	put("home/bin/x", "#!/usr/bin/env\n");
	expect(find("home/bin", &p, &e) == -ENOENT);
	end();
}

TEST(relative_entries_of_path_are_never_looked_into)
{
	struct agent a = { .name = (char[]){ "x" }, .program = (char[]){ "x" } };
	auto_agent_program struct agent_program p = { 0 };
	struct err e = { 0 };

	begin();
	put("x", "\177ELF");
	expect(chdir(tmp) == 0);
	expect(agent_find_in(&a, ".::bin", "/home/nobody", &p, &e) == -ENOENT);
	end();
}
