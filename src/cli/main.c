/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - the command line: finds the verb, parses its options, prints what went wrong.
 */
#include "base/buf.h"
#include "base/title.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "sandbox/keeper.h"

#include <signal.h>
#include <unistd.h>

const struct command *const commands[] = { &verb_run, &verb_create, &verb_start,
	&verb_attach, &verb_exec, &verb_stop, &verb_kill, &verb_pause, &verb_resume,
	&verb_snapshot, &verb_restore, &verb_fork, &verb_wait, &verb_rm, &verb_prune,
	&verb_ls, &verb_inspect, &verb_logs, &verb_stats, &verb_cp, &verb_diff,
	&verb_apply, &verb_discard, &verb_undo, &verb_ports, &verb_policy, &verb_secret,
	&verb_audit, &verb_agent, &verb_image, &verb_compare, &verb_doctor,
	&verb_completion, &verb_version, &verb_help, NULL };

const struct command *command_find(const struct command *const *table, const char *name)
{
	for (; *table; table++)
		if (strcmp((*table)->name, name) == 0)
			return *table;
	return NULL;
}

static int report(const struct invocation *inv, int r, const struct err *e)
{
	out_error("%s%s%s", inv->command ? inv->command->name : "",
		inv->command ? ": " : "", e->msg[0] ? e->msg : strerrordesc_np(-r));
	if (e->hint[0])
		out_hint("%s", e->hint);
	return EXIT_BRIG;
}

static int unknown_verb(
	const struct command *const *table, const char *name, struct err *e)
{
	const char *names[64], *near;
	auto_free char *shown = str_escape(name);
	size_t n = 0;

	for (; *table && n < 64; table++)
		if (!(*table)->hidden)
			names[n++] = (*table)->name;
	near = str_nearest(name, names, n);
	(void)err_set(e, EINVAL, "unknown command '%s'", shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '%s'?", near);
	else
		err_hint(e, "brig help shows all");
	return -EINVAL;
}

static bool wants_help(char *const *argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	return false;
}

static int print_help(const struct command *c, const struct command *parent)
{
	auto_buf struct buf text = { 0 };

	if (command_help(c, parent, &text) < 0)
		return EXIT_BRIG;
	return out_text(text.data) < 0 ? EXIT_BRIG : 0;
}

static int count_words(const struct invocation *inv, struct err *e)
{
	const struct command *c = inv->command;

	if (inv->words.n < c->words_min) {
		(void)err_set(e, EINVAL, "too few arguments");
	} else if (inv->words.n > c->words_max) {
		auto_free char *shown = str_escape(inv->words.v[c->words_max]);

		(void)err_set(e, EINVAL, "unexpected argument '%s'", shown ? shown : "?");
	} else {
		return 0;
	}
	err_hint(e, "usage: brig %s%s%s %s", inv->parent ? inv->parent->name : "",
		inv->parent ? " " : "", c->name, c->usage);
	return -EINVAL;
}

static int run_command(struct invocation *inv, char *const *argv, struct err *e)
{
	static const struct opt none[] = { { 0 } };
	const struct command *c = inv->command;
	struct opts_result words = { .words = &inv->words, .rest = &inv->rest };
	int r;

	inv->args = c->args_size ? calloc(1, c->args_size) : NULL;
	if (c->args_size && !inv->args)
		return err_set(e, ENOMEM, "out of memory");
	r = opts_parse(c->opts ? c->opts : none, inv->args, argv, c->flags, &words, e);
	inv->dashes = words.dashes;
	if (r == 0)
		r = count_words(inv, e);
	if (r == 0)
		r = c->run(inv, e);
	if (c->clear && inv->args)
		c->clear(inv->args);
	free(inv->args);
	inv->args = NULL;
	return r;
}

static int dispatch(char *const *argv)
{
	struct invocation inv = { 0 };
	struct err e = { 0 };
	int r = 0;

	inv.command = command_find(commands, *argv);
	if (!inv.command)
		r = unknown_verb(commands, *argv, &e);
	else
		argv++;
	/* a verb of a verb */
	while (r == 0 && inv.command->sub) {
		if (!*argv || wants_help((char *const[]){ *argv, NULL }))
			return print_help(inv.command, inv.parent) ? EXIT_BRIG
				: *argv                            ? 0
								   : EXIT_BRIG;
		inv.parent = inv.command;
		inv.command = command_find(inv.parent->sub, *argv);
		/* what it does when none of them is named */
		if (!inv.command && inv.parent->run) {
			inv.command = inv.parent;
			inv.parent = NULL;
			break;
		}
		if (!inv.command)
			r = unknown_verb(inv.parent->sub, *argv, &e);
		else
			argv++;
	}
	if (r == 0 && wants_help(argv) &&
		!((inv.command->flags & OPTS_STOP_AT_FIRST) && *argv && **argv != '-'))
		return print_help(inv.command, inv.parent);
	if (r == 0)
		r = run_command(&inv, argv, &e);
	strv_clear(&inv.words);
	strv_clear(&inv.rest);
	return r < 0 ? report(&inv, r, &e) : r;
}

int main(int argc, char **argv, char **envp)
{
	int r;

	title_init(argc, argv, envp);
	/* a peer that goes away is an error to handle, not a reason to die */
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc > 0 && strcmp(argv[0], KEEPER_ARGV0) == 0)
		return keeper_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], KEEPER_WORD) == 0)
		return keeper_main(argc - 1, argv + 1);
	if (argc < 2)
		return print_help(NULL, NULL) ? EXIT_BRIG : EXIT_BRIG;
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help(NULL, NULL);
	if (strcmp(argv[1], "--version") == 0)
		return dispatch((char *const[]){ (char[]){ "version" }, NULL });
	r = dispatch(argv + 1);
	return out_flush() < 0 && r == 0 ? EXIT_BRIG : r;
}
