/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/agent.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "sandbox/record.h"

#include <ctype.h>
#include <dirent.h>

#define PROGRAM "{program}"
#define PATH    "{path}"

/* bounds of what one recipe may ask for; an order of magnitude above any real one */
#define WORDS_MAX 64
#define WORD_MAX  4096

static const char *const args_names[] = { "append", "replace", NULL };

static const struct json_field agent_fields[] = {
	JSON_FIELD(struct agent, "description", JSON_STR, description,
		.flags = JSON_REQUIRED),
	JSON_FIELD(struct agent, "program", JSON_STR, program),
	JSON_FIELD(struct agent, "command", JSON_STRV, command, .flags = JSON_REQUIRED),
	JSON_FIELD(struct agent, "path_args", JSON_STRV, path_args),
	JSON_FIELD(struct agent, "args", JSON_ENUM, args, .names = args_names),
	JSON_FIELD(struct agent, "install", JSON_STR, install),
	JSON_FIELD(struct agent, "image", JSON_STR, image),
	JSON_FIELD(struct agent, "env", JSON_STRV, env),
	JSON_FIELD(struct agent, "tty", JSON_BOOL, tty),
	JSON_FIELD(struct agent, "files", JSON_STRV, files),
	JSON_FIELD(struct agent, "net", JSON_STRV, net),
	{ 0 },
};
static const struct json_schema agent_schema = { "agent recipe", sizeof(struct agent),
	agent_fields };

void agent_clear(struct agent *a)
{
	free(a->name);
	free(a->file);
	json_struct_clear(&agent_schema, a);
	*a = (struct agent){ 0 };
}

static int bad(struct err *e, const char *key, const char *value, const char *why)
{
	auto_free char *shown = str_escape(value);

	return err_set(e, EINVAL, "'%s': '%.80s' %s", key, shown ? shown : "?", why);
}

/* One line of printable text. */
static bool plain(const char *text)
{
	auto_free char *shown = str_escape(text);

	return shown && strcmp(shown, text) == 0;
}

static int check_text(const char *key, const char *text, struct err *e)
{
	if (!text)
		return 0;
	if (!*text)
		return err_set(e, EINVAL, "'%s' is empty", key);
	if (strlen(text) > WORD_MAX || !plain(text))
		return bad(e, key, text, "is no line of text");
	return 0;
}

static int check_words(const char *key, const struct strv *v, struct err *e)
{
	if (v->n > WORDS_MAX)
		return err_set(e, EINVAL, "'%s' has more than %d words", key, WORDS_MAX);
	for (size_t i = 0; i < v->n; i++)
		if (strlen(v->v[i]) > WORD_MAX)
			return bad(e, key, v->v[i], "is too long");
	return 0;
}

static int check_program(const struct agent *a, struct err *e)
{
	const char *p = a->program;

	if (!p)
		return 0;
	if (!path_is_name(p) && *p != '/' && !str_starts(p, "~/"))
		return bad(e, "program", p, "is neither a name nor a path from / or ~/");
	return 0;
}

static int check_command(const struct agent *a, struct err *e)
{
	if (a->command.n == 0 || !*a->command.v[0])
		return err_set(e, EINVAL, "'command' is empty");
	if (strv_has(&a->command, PROGRAM) && !a->program)
		return err_set(e, EINVAL, "'command' has %s, but there is no 'program'",
			PROGRAM);
	for (size_t i = 1; i < a->command.n; i++)
		if (strcmp(a->command.v[i], PROGRAM) == 0)
			return err_set(e, EINVAL, "'command': %s must be its first word",
				PROGRAM);
	if (a->path_args.n && !strv_has(&a->path_args, PATH))
		return err_set(e, EINVAL, "'path_args' has no %s", PATH);
	return 0;
}

static int check_env(const struct agent *a, struct err *e)
{
	for (size_t i = 0; i < a->env.n; i++) {
		const char *p = a->env.v[i];

		if (!isalpha((unsigned char)*p) && *p != '_')
			return bad(e, "env", p, "is neither NAME=VALUE nor NAME");
		while (isalnum((unsigned char)*p) || *p == '_')
			p++;
		if (*p && *p != '=')
			return bad(
				e, "env", a->env.v[i], "is neither NAME=VALUE nor NAME");
	}
	return 0;
}

