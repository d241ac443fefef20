/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.c - words and options become a record.
 *
 * Everything is settled here: names of the host are made absolute and real, the image is
 * found (and pulled if need be), the agent's program is found. Starting the sandbox later
 * looks at nothing but the record.
 */
#include "cli/make.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/env.h"
#include "cli/images.h"
#include "cli/make-mounts.h"
#include "cli/make-net.h"
#include "cli/out.h"
#include "linux/idmap.h"
#include "sandbox/agent.h"
#include "sandbox/clean.h"
#include "wall/wall.h"

#include <limits.h>
#include <sys/stat.h>

#define PIDS_DEFAULT 4096
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct making {
	const struct invocation *inv;
	const struct make_args *args;
	struct agent agent;
	struct agent_program program;
	bool has_program;
	struct idmap ids;
	struct strv paths; /* the PATH words */
	struct record rec;
	struct strv image_argv; /* what the image would run */
	char *image_workdir;
	struct store store; /* held until the record names the image */
};

static void making_clear(struct making *m)
{
	agent_clear(&m->agent);
	agent_program_clear(&m->program);
	strv_clear(&m->paths);
	strv_clear(&m->image_argv);
	free(m->image_workdir);
	store_close(&m->store);
	record_clear(&m->rec);
}

void make_args_clear(struct make_args *a)
{
	char **strings[] = { &a->wall, &a->image, &a->name, &a->user, &a->workdir,
		&a->net, &a->hostname, &a->detach_keys, &a->pull };

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		free(*strings[i]);
	strv_clear(&a->env);
	strv_clear(&a->env_files);
	strv_clear(&a->volumes);
	strv_clear(&a->allow);
	strv_clear(&a->deny);
	strv_clear(&a->secrets);
	strv_clear(&a->publish);
}

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* The first word is an agent unless it looks like a path; the others are paths. */
static int split_words(struct making *m, struct err *e)
{
	const struct strv *w = &m->inv->words;
	const char *first = w->n ? w->v[0] : "shell";
	bool path =
		strchr(first, '/') || str_starts(first, ".") || str_starts(first, "~");

	for (size_t i = path || !w->n ? 0 : 1; i < w->n; i++)
		if (strv_add(&m->paths, w->v[i]) < 0)
			return no_memory(e);
	return agent_load(path ? "shell" : first, &m->agent, e);
}

static int choose_wall(struct making *m, struct err *e)
{
	const struct wall *wall;
	const char *asked = m->args->wall ? m->args->wall : "auto";
	int r = wall_find(asked, &wall, e);

	if (r == 0 && strcmp(asked, "auto") != 0) {
		r = wall->probe(e);
		if (r < 0)
			return err_wrap(e, "the %s wall", asked);
	}
	if (r < 0)
		return r;
	if (m->args->strict && !wall->has_strict)
		return err_set(e, EINVAL, "--strict is for the sentry wall, not for %s",
			wall->name);
	if (m->args->net_rate && !wall->limits_net) {
		(void)err_set(e, EOPNOTSUPP,
			"a limit of the network's rate can't be enforced by the %s wall",
			wall->name);
		err_hint(e, "--wall microvm can");
		return -EOPNOTSUPP;
	}
	m->rec.strict = m->args->strict;
	if (strcmp(asked, "auto") == 0 && m->args->wall)
		out_note("auto takes the %s wall: %s", wall->name, wall->brief);
	return str_set(&m->rec.wall, wall->name) < 0 ? no_memory(e) : 0;
}

/* What the options say of the network. */
static struct make_net wanted_net(const struct make_args *a)
{
	return (struct make_net){ .preset = a->net,
		.allow = &a->allow,
		.deny = &a->deny,
		.secrets = &a->secrets,
		.publish = &a->publish };
}

static int choose_net(struct making *m, struct err *e)
{
	struct make_net want = wanted_net(m->args);

	return make_net_choose(&m->rec, &want, e);
}

