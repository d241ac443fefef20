/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - the one door to JSON; json-c is behind it and nowhere else.
 *
 * Texts are parsed whole (RFC 8259): bounded depth, valid UTF-8, nothing after the
 * value, no duplicate meaning of a key. Structures that go to disk or over a socket
 * are described once, as a table of fields, and read, written, checked for unknown
 * keys and freed from that table:
 *
 *	static const struct json_field port_fields[] = {
 *		JSON_FIELD(struct port, "host", JSON_UINT, host, JSON_REQUIRED),
 *		{ 0 } };
 *	const struct json_schema port_schema = { "port", sizeof(struct port), port_fields };
 */
#ifndef BRIG_BASE_JSON_H
#define BRIG_BASE_JSON_H

#include "base/auto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct json; /* one value; owned by the value that holds it, or by the caller */

#define JSON_DEPTH_MAX 32

/* Parse 'len' bytes that come from 'where' (a file, a peer; named in errors). */
int json_parse(const char *text, size_t len, const char *where, struct json **ret,
	struct err *e);

/* Read and parse a file of at most 'max' bytes beneath 'dirfd'. -ENOENT when it is not there. */
int json_load(int dirfd, const char *path, size_t max, struct json **ret, struct err *e);

void json_free(struct json *j);
AUTO_DEFINE(struct json *, json_free);
#define auto_json AUTO(json_free_auto)

/* Reading. A missing key, or a value of another type, gives NULL, false, 0 or the default. */
bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
bool json_is_string(const struct json *j);
struct json *json_get(const struct json *obj, const char *key);
const char *json_get_str(const struct json *obj, const char *key);
bool json_get_bool(const struct json *obj, const char *key);
uint64_t json_get_uint(
	const struct json *obj, const char *key); /* negative counts as 0 */
size_t json_len(const struct json *array);
struct json *json_at(const struct json *array, size_t i);
const char *json_str(const struct json *j);
/* Call 'each' for every member of an object, until it returns non-zero. */
int json_each(const struct json *obj,
	int (*each)(const char *key, struct json *value, void *data), void *data);

/* Building. Adding takes the value over, also on failure; NULL values are -ENOMEM. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_str(const char *text);
struct json *json_new_bool(bool v);
struct json *json_new_uint(uint64_t v);
struct json *json_new_double(double v);
int json_add(struct json *obj, const char *key, struct json *value);
int json_add_str(struct json *obj, const char *key, const char *text); /* NULL: null */
int json_append(struct json *array, struct json *value);
struct json *json_ref(struct json *j); /* one more owner */

/* Text of a value, with a newline at the end when pretty. */
int json_print(const struct json *j, bool pretty, struct buf *out);

enum json_kind {
	JSON_BOOL,   /* bool */
	JSON_UINT,   /* uint64_t */
	JSON_INT,    /* int64_t */
	JSON_STR,    /* char *, owned; NULL when absent or null */
	JSON_STRV,   /* struct strv */
	JSON_STRUCT, /* a struct described by 'of', in place */
	JSON_LIST,   /* struct json_list of structs described by 'of' */
	JSON_ENUM,   /* int, the index in the NULL-terminated 'names' */
};

/* An owned array of structs. */
struct json_list {
	void *items;
	size_t n;
};

#define JSON_REQUIRED 1U /* an absent key is an error */

struct json_field {
	const char *key;
	enum json_kind type;
	size_t offset;
	unsigned flags;
	const struct json_schema *of; /* JSON_STRUCT, JSON_LIST */
	const char *const *names;     /* JSON_ENUM */
};

struct json_schema {
	const char *name; /* for messages: "record", "agent recipe" */
	size_t size;
	const struct json_field *fields; /* ended by a NULL key */
};

#define JSON_FIELD(type_, key_, kind_, member_, ...)                                \
	{                                                                           \
		.key = (key_), .type = (kind_), .offset = offsetof(type_, member_), \
		__VA_ARGS__                                                         \
	}

/*
 * Fill the zeroed struct 'out' from 'j'.
 *
 * Should:  name the key and the nearest known one for a key that is not in the table,
 *          and free what it had filled in when it fails.
 */
int json_to_struct(
	const struct json *j, const struct json_schema *s, void *out, struct err *e);
struct json *json_from_struct(const struct json_schema *s, const void *from);
void json_struct_clear(const struct json_schema *s, void *at);

/* Room for one more item; returns it zeroed, NULL without memory. */
void *json_list_add(struct json_list *l, const struct json_schema *of);

#endif