/* The file itself is judged when it is shown; here only what no recipe may mean. */
static int check_files(const struct agent *a, struct err *e)
{
	for (size_t i = 0; i < a->files.n; i++) {
		const char *f = a->files.v[i];
		auto_free char *tidy = path_clean(str_starts(f, "~/") ? f + 1 : f);

		if (!tidy)
			return err_set(e, ENOMEM, "out of memory");
		if (*f != '/' && !str_starts(f, "~/"))
			return bad(e, "files", f, "begins with neither / nor ~/");
		if (strcmp(tidy, "/") == 0 || strstr(f, "/../") || str_ends(f, "/.."))
			return bad(e, "files", f, "is no file or folder of its own");
	}
	return 0;
}

/* "name", "*.name", either with ":port": letters of DNS names (RFC 1123, 2.1). */
static bool host_rule(const char *rule)
{
	const char *p = str_starts(rule, "*.") ? rule + 2 : rule;
	size_t label = 0, all = 0;
	uint64_t port;
	struct err quiet;

	for (; *p && *p != ':'; p++, all++) {
		if (*p == '.' ? label == 0 || p[-1] == '-'
			      : !isalnum((unsigned char)*p) && (*p != '-' || label == 0))
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > 63 || all > 253)
			return false;
	}
	if (label == 0 || p[-1] == '-')
		return false;
	return !*p || (str_to_uint(p + 1, 65535, "port", &port, &quiet) == 0 && port > 0);
}

static int check_net(const struct agent *a, struct err *e)
{
	for (size_t i = 0; i < a->net.n; i++)
		if (!host_rule(a->net.v[i]))
			return bad(e, "net", a->net.v[i],
				"is no host name, with *. before it or :PORT after it");
	return 0;
}

static int check(const struct agent *a, struct err *e)
{
	static int (*const checks[])(const struct agent *, struct err *) = {
		check_program, check_command, check_env, check_files, check_net
	};
	const struct {
		const char *key;
		const struct strv *v;
	} lists[] = { { "command", &a->command }, { "path_args", &a->path_args },
		{ "env", &a->env }, { "files", &a->files }, { "net", &a->net } };
	int r = check_text("description", a->description, e);

	if (r == 0 && !a->description)
		r = err_set(e, EINVAL, "'description' is empty");
	if (r == 0)
		r = check_text("program", a->program, e);
	if (r == 0)
		r = check_text("install", a->install, e);
	if (r == 0)
		r = check_text("image", a->image, e);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && r == 0; i++)
		r = check_words(lists[i].key, lists[i].v, e);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks) && r == 0; i++)
		r = checks[i](a, e);
	return r;
}

int agent_parse(
	const char *text, size_t len, const char *where, struct agent *ret, struct err *e)
{
	auto_json struct json *j = NULL;
	auto_agent struct agent a = { 0 };
	int r;

	if (len > AGENT_MAX_BYTES)
		return err_set(
			e, EFBIG, "%s: larger than %u bytes", where, AGENT_MAX_BYTES);
	r = json_parse(text, len, where, &j, e);
	if (r < 0)
		return r;
	r = json_to_struct(j, &agent_schema, &a, e);
	if (r == 0)
		r = check(&a, e);
	if (r < 0) {
		r = err_wrap(e, "%s", where);
		err_hint(e, "brig-agents(5) says what a recipe may hold");
		return r;
	}
	*ret = a;
	a = (struct agent){ 0 };
	return 0;
}

/* The folder of the user's recipes, or of brig's. */
static char *folder(bool own)
{
	return own ? dirs_path_in(DIR_CONFIG, "agents") : dirs_share("agents");
}

