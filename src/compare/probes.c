/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/probes.h"

#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "compare/seed.h"
#include "linux/idmap.h"
#include "wall/wall.h"

#include <signal.h>

#define PROBE_SECONDS 60
#define RESULTS_MAX   2048
#define SECRET_PREFIX "brig-secret-"

const char *const outcome_names[] = { "stopped", "own kernel", "out", "not tried",
	"left out", "broken", "lost" };

/* Columns of 'brig-probe list'; test/hostile/probe/probe.h says what is in them. */
enum column {
	COLUMN_NAME,
	COLUMN_TRICK,
	COLUMN_GAIN,
	COLUMN_EXPECT,
	COLUMN_ROOT,
	COLUMN_USER,
	COLUMN_USER_ROOT,
	COLUMN_PLAIN,
	COLUMN_LAYER,
	COLUMN_LAYER_CONTAINER,
	COLUMN_LAYER_CHROOT,
	COLUMN_HARM,
	COLUMN_OPTIONS,
	COLUMN_UNDER,
	COLUMN_SETUP,
	COLUMN_REFUSAL,
	COLUMN_REMARK,
	COLUMNS,
};

struct probing {
	struct compare *c;
	struct approach *a;
	char *program; /* brig-probe */
	char *out, *bin;
	struct strv env; /* K=V of what the host's side offers */
	pid_t server;
	enum column role;
	unsigned round;
	struct probe_results *ret;
};

/* ---- the host's side */

/* Its lines NAME=VALUE, once it serves. */
static int read_served(struct probing *p, const char *path, struct err *e)
{
	for (int i = 0; i < 200; i++) {
		auto_buf struct buf text = { 0 };

		if (file_read(AT_FDCWD, path, 4096, &text, NULL) == 0 && text.data &&
			strstr(text.data, "HOST_SHM="))
			return strv_split(&p->env, text.data, "\n") < 0
				? err_set(e, ENOMEM, "out of memory")
				: 0;
		(void)usleep(20000);
	}
	return err_set(e, ETIMEDOUT, "the host's side of the attempts does not start");
}

static int serve(struct probing *p, struct err *e)
{
	auto_free char *served = str_printf("%s/served", p->c->dir);
	auto_free char *secret = str_printf("%s/secret", p->out);
	auto_free char *line =
		served ? str_printf("exec \"$0\" host serve \"$1\" >'%s'", served) : NULL;
	auto_free char *text = str_printf(SECRET_PREFIX "%s\n", p->c->token);

	if (!secret || !line || !text)
		return err_set(e, ENOMEM, "out of memory");
	if (file_replace(AT_FDCWD, secret, text, strlen(text), 0600, 0, e) < 0)
		return -e->code;
	p->server = exec_spawn(WORDS("sh", "-c", line, p->program, p->out), "/");
	return p->server < 0 ? err_set(e, EAGAIN, "start '%s'", p->program)
			     : read_served(p, served, e);
}

static int put(const char *dir, const char *name, struct err *e)
{
	auto_free char *path = str_printf("%s/%s", dir, name);

	return path ? file_replace(AT_FDCWD, path, "canary\n", 7, 0644, 0, e) : -ENOMEM;
}

