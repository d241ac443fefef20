/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion-bash.c - the script for bash, without the bash-completion package.
 *
 * bash splits the line at '=' and ':' (COMP_WORDBREAKS), so "--wall=con" comes as three
 * words; the script puts those together again for options, and leaves the rest alone.
 */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/completion.h"

static const char head[] =
	"# brig(1) completion for bash, made by 'brig completion bash'.\n"
	"_brig_names() { \"${COMP_WORDS[0]:-brig}\" \"$@\" 2>/dev/null; }\n"
	"_brig_reply() { mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen \"$@\" "
	"-- \"$cur\"); }\n"
	"_brig_kinds() {\n"
	"\tlocal kind\n"
	"\tfor kind in $1; do\n"
	"\t\tcase $kind in\n"
	"\t\t@sandbox) _brig_reply -W \"$(_brig_names ls -q)\" ;;\n"
	"\t\t@agent) _brig_reply -W \"$(_brig_names agent ls -q)\" ;;\n"
	"\t\t@image) _brig_reply -W \"host $(_brig_names image ls | "
	"awk 'NR > 1 { print $1 }')\" ;;\n"
	"\t\t@command) _brig_reply -W \"$(_brig_verbs)\" ;;\n"
	"\t\t@file) compopt -o filenames 2>/dev/null; _brig_reply -f ;;\n"
	"\t\t@dir) compopt -o filenames 2>/dev/null; _brig_reply -d ;;\n"
	"\t\t*) _brig_reply -W \"$kind\" ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"}\n";

static const char tail[] =
	"_brig() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i\n"
	"\tlocal verb=${COMP_WORDS[1]} first=2 value\n"
	"\tCOMPREPLY=()\n"
	"\tif ((COMP_CWORD == 1)); then\n"
	"\t\t_brig_reply -W \"$(_brig_verbs)\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tif [[ -n $(_brig_subs \"$verb\") ]]; then\n"
	"\t\tif ((COMP_CWORD == 2)); then\n"
	"\t\t\t_brig_reply -W \"$(_brig_subs \"$verb\")\"\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\t\tverb=\"$verb ${COMP_WORDS[2]}\" first=3\n"
	"\tfi\n"
	"\tfor ((i = first; i < COMP_CWORD; i++)); do\n"
	"\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\tif ((i + 1 == COMP_CWORD)) && [[ $cur != */* ]]; then\n"
	"\t\t\t\t_brig_reply -c\n"
	"\t\t\tfi\n"
	"\t\t\t_brig_reply -f\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=\n"
	"\telif [[ $prev == = ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
	"\tfi\n"
	"\tif [[ $prev == -* ]] && value=$(_brig_value \"$verb $prev\"); then\n"
	"\t\t_brig_kinds \"$value\"\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\t_brig_reply -W \"$(_brig_opts \"$verb\") --help\"\n"
	"\telse\n"
	"\t\t_brig_kinds \"$(_brig_words \"$verb\")\"\n"
	"\tfi\n"
	"}\n"
	"complete -F _brig brig\n";

static int add_case(const struct command *c, const struct command *parent,
	const char *between, struct buf *out)
{
	return buf_addf(out, "\t'%s%s%s%s", parent ? parent->name : "", parent ? " " : "",
		c->name, between);
}

static int each_verb(
	const struct command *c, const struct command *parent, struct buf *out)
{
	return parent ? 0 : buf_addf(out, " %s", c->name);
}

static int each_subs(
	const struct command *c, const struct command *parent, struct buf *out)
{
	int r;

	if (parent || !c->sub)
		return 0;
	r = add_case(c, NULL, "') echo '", out);
	for (const struct command *const *s = c->sub; *s && r == 0; s++)
		if (!(*s)->hidden)
			r = buf_addf(out, "%s ", (*s)->name);
	return r == 0 ? buf_add_str(out, "' ;;\n") : r;
}

static int each_opts(
	const struct command *c, const struct command *parent, struct buf *out)
{
	int r = add_case(c, parent, "') echo '", out);

	for (const struct opt *o = c->opts; o && o->name && r == 0; o++)
		r = buf_addf(out, "--%s ", o->name);
	return r == 0 ? buf_add_str(out, "' ;;\n") : r;
}

static int each_words(
	const struct command *c, const struct command *parent, struct buf *out)
{
	int r;

	if (!c->complete)
		return 0;
	r = add_case(c, parent, "') echo '", out);
	return r == 0 ? buf_addf(out, "%s' ;;\n", c->complete) : r;
}

/* Options that take a value, by "verb --option" and "verb -o". */
static int each_value(
	const struct command *c, const struct command *parent, struct buf *out)
{
	int r = 0;

	for (const struct opt *o = c->opts; o && o->name && r == 0; o++) {
		if (!o->arg)
			continue;
		r = add_case(c, parent, "", out);
		if (r == 0)
			r = buf_addf(out, " --%s'", o->name);
		if (r == 0 && o->letter)
			r = buf_add_str(out, "|\\\n");
		if (r == 0 && o->letter)
			r = add_case(c, parent, "", out);
		if (r == 0 && o->letter)
			r = buf_addf(out, " -%c'", o->letter);
		if (r == 0)
			r = buf_addf(out, ") echo '%s' ;;\n", o->words ? o->words : "");
	}
	return r;
}

static int add_function(
	struct buf *out, const char *name, completion_each *each, const char *otherwise)
{
	int r = buf_addf(out, "%s() {\n\tcase $1 in\n", name);

	if (r == 0)
		r = completion_walk(each, out);
	return r == 0 ? buf_addf(out, "%s\tesac\n}\n", otherwise) : r;
}

int completion_bash(struct buf *out)
{
	int r = buf_add_str(out, head);

	if (r == 0)
		r = buf_add_str(out, "_brig_verbs() { echo '");
	if (r == 0)
		r = completion_walk(each_verb, out);
	if (r == 0)
		r = buf_add_str(out, "'; }\n");
	if (r == 0)
		r = add_function(out, "_brig_subs", each_subs, "");
	if (r == 0)
		r = add_function(out, "_brig_opts", each_opts, "");
	if (r == 0)
		r = add_function(out, "_brig_words", each_words, "");
	if (r == 0)
		r = add_function(out, "_brig_value", each_value, "\t*) return 1 ;;\n");
	return r == 0 ? buf_add_str(out, tail) : r;
}
