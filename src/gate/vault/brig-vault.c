/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brig-vault.c - keeps secrets and makes certificates; the program behind 'brig secret'.
 *
 * A program of its own, for it links OpenSSL. 'serve' is the role in a running sandbox;
 * the others are called by the command line and by a start. Results go to standard output
 * as JSON, errors to standard error.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/opts.h"
#include "base/title.h"
#include "gate/vault/vault-key.h"
#include "gate/vault/vault-serve.h"
#include "gate/vault/vault-verbs.h"

#include <signal.h>
#include <sys/stat.h>

struct options {
	struct vault_options vault;
	struct strv words;
	bool help;
};

static const struct opt options_table[] = {
	OPT(struct options, "host", 0, "HOST", vault.hosts, opt_list,
		"A host that the secret may be sent to"),
	OPT(struct options, "env", 0, "VAR", vault.env, opt_list,
		"A variable that holds it in a sandbox"),
	OPT(struct options, "sandbox", 0, "NAME", vault.sandbox, opt_str,
		"The only sandbox that may have it"),
	OPT(struct options, "keep", 0, "PLACE", vault.keep, opt_str,
		"Keep the master key there: service, keyring or file"),
	OPT(struct options, "help", 'h', NULL, help, opt_bool, "Show this help"),
	{ 0 },
};

#define USAGE "set NAME | rm NAME... | ls | mint DIR | jks DIR | pool | serve"

static void complain(const struct err *e)
{
	auto_free char *msg = str_escape(e->msg), *hint = str_escape(e->hint);

	fprintf(stderr, "brig: %s\n", msg ? msg : "out of memory");
	if (hint && *hint)
		fprintf(stderr, "  hint: %s\n", hint);
}

static int run(const struct options *o, struct err *e)
{
	const struct strv *w = &o->words;
	const char *verb = w->n ? w->v[0] : "";
	auto_buf struct buf out = { 0 };
	int r;

	if (str_eq(verb, "set") && w->n == 2)
		r = vault_verb_set(w->v[1], &o->vault, STDIN_FILENO, &out, e);
	else if (str_eq(verb, "rm") && w->n >= 2)
		r = vault_verb_rm(w->v + 1, &o->vault, &out, e);
	else if (str_eq(verb, "ls") && w->n == 1)
		r = vault_verb_ls(&out, e);
	else if (str_eq(verb, "mint") && w->n == 2)
		r = vault_verb_mint(w->v[1], e);
	else if (str_eq(verb, "jks") && w->n == 2)
		r = vault_verb_jks(w->v[1], e);
	else if (str_eq(verb, "pool") && w->n == 1)
		r = vault_verb_pool(e);
	else if (str_eq(verb, "serve") && w->n == 1)
		return vault_serve(e);
	else
		return err_set(e, EINVAL, "usage: brig-vault %s", USAGE);
	if (r == 0 && out.len)
		(void)fputs(out.data, stdout);
	if (r == 0 && fflush(stdout) != 0)
		r = err_sys(e, "write to standard output");
	return r;
}

static int help(void)
{
	auto_buf struct buf text = { 0 };

	if (opts_help(options_table, 80, &text) < 0)
		return 1;
	(void)printf("Usage: brig-vault [OPTIONS] %s\n\n%s", USAGE, text.data);
	return 0;
}

int main(int argc, char **argv, char **envp)
{
	struct strv rest = { 0 };
	struct options o = { 0 };
	struct opts_result words = { .words = &o.words, .rest = &rest };
	struct err e = { 0 };
	int r;

	title_init(argc, argv, envp);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	r = argc > 0 ? opts_parse(options_table, &o, argv + 1, 0, &words, &e) : -EINVAL;
	if (r == 0 && o.help)
		return help();
	if (r == 0)
		r = vault_harden(&e);
	if (r == 0)
		r = vault_crypto_init(&e);
	if (r == 0)
		r = run(&o, &e);
	strv_clear(&o.words);
	strv_clear(&rest);
	strv_clear(&o.vault.hosts);
	strv_clear(&o.vault.env);
	free(o.vault.sandbox);
	free(o.vault.keep);
	if (r < 0)
		complain(&e);
	return r < 0;
}