static int set_up(struct probing *p, struct err *e)
{
	auto_free char *ro = str_printf("%s/ro", p->out);
	auto_free char *to = str_printf("%s/brig-probe", p->bin);
	auto_fd int from = -1, copy = -1;
	auto_free char *run = dirs_path(DIR_RUN);
	int r;

	if (!ro || !to || !run || mkdir(p->out, 0755) < 0 || mkdir(ro, 0755) < 0 ||
		mkdir(p->bin, 0755) < 0)
		return err_sys(e, "make '%s'", p->out);
	from = open(p->program, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return err_sys(e, "open '%s'", p->program);
	copy = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	r = copy < 0 ? err_sys(e, "make '%s'", to) : file_copy_fd(from, copy, e);
	if (r == 0 &&
		(strv_addf(&p->env, "SECRET_FILE=%s/secret", p->out) < 0 ||
			strv_addf(&p->env, "CANARY_FILE=%s/canary", p->out) < 0 ||
			strv_addf(&p->env, "RO_DIR=%s", ro) < 0 ||
			strv_addf(&p->env, "HOST_SOCKET=%s/socket", p->out) < 0 ||
			strv_addf(&p->env, "BRIG_RUN=%s", run) < 0))
		r = err_set(e, ENOMEM, "out of memory");
	return r == 0 ? serve(p, e) : r;
}

/* Whatever an attempt did is not to be held against the next one. */
static int reset(struct probing *p, struct err *e)
{
	auto_free char *typed = str_printf("%s/typed", p->c->dir);
	auto_free char *ro = str_printf("%s/ro", p->out);
	int r;

	if (!typed || !ro)
		return err_set(e, ENOMEM, "out of memory");
	(void)unlink(typed);
	r = put(p->out, "canary", e);
	return r == 0 ? put(ro, "file", e) : r;
}

static bool is_canary(const char *dir, const char *name)
{
	auto_free char *path = str_printf("%s/%s", dir, name);
	auto_buf struct buf text = { 0 };

	return path && file_read(AT_FDCWD, path, 64, &text, NULL) == 0 &&
		str_eq(text.data, "canary\n");
}

/* What was done to the host's side, whatever the attempt says itself; NULL: nothing. */
static const char *damage(const struct probing *p)
{
	auto_free char *typed = str_printf("%s/typed", p->c->dir);
	struct stat st;

	if (!is_canary(p->out, "canary"))
		return "the host's file was changed";
	if (!is_canary(p->out, "ro/file"))
		return "the read-only file was changed";
	if (typed && stat(typed, &st) == 0 && st.st_size > 0)
		return "the caller's terminal was typed into";
	return kill(p->server, 0) == 0 ? NULL : "the host's process is gone";
}

/* ---- what is expected */

/* "chroot=escapes nspawn=stops": the word for this wall, or NULL. */
static char *word_for(const char *text, const char *wall)
{
	auto_strv struct strv words = { 0 };
	size_t n = strlen(wall);

	if (strv_split(&words, text, " ") < 0)
		return NULL;
	for (size_t i = 0; i < words.n; i++)
		if (str_starts(words.v[i], wall) && words.v[i][n] == '=')
			return strdup(words.v[i] + n + 1);
	return NULL;
}

/* As run.sh has it: what the container wall stops a stronger one does, too. */
static char *expected(const struct probing *p, char *const *head)
{
	const char *const names[] = { "container",
		p->a->wall->host_kernel ? p->a->name : "sentry", p->a->name };
	char *what = NULL;

	for (size_t i = 0; i < 3; i++) {
		const char *const texts[] = { head[COLUMN_EXPECT], head[p->role] };

		for (size_t k = 0; k < 2; k++) {
			char *word = word_for(texts[k], names[i]);

			if (word) {
				free(what);
				what = word;
			}
		}
	}
	return what;
}

static const char *layer(const struct probing *p, char *const *head)
{
	const char *wall = p->a->name;

	if (!p->a->wall->host_kernel)
		return "its own kernel";
	if (str_eq(wall, "chroot"))
		return *head[COLUMN_LAYER_CHROOT] ? head[COLUMN_LAYER_CHROOT]
			: p->role == COLUMN_ROOT  ? "the host's kernel"
						  : "the rights of an ordinary user";
	if (str_eq(wall, "container") && *head[COLUMN_LAYER_CONTAINER])
		return head[COLUMN_LAYER_CONTAINER];
	return head[COLUMN_LAYER];
}

/* ---- one attempt */

/* How long its first thought is: up to a colon, a semicolon or a full stop. */
static size_t brief_of(const char *what)
{
	size_t n = 0;

	while (what[n] &&
		!(strchr(":;.", what[n]) && (what[n + 1] == ' ' || !what[n + 1])))
		n++;
	return n;
}

static struct probe_result *add(struct probing *p, const char *name, const char *what)
{
	struct probe_result *r;

	if (p->ret->n == RESULTS_MAX)
		return NULL;
	r = &p->ret->v[p->ret->n++];
	*r = (struct probe_result){ .wall = p->a,
		.name = strdup(name),
		.what = strndup(what, brief_of(what)),
		.expected = true };
	return r;
}

static int words_of(
	struct probing *p, char *const *head, const char *ws, struct strv *ret)
{
	auto_free char *typed = str_printf("%s/typed", p->c->dir);
	auto_free char *name =
		str_printf("compare-%d-%s-p%u", (int)getpid(), p->a->name, p->round);
	auto_free char *show = str_printf("%s:/hostile:ro", p->bin);
	auto_free char *ro = str_printf("%s/ro:%s/ro:ro", p->out, p->out);
	auto_free char *which = str_printf("BRIG_PROBE=%s", head[COLUMN_NAME]);
	const char *under = head[COLUMN_UNDER];
	int r = 0;

	if (!typed || !name || !show || !ro || !which)
		return -ENOMEM;
	if (str_eq(under, "keyring"))
		r = strv_add_all(ret, WORDS(p->program, "host", "keyring", p->out));
	else if (str_eq(under, "terminal"))
		r = strv_add_all(ret, WORDS(p->program, "host", "terminal", typed));
	else if (str_eq(under, "descriptors"))
		r = strv_add_all(ret,
			WORDS("sh", "-c",
				"exec 7<\"$0/secret\" 8<\"$0\" 9<\"$0/..\"; exec \"$@\"",
				p->out));
	r = r < 0 ? r
		  : strv_add_all(ret,
			    WORDS(p->c->self, "run", "--rm", "-q", "--wall", p->a->name,
				    "--name", name));
	if (r == 0 && p->c->image)
		r = strv_add_all(ret, WORDS("--image", p->c->image));
	r = r < 0 ? r : strv_split(ret, head[COLUMN_OPTIONS], " ");
	for (size_t i = 0; i < p->env.n && r == 0; i++)
		r = strv_add_all(ret, WORDS("-e", p->env.v[i]));
	if (r == 0 && str_eq(under, "terminal"))
		r = strv_add_all(ret, WORDS("-e", "CALLER_TTY"));
	return r < 0 ? r
		     : strv_add_all(ret,
			       WORDS("-e", which, "-v", show, "-v", ro, ws, "--",
				       "/hostile/brig-probe"));
}

/* The last line that says how it went, without that word. */
static char *last_word(const struct buf *out)
{
	static const char *const words[] = { "escaped: ", "stopped: ", "untried: " };
	auto_strv struct strv lines = { 0 };

	if (strv_split(&lines, out->data ? out->data : "", "\r\n") < 0)
		return NULL;
	for (size_t i = lines.n; i > 0; i--)
		for (size_t k = 0; k < 3; k++)
			if (str_starts(lines.v[i - 1], words[k]))
				return str_escape(lines.v[i - 1] + strlen(words[k]));
	return NULL;
}

static void judge(struct probing *p, char *const *head, int status, const struct buf *out,
	struct probe_result *res)
{
	auto_free char *want = expected(p, head);
	const char *harm = damage(p);
	bool refused = status == 125 && str_eq(head[COLUMN_REFUSAL], "stops");

	res->detail = last_word(out);
	res->outcome = refused ? OUTCOME_STOPPED
		: !res->detail ? OUTCOME_BROKEN
		: status == 0  ? OUTCOME_OUT
		: status == 1  ? OUTCOME_STOPPED
		: status == 77 ? OUTCOME_UNTRIED
			       : OUTCOME_BROKEN;
	if (res->outcome == OUTCOME_OUT && str_eq(want, "own"))
		res->outcome = OUTCOME_OWN;
	if (harm) {
		res->outcome = OUTCOME_OUT;
		free(res->detail);
		res->detail = strdup(harm);
	}
	if (refused)
		res->detail = strdup("brig refuses to run without the limit");
	if (!res->detail)
		res->detail = str_printf("ended with %d: %.200s", status,
			out->data ? out->data : "nothing said");
	if (res->outcome == OUTCOME_STOPPED)
		res->layer = strdup(layer(p, head));
	res->expected = res->outcome != OUTCOME_BROKEN &&
		(res->outcome != OUTCOME_OUT || str_eq(want, "escapes") ||
			str_eq(want, "any"));
	if (res->outcome == OUTCOME_OUT && res->expected)
		res->why = strdup(
			*head[COLUMN_REMARK] ? head[COLUMN_REMARK] : p->a->wall->passes);
	if (res->outcome == OUTCOME_OWN)
		res->why = strdup("what it gets at is the sandbox's own kernel");
}

static int attempt(struct probing *p, char *const *head, struct err *e)
{
	auto_free char *ws = str_printf("%s/probe-ws-%u", p->c->dir, ++p->round);
	struct probe_result *res = add(p, head[COLUMN_NAME], head[COLUMN_TRICK]);
	auto_buf struct buf out = { 0 };
	auto_strv struct strv words = { 0 };
	int r;

	if (!ws || !res)
		return err_set(e, ENOMEM, "out of memory");
	if (str_eq(p->a->name, "chroot") && *head[COLUMN_HARM]) {
		res->outcome = OUTCOME_LEFT_OUT;
		res->detail = strdup(head[COLUMN_HARM]);
		return 0;
	}
	if (mkdir(ws, 0755) < 0)
		return err_sys(e, "make '%s'", ws);
	if ((r = reset(p, e)) < 0)
		return r;
	if (str_eq(head[COLUMN_SETUP], "git"))
		(void)exec_run(WORDS("git", "init", "-q", ws), ws, 10, NULL, NULL);
	if (words_of(p, head, ws, &words) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = exec_run(words.v, p->c->dir, PROBE_SECONDS, &out, &out);
	if (r == -EINTR)
		return err_set(
			e, EINTR, "interrupted: everything of this run is removed");
	judge(p, head, r, &out, res);
	return 0;
}

static int seed(struct probing *p, struct err *e)
{
	struct probe_result *res =
		add(p, "rm-rf-workspace", "delete the whole workspace");
	int r = res ? seed_run(p->c, p->a, &res->detail, &res->expected) : -ENOMEM;

	if (r < 0)
		return err_set(e, -r,
			r == -EINTR ? "interrupted: everything of this run is removed"
				    : "the workspace that is to be deleted");
	res->outcome = OUTCOME_LOST;
	res->why = strdup(
		"the workspace is the agent's to write; a restore point is taken first");
	return 0;
}

/* ---- all of them */

static void find_role(struct probing *p)
{
	struct idmap ids = { 0 };
	struct err quiet;

	p->role = geteuid() == 0                                     ? COLUMN_ROOT
		: idmap_for_caller(&ids, &quiet) == 0 && !ids.single ? COLUMN_USER
								     : COLUMN_PLAIN;
}

/* A line of 'brig-probe list', in which columns may be empty. */
static bool split_head(char *line, char *head[COLUMNS])
{
	size_t n = 0;

	while (n < COLUMNS && line)
		head[n++] = strsep(&line, "\t");
	return n == COLUMNS;
}

static int run_wall(struct probing *p, const struct strv *list, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < list->n && r == 0; i++) {
		auto_free char *line = strdup(list->v[i]);
		char *head[COLUMNS];

		if (!line || !split_head(line, head))
			continue;
		compare_progress(p->c, "%s, attempt %zu of %zu: %s", p->a->name, i + 1,
			list->n + 1, head[COLUMN_NAME]);
		r = attempt(p, head, e);
	}
	if (r == 0)
		r = seed(p, e);
	p->a->ops->end(p->c, p->a);
	return r;
}

static int read_list(struct probing *p, struct strv *ret, struct err *e)
{
	auto_buf struct buf out = { 0 };
	int r = exec_run(WORDS(p->program, "list"), "/", 10, &out, NULL);

	if (r == 0 && strv_split(ret, out.data ? out.data : "", "\n") == 0 && ret->n)
		return 0;
	(void)err_set(e, ENOENT, "'%s' lists no attempts", p->program);
	err_hint(e, "is brig installed whole? brig doctor says what is missing");
	return -ENOENT;
}

static int run_all(struct probing *p, struct err *e)
{
	auto_strv struct strv list = { 0 };
	int r = read_list(p, &list, e);

	r = r < 0 ? r : set_up(p, e);
	for (size_t i = 0; i < p->c->n && r == 0; i++) {
		p->a = &p->c->rows[i];
		if (!p->a->wall || p->a->ops->probe(p->c, p->a) < 0)
			continue;
		r = run_wall(p, &list, e);
	}
	return r;
}

int probes_run(struct compare *c, struct probe_results *ret, struct err *e)
{
	struct probing p = { .c = c, .ret = ret };
	int r;

	p.program = dirs_helper("brig-probe");
	p.out = str_printf("%s/out", c->dir);
	p.bin = str_printf("%s/bin", c->dir);
	ret->v = calloc(RESULTS_MAX, sizeof(*ret->v));
	find_role(&p);
	r = p.program && p.out && p.bin && ret->v ? run_all(&p, e)
						  : err_set(e, ENOMEM, "out of memory");
	/* it takes its shared memory away */
	if (p.server > 0) {
		(void)kill(p.server, SIGTERM);
		(void)usleep(50000);
		exec_kill(p.server);
	}
	free(p.program);
	free(p.out);
	free(p.bin);
	strv_clear(&p.env);
	return r;
}

void probes_clear(struct probe_results *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].name);
		free(r->v[i].what);
		free(r->v[i].layer);
		free(r->v[i].detail);
		free(r->v[i].why);
	}
	free(r->v);
	*r = (struct probe_results){ 0 };
}

struct json *probes_json(const struct probe_results *r, const struct compare *c)
{
	struct json *all = json_new_object(), *list = json_new_array(),
		    *lacks = json_new_object();

	for (size_t i = 0; i < r->n; i++) {
		const struct probe_result *p = &r->v[i];
		struct json *j = json_new_object();

		(void)json_add_str(j, "wall", p->wall->name);
		(void)json_add_str(j, "probe", p->name);
		(void)json_add_str(j, "what", p->what);
		(void)json_add_str(j, "outcome", outcome_names[p->outcome]);
		(void)json_add(j, "expected", json_new_bool(p->expected));
		(void)json_add_str(j, "layer", p->layer);
		(void)json_add_str(j, "detail", p->detail);
		(void)json_add_str(j, "why", p->why);
		(void)json_append(list, j);
	}
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].why)
			(void)json_add_str(lacks, c->rows[i].name, c->rows[i].why);
	(void)json_add(all, "probes", list);
	return json_add(all, "not_here", lacks) < 0 ? (json_free(all), NULL) : all;
}
