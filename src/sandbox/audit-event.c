/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/audit-event.h"

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

struct event {
	char *host, *addr, *proto, *method, *path, *verdict, *rule, *origin, *reason;
	char *name, *action;
	uint64_t port, up, down, status, count;
	char *type;
};

#define TEXT(key)   JSON_FIELD(struct event, #key, JSON_STR, key)
#define NUMBER(key) JSON_FIELD(struct event, #key, JSON_UINT, key)

static const struct json_field net_fields[] = { TEXT(type), TEXT(host), TEXT(addr),
	NUMBER(port), TEXT(proto), TEXT(method), TEXT(path), TEXT(verdict), TEXT(rule),
	TEXT(origin), TEXT(reason), NUMBER(up), NUMBER(down), NUMBER(status),
	NUMBER(count), { 0 } };
static const struct json_field secret_fields[] = { TEXT(type), TEXT(name), TEXT(host),
	TEXT(action), TEXT(reason), NUMBER(count), { 0 } };

static const struct json_schema schemas[] = {
	{ "net", sizeof(struct event), net_fields },
	{ "secret", sizeof(struct event), secret_fields },
};

static const struct json_schema *find(const char *type)
{
	for (size_t i = 0; i < sizeof(schemas) / sizeof(*schemas); i++)
		if (str_eq(schemas[i].name, type))
			return &schemas[i];
	return NULL;
}

/* Only what was said: zeroes and empty texts are left out. */
static int copy_field(
	const struct json *from, const struct json_field *f, struct json *to)
{
	const char *text;
	uint64_t n;

	if (f->type == JSON_STR) {
		text = json_get_str(from, f->key);
		return text && *text ? json_add_str(to, f->key, text) : 0;
	}
	n = json_get_uint(from, f->key);
	return n ? json_add(to, f->key, json_new_uint(n)) : 0;
}

int audit_event_parse(const char *line, size_t len, const char **ret_type,
	struct json **ret, struct err *e)
{
	auto_json struct json *j = NULL, *out = json_new_object();
	const struct json_schema *s;
	struct event ev = { 0 };
	int r;

	if (len > AUDIT_EVENT_MAX)
		return err_set(e, EMSGSIZE, "an event of %zu bytes is too long", len);
	r = json_parse(line, len, "event", &j, e);
	if (r < 0)
		return r;
	s = find(json_get_str(j, "type"));
	if (!json_is_object(j) || !s)
		return err_set(e, EBADMSG, "an event of no known type");
	r = json_to_struct(j, s, &ev, e);
	if (r < 0)
		return r;
	json_struct_clear(s, &ev);
	/* 'type' is the first of the fields */
	for (const struct json_field *f = s->fields + 1; f->key && r == 0; f++)
		r = copy_field(j, f, out);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	*ret_type = s->name;
	*ret = take_ptr(&out);
	return 0;
}