static int load_from(bool own, const char *name, struct agent *ret, struct err *e)
{
	auto_free char *dir = folder(own);
	auto_free char *file = dir ? str_printf("%s/%s.json", dir, name) : NULL;
	auto_buf struct buf text = { 0 };
	int r;

	if (!file)
		return -ENOENT;
	if (access(file, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return -ENOENT;
	r = file_read(AT_FDCWD, file, AGENT_MAX_BYTES, &text, e);
	if (r == 0)
		r = agent_parse(text.data, text.len, file, ret, e);
	if (r < 0)
		/* there, but no good: not to be taken for missing */
		return r == -ENOENT ? -EIO : r;
	ret->own = own;
	ret->file = take_ptr(&file);
	return str_set(&ret->name, name) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int unknown(const char *name, struct err *e)
{
	auto_strv struct strv names = { 0 };
	auto_free char *shown = str_escape(name);
	auto_free char *all = NULL;
	const char *near;
	struct err quiet;

	(void)agent_names(&names, &quiet);
	near = str_nearest(name, (const char *const *)names.v, names.n);
	all = names.n ? str_join(names.v, ", ") : NULL;
	(void)err_set(e, ENOENT, "unknown agent '%.80s'", shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '%s'? A path needs a slash: ./%.40s", near,
			shown ? shown : "");
	else
		err_hint(e, "the agents are %s; a path needs a slash: ./%.40s",
			all ? all : "none", shown ? shown : "");
	return -ENOENT;
}

int agent_load(const char *name, struct agent *ret, struct err *e)
{
	auto_agent struct agent a = { 0 };
	struct err quiet;
	int r;

	if (record_check_name(name, &quiet) < 0)
		return unknown(name, e);
	r = load_from(true, name, &a, e);
	if (r == -ENOENT)
		r = load_from(false, name, &a, e);
	if (r == -ENOENT)
		return unknown(name, e);
	if (r < 0)
		return r;
	*ret = a;
	a = (struct agent){ 0 };
	return 0;
}

static int names_in(bool own, struct strv *ret, struct err *e)
{
	auto_free char *path = folder(own);
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *d;
	int r = 0;

	if (!dir)
		return !path || errno == ENOENT || errno == ENOTDIR
			? 0
			: err_sys(e, "open '%s'", path);
	while (r == 0 && (d = readdir(dir))) {
		size_t n = strlen(d->d_name);
		auto_free char *name = NULL;
		struct err quiet;

		if (!str_ends(d->d_name, ".json"))
			continue;
		name = strndup(d->d_name, n - strlen(".json"));
		if (!name)
			r = -ENOMEM;
		else if (record_check_name(name, &quiet) == 0 && !strv_has(ret, name))
			r = strv_add(ret, name);
	}
	(void)closedir(dir);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int agent_names(struct strv *ret, struct err *e)
{
	int r = names_in(true, ret, e);

	if (r == 0)
		r = names_in(false, ret, e);
	strv_sort(ret);
	return r;
}

struct json *agent_json(const struct agent *a)
{
	struct json *j = json_from_struct(&agent_schema, a);

	if (j &&
		(json_add_str(j, "name", a->name) < 0 ||
			json_add_str(j, "file", a->file) < 0 ||
			json_add(j, "own", json_new_bool(a->own)) < 0)) {
		json_free(j);
		return NULL;
	}
	return j;
}

void agent_program_clear(struct agent_program *p)
{
	free(p->path);
	strv_clear(&p->start);
	strv_clear(&p->dirs);
	strv_clear(&p->paths);
	*p = (struct agent_program){ 0 };
}

static int add_path_args(const struct agent *a, char *const *paths, struct strv *ret)
{
	int r = 0;

	for (; paths && *paths && r == 0; paths++)
		for (size_t i = 0; i < a->path_args.n && r == 0; i++)
			r = strv_add(ret,
				strcmp(a->path_args.v[i], PATH) == 0 ? *paths
								     : a->path_args.v[i]);
	return r;
}

int agent_command(const struct agent *a, const struct agent_call *call, struct strv *ret,
	struct err *e)
{
	size_t at = 0;
	int r = 0;

	if (a->args == AGENT_ARGS_REPLACE && call->args && *call->args) {
		r = strv_add_all(ret, call->args);
		return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
	}
	if (strcmp(a->command.v[0], PROGRAM) == 0) {
		r = call->program ? strv_add_all(ret, call->program->start.v)
				  : strv_add(ret, path_base(a->program));
		at = 1;
	}
	if (r == 0 && at < a->command.n)
		r = strv_add_all(ret, a->command.v + at);
	if (r == 0)
		r = add_path_args(a, call->paths, ret);
	if (r == 0)
		r = strv_add_all(ret, call->args);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int agent_env(const struct agent *a, struct strv *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < a->env.n && r == 0; i++) {
		const char *value;

		if (strchr(a->env.v[i], '=')) {
			r = strv_add(ret, a->env.v[i]);
			continue;
		}
		value = getenv(a->env.v[i]);
		if (value)
			r = strv_addf(ret, "%s=%s", a->env.v[i], value);
	}
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int agent_files(const struct agent *a, struct strv *ret, struct err *e)
{
	auto_free char *home = dirs_home();

	for (size_t i = 0; i < a->files.n; i++) {
		const char *f = a->files.v[i];
		auto_free char *path = NULL;

		if (*f == '~' && !home)
			continue;
		path = *f == '~' ? path_join(home, f + 2) : path_clean(f);
		if (!path)
			return err_set(e, ENOMEM, "out of memory");
		if (home && path_beneath(home, path)) {
			(void)err_set(e, EPERM,
				"agent '%s' wants to show '%s', which holds the home "
				"directory",
				a->name ? a->name : "?", path);
			err_hint(e, "name the files it needs in '%s'",
				a->file ? a->file : "its recipe");
			return -EPERM;
		}
		if (access(path, F_OK) == 0 && strv_add(ret, path) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}
