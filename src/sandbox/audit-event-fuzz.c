/* SPDX-License-Identifier: Apache-2.0 */
/* Events, as a gate that was taken over may report them. */
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "sandbox/audit-event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json struct json *j = NULL, *again = NULL;
	auto_buf struct buf text = { 0 };
	const char *type;

	if (audit_event_parse((const char *)data, size, &type, &j, NULL) < 0)
		return 0;
	/* one line of JSON, and none of what every line of the log has */
	if (json_print(j, false, &text) < 0 || memchr(text.data, '\n', text.len) ||
		json_parse(text.data, text.len, "again", &again, NULL) < 0 ||
		json_get(j, "seq") || json_get(j, "prev") || json_get(j, "type") ||
		json_get(j, "time") || json_get(j, "id"))
		abort();
	return 0;
}
