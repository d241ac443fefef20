/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/audit-event.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/test.h"

static void becomes(const char *line, const char *want_type, const char *want)
{
	auto_json struct json *j = NULL;
	auto_buf struct buf text = { 0 };
	const char *type = "";

	expect(audit_event_parse(line, strlen(line), &type, &j, NULL) == 0);
	expect(json_print(j, false, &text) == 0);
	expect_str(type, want_type);
	expect_str(text.data, want);
}

static void refused(const char *line)
{
	struct json *j = NULL;
	const char *type;
	struct err e = { 0 };

	expect(audit_event_parse(line, strlen(line), &type, &j, &e) < 0);
	expect(e.code && !j);
}

TEST(an_event_keeps_its_known_fields_and_no_others)
{
	becomes("{\"type\":\"net\",\"host\":\"a.example\",\"port\":443,\"verdict\":"
		"\"allow\","
		"\"up\":0,\"rule\":\"\"}",
		"net", "{\"host\":\"a.example\",\"port\":443,\"verdict\":\"allow\"}");
	becomes("{\"type\":\"secret\",\"name\":\"anthropic\",\"host\":\"h\",\"action\":"
		"\"use\"}",
		"secret", "{\"name\":\"anthropic\",\"host\":\"h\",\"action\":\"use\"}");
	becomes("{\"type\":\"net\"}", "net", "{}");
}

TEST(what_is_no_event_is_refused)
{
	refused("");
	refused("[]");
	refused("null");
	refused("{}");
	refused("{\"type\":\"exec\",\"argv\":[]}");
	refused("{\"type\":\"net\",\"seq\":1}");
	refused("{\"type\":\"net\",\"prev\":\"x\"}");
	refused("{\"type\":\"net\",\"name\":\"a secret's\"}");
	refused("{\"type\":\"secret\",\"value\":\"sk-1\"}");
	refused("{\"type\":\"net\",\"port\":\"80\"}");
	refused("{\"type\":\"net\",\"port\":-1}");
	refused("{\"type\":\"net\",\"host\":7}");
	refused("{\"type\":\"net\",\"host\":{\"a\":1}}");
	refused("{\"type\":\"net\"} {\"type\":\"net\"}");
}

TEST(an_event_that_is_too_long_is_refused)
{
	auto_buf struct buf b = { 0 };

	expect(buf_add_str(&b, "{\"type\":\"net\",\"host\":\"") == 0);
	while (b.len < AUDIT_EVENT_MAX)
		expect(buf_add_str(&b, "aaaaaaaaaaaaaaaa") == 0);
	expect(buf_add_str(&b, "\"}") == 0);
	refused(b.data);
}
