/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent-find.c - finds an agent's program on the host, and what it takes to run it.
 *
 * Theory of operation. The name on PATH is often a link to a script whose first line
 * names an interpreter that is found on PATH again: node under a version manager, the
 * python of a virtual environment. Each file of that chain is resolved, the tree around
 * it is added to what is shown (agent-tree.h), and where the first line of a script would
 * not lead to its interpreter inside, because a link on the way isn't shown, the
 * interpreter is started by hand.
 */
#include "sandbox/agent.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "sandbox/agent-tree.h"

#include <limits.h>

#define CHAIN_MAX 8
#define LINE_MAX_ 256 /* what the kernel reads of a first line (execve(2)) */

struct search {
	const char *path; /* PATH */
	const char *home;
	struct agent_program *p;
};

/* Programs that only look at the name they were called by and run another one: a tree
 * around them says nothing about that one. */
static const char *const shims[] = { "/.volta/bin/", "/.asdf/shims/", "/mise/shims/",
	"/.rbenv/shims/", "/.pyenv/shims/", "/.nodenv/shims/", "/.proto/shims/" };

static bool runnable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Relative entries of PATH are left out: the current directory is the workspace, and a
 * file in it must not become what brig runs. */
static char *on_path(const char *name, const char *search)
{
	auto_strv struct strv dirs = { 0 };

	if (strv_split(&dirs, search, ":") < 0)
		return NULL;
	for (size_t i = 0; i < dirs.n; i++) {
		auto_free char *file = NULL;

		if (*dirs.v[i] != '/')
			continue;
		file = path_join(dirs.v[i], name);
		if (file && runnable(file))
			return take_ptr(&file);
	}
	return NULL;
}

static bool is_shim(const char *path)
{
	for (size_t i = 0; i < sizeof(shims) / sizeof(*shims); i++)
		if (strstr(path, shims[i]))
			return true;
	return false;
}

static bool shown(const struct search *s, const char *path)
{
	if (agent_tree_is_system(path))
		return true;
	for (size_t i = 0; i < s->p->dirs.n; i++)
		if (path_beneath(path, s->p->dirs.v[i]))
			return true;
	return false;
}

/* Add a tree; one inside another is that one. */
static int show(struct search *s, char *tree, struct err *e)
{
	struct strv *v = &s->p->dirs;
	size_t kept = 0;

	if (shown(s, tree)) {
		free(tree);
		return 0;
	}
	for (size_t i = 0; i < v->n; i++)
		if (path_beneath(v->v[i], tree))
			free(v->v[i]);
		else
			v->v[kept++] = v->v[i];
	v->n = kept;
	return strv_take(v, tree) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* The same file without links in the directories before it; the last name is kept. */
static char *entry_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = strndup(path, (size_t)(slash - path) + 1);
	auto_free char *real = dir ? realpath(dir, NULL) : NULL;

	return real ? path_join(real, slash + 1) : NULL;
}

/* Does this path, links and all, lead to its file inside? */
static bool leads_inside(const struct search *s, const char *path)
{
	auto_free char *at = path_clean(path);

	for (unsigned hops = 0; at && hops < CHAIN_MAX; hops++) {
		auto_free char *entry = entry_of(at);
		char target[PATH_MAX];
		char *slash;
		ssize_t n;

		if (!entry || !shown(s, entry) ||
			(strcmp(entry, at) != 0 && !agent_tree_is_system(at)))
			return false;
		n = readlink(entry, target, sizeof(target) - 1);
		if (n < 0)
			return true;
		target[n] = '\0';
		slash = strrchr(entry, '/');
		*slash = '\0';
		free(at);
		at = path_join(entry, target);
	}
	return false;
}

/* Have the directory of 'path' on PATH inside, where that leads to the file. */
static int add_to_path(struct search *s, const char *path, struct err *e)
{
	static const char *const usual[] = { "/usr/local/sbin", "/usr/local/bin",
		"/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	auto_free char *entry = entry_of(path);
	char *slash = entry ? strrchr(entry, '/') : NULL;

	if (!slash || !leads_inside(s, entry))
		return 0;
	*slash = '\0';
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (strcmp(entry, usual[i]) == 0)
			return 0;
	if (strv_has(&s->p->paths, entry))
		return 0;
	return strv_add(&s->p->paths, entry) < 0 ? err_set(e, ENOMEM, "out of memory")
						 : 0;
}

/* The words of the first line after "#!"; none for a program that isn't a script. */
static int first_line(const char *path, struct strv *words, struct err *e)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char line[LINE_MAX_];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	n = read(fd, line, sizeof(line) - 1);
	if (n < 0)
		return err_sys(e, "read '%s'", path);
	line[n] = '\0';
	if (!str_starts(line, "#!"))
		return 0;
	line[strcspn(line, "\r\n")] = '\0';
	return strv_split(words, line + 2, " \t") < 0
		? err_set(e, ENOMEM, "out of memory")
		: 0;
}

