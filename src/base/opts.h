/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.h - command-line options as data.
 *
 * A table says which options a command has; the parser, the help text, the man page
 * and the shell completions are all made from it. Values land in the command's own
 * struct, zeroed before. Spelling is GNU's: --name VALUE, --name=VALUE, -m VALUE,
 * -mVALUE, -it, and "--" ends the options.
 */
#ifndef BRIG_BASE_OPTS_H
#define BRIG_BASE_OPTS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct strv;

struct opt {
	const char *name; /* without the dashes */
	char letter;      /* 0 for none */
	const char *arg;  /* "SIZE"; NULL: takes no value */
	const char *help; /* one line, no full stop */
	/* Parse 'text' (NULL for a switch) into the member at 'to'. */
	int (*set)(void *to, const char *text, struct err *e);
	size_t offset;
	const char *words; /* what completes the value: "a b c", "@file", "@dir",
			      "@sandbox", "@image" */
};

#define OPT(type, name_, letter_, arg_, member, set_, help_, ...)                     \
	{                                                                             \
		.name = (name_), .letter = (letter_), .arg = (arg_), .help = (help_), \
		.set = (set_), .offset = offsetof(type, member), __VA_ARGS__          \
	}

/* Members: bool, char *, struct strv, uint64_t (0 means not given). */
int opt_bool(void *to, const char *text, struct err *e);
int opt_str(void *to, const char *text, struct err *e);
int opt_list(void *to, const char *text, struct err *e);
int opt_size(void *to, const char *text, struct err *e);
int opt_duration(void *to, const char *text, struct err *e);
int opt_count(void *to, const char *text, struct err *e);
int opt_cpus(void *to, const char *text, struct err *e); /* "1.5" in thousandths */

#define OPTS_STOP_AT_FIRST 1U /* the first positional ends the options (exec) */

/*
 * Parse argv[0..argc). Positionals go to 'words'; what follows "--" goes to 'rest', and
 * '*dashes' says whether there was one.
 *
 * Should:  name the nearest known option for an unknown one.
 */
struct opts_result {
	struct strv *words;
	struct strv *rest;
	bool dashes;
};
int opts_parse(const struct opt *table, void *into, char *const argv[], unsigned flags,
	struct opts_result *ret, struct err *e);

/* The table as text, two columns, wrapped for a terminal of 'columns'. */
int opts_help(const struct opt *table, unsigned columns, struct buf *out);

#endif
