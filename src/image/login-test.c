/* SPDX-License-Identifier: Apache-2.0 */
#include "image/login.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

static int parse(const char *text, const char *domain, const char *repo,
	struct login *ret, struct err *e)
{
	struct login_query q = { "config.json", domain, repo };

	return login_parse(text, strlen(text), &q, ret, e);
}

/* base64 of "user:pass:word" and "other:x" */
#define USER  "\"auth\":\"dXNlcjpwYXNzOndvcmQ=\""
#define OTHER "\"auth\":\"b3RoZXI6eA==\""

TEST(docker_hub_is_known_by_its_old_key)
{
	auto_login struct login l = { 0 };
	struct err e = { 0 };

	expect(parse("{\"auths\":{\"https://index.docker.io/v1/\":{" USER "}}}",
		       "docker.io", "library/a", &l, &e) == 0);
	expect_str(l.user, "user");
	expect_str(l.password, "pass:word");
}

TEST(the_key_nearest_to_the_repository_counts)
{
	static const char text[] =
		"{\"auths\":{\"q.io\":{" USER "},\"q.io/a/b\":{" OTHER "}}}";
	auto_login struct login l = { 0 };
	struct err e = { 0 };

	expect(parse(text, "q.io", "a/b/c", &l, &e) == 0);
	expect_str(l.user, "other");
	login_clear(&l);
	expect(parse(text, "q.io", "a/bb", &l, &e) == 0);
	expect_str(l.user, "user");
	login_clear(&l);
	expect(parse(text, "q.iox", "a/b", &l, &e) == 0 && !l.user);
	expect(parse(text, "q", "a/b", &l, &e) == 0 && !l.user);
}

TEST(helpers_are_programs_of_plain_names)
{
	auto_login struct login l = { 0 };
	struct err e = { 0 };

	expect(parse("{\"credHelpers\":{\"q.io\":\"pass\"}}", "q.io", "a", &l, &e) == 0);
	expect_str(l.helper, "pass");
	expect_str(l.server, "q.io");
	login_clear(&l);
	expect(parse("{\"credHelpers\":{\"q.io\":\"../x\"}}", "q.io", "a", &l, &e) ==
		-EBADMSG);
	expect(parse("{\"auths\":{\"https://index.docker.io/v1/"
		     "\":{}},\"credsStore\":\"secret\"}",
		       "docker.io", "a", &l, &e) == 0);
	expect_str(l.server, "https://index.docker.io/v1/");
}

TEST(bad_files_are_named)
{
	auto_login struct login l = { 0 };
	struct err e = { 0 };

	expect(parse("{", "q.io", "a", &l, &e) == -EBADMSG &&
		strstr(e.msg, "config.json"));
	expect(parse("[]", "q.io", "a", &l, &e) == -EBADMSG);
	expect(parse("{\"auths\":{\"q.io\":{\"auth\":\"!!\"}}}", "q.io", "a", &l, &e) ==
		-EBADMSG);
	/* "a\nb:c": would end a header */
	expect(parse("{\"auths\":{\"q.io\":{\"auth\":\"YQpiOmM=\"}}}", "q.io", "a", &l,
		       &e) == -EBADMSG);
	expect(!l.user);
}

TEST(a_helper_is_asked_for_its_login)
{
	static const char script[] =
		"#!/bin/sh\nread s\n[ \"$1 $s\" = 'get q.io' ] || exit 1\n"
		"echo '{\"Username\":\"u\",\"Secret\":\"s\"}'\n";
	static const char config[] =
		"{\"credHelpers\":{\"q.io\":\"brigtest\",\"r.io\":\"brigtest\"}}";
	char dir[] = "/tmp/brig-login-XXXXXX";
	auto_free char *path = NULL;
	auto_login struct login l = { 0 };
	struct err e = { 0 };

	expect(mkdtemp(dir) && chdir(dir) == 0);
	expect(file_replace(AT_FDCWD, "docker-credential-brigtest", script,
		       sizeof(script) - 1, 0755, 0, &e) == 0);
	expect(file_replace(AT_FDCWD, "config.json", config, sizeof(config) - 1, 0600, 0,
		       &e) == 0);
	path = str_printf("%s:%s", dir, getenv("PATH"));
	expect(setenv("PATH", path, 1) == 0 && setenv("DOCKER_CONFIG", dir, 1) == 0);
	expect(setenv("HOME", dir, 1) == 0 && unsetenv("REGISTRY_AUTH_FILE") == 0);
	expect(unsetenv("XDG_RUNTIME_DIR") == 0 && unsetenv("XDG_CONFIG_HOME") == 0);
	expect(login_find("q.io", "a", &l, &e) == 0);
	expect_str(l.user, "u");
	expect_str(l.password, "s");
	login_clear(&l);
	expect(login_find("r.io", "a", &l, &e) == 0 && !l.user);
	expect(file_remove_tree(AT_FDCWD, dir, NULL) == 0);
}
