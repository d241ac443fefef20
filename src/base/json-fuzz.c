/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct thing {
	char *name;
	struct strv words;
	struct json_list more;
	uint64_t count;
};

static const struct json_schema thing_schema;
static const struct json_field thing_fields[] = {
	JSON_FIELD(struct thing, "name", JSON_STR, name),
	JSON_FIELD(struct thing, "words", JSON_STRV, words),
	JSON_FIELD(struct thing, "more", JSON_LIST, more, .of = &thing_schema),
	JSON_FIELD(struct thing, "count", JSON_UINT, count),
	{ 0 },
};
static const struct json_schema thing_schema = { "thing", sizeof(struct thing),
	thing_fields };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_json struct json *j = NULL, *back = NULL;
	auto_buf struct buf b = { 0 };
	struct thing t = { 0 };
	struct err e = { 0 };

	if (json_parse((const char *)data, len, "fuzz", &j, &e) < 0)
		return 0;
	(void)json_print(j, true, &b);
	if (json_to_struct(j, &thing_schema, &t, &e) == 0) {
		back = json_from_struct(&thing_schema, &t);
		json_struct_clear(&thing_schema, &t);
	}
	return 0;
}
