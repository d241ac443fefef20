/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a reader that gives one character at a time with git's own
 * notions (CR LF is one newline, the end of the text is a newline too, space is only
 * " \t\r\n"), and above it git's three small parsers for "[section "sub"]", a key and a
 * value. Where git stops with an error we stop too; the caller then treats the whole
 * text as one that nobody can judge.
 */
#include "sandbox/gitconfig.h"

#include "base/buf.h"
#include "base/err.h"

#include <string.h>
#include <strings.h>

struct reader {
	const char *p, *end;
	bool eof;
	unsigned line;
};

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_keychar(int c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '-';
}

static char fold(int c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int next(struct reader *r)
{
	int c;

	if (r->p == r->end) {
		r->eof = true;
		return '\n';
	}
	c = (unsigned char)*r->p++;
	if (c == '\r' && r->p < r->end && *r->p == '\n') {
		r->p++;
		c = '\n';
	}
	if (c == '\n')
		r->line++;
	return c;
}

static int add(struct buf *b, int c)
{
	char byte = (char)c;

	return buf_add(b, &byte, 1);
}

/* The rest of [section "sub"] after the first space. */
static int read_subsection(struct reader *r, int c, struct buf *key)
{
	while (is_space(c)) {
		if (c == '\n')
			return -EBADMSG;
		c = next(r);
	}
	if (c != '"' || add(key, '.') < 0)
		return -EBADMSG;
	for (;;) {
		c = next(r);
		if (c == '"')
			break;
		if (c == '\\')
			c = next(r);
		if (c == '\n' || add(key, c) < 0)
			return -EBADMSG;
	}
	return next(r) == ']' ? 0 : -EBADMSG;
}

static int read_section(struct reader *r, struct buf *key)
{
	for (;;) {
		int c = next(r);

		if (r->eof)
			return -EBADMSG;
		if (c == ']')
			return 0;
		if (is_space(c))
			return read_subsection(r, c, key);
		if ((!is_keychar(c) && c != '.') || add(key, fold(c)) < 0)
			return -EBADMSG;
	}
}

/* The character that an escape in a value stands for; 0 for none. */
static int unescape(int c)
{
	switch (c) {
	case 't': return '\t';
	case 'b': return '\b';
	case 'n': return '\n';
	case '\\':
	case '"': return c;
	default: return 0;
	}
}

static int read_value(struct reader *r, struct buf *value)
{
	bool quote = false, comment = false;
	size_t spaces = 0;

	for (;;) {
		int c = next(r);

		if (c == '\n')
			return quote ? -EBADMSG : 0;
		if (comment)
			continue;
		if (is_space(c) && !quote) {
			spaces += value->len > 0;
			continue;
		}
		if (!quote && (c == ';' || c == '#')) {
			comment = true;
			continue;
		}
		for (; spaces; spaces--)
			if (add(value, ' ') < 0)
				return -ENOMEM;
		if (c == '"') {
			quote = !quote;
			continue;
		}
		if (c == '\\') {
			c = next(r);
			if (c == '\n')
				continue;
			c = unescape(c);
			if (!c)
				return -EBADMSG;
		}
		if (add(value, c) < 0)
			return -ENOMEM;
	}
}

/* A key that starts with 'c', and its value. 'key' holds "section." on entry. */
static int read_entry(
	struct reader *r, int c, struct buf *key, struct gitconfig_entry *entry)
{
	auto_buf struct buf value = { 0 };

	do {
		if (add(key, fold(c)) < 0)
			return -ENOMEM;
		c = next(r);
	} while (!r->eof && is_keychar(c));
	while (c == ' ' || c == '\t')
		c = next(r);
	if (c != '\n') {
		int err;

		if (c != '=')
			return -EBADMSG;
		err = read_value(r, &value);
		if (err < 0)
			return err;
		entry->value = buf_take(&value);
		if (!entry->value)
			return -ENOMEM;
	}
	entry->key = strdup(key->data);
	return entry->key ? 0 : -ENOMEM;
}

/*
 * What to cut for an entry whose key starts at 'start' and whose line ends at 'end': the
 * whole line, or only the entry where a section's header stands before it.
 */
static void find_span(const char *text, const char *start, const struct reader *r,
	struct gitconfig_entry *entry)
{
	const char *line = start, *end = r->p;

	while (line > text && (line[-1] == ' ' || line[-1] == '\t'))
		line--;
	if (line == text || line[-1] == '\n') {
		start = line;
	} else if (end > start && end[-1] == '\n') {
		end--;
		if (end > start && end[-1] == '\r')
			end--;
	}
	entry->start = (size_t)(start - text);
	entry->end = (size_t)(end - text);
}

static struct gitconfig_entry *add_entry(struct gitconfig *c)
{
	struct gitconfig_entry *grown;

	if (c->n == GITCONFIG_ENTRIES_MAX)
		return NULL;
	if ((c->n & (c->n - 1)) == 0) {
		grown = realloc(c->v, (c->n ? c->n * 2 : 1) * sizeof(*grown));
		if (!grown)
			return NULL;
		c->v = grown;
	}
	c->v[c->n] = (struct gitconfig_entry){ 0 };
	return &c->v[c->n++];
}

static int parse(const char *text, struct reader *r, struct gitconfig *ret)
{
	auto_buf struct buf key = { 0 };
	size_t stem = 0;
	bool comment = false;

	if (buf_reserve(&key, 0) < 0)
		return -ENOMEM;
	for (;;) {
		const char *start = r->p;
		struct gitconfig_entry *entry;
		int c = next(r), err;

		if (c == '\n') {
			if (r->eof)
				return 0;
			comment = false;
			continue;
		}
		if (comment || is_space(c))
			continue;
		if (c == '#' || c == ';') {
			comment = true;
			continue;
		}
		if (c == '[') {
			key.len = 0;
			if (read_section(r, &key) < 0 || key.len == 0 ||
				add(&key, '.') < 0)
				return -EBADMSG;
			stem = key.len;
			continue;
		}
		if (!is_alpha(c))
			return -EBADMSG;
		key.len = stem;
		entry = add_entry(ret);
		if (!entry)
			return -ENOMEM;
		err = read_entry(r, c, &key, entry);
		if (err < 0)
			return err;
		find_span(text, start, r, entry);
	}
}

int gitconfig_parse(const char *text, size_t len, struct gitconfig *ret, struct err *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	auto_gitconfig struct gitconfig c = { 0 };
	struct reader r = { .line = 1 };
	int err;

	if (len > GITCONFIG_SIZE_MAX)
		return err_set(e, EFBIG, "git configuration of %zu bytes", len);
	/* git's own view of a NUL depends on its version */
	if (len && memchr(text, '\0', len))
		return err_set(e, EBADMSG, "git configuration holds a NUL byte");
	if (len == 0)
		text = "";
	r.p = text;
	r.end = text + len;
	if (len >= 3 && memcmp(text, bom, 3) == 0)
		r.p += 3;
	err = parse(text, &r, &c);
	if (err == -EBADMSG)
		return err_set(e, EBADMSG, "git configuration: bad line %u", r.line);
	if (err < 0)
		return err_set(
			e, ENOMEM, "git configuration: too many entries or no memory");
	*ret = c;
	c = (struct gitconfig){ 0 };
	return 0;
}

void gitconfig_clear(struct gitconfig *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].key);
		free(c->v[i].value);
	}
	free(c->v);
	*c = (struct gitconfig){ 0 };
}

