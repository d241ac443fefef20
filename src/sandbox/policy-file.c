/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/policy-file.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"

#include <sys/file.h>

#define LOCK_FILE "policy.lock"
#define LOCK_WAIT (10 * NS_PER_SEC) /* an edit takes milliseconds */
#define PRESET    "preset"

int policy_file_read(int dir, const char *path, struct buf *ret, struct err *e)
{
	struct err ours = { 0 };
	int r = file_read(dir, path, POLICY_FILE_MAX, ret, &ours);

	if (r == -ENOENT)
		return 0;
	if (r < 0 && e)
		*e = ours;
	if (r == 0 && ret->len && strlen(ret->data) != ret->len)
		return err_set(e, EINVAL, "'%s' is no text", path);
	return r;
}

/* The next line, without its end, as a string of its own; NULL at the end of the text. */
static char *next_line(const char **text)
{
	size_t len = *text ? strcspn(*text, "\n") : 0;
	char *line;

	if (!*text || !**text)
		return NULL;
	line = strndup(*text, len);
	*text += len + ((*text)[len] == '\n');
	return line;
}

static const char *skip_blanks(const char *line)
{
	return line + strspn(line, " \t");
}

static bool is_rule(const char *line)
{
	return *line && *line != '#';
}

/* What is after "preset", NULL for another line. */
static const char *preset_of(const char *line)
{
	size_t n = strlen(PRESET);

	if (!str_starts(line, PRESET) || (line[n] != ' ' && line[n] != '\t'))
		return NULL;
	return skip_blanks(line + n);
}

static int parse_preset(
	const char *value, const struct policy_file *f, bool first, struct err *e)
{
	auto_free char *name = strndup(value, strcspn(value, " \t#"));
	const char *rest = skip_blanks(value + strcspn(value, " \t#"));
	int r;

	if (!name)
		return err_set(e, ENOMEM, "out of memory");
	if (!f->ret_preset)
		return err_set(e, EINVAL, "a preset is named in the global rules alone");
	if (!first)
		return err_set(e, EINVAL, "the preset comes before the rules, once");
	if (*rest && *rest != '#')
		return err_set(e, EINVAL, "there is more than a name after 'preset'");
	r = policy_preset_check(name, e);
	if (r == 0)
		*f->ret_preset = take_ptr(&name);
	return r;
}

static int push(struct policy_rules *all, struct rule *r, struct err *e)
{
	if (all->n == all->room) {
		size_t room = all->room ? all->room * 2 : 64;
		struct rule *grown = realloc(all->v, room * sizeof(*grown));

		if (!grown)
			return err_set(e, ENOMEM, "out of memory");
		all->v = grown;
		all->room = room;
	}
	all->v[all->n++] = *r;
	*r = (struct rule){ 0 };
	return 0;
}

/* "# by agent" is no comment but where the rule comes from. */
static int take_origin(struct rule *r, struct err *e)
{
	static const char *const origins[] = { "agent", "secret" };

	for (size_t i = 0; r->comment && i < 2; i++)
		if (str_starts(r->comment, "by ") &&
			strcmp(r->comment + 3, origins[i]) == 0) {
			if (str_set(&r->origin, origins[i]) < 0)
				return err_set(e, ENOMEM, "out of memory");
			(void)str_set(&r->comment, NULL);
		}
	return 0;
}

static int parse_line(
	const char *line, const char *origin, struct policy_rules *ret, struct err *e)
{
	AUTO(rule_clear) struct rule rule = { .text = NULL };
	int r = rule_parse(line, origin, &rule, e);

	if (r == 0)
		r = take_origin(&rule, e);
	return r == 0 ? push(ret, &rule, e) : r;
}

int policy_file_parse(const struct buf *text, const struct policy_file *f,
	struct policy_rules *ret, struct err *e)
{
	const char *at = text->data;
	bool first = true;
	size_t number = 0;
	int r = 0;

	while (r == 0 && at && *at) {
		auto_free char *whole = next_line(&at);
		const char *line = whole ? skip_blanks(whole) : NULL, *value;

		number++;
		if (!line)
			return err_set(e, ENOMEM, "out of memory");
		if (!is_rule(line))
			continue;
		value = preset_of(line);
		r = value ? parse_preset(value, f, first, e)
			  : parse_line(line, f->origin, ret, e);
		first = false;
	}
	return r < 0 ? err_wrap(e, "%s:%zu", f->where, number) : 0;
}

/* Hold the lock for as long as the descriptor is open. */
static int lock(int dir, struct err *e)
{
	auto_fd int fd =
		openat(dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	uint64_t until = clock_mono_ns() + LOCK_WAIT;

	if (fd < 0)
		return err_sys(e, "open '%s'", LOCK_FILE);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock the rules");
		if (clock_mono_ns() > until)
			return err_set(e, ETIMEDOUT,
				"waited 10 seconds for another change of the rules");
		(void)usleep(5000);
	}
	return take_fd(&fd);
}

/* An edit: the file as it is, what becomes of it. */
struct edit {
	int dir, lock;
	bool global;
	struct buf text, out;
	struct policy_rules rules;
	char *preset;
};

static void edit_clear(struct edit *d)
{
	buf_clear(&d->text);
	buf_clear(&d->out);
	policy_rules_clear(&d->rules);
	free(d->preset);
	if (d->lock >= 0)
		(void)close(d->lock);
}

static int edit_begin(struct edit *d, int dir, bool global, struct err *e)
{
	struct policy_file f = { .where = POLICY_FILE,
		.origin = global ? "global" : "sandbox",
		.ret_preset = global ? &d->preset : NULL };
	int r;

	*d = (struct edit){ .dir = dir, .global = global };
	d->lock = lock(dir, e);
	if (d->lock < 0)
		return d->lock;
	r = policy_file_read(dir, POLICY_FILE, &d->text, e);
	return r == 0 ? policy_file_parse(&d->text, &f, &d->rules, e) : r;
}

