/* SPDX-License-Identifier: Apache-2.0 */
/*
 * completion-fish.c - the script for fish: one complete(1) a word.
 */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/completion.h"

static const char head[] =
	"# brig(1) completion for fish, made by 'brig completion fish'.\n"
	"function __brig_at\n"
	"\t# the words so far are brig, these, and more\n"
	"\tset -l words (commandline -opc)\n"
	"\tfor i in (seq (count $argv))\n"
	"\t\ttest \"$words[\"(math $i + 1)\"]\" = \"$argv[$i]\"; or return 1\n"
	"\tend\n"
	"end\n"
	"function __brig_begins\n"
	"\ttest (count (commandline -opc)) -eq (math 1 + (count $argv)); and __brig_at "
	"$argv\n"
	"end\n"
	"function __brig_kinds\n"
	"\tfor kind in $argv\n"
	"\t\tswitch $kind\n"
	"\t\tcase @sandbox\n\t\t\tbrig ls -q 2>/dev/null\n"
	"\t\tcase @agent\n\t\t\tbrig agent ls -q 2>/dev/null\n"
	"\t\tcase @image\n\t\t\techo host\n\t\t\tbrig image ls 2>/dev/null | "
	"awk 'NR > 1 { print $1 }'\n"
	"\t\tcase @file\n\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\tcase @dir\n\t\t\t__fish_complete_directories (commandline -ct)\n"
	"\t\tcase @command\n\t\t\t__brig_verbs\n"
	"\t\tcase '*'\n\t\t\techo $kind\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c brig -f\n";

/* Text inside '...', where fish knows two escapes. */
static int add_quoted(struct buf *out, const char *text)
{
	int r = 0;

	for (; *text && r == 0; text++)
		r = *text == '\'' || *text == '\\' ? buf_addf(out, "\\%c", *text)
						   : buf_add(out, text, 1);
	return r;
}

static int each_name(
	const struct command *c, const struct command *parent, struct buf *out)
{
	return parent ? 0 : buf_addf(out, " %s", c->name);
}

static int add_line(struct buf *out, const char *condition, const struct command *c,
	const struct command *parent)
{
	return buf_addf(out, "complete -c brig -n '%s%s%s%s%s'", condition,
		parent ? " " : "", parent ? parent->name : "", c ? " " : "",
		c ? c->name : "");
}

static int add_option(struct buf *out, const struct opt *o)
{
	int r = buf_addf(out, " -l %s", o->name);

	if (r == 0 && o->letter)
		r = buf_addf(out, " -s %c", o->letter);
	if (r == 0 && o->arg)
		r = buf_add_str(out, " -x");
	if (r == 0 && o->arg && o->words)
		r = buf_addf(out, " -a '(__brig_kinds %s)'", o->words);
	if (r == 0)
		r = buf_add_str(out, " -d '");
	if (r == 0)
		r = add_quoted(out, o->help);
	return r == 0 ? buf_add_str(out, "'\n") : r;
}

static int each(const struct command *c, const struct command *parent, struct buf *out)
{
	int r = add_line(out, "__brig_begins", NULL, parent);

	if (r == 0)
		r = buf_addf(out, " -a %s -d '", c->name);
	if (r == 0)
		r = add_quoted(out, c->brief);
	if (r == 0)
		r = buf_add_str(out, "'\n");
	for (const struct opt *o = c->opts; o && o->name && r == 0; o++) {
		r = add_line(out, "__brig_at", c, parent);
		if (r == 0)
			r = add_option(out, o);
	}
	if (r == 0 && c->complete) {
		r = add_line(out, "__brig_at", c, parent);
		if (r == 0)
			r = buf_addf(out, " -a '(__brig_kinds %s)'\n", c->complete);
	}
	return r;
}

int completion_fish(struct buf *out)
{
	int r = buf_add_str(out, head);

	if (r == 0)
		r = buf_add_str(out, "function __brig_verbs\n\tprintf '%s\\n'");
	if (r == 0)
		r = completion_walk(each_name, out);
	if (r == 0)
		r = buf_add_str(out, "\nend\n");
	return r == 0 ? completion_walk(each, out) : r;
}