static int default_env(struct making *m, struct err *e)
{
	struct strv *env = &m->rec.env;
	auto_free char *dirs = str_join(m->program.paths.v, ":");
	const char *term = getenv("TERM"), *lang = getenv("LANG"), *user = getenv("USER");
	const char *old = PATH_DEFAULT;
	auto_free char *path = NULL;
	int r = 0;

	for (size_t i = 0; i < env->n; i++)
		if (str_starts(env->v[i], "PATH="))
			old = env->v[i] + 5;
	path = str_printf("PATH=%s%s%s", dirs ? dirs : "", dirs && *dirs ? ":" : "", old);
	if (!path)
		return no_memory(e);
	r = env_set(env, path, e);
	if (r == 0 && !env_has(env, "HOME"))
		r = strv_addf(env, "HOME=%s", m->rec.home);
	if (r == 0 && !env_has(env, "USER"))
		r = strv_addf(env, "USER=%s",
			m->ids.work_uid == 0 ? "root"
				: user       ? user
					     : "agent");
	if (r == 0 && m->rec.tty && term && !env_has(env, "TERM"))
		r = strv_addf(env, "TERM=%s", term);
	if (r == 0 && lang && m->rec.root.kind == ROOT_HOST && !env_has(env, "LANG"))
		r = strv_addf(env, "LANG=%s", lang);
	if (r == 0)
		r = strv_addf(env, "BRIG_SANDBOX=%s", m->rec.name);
	return r < 0 ? no_memory(e) : 0;
}

static int choose_secrets(struct making *m, struct err *e)
{
	struct make_net want = wanted_net(m->args);
	int r = make_net_grants(&m->rec, &want, &m->agent, e);

	return r == 0 ? make_net_env(&m->rec, e) : r;
}

/* Image, recipe, files, options: what comes later wins. */
static int choose_env(struct making *m, struct err *e)
{
	auto_strv struct strv of_agent = { 0 };
	int r = agent_env(&m->agent, &of_agent, e);

	if (r == 0)
		r = env_set_all(&m->rec.env, &of_agent, e);
	for (size_t i = 0; i < m->args->env_files.n && r == 0; i++)
		r = env_file(&m->rec.env, m->args->env_files.v[i], e);
	if (r == 0)
		r = default_env(m, e);
	if (r == 0)
		r = choose_secrets(m, e);
	return r == 0 ? env_set_all(&m->rec.env, &m->args->env, e) : r;
}

static int choose_image(struct making *m, struct err *e)
{
	const char *text = m->args->image ? m->args->image
		: m->agent.image          ? m->agent.image
					  : "host";
	struct image_want want = { .text = text,
		.pull = m->args->pull,
		.ids = &m->ids,
		.quiet = m->args->quiet };
	struct image_choice got = IMAGE_CHOICE_INIT;
	int r = images_choose(&want, &m->rec.root, &got, e);

	if (r < 0)
		return r;
	r = env_set_all(&m->rec.env, &got.env, e);
	m->image_argv = got.argv;
	m->image_workdir = got.workdir;
	m->store = got.store;
	strv_clear(&got.env);
	return r;
}

static int find_program(struct making *m, struct err *e)
{
	auto_strv struct strv files = { 0 };
	int r;

	if (m->rec.root.kind != ROOT_HOST || !m->agent.program)
		return 0;
	r = agent_find_program(&m->agent, &m->program, e);
	if (r < 0)
		return r;
	m->has_program = true;
	r = agent_files(&m->agent, &files, e);
	if (r == 0 &&
		(strv_add_all(&m->rec.root.host_dirs, m->program.dirs.v) < 0 ||
			strv_add_all(&m->rec.root.host_dirs, files.v) < 0))
		r = no_memory(e);
	return r;
}

static int choose_command(struct making *m, struct err *e)
{
	struct agent_call call = { .program = m->has_program ? &m->program : NULL,
		.paths = m->paths.n > 1 ? m->paths.v + 1 : NULL,
		.args = m->inv->rest.v };

	/* an image that says what it runs is run so, unless something was asked for */
	if (m->rec.root.kind == ROOT_LAYERS && str_eq(m->agent.name, "shell") &&
		!m->inv->rest.n && m->image_argv.n)
		return strv_add_all(&m->rec.argv, m->image_argv.v) < 0 ? no_memory(e) : 0;
	return agent_command(&m->agent, &call, &m->rec.argv, e);
}

