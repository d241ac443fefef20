/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guard-state.h"

#include "base/err.h"
#include "base/file.h"

#define STATE_FILE "guard.json"
#define DATA_FILE  "guard.data"

#define STATE_MAX ((size_t)256 << 20)

/* What guard.json holds; the scan's list is lent to it, with its paths encoded. */
struct saved {
	uint64_t since;
	bool partial;
	struct json_list items;
};

static const struct json_field saved_fields[] = {
	JSON_FIELD(struct saved, "since", JSON_UINT, since, .flags = JSON_REQUIRED),
	JSON_FIELD(struct saved, "partial", JSON_BOOL, partial),
	JSON_FIELD(struct saved, "items", JSON_LIST, items, .of = &guard_item_schema),
	{ 0 },
};
static const struct json_schema saved_schema = { "guard state", sizeof(struct saved),
	saved_fields };

char *guard_encode(const char *name)
{
	auto_buf struct buf b = { 0 };

	for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
		bool plain = *p > 0x20 && *p < 0x7f && *p != '%';

		if (plain ? buf_add(&b, p, 1) : buf_addf(&b, "%%%02X", *p))
			return NULL;
	}
	return buf_take(&b);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *guard_decode(const char *text)
{
	char *name = malloc(strlen(text) + 1), *to = name;

	for (const char *p = text; name && *p; p++) {
		int high, low;

		if (*p != '%') {
			*to++ = *p;
			continue;
		}
		high = hex(p[1]);
		low = high < 0 ? -1 : hex(p[2]);
		if (low < 0 || (high == 0 && low == 0)) {
			free(name);
			errno = EBADMSG;
			return NULL;
		}
		*to++ = (char)(high << 4 | low);
		p += 2;
	}
	if (name)
		*to = '\0';
	return name;
}

static struct json *to_json(const struct guard_state *s)
{
	size_t n = s->scan.items.n;
	struct guard_item *copy = calloc(n + 1, sizeof(*copy));
	struct saved saved = { s->since, s->partial, { copy, n } };
	struct json *j;
	bool ok = copy;

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = *guard_scan_at(&s->scan, i);
		copy[i].path = guard_encode(copy[i].path);
		ok = ok && copy[i].path;
	}
	j = ok ? json_from_struct(&saved_schema, &saved) : NULL;
	for (size_t i = 0; copy && i < n; i++)
		free(copy[i].path);
	free(copy);
	return j;
}

int guard_state_save(int dir, const struct guard_state *s, struct err *e)
{
	auto_json struct json *j = to_json(s);
	auto_buf struct buf text = { .max = STATE_MAX };
	int r;

	if (!j || json_print(j, false, &text) < 0)
		return err_set(e, ENOMEM, "write '" STATE_FILE "': out of memory");
	r = file_replace(dir, DATA_FILE, s->data.data, s->data.len, 0600, 0, e);
	if (r < 0)
		return r;
	return file_replace(dir, STATE_FILE, text.data, text.len, 0600, 0, e);
}

static int adopt(struct saved *saved, struct guard_state *s, struct err *e)
{
	s->since = saved->since;
	s->partial = saved->partial;
	s->scan.items = saved->items;
	for (size_t i = 0; i < s->scan.items.n; i++) {
		struct guard_item *it = guard_scan_at(&s->scan, i);
		char *path = guard_decode(it->path);

		if (!path ||
			(it->copied &&
				(it->len > s->data.len ||
					it->off > s->data.len - it->len))) {
			free(path);
			return err_set(e, EBADMSG, "'" STATE_FILE "': '%s' is damaged",
				it->path);
		}
		free(it->path);
		it->path = path;
	}
	guard_scan_sort(&s->scan);
	return 0;
}

int guard_state_load(int dir, struct guard_state *ret, struct err *e)
{
	auto_json struct json *j = NULL;
	struct guard_state s = { .data.max = STATE_MAX };
	struct saved saved = { 0 };
	int r = json_load(dir, STATE_FILE, STATE_MAX, &j, e);

	if (r == 0)
		r = file_read(dir, DATA_FILE, STATE_MAX, &s.data, e);
	if (r == 0)
		r = json_to_struct(j, &saved_schema, &saved, e);
	if (r == 0)
		r = adopt(&saved, &s, e);
	if (r < 0) {
		guard_state_clear(&s);
		return r;
	}
	*ret = s;
	return 0;
}

int guard_state_remove(int dir, struct err *e)
{
	if ((unlinkat(dir, STATE_FILE, 0) < 0 && errno != ENOENT) ||
		(unlinkat(dir, DATA_FILE, 0) < 0 && errno != ENOENT))
		return err_sys(e, "remove '" STATE_FILE "'");
	return 0;
}

bool guard_state_exists(int dir)
{
	return faccessat(dir, STATE_FILE, F_OK, 0) == 0;
}

void guard_state_clear(struct guard_state *s)
{
	guard_scan_clear(&s->scan);
	buf_clear(&s->data);
}
