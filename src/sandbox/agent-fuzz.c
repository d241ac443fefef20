/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "sandbox/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A recipe that is taken is written out and taken again, the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_agent struct agent a = { 0 };
	auto_strv struct strv command = { 0 };
	struct agent_call call = { 0 };
	struct err e = { 0 };

	if (agent_parse((const char *)data, len, "fuzz", &a, &e) < 0) {
		if (!e.code || !e.msg[0])
			abort();
		return 0;
	}
	if (agent_command(&a, &call, &command, &e) < 0 || command.n == 0)
		abort();
	{
		auto_json struct json *j = agent_json(&a);
		auto_buf struct buf text = { 0 };

		if (!j || json_print(j, true, &text) < 0)
			abort();
	}
	return 0;
}
