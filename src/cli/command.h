/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - a verb of the command line, as data.
 *
 * One file a verb, named after it, with one const struct command in it; main.c has the
 * table. The parser, --help, the completions and the option lists of the man pages all
 * read it. Verbs return an exit status (0-255), or a negative errno with 'e' filled: main
 * prints it as "brig: VERB: ...", with the hint below.
 */
#ifndef BRIG_CLI_COMMAND_H
#define BRIG_CLI_COMMAND_H

#include "base/auto.h"
#include "base/err.h"
#include "base/opts.h"
#include "base/str.h"

/* Exit statuses that aren't the command's own, as Docker has them. */
#define EXIT_BRIG     125 /* brig itself failed */
#define EXIT_NOEXEC   126 /* the command can't be executed */
#define EXIT_NOTFOUND 127 /* the command wasn't found */
#define EXIT_TIMEOUT  124 /* --timeout ended it, as timeout(1) has it */

/* What the parser made of the words. */
struct invocation {
	const struct command *command,
		*parent;   /* parent: of a verb of a verb, else NULL */
	void *args;        /* the command's own struct, filled from its options */
	struct strv words; /* positionals before "--" */
	struct strv rest;  /* after it */
	bool dashes;       /* there was a "--" */
};

struct command {
	const char *name;
	const char *usage;      /* after "brig NAME " */
	const char *brief;      /* one line, no full stop */
	const char *detail;     /* paragraphs for --help and the man page; may be NULL */
	const struct opt *opts; /* ended by a NULL name; may be NULL */
	size_t args_size;
	unsigned flags; /* OPTS_* */
	size_t words_min, words_max;
	const char *complete; /* what completes a positional: "@sandbox", "@agent",
				 "@dir", words */
	const struct command *const
		*sub; /* verbs of this verb (image pull), ended by NULL */
	int (*run)(const struct invocation *inv, struct err *e);
	void (*clear)(void *args); /* frees what the options filled in */
	bool hidden;
};

extern const struct command *const commands[];

const struct command *command_find(const struct command *const *table, const char *name);

/* --help of one command, or of brig itself with NULL. */
int command_help(const struct command *c, const struct command *parent, struct buf *out);

#endif
