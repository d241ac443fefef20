/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-log.c - `brig policy log`: what the gate decided, summed up from the audit logs.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "sandbox/audit.h"
#include "sandbox/sandbox.h"

#define FOLLOW_US 200000

struct log_args {
	bool follow, json, denied;
};

static const struct opt opts[] = {
	OPT(struct log_args, "follow", 'f', NULL, follow, opt_bool,
		"one line for each verdict, as they come"),
	OPT(struct log_args, "denied", 0, NULL, denied, opt_bool,
		"only what was not allowed"),
	OPT(struct log_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

/* What makes two verdicts the same line of the table. */
enum column { SANDBOX, VERDICT, HOST, PROTO, REQUEST, RULE, REASON, KEYS };

struct row {
	char *key[KEYS];
	uint64_t count, up, down;
	char last[CLOCK_TEXT_MAX];
};

struct rows {
	struct row *v;
	size_t n, cap;
	size_t *index; /* of 'slots' places, 0 for an empty one, else number + 1 */
	size_t slots;
};

static void row_clear(struct row *r)
{
	for (int i = 0; i < KEYS; i++)
		free(r->key[i]);
}

static void rows_clear(struct rows *t)
{
	for (size_t i = 0; i < t->n; i++)
		row_clear(&t->v[i]);
	free(t->v);
	free(t->index);
}

/* FNV-1a (draft-eastlake-fnv), of all keys with what separates them. */
static uint64_t row_hash(const struct row *r)
{
	uint64_t h = 0xcbf29ce484222325;

	for (int i = 0; i < KEYS; i++)
		for (const char *p = r->key[i];; p++) {
			h = (h ^ (unsigned char)*p) * 0x100000001b3;
			if (!*p)
				break;
		}
	return h;
}

static bool same(const struct row *a, const struct row *b)
{
	for (int i = 0; i < KEYS; i++)
		if (strcmp(a->key[i], b->key[i]) != 0)
			return false;
	return true;
}

/* Where the row is, or is to be. */
static size_t *find_slot(const struct rows *t, const struct row *r)
{
	size_t at = row_hash(r) & (t->slots - 1);

	while (t->index[at] && !same(&t->v[t->index[at] - 1], r))
		at = (at + 1) & (t->slots - 1);
	return &t->index[at];
}

static int grow(struct rows *t)
{
	size_t cap = t->cap ? t->cap * 2 : 256;
	struct row *v = reallocarray(t->v, cap, sizeof(*v));
	size_t *index = calloc(cap * 2, sizeof(*index));

	if (v) {
		t->v = v;
		t->cap = cap;
	}
	if (!v || !index) {
		free(index);
		return -ENOMEM;
	}
	free(t->index);
	t->index = index;
	t->slots = cap * 2;
	for (size_t i = 0; i < t->n; i++)
		*find_slot(t, &t->v[i]) = i + 1;
	return 0;
}

/* Takes the row's strings over. */
static int add_row(struct rows *t, struct row *r)
{
	size_t *slot;
	struct row *old;

	if (t->n == t->cap && grow(t) < 0) {
		row_clear(r);
		return -ENOMEM;
	}
	slot = find_slot(t, r);
	if (!*slot) {
		t->v[t->n++] = *r;
		*slot = t->n;
		return 0;
	}
	old = &t->v[*slot - 1];
	old->count += r->count;
	old->up += r->up;
	old->down += r->down;
	memcpy(old->last, r->last, sizeof(old->last));
	row_clear(r);
	return 0;
}

static char *text_of(const struct json *j, const char *key)
{
	const char *text = json_get_str(j, key);

	return strdup(text ? text : "");
}

static char *host_of(const struct json *j)
{
	const char *host = json_get_str(j, "host"), *addr = json_get_str(j, "addr");
	unsigned long long port = json_get_uint(j, "port");
	const char *shown = host ? host : addr ? addr : "";

	if (!port)
		return strdup(shown);
	return str_printf(strchr(shown, ':') ? "[%s]:%llu" : "%s:%llu", shown, port);
}

static char *request_of(const struct json *j)
{
	const char *method = json_get_str(j, "method"), *path = json_get_str(j, "path");

	return str_printf("%s%s%s", method ? method : "", method && path ? " " : "",
		path ? path : "");
}

/* 1 for an event of the network's that is wanted. */
static int make_row(const struct log_args *a, const char *sandbox, const struct json *j,
	struct row *ret)
{
	const char *verdict = json_get_str(j, "verdict"), *time = json_get_str(j, "time");
	struct row r = { .count = json_get_uint(j, "count"),
		.up = json_get_uint(j, "up"),
		.down = json_get_uint(j, "down") };

	if (!str_eq(json_get_str(j, "type"), "net") || !verdict ||
		(a->denied && str_starts(verdict, "allow")))
		return 0;
	r.key[SANDBOX] = strdup(sandbox);
	r.key[VERDICT] = strdup(verdict);
	r.key[HOST] = host_of(j);
	r.key[PROTO] = text_of(j, "proto");
	r.key[REQUEST] = request_of(j);
	r.key[RULE] = text_of(j, "rule");
	r.key[REASON] = text_of(j, "reason");
	(void)snprintf(r.last, sizeof(r.last), "%s", time ? time : "");
	/* an event that says nothing of it is of one connection, or of the end of one */
	if (!json_get(j, "count"))
		r.count = r.up || r.down ? 0 : 1;
	for (int i = 0; i < KEYS; i++)
		if (!r.key[i]) {
			row_clear(&r);
			return -ENOMEM;
		}
	*ret = r;
	return 1;
}

static int print_json_row(struct json *all, const struct row *r)
{
	static const char *const names[] = { "sandbox", "verdict", "host", "proto",
		"request", "rule", "reason" };
	struct json *j = json_new_object();
	int err = json_append(all, j);

	for (int i = 0; i < KEYS && err == 0; i++)
		err = json_add_str(j, names[i], r->key[i]);
	if (err < 0)
		return err;
	(void)json_add(j, "count", json_new_uint(r->count));
	(void)json_add(j, "up", json_new_uint(r->up));
	(void)json_add(j, "down", json_new_uint(r->down));
	return json_add_str(j, "last", r->last);
}

static int print_row(struct out_table *t, const struct row *r)
{
	char up[STR_SIZE_MAX], down[STR_SIZE_MAX], count[24], last[24];

	(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)r->count);
	(void)snprintf(last, sizeof(last), "%.19sZ", r->last);
	return out_table_add(t,
		(const char *const[]){ r->key[SANDBOX], r->key[VERDICT], r->key[HOST],
			r->key[PROTO], r->key[REQUEST], r->key[RULE], r->key[REASON],
			count, str_from_size(r->up, up), str_from_size(r->down, down),
			last });
}

static int print_rows(const struct rows *rows, bool as_json, struct err *e)
{
	static const char *const heads[] = { "SANDBOX", "VERDICT", "HOST:PORT", "PROTO",
		"METHOD PATH", "RULE", "REASON", "COUNT", "UP", "DOWN", "LAST SEEN" };
	auto_json struct json *all = json_new_array();
	struct out_table *t = out_table_new(heads, sizeof(heads) / sizeof(*heads));
	int r = 0;

	for (size_t i = 0; i < rows->n && r == 0; i++)
		r = as_json ? print_json_row(all, &rows->v[i])
			    : print_row(t, &rows->v[i]);
	if (r == 0)
		r = as_json ? out_json(all, e) : out_table_print(t);
	out_table_free(t);
	return r < 0 && !e->code ? err_set(e, -r, "print the log") : r;
}

/* The log of one sandbox, being read. */
struct source {
	struct sandbox s;
	struct audit_reader reader;
	bool open;
};

struct sources {
	struct source *v;
	size_t n;
};

static void sources_clear(struct sources *all)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].open)
			audit_reader_close(&all->v[i].reader);
		sandbox_clear(&all->v[i].s);
	}
	free(all->v);
}

