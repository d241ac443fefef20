/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - 'brig secret': keys that sandboxes may use and never see.
 *
 * What needs a key or OpenSSL is brig-vault's work; a value goes there through a pipe, and
 * is in no argument, environment or file.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/secret-store.h"
#include "cli/verbs.h"
#include "gate/vault/vault-service.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"
#include "sandbox/notify.h"

#include <fcntl.h>
#include <termios.h>

#define KEY_INTERRUPT 3
#define KEY_EOT       4
#define KEY_DELETE    127

struct set_args {
	struct strv hosts, env;
	char *sandbox, *keep, *from_env;
	bool json;
};

static void set_clear(void *args)
{
	struct set_args *a = args;

	strv_clear(&a->hosts);
	strv_clear(&a->env);
	free(a->sandbox);
	free(a->keep);
	free(a->from_env);
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}

/* Sandboxes that run get it at once; what stands in the way of that is no failure here. */
static void tell_sandboxes(void)
{
	auto_strv struct strv notes = { 0 };
	struct err why = { 0 };

	if (notify_secrets(&notes, &why) < 0)
		out_note("sandboxes that run were not told: %s", why.msg);
	for (size_t i = 0; i < notes.n; i++)
		out_note("%s", notes.v[i]);
}

static int read_from_env(const char *name, struct buf *value, struct err *e)
{
	const char *text = getenv(name);

	if (!text || !*text)
		return err_set(e, ENOENT, "the variable '%.80s' isn't set", name);
	if (buf_reserve(value, strlen(text) + 1) < 0 || buf_add_str(value, text) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

/* One key of the value; false at its end. */
static bool take_key(char c, struct buf *value)
{
	if (c == '\n' || c == '\r' || c == KEY_EOT)
		return false;
	if (c == KEY_DELETE || c == '\b')
		value->len -= value->len > 0;
	else if (value->len + 1 < value->cap)
		value->data[value->len++] = c;
	return true;
}

/*
 * A line from the terminal, unseen. Key by key: the terminal's own lines end at 4095 bytes,
 * and a signal's key would leave it without echo.
 */
static int prompt(const char *name, struct buf *value, struct err *e)
{
	struct termios before, quiet;
	auto_fd int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	ssize_t n;
	char c = 0;

	if (tty < 0 || tcgetattr(tty, &before) < 0)
		return err_sys(e, "ask for the value on the terminal");
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	quiet.c_cc[VMIN] = 1;
	quiet.c_cc[VTIME] = 0;
	(void)dprintf(tty, "value of '%s' (it isn't shown): ", name);
	if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
		return err_sys(e, "turn the echo off");
	do
		n = read(tty, &c, 1);
	while (n == 1 && c != KEY_INTERRUPT && take_key(c, value));
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	(void)dprintf(tty, "\n");
	return n != 1 || c == KEY_INTERRUPT ? err_set(e, EINTR, "no value was given") : 0;
}

static int read_value(
	const char *name, const struct set_args *a, struct buf *value, struct err *e)
{
	int r;

	if (a->from_env)
		return read_from_env(a->from_env, value, e);
	if (buf_reserve(value, VAULT_VALUE_MAX + 20000) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (isatty(STDIN_FILENO))
		return prompt(name, value, e);
	r = file_read_fd(STDIN_FILENO, "standard input", VAULT_VALUE_MAX + 2, value, e);
	return r == -EFBIG
		? err_set(e, EINVAL, "the value is longer than %u bytes", VAULT_VALUE_MAX)
		: r;
}

static int add_each(struct strv *words, const char *option, const struct strv *v)
{
	int r = 0;

	for (size_t i = 0; i < v->n && r == 0; i++)
		r = strv_addf(words, "--%s=%s", option, v->v[i]);
	return r;
}

/* A secret's stand-in in one of these would keep the sandbox from working, or from being safe. */
static bool is_needed(const char *name)
{
	static const char *const names[] = { "PATH", "HOME", "USER", "LOGNAME", "SHELL",
		"PWD", "TERM", "LANG", "TMPDIR", "IFS", "ENV", "BASH_ENV",
		"SSL_CERT_FILE" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return str_starts(name, "LD_") || str_starts(name, "LC_") ||
		str_starts(name, "BRIG_");
}

static int check_variable(const char *name, struct err *e)
{
	if (!is_needed(name))
		return 0; /* whether it is a name at all, the vault says */
	(void)err_set(e, EINVAL,
		"--env '%.80s': programs in the sandbox need that variable", name);
	err_hint(e,
		"the variable in which a program looks for the secret: --env "
		"EXAMPLE_API_KEY");
	return -EINVAL;
}

/*
 * brig-vault's words: hosts and variables as given, or, for one that isn't stored yet, from
 * the table of services.
 */
static int set_words(const char *name, const struct set_args *a,
	const struct vault_service *service, struct strv *words, struct err *e)
{
	auto_vault_store struct vault_store store = { 0 };
	int r = vault_store_look(&store, e);
	bool stored = r == 0 && vault_store_find(&store, name, a->sandbox);

	for (size_t i = 0; i < a->env.n && r == 0; i++)
		r = check_variable(a->env.v[i], e);
	if (r < 0)
		return r;
	if (!stored && !service && (!a->hosts.n || !a->env.n)) {
		(void)err_set(e, EINVAL,
			"'%.80s' is no known service: where may it be sent, and which "
			"variable holds it?",
			name);
		err_hint(e, "brig secret set %.80s --host HOST --env VARIABLE", name);
		return -EINVAL;
	}
	r = strv_add_all(
		words, (char *const[]){ (char *)(uintptr_t) "brig-vault", NULL });
	if (r == 0)
		r = add_each(words, "host",
			a->hosts.n || stored || !service ? &a->hosts : &service->hosts);
	if (r == 0)
		r = add_each(words, "env",
			a->env.n || stored || !service ? &a->env : &service->env);
	if (r == 0 && a->sandbox)
		r = strv_addf(words, "--sandbox=%s", a->sandbox);
	if (r == 0 && a->keep)
		r = strv_addf(words, "--keep=%s", a->keep);
	if (r == 0)
		r = strv_add(words, "set");
	if (r == 0)
		r = strv_add(words, name);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static void say_place(int place)
{
	out_note("the key to the secrets is kept in %s%s", vault_place_text(place),
		place == VAULT_PLACE_FILE ? " (secrets/key), yours alone"
			: place == VAULT_PLACE_KEYRING
			? ": it is lost, and the secrets with it, "
			  "when the machine restarts"
			: "");
}

static int say_set(const char *name, const struct buf *answer, bool json, struct err *e)
{
	auto_json struct json *j = NULL;
	int place = -1, r;

	r = json_parse(
		answer->data ? answer->data : "", answer->len, "brig-vault", &j, e);
	if (r < 0)
		return r;
	for (int i = 0; vault_place_names[i]; i++)
		if (str_eq(vault_place_names[i], json_get_str(j, "key")))
			place = i;
	if (json_get_bool(j, "made") || json_get_bool(j, "moved"))
		say_place(place);
	if (json)
		return out_json(j, e);
	return out_line("%s: %s", name, json_get_bool(j, "rotated") ? "rotated" : "set");
}

static int store_value(const char *name, const struct set_args *a,
	const struct vault_services *known, const struct buf *value, struct err *e)
{
	auto_strv struct strv words = { 0 };
	auto_buf struct buf answer = { 0 };
	int r = set_words(name, a, vault_service_find(known, name), &words, e);

	if (r == 0)
		r = secret_vault(&words, value, &answer, e);
	if (r != 0)
		return r > 0 ? EXIT_BRIG : r;
	return say_set(name, &answer, a->json, e);
}

static int set_run(const struct invocation *inv, struct err *e)
{
	const struct set_args *a = inv->args;
	auto_vault_services struct vault_services known = { 0 };
	AUTO(wipe) struct buf value = { 0 };
	const char *name = inv->words.v[0];
	int r = vault_name_check(name, e);

	if (r == 0)
		r = vault_services_load(&known, e);
	/* what is wrong with the words is said before a value is asked for */
	if (r == 0) {
		auto_strv struct strv words = { 0 };

		r = set_words(name, a, vault_service_find(&known, name), &words, e);
	}
	if (r == 0)
		r = read_value(name, a, &value, e);
	if (r == 0)
		r = store_value(name, a, &known, &value, e);
	if (r == 0)
		tell_sandboxes();
	return r;
}

struct import_args {
	bool all, dry_run;
};

static int import_one(const struct vault_service *s, const struct vault_services *known,
	bool dry_run, struct err *e)
{
	struct set_args a = { 0 };
	AUTO(wipe) struct buf value = { 0 };
	const char *variable = NULL;
	int r;

	if (!vault_service_value(s, &variable))
		return 0;
	if (dry_run)
		return out_line("%s: from %s", s->name, variable);
	r = read_from_env(variable, &value, e);
	return r < 0 ? r : store_value(s->name, &a, known, &value, e);
}

static int check_named(
	const struct strv *names, const struct vault_services *known, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct vault_service *s = vault_service_find(known, names->v[i]);
		const char *all[128], *near, *variable;
		auto_free char *shown = str_escape(names->v[i]);
		size_t n = 0;

		for (; n < known->list.n && n < 128; n++)
			all[n] = vault_services_at(known, n)->name;
		near = str_nearest(names->v[i], all, n);
		if (!s) {
			(void)err_set(e, ENOENT, "'%.80s' is no known service",
				shown ? shown : "?");
			if (near)
				err_hint(e, "did you mean '%s'?", near);
			return -ENOENT;
		}
		if (!vault_service_value(s, &variable)) {
			auto_free char *vars = str_join(s->env.v, " or ");

			return err_set(e, ENOENT, "'%s': %s isn't set", s->name,
				vars ? vars : "its variable");
		}
	}
	return 0;
}

static int import_run(const struct invocation *inv, struct err *e)
{
	const struct import_args *a = inv->args;
	auto_vault_services struct vault_services known = { 0 };
	bool dry_run = a->dry_run || (!a->all && !inv->words.n), any = false;
	int r = vault_services_load(&known, e);

	if (r == 0)
		r = check_named(&inv->words, &known, e);
	for (size_t i = 0; i < known.list.n && r == 0; i++) {
		const struct vault_service *s = vault_services_at(&known, i);
		const char *variable;

		if ((inv->words.n && !strv_has(&inv->words, s->name)) ||
			!vault_service_value(s, &variable))
			continue;
		any = true;
		r = import_one(s, &known, dry_run, e);
	}
	if (r == 0 && !any)
		out_note("the environment holds no key of a known service");
	else if (r == 0 && dry_run && !a->dry_run)
		out_note("nothing was imported: name services, or give --all");
	else if (r == 0 && !dry_run)
		tell_sandboxes();
	return r;
}

static struct json *strings(const struct strv *v)
{
	struct json *a = json_new_array();

	for (size_t i = 0; a && i < v->n; i++)
		if (json_append(a, json_new_str(v->v[i])) < 0) {
			json_free(a);
			return NULL;
		}
	return a;
}

static struct json *secret_json(const struct vault_secret *s)
{
	auto_json struct json *j = json_new_object();
	char created[CLOCK_TEXT_MAX], changed[CLOCK_TEXT_MAX];

	if (!j || json_add_str(j, "name", s->name) < 0 ||
		json_add(j, "hosts", strings(&s->hosts)) < 0 ||
		json_add(j, "env", strings(&s->env)) < 0 ||
		json_add_str(j, "sandbox", s->sandbox) < 0 ||
		json_add_str(j, "created", clock_text(s->created, created)) < 0 ||
		json_add_str(j, "changed", clock_text(s->changed, changed)) < 0)
		return NULL;
	return take_ptr(&j);
}

static int ls_json(const struct vault_store *store, struct err *e)
{
	auto_json struct json *j = json_new_object(), *list = json_new_array();
	const char *key = store->id ? vault_place_names[store->key] : NULL;

	for (size_t i = 0; i < store->secrets.n; i++)
		if (json_append(list, secret_json(vault_store_at(store, i))) < 0)
			return err_set(e, ENOMEM, "out of memory");
	if (!j || json_add_str(j, "key", key) < 0 ||
		json_add(j, "secrets", take_ptr(&list)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return out_json(j, e);
}

static int ls_row(struct out_table *t, const struct vault_secret *s)
{
	char ago[CLOCK_TEXT_MAX];
	auto_free char *hosts = str_join(s->hosts.v, " "), *env = str_join(s->env.v, " ");

	return out_table_add(t,
		(const char *[]){ s->name, env ? env : "", s->sandbox ? s->sandbox : "",
			clock_ago(s->changed, clock_real_ns(), ago),
			hosts ? hosts : "" });
}

static int ls_run(const struct invocation *inv, struct err *e)
{
	static const char *const heads[] = { "NAME", "VARIABLE", "SANDBOX", "CHANGED",
		"HOSTS" };
	const struct set_args *a = inv->args;
	auto_vault_store struct vault_store store = { 0 };
	struct out_table *t;
	int r = vault_store_look(&store, e);

	if (r < 0)
		return r;
	if (a->json)
		return ls_json(&store, e);
	t = out_table_new(heads, 5);
	r = t ? 0 : -ENOMEM;
	for (size_t i = 0; i < store.secrets.n && r == 0; i++)
		r = ls_row(t, vault_store_at(&store, i));
	if (r == 0)
		r = out_table_print(t);
	out_table_free(t);
	if (r == 0 && store.id)
		say_place(store.key);
	return r < 0 ? EXIT_BRIG : 0;
}

static int rm_run(const struct invocation *inv, struct err *e)
{
	const struct set_args *a = inv->args;
	auto_strv struct strv words = { 0 };
	auto_buf struct buf answer = { 0 };
	int r = strv_add(&words, "brig-vault");

	if (r == 0 && a->sandbox)
		r = strv_addf(&words, "--sandbox=%s", a->sandbox);
	if (r == 0)
		r = strv_add(&words, "rm");
	if (r == 0)
		r = strv_add_all(&words, inv->words.v);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = secret_vault(&words, NULL, &answer, e);
	if (r != 0)
		return r > 0 ? EXIT_BRIG : r;
	for (size_t i = 0; i < inv->words.n && r == 0; i++)
		r = out_line("%s: removed", inv->words.v[i]);
	tell_sandboxes();
	return r < 0 ? EXIT_BRIG : 0;
}

static const struct opt set_opts[] = {
	OPT(struct set_args, "host", 0, "HOST", hosts, opt_list,
		"it may be sent there: api.example.com, *.example.com, an address"),
	OPT(struct set_args, "env", 0, "VAR", env, opt_list,
		"the variable that stands for it in a sandbox"),
	OPT(struct set_args, "sandbox", 0, "NAME", sandbox, opt_str,
		"for this sandbox alone", .words = "@sandbox"),
	OPT(struct set_args, "from-env", 0, "VAR", from_env, opt_str,
		"take the value from this variable"),
	OPT(struct set_args, "keep", 0, "PLACE", keep, opt_str,
		"where the key to all secrets is kept: service, keyring or file",
		.words = "service keyring file"),
	OPT(struct set_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

static const struct opt import_opts[] = {
	OPT(struct import_args, "all", 'a', NULL, all, opt_bool,
		"of every known service whose variable is set"),
	OPT(struct import_args, "dry-run", 0, NULL, dry_run, opt_bool,
		"only say what would be imported"),
	{ 0 },
};

static const struct opt ls_opts[] = {
	OPT(struct set_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

static const struct opt rm_opts[] = {
	OPT(struct set_args, "sandbox", 0, "NAME", sandbox, opt_str,
		"the one that is for this sandbox alone", .words = "@sandbox"),
	{ 0 },
};

static const struct command secret_set = {
	.name = "set",
	.usage = "[OPTIONS] NAME",
	.brief = "Store a secret, or give one that is stored a new value",
	.detail = "The value is read from standard input, or asked for on the terminal; "
		  "it is never an argument. For a known service hosts and variable come "
		  "from a table; another NAME needs --host and --env. Sandboxes that "
		  "run use the new value at once.",
	.opts = set_opts,
	.args_size = sizeof(struct set_args),
	.words_min = 1,
	.words_max = 1,
	.run = set_run,
	.clear = set_clear,
};

static const struct command secret_import = {
	.name = "import",
	.usage = "[--all] [--dry-run] [SERVICE...]",
	.brief = "Store the keys of known services that your environment holds",
	.detail = "Without SERVICE and --all it says what there is.",
	.opts = import_opts,
	.args_size = sizeof(struct import_args),
	.words_max = 64,
	.run = import_run,
};

static const struct command secret_ls = {
	.name = "ls",
	.usage = "[--json]",
	.brief = "List the secrets, without their values, and where their key is kept",
	.opts = ls_opts,
	.args_size = sizeof(struct set_args),
	.run = ls_run,
	.clear = set_clear,
};

static const struct command secret_rm = {
	.name = "rm",
	.usage = "[--sandbox NAME] SECRET...",
	.brief = "Remove secrets; sandboxes that run can't use them any more",
	.opts = rm_opts,
	.args_size = sizeof(struct set_args),
	.words_min = 1,
	.words_max = 256,
	.run = rm_run,
	.clear = set_clear,
};

static const struct command *const subs[] = { &secret_set, &secret_import, &secret_ls,
	&secret_rm, NULL };

const struct command verb_secret = {
	.name = "secret",
	.usage = "set|import|ls|rm ...",
	.brief = "Keys that sandboxes may use and never see",
	.detail = "A secret is bound to hosts. A sandbox gets a stand-in in its "
		  "environment, "
		  "and brig puts the secret in its place in requests to those hosts, "
		  "outside of the sandbox. Agents get those that their recipes name; "
		  "--secret of brig run grants others.",
	.sub = subs,
};
