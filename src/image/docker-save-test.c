/* SPDX-License-Identifier: Apache-2.0 */
#include "image/docker-save.h"

#include "base/err.h"
#include "base/test.h"

#define ONE                                                                            \
	"{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"<none>:<none>\"],\"Layers\":[" \
	"\"x.tar\"]}"
#define TWO "{\"Config\":\"d.json\",\"RepoTags\":[\"b:1\"],\"Layers\":[]}"

static int parse(
	const char *text, const char *tag, struct docker_save *ret, struct err *e)
{
	return docker_save_parse(text, strlen(text), tag, ret, e);
}

TEST(the_only_image_needs_no_name)
{
	auto_docker_save struct docker_save d = { 0 };
	struct err e = { 0 };

	expect(parse("[" ONE "]", NULL, &d, &e) == 0);
	expect_str(d.config, "c.json");
	expect(d.layers.n == 1 && d.names.n == 1);
	expect_str(d.names.v[0], "docker.io/library/a:1");
}

TEST(of_several_images_one_is_named)
{
	auto_docker_save struct docker_save d = { 0 };
	struct err e = { 0 };

	expect(parse("[" ONE "," TWO "]", NULL, &d, &e) == -ENOTUNIQ);
	expect(strstr(e.msg, "docker.io/library/b:1"));
	expect(parse("[" ONE "," TWO "]", "b:1", &d, &e) == 0);
	expect_str(d.config, "d.json");
	docker_save_clear(&d);
	expect(parse("[" ONE "," TWO "]", "c", &d, &e) == -ENOENT);
	expect(parse("[" ONE "]", "No", &d, &e) == -EINVAL);
}

TEST(bad_lists_are_refused)
{
	auto_docker_save struct docker_save d = { 0 };
	struct err e = { 0 };

	expect(parse("", NULL, &d, &e) == -EBADMSG);
	expect(parse("[]", NULL, &d, &e) == -EBADMSG);
	expect(parse("{}", NULL, &d, &e) == -EBADMSG);
	expect(parse("[{}]", NULL, &d, &e) == -EBADMSG);
	expect(parse("[{\"Config\":\"c\",\"Layers\":[1]}]", NULL, &d, &e) == -EBADMSG);
	expect(!d.config);
}