static int add_source(struct sources *all, const char *name, struct err *e)
{
	struct source *v = reallocarray(all->v, all->n + 1, sizeof(*v));
	int r;

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	all->v = v;
	v[all->n] = (struct source){ .s = SANDBOX_INIT };
	r = sandbox_open_raw(name, &v[all->n].s, e);
	if (r == 0)
		all->n++;
	return r;
}

/* A sandbox that never ran has none yet. */
static bool source_ready(struct source *src)
{
	if (!src->open)
		src->open = audit_reader_open(&src->reader, src->s.dir, NULL) == 0;
	return src->open;
}

static int show_live(const struct log_args *a, const char *sandbox, const struct row *r,
	struct json *j)
{
	auto_buf struct buf text = { 0 };
	auto_strv struct strv shown = { 0 };

	if (a->json) {
		if (json_add_str(j, "sandbox", sandbox) < 0 ||
			json_print(j, false, &text) < 0)
			return -ENOMEM;
		return out_line("%s", text.data);
	}
	for (int i = 0; i < KEYS; i++)
		if (strv_take(&shown, str_escape(r->key[i])) < 0)
			return -ENOMEM;
	return out_line("%.19sZ  %s  %s  %s  %s  %s  %s  %s", r->last, shown.v[SANDBOX],
		shown.v[VERDICT], shown.v[HOST], shown.v[PROTO], shown.v[REQUEST],
		shown.v[RULE], shown.v[REASON]);
}