static void choose_terminal(struct making *m)
{
	const struct make_args *a = m->args;

	if (a->interactive || a->tty) {
		m->rec.stdin_open = a->interactive;
		m->rec.tty = a->tty;
		return;
	}
	/* in the foreground as any command is: with its input, and a terminal if it has
	 * one */
	m->rec.stdin_open = !a->detach;
	m->rec.tty = !a->detach && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int choose_limits(struct making *m)
{
	struct limit_spec *l = &m->rec.limits;

	l->memory = m->args->memory;
	l->cpus = m->args->cpus;
	l->pids = m->args->pids ? m->args->pids : PIDS_DEFAULT;
	l->net_rate = m->args->net_rate;
	l->pids_default = !m->args->pids;
	m->rec.timeout = m->args->timeout;
	return 0;
}

static int choose_places(struct making *m, struct err *e)
{
	auto_free char *home = dirs_home();
	const struct mount_spec *first;
	const char *cwd = m->args->workdir;
	int r;

	if (!home)
		return err_set(e, ENOENT, "you have no home directory: set HOME");
	m->rec.home = strdup(home);
	r = mounts_from_words(&m->paths, &m->args->volumes, home, &m->rec, e);
	if (r < 0)
		return r;
	first = record_mount(&m->rec, 0);
	if (cwd && *cwd != '/')
		return err_set(e, EINVAL, "working directory '%s' must be absolute", cwd);
	if (!cwd && first && first->workspace)
		cwd = first->dst;
	if (!cwd && m->image_workdir && *m->image_workdir == '/')
		cwd = m->image_workdir;
	m->rec.cwd = path_clean(cwd ? cwd : m->rec.home);
	m->rec.user = strdup(m->args->user ? m->args->user : "");
	return m->rec.home && m->rec.cwd && m->rec.user ? 0 : no_memory(e);
}

static uint64_t hash(const char *text)
{
	uint64_t h = 14695981039346656037ULL; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ULL;
	return h;
}

/* "claude-myproject"; other directories of that name get some digits of their path's
 * hash. */
static int choose_name(struct making *m, bool unique, struct err *e)
{
	const struct mount_spec *first = record_mount(&m->rec, 0);
	const char *dir = first && first->workspace ? first->src : m->rec.home;
	auto_free char *text = str_printf("%s-%.40s", m->agent.name, path_base(dir));
	char name[RECORD_NAME_MAX + 1], id[33];
	int r = sandbox_new_id(id, e);

	if (r < 0 || !text)
		return r < 0 ? r : no_memory(e);
	if (m->args->name) {
		m->rec.name = strdup(m->args->name);
		return m->rec.name ? record_check_name(m->args->name, e) : no_memory(e);
	}
	record_make_name(text, name);
	name[50] = '\0';
	if (unique)
		m->rec.name = str_printf("%s-%.8s", name, id);
	else
		m->rec.name = strdup(name);
	return m->rec.name ? 0 : no_memory(e);
}

/* Another directory has the plain name: this one gets the same name each time, its own.
 */
static int name_by_path(struct making *m, struct err *e)
{
	const struct mount_spec *first = record_mount(&m->rec, 0);
	char *name = str_printf("%.50s-%06llx", m->rec.name,
		(unsigned long long)(hash(first ? first->src : "") & 0xffffff));

	free(m->rec.name);
	m->rec.name = name;
	return name ? 0 : no_memory(e);
}

static int choose_identity(struct making *m, struct err *e)
{
	char id[33];
	int r = sandbox_new_id(id, e);

	if (r < 0)
		return r;
	m->rec.id = strdup(id);
	m->rec.agent = strdup(m->agent.name);
	m->rec.hostname = strdup(m->args->hostname ? m->args->hostname : m->rec.name);
	m->rec.detach_keys = m->args->detach_keys ? strdup(m->args->detach_keys) : NULL;
	m->rec.created = clock_real_ns();
	m->rec.rm = m->args->rm;
	m->rec.fleeting = m->args->rm && m->args->fleeting;
	if (!m->rec.id || !m->rec.agent || !m->rec.hostname)
		return no_memory(e);
	if (!*m->rec.hostname || strlen(m->rec.hostname) > 64 ||
		strchr(m->rec.hostname, '/'))
		return err_set(e, EINVAL, "'%s' is no host name", m->rec.hostname);
	return 0;
}

static bool same_place(const struct record *a, const struct record *b)
{
	const struct mount_spec *x = record_mount(a, 0), *y = record_mount(b, 0);

	return str_eq(x ? x->src : NULL, y ? y->src : NULL) && str_eq(a->agent, b->agent);
}

/* Options that were given and that the existing sandbox doesn't have. */
static int check_same(const struct making *m, const struct sandbox *s, struct err *e)
{
	const struct make_args *a = m->args;
	const char *what = NULL;

	if (a->wall && strcmp(m->rec.wall, s->rec.wall) != 0)
		what = "--wall";
	else if (a->image && strcmp(m->rec.root.image, s->rec.root.image) != 0)
		what = "--image";
	else if (m->rec.mounts.n != s->rec.mounts.n)
		what = "other mounts";
	for (size_t i = 0; !what && i < m->rec.mounts.n; i++) {
		const struct mount_spec *x = record_mount(&m->rec, i),
					*y = record_mount(&s->rec, i);

		if (!str_eq(x->src, y->src) || !str_eq(x->dst, y->dst) ||
			x->mode != y->mode)
			what = "other mounts";
	}
	if (!what)
		return 0;
	(void)err_set(e, EEXIST, "sandbox '%s' exists and was made with another %s",
		s->name, *what == '-' ? what + 2 : "set of mounts");
	err_hint(e, "make another with --new, or remove it: brig rm %s", s->name);
	return -EEXIST;
}

/* Run it again: as it was made, with what is said now about this one run. */
static int reuse(struct making *m, struct sandbox *s, struct err *e)
{
	struct record *old = &s->rec;
	int r = check_same(m, s, e);

	if (r < 0)
		return r;
	strv_clear(&old->argv);
	strv_clear(&old->env);
	old->argv = m->rec.argv;
	old->env = m->rec.env;
	m->rec.argv = m->rec.env = (struct strv){ 0 };
	old->tty = m->rec.tty;
	old->stdin_open = m->rec.stdin_open;
	old->timeout = m->rec.timeout;
	if (m->args->strict)
		old->strict = true;
	if (m->args->publish.n) {
		struct json_list had = old->ports;

		old->ports = m->rec.ports;
		m->rec.ports = had;
	}
	if (m->args->user)
		(void)str_set(&old->user, m->rec.user);
	if (m->args->workdir)
		(void)str_set(&old->cwd, m->rec.cwd);
	if (m->args->memory || m->args->cpus || m->args->pids || m->args->net_rate)
		old->limits = m->rec.limits;
	return 0;
}

static int settle(struct making *m, struct sandbox *ret, bool *ret_existed, struct err *e)
{
	bool named = m->args->name, fresh = m->args->again || (m->args->rm && !named);
	int r;

	*ret_existed = false;
	for (int i = 0; i < 2 && !fresh; i++) {
		auto_sandbox struct sandbox s = SANDBOX_INIT;
		struct err quiet = { 0 };

		r = sandbox_open(m->rec.name, &s, &quiet);
		if (r == -ENOENT)
			break;
		if (r < 0) {
			*e = quiet;
			return r;
		}
		if (!same_place(&m->rec, &s.rec)) {
			if (named)
				break; /* creating it will say that the name is taken */
			if ((r = name_by_path(m, e)) < 0)
				return r;
			continue;
		}
		r = reuse(m, &s, e);
		if (r < 0)
			return r;
		*ret = s;
		s = (struct sandbox)SANDBOX_INIT;
		*ret_existed = true;
		return 0;
	}
	r = sandbox_create(&m->rec, ret, e);
	if (r == 0) {
		struct make_net want = wanted_net(m->args);

		r = make_net_rules(ret, &want, &m->agent, e);
		if (r < 0)
			(void)clean_remove(ret, &m->ids, -1, NULL);
	}
	return r;
}

static int fill(struct making *m, bool reusable, struct err *e)
{
	int r;

	if ((r = idmap_for_caller(&m->ids, e)) < 0 || (r = split_words(m, e)) < 0 ||
		(r = choose_wall(m, e)) < 0 || (r = choose_net(m, e)) < 0 ||
		(r = choose_image(m, e)) < 0 || (r = find_program(m, e)) < 0 ||
		(r = choose_places(m, e)) < 0 || (r = choose_command(m, e)) < 0 ||
		(r = choose_name(m, !reusable, e)) < 0)
		return r;
	choose_terminal(m);
	(void)choose_limits(m);
	r = choose_env(m, e);
	return r == 0 ? choose_identity(m, e) : r;
}

int make_sandbox(const struct invocation *inv, const struct make_args *a,
	struct sandbox *ret, bool *ret_existed, struct err *e)
{
	struct making m = { .inv = inv, .args = a, .store = { .dir = -1, .lock = -1 } };
	int r = fill(&m, !a->again && !a->rm, e);

	if (r == 0)
		r = settle(&m, ret, ret_existed, e);
	making_clear(&m);
	return r;
}