/* How many words in front belong to env(1) itself: it, its options, NAME=VALUE. */
static size_t env_words(const struct strv *words)
{
	size_t n = 0;

	if (words->n && strcmp(path_base(words->v[0]), "env") == 0)
		for (n = 1; n < words->n; n++)
			if (*words->v[n] != '-' && !strchr(words->v[n], '='))
				break;
	return n;
}

static int add_start(struct search *s, char *const *words, struct err *e)
{
	return strv_add_all(&s->p->start, words) < 0 ? err_set(e, ENOMEM, "out of memory")
						     : 0;
}

static int add_chain(struct search *s, const char *path, unsigned depth, struct err *e);

/* The interpreter of script 'real', as its first line has it. */
static int add_interpreter(struct search *s, const char *real, struct strv *words,
	unsigned depth, struct err *e)
{
	size_t skip = env_words(words);
	const char *name = skip < words->n ? words->v[skip] : "";
	auto_free char *found = *name == '/' ? strdup(name) : on_path(name, s->path);
	auto_free char *entry = NULL;
	auto_strv struct strv start = { 0 };
	int r;

	if (!*name || !found || access(found, X_OK) < 0) {
		auto_free char *text = str_escape(name);

		(void)err_set(e, ENOENT, "'%s' is a script of '%.80s', which isn't there",
			real, text ? text : "?");
		err_hint(e, "install that, or put it on PATH");
		return -ENOENT;
	}
	start = s->p->start;
	s->p->start = (struct strv){ 0 };
	r = add_chain(s, found, depth + 1, e);
	if (r == 0)
		r = add_to_path(s, found, e);
	if (r < 0)
		return r;
	/* inside, the first line is followed as it stands: fine if no link is missing */
	entry = entry_of(found);
	if (leads_inside(s, skip && entry ? entry : found)) {
		strv_clear(&s->p->start);
	} else {
		r = add_start(s, words->v + skip + 1, e);
		if (r < 0)
			return r;
	}
	return add_start(s, start.v, e);
}

/* Show one file of the chain and what it needs; 'start' becomes how to start it. */
static int add_chain(struct search *s, const char *path, unsigned depth, struct err *e)
{
	auto_free char *real = realpath(path, NULL);
	auto_strv struct strv words = { 0 };
	char *tree = NULL;
	bool node = false;
	int r;

	if (!real)
		return err_sys(e, "find '%s'", path);
	if (depth > CHAIN_MAX)
		return err_set(e, ELOOP, "'%s': too many interpreters", path);
	if (is_shim(path) || is_shim(real)) {
		(void)err_set(e, EPERM,
			"'%s' only stands for another program, found by a version "
			"manager",
			path);
		err_hint(e,
			"put the program itself first on PATH, or its path into a "
			"recipe of your own as 'program'");
		return -EPERM;
	}
	if (depth == 0 && str_set(&s->p->path, real) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = first_line(real, &words, e);
	if (r == 0 && words.n) {
		size_t at = env_words(&words);

		node = at < words.n &&
			(str_eq(path_base(words.v[at]), "node") ||
				str_eq(path_base(words.v[at]), "nodejs") ||
				str_eq(path_base(words.v[at]), "bun"));
	}
	if (r == 0)
		r = agent_tree_find(real, node, s->home, &tree, e);
	if (r == 0 && tree)
		r = show(s, tree, e);
	if (r == 0)
		r = add_start(s, (char *[]){ real, NULL }, e);
	if (r == 0 && words.n)
		r = add_interpreter(s, real, &words, depth, e);
	return r;
}

static int not_installed(const struct agent *a, struct err *e)
{
	(void)err_set(
		e, ENOENT, "'%s' is not installed: no such program on PATH", a->program);
	if (a->install)
		err_hint(e, "install it: %s", a->install);
	else
		err_hint(e, "put it on PATH, or name its path as 'program' in '%s'",
			a->file ? a->file : "the recipe");
	return -ENOENT;
}

int agent_find_in(const struct agent *a, const char *search, const char *home,
	struct agent_program *ret, struct err *e)
{
	auto_agent_program struct agent_program p = { 0 };
	auto_free char *real_home = realpath(home, NULL);
	auto_free char *found = NULL;
	struct search s = { search, real_home ? real_home : home, &p };
	int r;

	if (*a->program == '/')
		found = path_clean(a->program);
	else if (str_starts(a->program, "~/"))
		found = path_join(home, a->program + 2);
	else
		found = on_path(a->program, search);
	if (!found || !runnable(found))
		return not_installed(a, e);
	r = add_chain(&s, found, 0, e);
	if (r == 0)
		r = add_to_path(&s, found, e);
	if (r < 0)
		return err_wrap(e, "agent '%s'", a->name ? a->name : a->program);
	*ret = p;
	p = (struct agent_program){ 0 };
	return 0;
}

int agent_find_program(const struct agent *a, struct agent_program *ret, struct err *e)
{
	auto_free char *home = dirs_home();
	const char *search = getenv("PATH");

	if (!a->program)
		return 0;
	return agent_find_in(a,
		search && *search ? search : "/usr/local/bin:/usr/bin:/bin",
		home ? home : "/", ret, e);
}
