/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/test.h"

struct item {
	char *name;
	uint64_t count;
};

struct thing {
	char *name;
	bool on;
	int mode;
	struct strv words;
	struct json_list items;
};

static const struct json_field item_fields[] = {
	JSON_FIELD(struct item, "name", JSON_STR, name, .flags = JSON_REQUIRED),
	JSON_FIELD(struct item, "count", JSON_UINT, count),
	{ 0 },
};
static const struct json_schema item_schema = { "item", sizeof(struct item),
	item_fields };
static const char *const modes[] = { "rw", "ro", NULL };
static const struct json_field thing_fields[] = {
	JSON_FIELD(struct thing, "name", JSON_STR, name),
	JSON_FIELD(struct thing, "on", JSON_BOOL, on),
	JSON_FIELD(struct thing, "mode", JSON_ENUM, mode, .names = modes),
	JSON_FIELD(struct thing, "words", JSON_STRV, words),
	JSON_FIELD(struct thing, "items", JSON_LIST, items, .of = &item_schema),
	{ 0 },
};
static const struct json_schema thing_schema = { "thing", sizeof(struct thing),
	thing_fields };

static int load(const char *text, struct thing *t, struct err *e)
{
	auto_json struct json *j = NULL;
	int r = json_parse(text, strlen(text), "test", &j, e);

	memset(t, 0, sizeof(*t));
	return r < 0 ? r : json_to_struct(j, &thing_schema, t, e);
}

TEST(a_struct_survives_a_round_trip)
{
	static const char text[] =
		"{\"name\":\"x\",\"on\":true,\"mode\":\"ro\",\"words\":[\"a\",\"b\"],"
		"\"items\":[{\"name\":\"i\",\"count\":7}]}";
	auto_json struct json *j = NULL;
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	struct thing t;

	expect(load(text, &t, &e) == 0);
	j = json_from_struct(&thing_schema, &t);
	expect(json_print(j, false, &b) == 0);
	expect_str(b.data, text);
	json_struct_clear(&thing_schema, &t);
}

TEST(an_unknown_key_names_the_nearest)
{
	struct err e = { 0 };
	struct thing t;

	expect(load("{\"wrods\":[]}", &t, &e) == -EBADMSG);
	expect_str(e.msg, "thing: unknown key 'wrods', did you mean 'words'?");
}

TEST(wrong_types_and_missing_keys_are_errors)
{
	struct err e = { 0 };
	struct thing t;

	expect(load("{\"on\":1}", &t, &e) < 0);
	expect(load("{\"mode\":\"rx\"}", &t, &e) < 0);
	expect_str(e.msg, "thing: key 'mode' wants one of: rw, ro");
	expect(load("{\"items\":[{\"count\":1}]}", &t, &e) < 0);
	expect_str(e.msg, "thing: 'items'[0]: item: key 'name' is missing");
	expect(load("{\"items\":[{\"name\":\"a\",\"count\":-1}]}", &t, &e) < 0);
	expect(load("{\"name\":\"a\\u0000b\"}", &t, &e) < 0);
}

TEST(text_after_the_value_and_deep_nesting_are_refused)
{
	static const char *const bad[] = { "{} x", "", "{", "[1,]", "nul", "\"\xff\"",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
		"]]]]]]]]]]]" };
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct json *j = NULL;

		expect(json_parse(bad[i], strlen(bad[i]), "test", &j, &e) < 0);
		expect(!j);
	}
}
