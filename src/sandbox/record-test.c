/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/record.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/test.h"

#define MINIMAL                                                                      \
	"\"name\": \"a\", \"id\": \"0\", \"wall\": \"chroot\", \"argv\": [\"sh\"], " \
	"\"root\": {\"kind\": \"host\", \"image\": \"host\"}, \"cwd\": \"/\", "      \
	"\"home\": \"/root\", \"hostname\": \"a\", \"net\": \"none\""

static int read_record(const char *text, struct record *r, struct err *e)
{
	auto_json struct json *j = NULL;
	int ret = json_parse(text, strlen(text), "record", &j, e);

	*r = (struct record){ 0 };
	return ret < 0 ? ret : json_to_struct(j, &record_schema, r, e);
}

TEST(what_is_written_is_read_again)
{
	auto_record struct record a = { 0 }, b = { 0 };
	auto_json struct json *j = NULL;
	auto_buf struct buf first = { 0 }, second = { 0 };
	struct err e = { 0 };

	expect(read_record("{" MINIMAL ", \"env\": [\"A=1\", \"B=\"], \"tty\": true, "
			   "\"limits\": {\"memory\": 1048576, \"pids_default\": true}, "
			   "\"mounts\": [{\"src\": \"/s\", \"dst\": \"/d\", \"mode\": "
			   "\"overlay\", "
			   "\"workspace\": true}]}",
		       &a, &e) == 0);
	expect(a.tty && a.env.n == 2 && a.limits.memory == 1048576 && a.mounts.n == 1);
	expect(record_mount(&a, 0)->mode == MOUNT_OVERLAY &&
		record_mount(&a, 0)->workspace);
	expect(!record_mount(&a, 1));
	j = json_from_struct(&record_schema, &a);
	expect(j && json_print(j, true, &first) == 0);
	expect(read_record(first.data, &b, &e) == 0);
	json_free(j);
	j = json_from_struct(&record_schema, &b);
	expect(j && json_print(j, true, &second) == 0);
	expect_str(second.data, first.data);
}

TEST(an_unknown_key_names_the_nearest)
{
	auto_record struct record r = { 0 };
	struct err e = { 0 };

	expect(read_record("{" MINIMAL ", \"hostnam\": \"x\"}", &r, &e) == -EBADMSG);
	expect(strstr(e.msg, "unknown key 'hostnam'") && strstr(e.msg, "'hostname'"));
}

TEST(what_is_missing_or_of_another_type_is_named)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "{}", "'name' is missing" },
		{ "[]", "JSON object" },
		{ "{" MINIMAL ", \"tty\": 1}", "'tty'" },
		{ "{" MINIMAL ", \"timeout\": -1}", "'timeout'" },
		{ "{" MINIMAL ", \"env\": [1]}", "'env'" },
		{ "{" MINIMAL ", \"mounts\": [{\"src\": \"/\"}]}", "'dst' is missing" },
		{ "{" MINIMAL
		  ", \"mounts\": [{\"src\": \"/\", \"dst\": \"/\", \"mode\": \"x\"}]}",
			"'mode'" },
		{ "{" MINIMAL ", \"user\": \"a\\u0000b\"}", "'user'" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		auto_record struct record r = { 0 };
		struct err e = { 0 };

		expect(read_record(bad[i].text, &r, &e) == -EBADMSG);
		expect(strstr(e.msg, bad[i].says));
		expect(!r.name && !r.env.v && !r.mounts.items);
	}
}

TEST(names_are_checked)
{
	static const char *const good[] = { "a", "0", "a.b_c-d",
		"a23456789012345678901234567890123456789012345678901234567890123" };
	static const char *const bad[] = { "", ".", "..", "-a", ".a", "_a", "A", "a/b",
		"a b", "a\n", "\303\244",
		"a234567890123456789012345678901234567890123456789012345678901234" };
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		expect(record_check_name(good[i], NULL) == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect(record_check_name(bad[i], &e) == -EINVAL);
	expect(record_check_name("\033[31mred", &e) == -EINVAL && !strchr(e.msg, '\033'));
}

TEST(a_name_is_made_of_any_text)
{
	static const struct {
		const char *text, *name;
	} made[] = { { "My Project!", "my-project" }, { "claude-x", "claude-x" },
		{ "...", "sandbox" }, { "", "sandbox" }, { "  a  b  ", "a-b" },
		{ "--a--", "a" }, { "\303\244\303\266", "sandbox" },
		{ "9_lives", "9_lives" } };
	char name[RECORD_NAME_MAX + 1], longest[300];

	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		record_make_name(made[i].text, name);
		expect_str(name, made[i].name);
		expect(record_check_name(name, NULL) == 0);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	record_make_name(longest, name);
	expect(strlen(name) == RECORD_NAME_MAX && record_check_name(name, NULL) == 0);
}
