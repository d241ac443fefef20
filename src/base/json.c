/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <json-c/json.h>
#include <limits.h>

/* 'struct json' is json-c's object under a name of ours. */
static struct json_object *in(const struct json *j)
{
	return (struct json_object *)(uintptr_t)j;
}

static struct json *out_of(struct json_object *j)
{
	return (struct json *)j;
}

int json_parse(
	const char *text, size_t len, const char *where, struct json **ret, struct err *e)
{
	struct json_tokener *tok;
	struct json_object *j;
	enum json_tokener_error why;
	size_t used;

	if (len > INT_MAX)
		return err_set(e, EMSGSIZE, "%s: JSON text too large", where);
	tok = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tok)
		return err_set(e, ENOMEM, "%s: out of memory", where);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	j = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	used = json_tokener_get_parse_end(tok);
	if (why == json_tokener_continue && len && text[len - 1] >= '0' &&
		text[len - 1] <= '9') {
		/* a bare number ends only at the end of the text */
		j = json_tokener_parse_ex(tok, "", 1);
		why = json_tokener_get_error(tok);
	}
	json_tokener_free(tok);
	for (; why == json_tokener_success && used < len; used++)
		if (!strchr(" \t\r\n", text[used]) || !text[used])
			break;
	if (why != json_tokener_success || used < len) {
		json_object_put(j);
		return err_set(e, EBADMSG, "%s: not valid JSON at byte %zu: %s", where,
			used,
			why == json_tokener_success ? "text after the value"
				: why == json_tokener_continue
				? "it ends too early"
				: json_tokener_error_desc(why));
	}
	*ret = out_of(j);
	return 0;
}

int json_load(int dirfd, const char *path, size_t max, struct json **ret, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(dirfd, path, max, &text, e);

	return r < 0 ? r : json_parse(text.data, text.len, path, ret, e);
}

void json_free(struct json *j)
{
	(void)json_object_put(in(j));
}

bool json_is_object(const struct json *j)
{
	return json_object_is_type(in(j), json_type_object) && j;
}

bool json_is_array(const struct json *j)
{
	return json_object_is_type(in(j), json_type_array) && j;
}

bool json_is_string(const struct json *j)
{
	return json_object_is_type(in(j), json_type_string) && j;
}

struct json *json_get(const struct json *obj, const char *key)
{
	struct json_object *v;

	if (!json_is_object(obj) || !json_object_object_get_ex(in(obj), key, &v))
		return NULL;
	return out_of(v);
}

const char *json_str(const struct json *j)
{
	if (!json_is_string(j) ||
		strlen(json_object_get_string(in(j))) !=
			(size_t)json_object_get_string_len(in(j)))
		return NULL; /* a NUL inside would be read as another name */
	return json_object_get_string(in(j));
}

const char *json_get_str(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key));
}

bool json_get_bool(const struct json *obj, const char *key)
{
	struct json *v = json_get(obj, key);

	return json_object_is_type(in(v), json_type_boolean) &&
		json_object_get_boolean(in(v));
}

uint64_t json_get_uint(const struct json *obj, const char *key)
{
	struct json *v = json_get(obj, key);

	return json_object_is_type(in(v), json_type_int) ? json_object_get_uint64(in(v))
							 : 0;
}

size_t json_len(const struct json *array)
{
	return json_is_array(array) ? json_object_array_length(in(array)) : 0;
}

struct json *json_at(const struct json *array, size_t i)
{
	return i < json_len(array) ? out_of(json_object_array_get_idx(in(array), i))
				   : NULL;
}

int json_each(const struct json *obj,
	int (*each)(const char *key, struct json *value, void *data), void *data)
{
	if (!json_is_object(obj))
		return 0;
	json_object_object_foreach(in(obj), key, value)
	{
		int r = each(key, out_of(value), data);

		if (r)
			return r;
	}
	return 0;
}

struct json *json_new_object(void)
{
	return out_of(json_object_new_object());
}

struct json *json_new_array(void)
{
	return out_of(json_object_new_array());
}

struct json *json_new_str(const char *text)
{
	return out_of(json_object_new_string(text));
}

struct json *json_new_bool(bool v)
{
	return out_of(json_object_new_boolean(v));
}

struct json *json_new_uint(uint64_t v)
{
	return out_of(json_object_new_uint64(v));
}

struct json *json_new_double(double v)
{
	return out_of(json_object_new_double(v));
}

int json_add(struct json *obj, const char *key, struct json *value)
{
	if (!value)
		return -ENOMEM;
	if (!obj || json_object_object_add(in(obj), key, in(value)) < 0) {
		json_free(value);
		return -ENOMEM;
	}
	return 0;
}

