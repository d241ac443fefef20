/* SPDX-License-Identifier: Apache-2.0 */
/* record.json, run.json and exit.json: what is read and written again is the same. */
#include "base/buf.h"
#include "base/err.h"
#include "sandbox/record.h"

static void round_trip(const struct json *j, const struct json_schema *s)
{
	_Alignas(16) char first[1024], second[1024];
	auto_json struct json *out = NULL, *again = NULL;
	auto_buf struct buf a = { 0 }, b = { 0 };
	struct err e = { 0 };

	if (s->size > sizeof(first))
		abort();
	memset(first, 0, sizeof(first));
	memset(second, 0, sizeof(second));
	if (json_to_struct(j, s, first, &e) < 0)
		return;
	out = json_from_struct(s, first);
	json_struct_clear(s, first);
	if (!out || json_to_struct(out, s, second, &e) < 0)
		abort();
	again = json_from_struct(s, second);
	json_struct_clear(s, second);
	if (!again || json_print(out, false, &a) < 0 ||
		json_print(again, false, &b) < 0 || strcmp(a.data, b.data) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json struct json *j = NULL;
	struct err e = { 0 };

	if (json_parse((const char *)data, size, "record", &j, &e) < 0)
		return 0;
	round_trip(j, &record_schema);
	round_trip(j, &run_schema);
	round_trip(j, &exit_schema);
	return 0;
}