/* All that is there now: into 'rows', or onto the screen. */
static int read_source(
	const struct log_args *a, struct source *src, struct rows *rows, struct err *e)
{
	struct audit_line line;
	int r = 0;

	while (r >= 0 && (r = audit_next(&src->reader, &line, e)) > 0) {
		auto_json struct json *j = NULL;
		struct row row;

		/* most of it is about something else; parsing takes long */
		if (!memmem(line.text, line.len, "\"net\"", 5) ||
			json_parse(line.text, line.len, line.file, &j, NULL) < 0)
			continue;
		r = make_row(a, src->s.name, j, &row);
		if (r > 0 && rows) {
			r = add_row(rows, &row);
		} else if (r > 0) {
			r = show_live(a, src->s.name, &row, j);
			row_clear(&row);
		}
	}
	return r < 0 && !e->code ? err_set(e, -r, "read the audit log") : r;
}

/* Sandboxes that were made since. */
static int add_new(struct sources *all, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int r = sandbox_names(&names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		bool known = false;

		for (size_t k = 0; k < all->n && !known; k++)
			known = str_eq(all->v[k].s.name, names.v[i]);
		/* one that is being removed is no failure */
		if (!known)
			(void)add_source(all, names.v[i], NULL);
	}
	return r;
}

static int follow(const struct log_args *a, struct sources *all, bool one, struct err *e)
{
	for (;;) {
		/* asked before reading: what is written last is then read below */
		bool runs = !one || sandbox_kept(&all->v[0].s);
		int r = one ? 0 : add_new(all, e);

		for (size_t i = 0; i < all->n && r == 0; i++)
			if (source_ready(&all->v[i]))
				r = read_source(a, &all->v[i], NULL, e);
		if (r < 0 || (r = out_flush()) < 0 || !runs)
			return r;
		(void)usleep(FOLLOW_US);
	}
}

static int sum_up(const struct log_args *a, struct sources *all, struct err *e)
{
	AUTO(rows_clear) struct rows rows = { 0 };
	int r = 0;

	for (size_t i = 0; i < all->n && r == 0; i++)
		if (source_ready(&all->v[i]))
			r = read_source(a, &all->v[i], &rows, e);
	return r < 0 ? r : print_rows(&rows, a->json, e);
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct log_args *a = inv->args;
	AUTO(sources_clear) struct sources all = { 0 };
	bool one = inv->words.n > 0;
	int r = one ? add_source(&all, inv->words.v[0], e) : add_new(&all, e);

	if (r < 0)
		return r;
	return a->follow ? follow(a, &all, one, e) : sum_up(a, &all, e);
}

extern const struct command command_policy_log;
const struct command command_policy_log = {
	.name = "log",
	.usage = "[-f] [--denied] [--json] [NAME]",
	.brief = "what was allowed and denied, by which rule, and how much went through",
	.detail = "Of one sandbox, or of all. It is what the audit log holds, summed up; "
		  "with -f each verdict is a line of its own.",
	.opts = opts,
	.args_size = sizeof(struct log_args),
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
};