int json_add_str(struct json *obj, const char *key, const char *text)
{
	if (text)
		return json_add(obj, key, json_new_str(text));
	return json_object_object_add(in(obj), key, NULL) < 0 ? -ENOMEM : 0;
}

int json_append(struct json *array, struct json *value)
{
	if (!value)
		return -ENOMEM;
	if (!array || json_object_array_add(in(array), in(value)) < 0) {
		json_free(value);
		return -ENOMEM;
	}
	return 0;
}

struct json *json_ref(struct json *j)
{
	return out_of(json_object_get(in(j)));
}

int json_print(const struct json *j, bool pretty, struct buf *out)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
		(pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
			: JSON_C_TO_STRING_PLAIN);
	const char *text = json_object_to_json_string_ext(in(j), flags);
	int r = text ? buf_add_str(out, text) : -ENOMEM;

	return r == 0 && pretty ? buf_add_str(out, "\n") : r;
}

void *json_list_add(struct json_list *l, const struct json_schema *of)
{
	char *grown = realloc(l->items, (l->n + 1) * of->size);

	if (!grown)
		return NULL;
	l->items = grown;
	return memset(grown + of->size * l->n++, 0, of->size);
}

static void *field_at(const struct json_field *f, const void *base)
{
	return (char *)(uintptr_t)base + f->offset;
}

static void field_clear(const struct json_field *f, void *at)
{
	struct json_list *l = at;

	switch (f->type) {
	case JSON_STR: free(*(char **)at); break;
	case JSON_STRV: strv_clear(at); break;
	case JSON_STRUCT: json_struct_clear(f->of, at); break;
	case JSON_LIST:
		for (size_t i = 0; i < l->n; i++)
			json_struct_clear(f->of, (char *)l->items + i * f->of->size);
		free(l->items);
		break;
	case JSON_BOOL:
	case JSON_UINT:
	case JSON_INT:
	case JSON_ENUM: break;
	}
}

void json_struct_clear(const struct json_schema *s, void *at)
{
	for (const struct json_field *f = s->fields; f->key; f++)
		field_clear(f, field_at(f, at));
	memset(at, 0, s->size);
}

static int wrong_type(
	const struct json_schema *s, const struct json_field *f, struct err *e)
{
	static const char *const words[] = { [JSON_BOOL] = "true or false",
		[JSON_UINT] = "a whole number",
		[JSON_INT] = "a whole number",
		[JSON_STR] = "a string",
		[JSON_STRV] = "a list of strings",
		[JSON_STRUCT] = "an object",
		[JSON_LIST] = "a list of objects",
		[JSON_ENUM] = "one of its words" };

	return err_set(e, EBADMSG, "%s: key '%s' wants %s", s->name, f->key,
		f->type <= JSON_ENUM ? words[f->type] : "something else");
}

static int read_enum(const struct json_schema *s, const struct json_field *f,
	const struct json *v, int *at, struct err *e)
{
	const char *text = json_str(v);
	auto_free char *known = str_join((char *const *)(uintptr_t)f->names, ", ");

	for (int i = 0; text && f->names[i]; i++)
		if (strcmp(text, f->names[i]) == 0) {
			*at = i;
			return 0;
		}
	return err_set(e, EBADMSG, "%s: key '%s' wants one of: %s", s->name, f->key,
		known ? known : "");
}

static int read_list(const struct json_schema *s, const struct json_field *f,
	const struct json *v, void *at, struct err *e)
{
	if (!json_is_array(v))
		return wrong_type(s, f, e);
	for (size_t i = 0; i < json_len(v); i++) {
		const char *text = json_str(json_at(v, i));
		void *item;
		int r;

		if (f->type == JSON_STRV) {
			if (!text)
				return wrong_type(s, f, e);
			if (strv_add(at, text) < 0)
				return err_set(e, ENOMEM, "%s: out of memory", s->name);
			continue;
		}
		item = json_list_add(at, f->of);
		if (!item)
			return err_set(e, ENOMEM, "%s: out of memory", s->name);
		r = json_to_struct(json_at(v, i), f->of, item, e);
		if (r < 0)
			return err_wrap(e, "%s: '%s'[%zu]", s->name, f->key, i);
	}
	return 0;
}