const char *gitconfig_get(const struct gitconfig *c, const char *key)
{
	for (size_t i = c->n; i > 0; i--)
		if (strcmp(c->v[i - 1].key, key) == 0)
			return c->v[i - 1].value ? c->v[i - 1].value : "true";
	return NULL;
}

int gitconfig_cut(const char *text, size_t len, const struct gitconfig *c,
	const bool *cut, struct buf *out)
{
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++) {
		if (!cut[i])
			continue;
		r = buf_add(out, text + at, c->v[i].start - at);
		at = c->v[i].end;
	}
	return r < 0 ? r : buf_add(out, text + at, len - at);
}

static int write_quoted(const char *text, size_t len, bool value, struct buf *out)
{
	int r = add(out, '"');

	for (size_t i = 0; i < len && r == 0; i++) {
		if (value && text[i] == '\n')
			r = buf_add_str(out, "\\n");
		else if (text[i] == '"' || text[i] == '\\')
			r = buf_addf(out, "\\%c", text[i]);
		else
			r = add(out, text[i]);
	}
	return r < 0 ? r : add(out, '"');
}

int gitconfig_write(const struct gitconfig_entry *entry, struct buf *out)
{
	const char *first = strchr(entry->key, '.'), *last = strrchr(entry->key, '.');
	int r;

	if (!first)
		return buf_addf(out, "%s\n", entry->key);
	r = buf_addf(out, "[%.*s", (int)(first - entry->key), entry->key);
	if (r == 0 && last > first) {
		r = add(out, ' ');
		if (r == 0)
			r = write_quoted(
				first + 1, (size_t)(last - first - 1), false, out);
	}
	if (r == 0)
		r = buf_addf(out, "]\n\t%s", last + 1);
	if (r == 0 && entry->value) {
		r = buf_add_str(out, " = ");
		if (r == 0)
			r = write_quoted(entry->value, strlen(entry->value), true, out);
	}
	return r < 0 ? r : add(out, '\n');
}

bool gitconfig_is_bool(const char *value)
{
	static const char *const words[] = { "", "true", "false", "yes", "no", "on",
		"off" };

	if (!value)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return *value && strspn(value, "0123456789") == strlen(value);
}