static int edit_end(struct edit *d, struct err *e)
{
	return file_replace(d->dir, POLICY_FILE, d->out.data ? d->out.data : "",
		d->out.len, 0600, FILE_DURABLE, e);
}

static const struct rule *find_text(const struct policy_rules *r, const char *text)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].text, text) == 0)
			return &r->v[i];
	return NULL;
}

/* Add one rule to the text, unless it is there. 1 when it was not, 0, -errno. */
static int append(struct edit *d, const char *line, struct strv *added, struct err *e)
{
	AUTO(rule_clear) struct rule rule = { .text = NULL };
	int r = rule_parse(line, "", &rule, e);

	if (r < 0 || find_text(&d->rules, rule.text))
		return r;
	if (buf_add_str(&d->out, rule.text) < 0 ||
		(rule.comment && buf_addf(&d->out, "\t# %s", rule.comment) < 0) ||
		buf_add_str(&d->out, "\n") < 0 ||
		(added && strv_add(added, rule.text) < 0))
		return err_set(e, ENOMEM, "out of memory");
	r = push(&d->rules, &rule, e);
	return r < 0 ? r : 1;
}

int policy_file_add(
	int dir, bool global, const struct strv *lines, struct strv *added, struct err *e)
{
	AUTO(edit_clear) struct edit d = { .lock = -1 };
	int r = edit_begin(&d, dir, global, e), n = 0;

	if (r == 0 && d.text.len &&
		(buf_add(&d.out, d.text.data, d.text.len) < 0 ||
			(d.text.data[d.text.len - 1] != '\n' &&
				buf_add_str(&d.out, "\n") < 0)))
		r = err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < lines->n && r >= 0; i++) {
		r = append(&d, lines->v[i], added, e);
		n += r > 0;
	}
	if (r >= 0 && d.rules.n > POLICY_RULES_MAX)
		r = err_set(e, E2BIG, "more than %u rules", POLICY_RULES_MAX);
	if (r >= 0 && n)
		r = edit_end(&d, e);
	return r < 0 ? r : n;
}

/* Is the rule what 'what' says: its id, its text, or its text without the action? */
static bool is_meant(const struct rule *r, const char *what, const struct strv *texts)
{
	char id[POLICY_ID_MAX];

	return strcmp(policy_rule_id(r, id), what) == 0 || strv_has(texts, r->text);
}

/* The canonical texts that 'what' may be short for. */
static int meanings(const char *what, struct strv *ret)
{
	static const char *const before[] = { "", "allow ", "deny " };

	for (size_t i = 0; i < 3; i++) {
		AUTO(rule_clear) struct rule rule = { .text = NULL };
		auto_free char *line = str_printf("%s%s", before[i], what);
		struct err ignored;

		if (!line)
			return -ENOMEM;
		if (rule_parse(line, "", &rule, &ignored) == 0 &&
			strv_add(ret, rule.text) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int no_such(const struct edit *d, const char *what, struct err *e)
{
	auto_free const char **texts = calloc(d->rules.n + 1, sizeof(*texts));
	auto_free char *shown = str_escape(what);
	const char *near = NULL;

	for (size_t i = 0; texts && i < d->rules.n; i++)
		texts[i] = d->rules.v[i].text;
	if (texts)
		near = str_nearest(what, texts, d->rules.n);
	(void)err_set(e, ENOENT, "no %s rule '%.200s'", d->global ? "global" : "such",
		shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '%.150s'?", near);
	else
		err_hint(e,
			"brig policy ls shows the rules; what a preset has can be "
			"denied");
	return -ENOENT;
}

int policy_file_remove(
	int dir, bool global, const char *what, struct strv *removed, struct err *e)
{
	AUTO(edit_clear) struct edit d = { .lock = -1 };
	auto_strv struct strv texts = { 0 };
	size_t at_rule = 0, before = removed->n;
	const char *at;
	int r = edit_begin(&d, dir, global, e);

	if (r == 0 && meanings(what, &texts) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	for (at = d.text.data; r == 0 && at && *at;) {
		const char *start = at;
		auto_free char *whole = next_line(&at);
		const char *line = whole ? skip_blanks(whole) : "";
		/* parsed in the same order */
		const struct rule *rule =
			is_rule(line) && !preset_of(line) ? &d.rules.v[at_rule++] : NULL;

		if (!whole)
			r = -ENOMEM;
		else if (rule && is_meant(rule, what, &texts))
			r = strv_add(removed, rule->text);
		else
			r = buf_add(&d.out, start, (size_t)(at - start));
		if (r < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	if (r == 0 && removed->n == before)
		r = no_such(&d, what, e);
	return r == 0 ? edit_end(&d, e) : r;
}

int policy_file_set_preset(int dir, const char *name, struct err *e)
{
	AUTO(edit_clear) struct edit d = { .lock = -1 };
	int r = edit_begin(&d, dir, true, e);

	if (r < 0)
		return r;
	if (!d.text.len)
		r = buf_add_str(&d.out,
			"# Network rules of every sandbox, one a line; "
			"brig-policy(1) says how.\n");
	if (r == 0)
		r = buf_addf(&d.out, PRESET " %s\n", name);
	for (const char *at = d.text.data; r == 0 && at && *at;) {
		const char *start = at;
		auto_free char *line = next_line(&at);

		if (!line)
			r = -ENOMEM;
		else if (!preset_of(skip_blanks(line)))
			r = buf_add(&d.out, start, (size_t)(at - start));
	}
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : edit_end(&d, e);
}