static int read_field(const struct json_schema *s, const struct json_field *f,
	const struct json *v, void *at, struct err *e)
{
	switch (f->type) {
	case JSON_BOOL:
		if (!json_object_is_type(in(v), json_type_boolean))
			return wrong_type(s, f, e);
		*(bool *)at = json_object_get_boolean(in(v));
		return 0;
	case JSON_UINT:
	case JSON_INT:
		if (!json_object_is_type(in(v), json_type_int))
			return wrong_type(s, f, e);
		if (f->type == JSON_INT)
			*(int64_t *)at = json_object_get_int64(in(v));
		else if (json_object_get_int64(in(v)) < 0)
			return wrong_type(s, f, e);
		else
			*(uint64_t *)at = json_object_get_uint64(in(v));
		return 0;
	case JSON_STR:
		if (!v)
			return 0;
		if (!json_str(v))
			return wrong_type(s, f, e);
		return str_set(at, json_str(v)) < 0 ? err_set(e, ENOMEM, "out of memory")
						    : 0;
	case JSON_ENUM: return read_enum(s, f, v, at, e);
	case JSON_STRUCT: return json_to_struct(v, f->of, at, e);
	case JSON_STRV:
	case JSON_LIST: return read_list(s, f, v, at, e);
	}
	return wrong_type(s, f, e);
}

struct key_check {
	const struct json_schema *s;
	struct err *e;
};

static int check_key(const char *key, struct json *value, void *data)
{
	const struct key_check *c = data;
	const char *names[128];
	size_t n = 0;
	const char *near;
	auto_free char *shown = str_escape(key);

	(void)value;
	for (const struct json_field *f = c->s->fields; f->key; f++) {
		if (strcmp(f->key, key) == 0)
			return 0;
		if (n < sizeof(names) / sizeof(*names))
			names[n++] = f->key;
	}
	near = str_nearest(key, names, n);
	return err_set(c->e, EBADMSG, "%s: unknown key '%s'%s%s%s", c->s->name,
		shown ? shown : "?", near ? ", did you mean '" : "", near ? near : "",
		near ? "'?" : "");
}

static int fill_struct(
	const struct json *j, const struct json_schema *s, void *out, struct err *e)
{
	struct key_check check = { s, e };
	int r;

	if (!json_is_object(j))
		return err_set(e, EBADMSG, "%s: want a JSON object", s->name);
	r = json_each(j, check_key, &check);
	if (r < 0)
		return r;
	for (const struct json_field *f = s->fields; f->key; f++) {
		struct json_object *v = NULL;

		if (json_object_object_get_ex(in(j), f->key, &v))
			r = read_field(s, f, out_of(v), field_at(f, out), e);
		else if (f->flags & JSON_REQUIRED)
			r = err_set(
				e, EBADMSG, "%s: key '%s' is missing", s->name, f->key);
		if (r < 0)
			return r;
	}
	return 0;
}

int json_to_struct(
	const struct json *j, const struct json_schema *s, void *out, struct err *e)
{
	int r = fill_struct(j, s, out, e);

	if (r < 0)
		json_struct_clear(s, out);
	return r;
}

static struct json *strv_json(const struct strv *s)
{
	struct json *a = json_new_array();

	for (size_t i = 0; a && i < s->n; i++)
		if (json_append(a, json_new_str(s->v[i])) < 0) {
			json_free(a);
			return NULL;
		}
	return a;
}

static struct json *list_json(const struct json_list *l, const struct json_schema *of)
{
	struct json *a = json_new_array();

	for (size_t i = 0; a && i < l->n; i++)
		if (json_append(a,
			    json_from_struct(of, (char *)l->items + i * of->size)) < 0) {
			json_free(a);
			return NULL;
		}
	return a;
}

static struct json *field_json(const struct json_field *f, const void *at)
{
	switch (f->type) {
	case JSON_BOOL: return json_new_bool(*(const bool *)at);
	case JSON_UINT: return json_new_uint(*(const uint64_t *)at);
	case JSON_INT: return out_of(json_object_new_int64(*(const int64_t *)at));
	case JSON_STR: return json_new_str(*(char *const *)at);
	case JSON_ENUM: return json_new_str(f->names[*(const int *)at]);
	case JSON_STRUCT: return json_from_struct(f->of, at);
	case JSON_STRV: return strv_json(at);
	case JSON_LIST: return list_json(at, f->of);
	}
	return NULL;
}

struct json *json_from_struct(const struct json_schema *s, const void *from)
{
	struct json *j = json_new_object();

	for (const struct json_field *f = s->fields; j && f->key; f++) {
		const void *at = field_at(f, from);
		int r;

		if (f->type == JSON_STR && !*(char *const *)at)
			continue;
		r = json_add(j, f->key, field_json(f, at));
		if (r < 0) {
			json_free(j);
			return NULL;
		}
	}
	return j;
}
