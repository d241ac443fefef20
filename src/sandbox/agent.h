/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - recipes: how a program, an AI agent most of the time, is run in a sandbox.
 *
 * A recipe is a small JSON file, NAME.json, described in brig-agents(5). brig's own are
 * in its data directory, a user's in CONFIG/agents; a user's file hides brig's of the
 * same name. A recipe says what to run and what that needs; it can't loosen a wall.
 */
#ifndef BRIG_SANDBOX_AGENT_H
#define BRIG_SANDBOX_AGENT_H

#include "base/json.h"
#include "base/str.h"

struct err;

#define AGENT_MAX_BYTES (64U << 10)

enum agent_args { AGENT_ARGS_APPEND, AGENT_ARGS_REPLACE };

struct agent {
	char *name; /* of the file, not in it */
	char *file; /* where the recipe was found */
	bool own;   /* the user's, not brig's */

	char *description;
	char *program;         /* a name to look for on PATH, or "/..." or "~/..." */
	struct strv command;   /* "{program}" is replaced by what was found */
	struct strv path_args; /* once for each PATH but the first; "{path}" replaced */
	int args;              /* enum agent_args: what ARGs after "--" do */
	char *install;         /* the command that installs the program */
	char *image;           /* NULL: host */
	struct strv env;       /* "K=V", or "K": the caller's, where set */
	bool tty;              /* wants a terminal when there is one */
	struct strv files;     /* of the host, shown read-only; "/..." or "~/..." */
	struct strv net; /* hosts it needs: "api.example.com", "*.example.com:443" */
};

void agent_clear(struct agent *a);
#define auto_agent AUTO(agent_clear)

/* Read a recipe from its text; 'where' names it in messages. Checks every value. */
int agent_parse(const char *text, size_t len, const char *where, struct agent *ret,
	struct err *e);

/* Find a recipe by name. -ENOENT with the nearest name as hint. */
int agent_load(const char *name, struct agent *ret, struct err *e);

/* The names of all, sorted. */
int agent_names(struct strv *ret, struct err *e);

/* The recipe as JSON, as a file would have it, with its name, file and owner. */
struct json *agent_json(const struct agent *a);

/* What has to be shown of the host so that a program of the host's runs inside. */
struct agent_program {
	char *path;        /* of the program itself, links resolved */
	struct strv start; /* how to start it: the path, or interpreter, options, path */
	struct strv dirs;  /* directories and files to show read-only at the same path */
	struct strv paths; /* to be put in front of PATH inside */
};

void agent_program_clear(struct agent_program *p);
#define auto_agent_program AUTO(agent_program_clear)

/*
 * Find the agent's program on the host and the least that must be shown for it to run:
 * nothing for what lies in the system's own directories; a package's root (npm's, pnpm's,
 * or where package.json is); a prefix with bin/ and lib/ (a version manager's, a virtual
 * environment); else the file alone. The same for the interpreter that its first line
 * names.
 *
 * Should:  name the command that installs a program that isn't there, and see through
 *          chains of links and interpreters, at most eight.
 * Mustn't: ever show the home directory, a directory above it, or one that many programs
 *          share (~/.local, ~/bin, /tmp); a program that would need that is refused.
 */
int agent_find_program(const struct agent *a, struct agent_program *ret, struct err *e);

/* The same with another PATH and home directory. */
int agent_find_in(const struct agent *a, const char *search, const char *home,
	struct agent_program *ret, struct err *e);

/* What is to be run: the recipe's command with this program (NULL: by its name, as in an
 * image), the PATHs after the first, and the ARGs. */
struct agent_call {
	const struct agent_program *program;
	char *const *paths; /* NULL-terminated, or NULL */
	char *const *args;
};
int agent_command(const struct agent *a, const struct agent_call *call, struct strv *ret,
	struct err *e);

/* Its environment as K=V, names alone looked up in the caller's and left out if unset. */
int agent_env(const struct agent *a, struct strv *ret, struct err *e);

/* Its files as absolute paths, those that are there. */
int agent_files(const struct agent *a, struct strv *ret, struct err *e);

#endif
