/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion-zsh.c - the script for zsh, a table of _arguments(1) specifications a verb.
 */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/completion.h"

static const char head[] =
	"#compdef brig\n"
	"# brig(1) completion for zsh, made by 'brig completion zsh'.\n"
	"_brig_names() { compadd -- ${(f)\"$(brig \"$@\" 2>/dev/null)\"} }\n"
	"_brig_kinds() {\n"
	"\tlocal kind\n"
	"\tfor kind in \"$@\"; do\n"
	"\t\tcase $kind in\n"
	"\t\t@sandbox) _brig_names ls -q ;;\n"
	"\t\t@agent) _brig_names agent ls -q ;;\n"
	"\t\t@image) compadd -- host ${(f)\"$(brig image ls 2>/dev/null | "
	"awk 'NR > 1 { print $1 }')\"} ;;\n"
	"\t\t@command) _brig_verbs ;;\n"
	"\t\t@file) _files ;;\n"
	"\t\t@dir) _files -/ ;;\n"
	"\t\t*) compadd -- $kind ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"}\n";

static const char tail[] =
	"_brig() {\n"
	"\tlocal curcontext=\"$curcontext\" state line\n"
	"\ttypeset -A opt_args\n"
	"\t_arguments -C '1:command:_brig_verbs' '*::argument:->args'\n"
	"\t[[ $state == args ]] && _brig_verb $words[1]\n"
	"}\n"
	"if [[ $funcstack[1] == _brig ]]; then\n"
	"\t_brig \"$@\"\n"
	"else\n"
	"\tcompdef _brig brig\n"
	"fi\n";

/* Text inside '...' of a specification, where ':', '[' and ']' mean something. */
static int add_quoted(struct buf *out, const char *text)
{
	int r = 0;

	for (; *text && r == 0; text++) {
		if (*text == '\'')
			r = buf_add_str(out, "'\\''");
		else if (strchr(":[]\\", *text))
			r = buf_addf(out, "\\%c", *text);
		else
			r = buf_add(out, text, 1);
	}
	return r;
}

static int add_action(struct buf *out, const char *message, const char *words)
{
	int r = buf_add_str(out, ":");

	if (r == 0)
		r = add_quoted(out, message);
	if (r == 0 && words)
		r = buf_addf(out, ":_brig_kinds %s", words);
	else if (r == 0)
		r = buf_add_str(out, ": ");
	return r;
}

static int add_option(struct buf *out, const struct opt *o)
{
	int r = o->letter
		? buf_addf(out, " \\\n\t\t'*'{-%c%s,--%s%s}'[", o->letter,
			  o->arg ? "+" : "", o->name, o->arg ? "=" : "")
		: buf_addf(out, " \\\n\t\t'*--%s%s[", o->name, o->arg ? "=" : "");

	if (r == 0)
		r = add_quoted(out, o->help);
	if (r == 0)
		r = buf_add_str(out, "]");
	if (r == 0 && o->arg)
		r = add_action(out, o->arg, o->words);
	return r == 0 ? buf_add_str(out, "'") : r;
}

static int add_arguments(struct buf *out, const struct command *c)
{
	int r = buf_add_str(
		out, "_arguments -s -S \\\n\t\t'(- *)'{-h,--help}'[show help]'");

	for (const struct opt *o = c->opts; o && o->name && r == 0; o++)
		r = add_option(out, o);
	if (r == 0 && c->words_max) {
		r = buf_add_str(out, " \\\n\t\t'*");
		if (r == 0)
			r = add_action(out, "argument", c->complete);
		if (r == 0)
			r = buf_add_str(out, "'");
	}
	return r == 0 ? buf_add_str(out, "\n") : r;
}

static int add_described(
	struct buf *out, const char *function, const struct command *const *table)
{
	int r = buf_addf(out, "%s() {\n\tlocal -a verbs=(\n", function);

	for (; *table && r == 0; table++) {
		if ((*table)->hidden)
			continue;
		r = buf_addf(out, "\t\t'%s:", (*table)->name);
		if (r == 0)
			r = add_quoted(out, (*table)->brief);
		if (r == 0)
			r = buf_add_str(out, "'\n");
	}
	return r == 0 ? buf_add_str(out, "\t)\n\t_describe command verbs\n}\n") : r;
}

/* A verb with verbs of its own: the same scheme once more. */
static int add_inner(struct buf *out, const struct command *c)
{
	auto_free char *name = str_printf("_brig_verbs_%s", c->name);
	int r = name ? add_described(out, name, c->sub) : -ENOMEM;

	if (r == 0)
		r = buf_addf(out,
			"_brig_%s() {\n\tlocal curcontext=\"$curcontext\" state line\n"
			"\ttypeset -A opt_args\n"
			"\t_arguments -C '1:command:_brig_verbs_%s' "
			"'*::argument:->args'\n"
			"\t[[ $state == args ]] || return\n\tcase $words[1] in\n",
			c->name, c->name);
	for (const struct command *const *s = c->sub; *s && r == 0; s++) {
		if ((*s)->hidden)
			continue;
		r = buf_addf(out, "\t%s) ", (*s)->name);
		if (r == 0)
			r = add_arguments(out, *s);
		if (r == 0)
			r = buf_add_str(out, "\t\t;;\n");
	}
	return r == 0 ? buf_add_str(out, "\tesac\n}\n") : r;
}

int completion_zsh(struct buf *out)
{
	int r = buf_add_str(out, head);

	if (r == 0)
		r = add_described(out, "_brig_verbs", commands);
	for (const struct command *const *c = commands; *c && r == 0; c++)
		if (!(*c)->hidden && (*c)->sub)
			r = add_inner(out, *c);
	if (r == 0)
		r = buf_add_str(out, "_brig_verb() {\n\tcase $1 in\n");
	for (const struct command *const *c = commands; *c && r == 0; c++) {
		if ((*c)->hidden)
			continue;
		r = buf_addf(out, "\t%s) ", (*c)->name);
		if (r == 0)
			r = (*c)->sub ? buf_addf(out, "_brig_%s\n", (*c)->name)
				      : add_arguments(out, *c);
		if (r == 0)
			r = buf_add_str(out, "\t\t;;\n");
	}
	if (r == 0)
		r = buf_add_str(out, "\tesac\n}\n");
	return r == 0 ? buf_add_str(out, tail) : r;
}
