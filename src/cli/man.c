/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/man.h"

#include "base/buf.h"
#include "cli/command.h"
#include "cli/wrap.h"

#include <ctype.h>

#define MAN_DATE "November 23, 2026"

/* Text of our own as roff has to be told it (mandoc_char(7)): no request at the start of
 * a line, no escape, no punctuation that a macro would take for its own. */
static int add_safe(struct buf *out, const char *text, bool in_macro)
{
	bool start = true;
	int r = 0;

	if (in_macro)
		r = buf_add_str(out, "\\&");
	for (; *text && r == 0; text++) {
		if (start && !in_macro && (*text == '.' || *text == '\''))
			r = buf_add_str(out, "\\&");
		if (r == 0 && *text == '\\')
			r = buf_add_str(out, "\\e");
		else if (r == 0 && *text == '"' && in_macro)
			r = buf_add_str(out, "\\(dq");
		else if (r == 0 && *text == ' ' && in_macro)
			r = buf_add_str(out, "\\ ");
		else if (r == 0)
			r = buf_add(out, text, 1);
		start = *text == '\n';
	}
	return r;
}

#define LINE 78

/* Words in lines that are short enough for mandoc's taste, each sentence on its own. */
static int add_filled(struct buf *out, const char *text)
{
	auto_buf struct buf lines = { 0 };
	size_t used = 0;
	bool ended = false;
	int r = 0;

	while (r == 0 && *(text += strspn(text, " \n"))) {
		size_t len = strcspn(text, " \n");
		bool newline = used &&
			(used + len >= LINE || (ended && isupper((unsigned char)*text)));

		if (used)
			r = buf_add_str(&lines, newline ? "\n" : " ");
		used = newline ? len : used + len + 1;
		ended = text[len - 1] == '.';
		if (r == 0)
			r = buf_add(&lines, text, len);
		text += len;
	}
	return r == 0 && lines.data ? add_safe(out, lines.data, false) : r;
}

/* A line of the tables, which has no capital and no full stop, as a sentence. */
static int add_sentence(struct buf *out, const char *text)
{
	auto_free char *copy = str_printf("%s.", text);

	if (!copy)
		return -ENOMEM;
	*copy = (char)toupper((unsigned char)*copy);
	return add_filled(out, copy);
}

static int add_prose(struct buf *out, const char *text)
{
	auto_buf struct buf part = { 0 };
	bool literal;
	int r = 0;

	while (r == 0 && wrap_next(&text, &part, &literal, &r)) {
		r = buf_add_str(out, literal ? ".Bd -literal\n" : ".Pp\n");
		if (r == 0)
			r = literal ? add_safe(out, part.data, false)
				    : add_filled(out, part.data);
		if (r == 0 && !literal)
			r = buf_add_str(out, "\n");
		if (r == 0 && literal)
			r = buf_add_str(out, ".Ed\n");
	}
	return r;
}

static int add_option(struct buf *out, const struct opt *o)
{
	int r = buf_add_str(out, ".It ");

	if (r == 0 && o->letter)
		r = buf_addf(out, "Fl %c , ", o->letter);
	if (r == 0)
		r = buf_addf(out, "Fl -%s", o->name);
	if (r == 0 && o->arg)
		r = buf_add_str(out, " Ar ");
	if (r == 0 && o->arg)
		r = add_safe(out, o->arg, true);
	if (r == 0)
		r = buf_add_str(out, "\n");
	if (r == 0)
		r = add_sentence(out, o->help);
	return r == 0 ? buf_add_str(out, "\n") : r;
}

static int add_options(struct buf *out, const struct opt *o, const char *section)
{
	int r = 0;

	if (!o || !o->name)
		return 0;
	r = buf_addf(out, "%s.Bl -tag -width Ds\n", section);
	for (; o->name && r == 0; o++)
		r = add_option(out, o);
	return r == 0 ? buf_add_str(out, ".El\n") : r;
}

static int add_usage(struct buf *out, const char *parent, const struct command *c)
{
	int r = buf_addf(out, ".Nm brig %s%s%s\n", parent, *parent ? " " : "", c->name);

	if (r == 0 && *c->usage)
		r = add_safe(out, c->usage, false);
	return r == 0 && *c->usage ? buf_add_str(out, "\n") : r;
}

static int add_brief(struct buf *out, const struct command *c)
{
	int r = add_sentence(out, c->brief);

	return r == 0 ? buf_add_str(out, "\n") : r;
}

static int add_subs(struct buf *out, const struct command *c)
{
	int r = buf_add_str(out, ".Sh COMMANDS\n");

	for (const struct command *const *s = c->sub; *s && r == 0; s++) {
		if ((*s)->hidden)
			continue;
		r = buf_addf(out, ".Ss brig %s %s\n", c->name, (*s)->name);
		if (r == 0)
			r = add_brief(out, *s);
		if (r == 0 && (*s)->detail)
			r = add_prose(out, (*s)->detail);
		if (r == 0)
			r = add_options(out, (*s)->opts, "");
	}
	return r;
}

static int add_synopsis(struct buf *out, const struct command *c)
{
	int r = 0;

	if (!c->sub)
		return add_usage(out, "", c);
	for (const struct command *const *s = c->sub; *s && r == 0; s++)
		if (!(*s)->hidden)
			r = add_usage(out, c->name, *s);
	return r;
}

static int add_list(struct buf *out)
{
	int r = 0;

	for (const struct command *const *c = commands; *c && r == 0; c++) {
		if ((*c)->hidden)
			continue;
		r = buf_addf(out, ".It Xr brig-%s 1\n", (*c)->name);
		if (r == 0)
			r = add_brief(out, *c);
	}
	return r;
}

/* The name in the page's title, in capitals as is the custom. */
static int add_title(struct buf *out, const char *name)
{
	int r = buf_add_str(out, ".Dd " MAN_DATE "\n.Dt BRIG-");

	for (; *name && r == 0; name++)
		r = buf_addf(
			out, "%c", *name >= 'a' && *name <= 'z' ? *name - 32 : *name);
	return r == 0 ? buf_add_str(out, " 1\n.Os\n") : r;
}

int man_page(const struct command *c, struct buf *out)
{
	int r;

	if (!c)
		return add_list(out);
	r = add_title(out, c->name);
	if (r == 0)
		r = buf_addf(out, ".Sh NAME\n.Nm brig-%s\n.Nd ", c->name);
	if (r == 0)
		r = add_safe(out, c->brief, false);
	if (r == 0)
		r = buf_add_str(out, "\n.Sh SYNOPSIS\n");
	if (r == 0)
		r = add_synopsis(out, c);
	if (r == 0)
		r = buf_add_str(out, ".Sh DESCRIPTION\n");
	if (r == 0)
		r = add_brief(out, c);
	if (r == 0 && c->detail)
		r = add_prose(out, c->detail);
	if (r == 0)
		r = c->sub ? add_subs(out, c)
			   : add_options(out, c->opts, ".Sh OPTIONS\n");
	return r == 0 ? buf_add_str(out, ".Sh SEE ALSO\n.Xr brig 1\n") : r;
}
