/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * The vault is two processes. Both begin as one, which reads the master key from where it
 * is kept and takes the first configuration from the keeper. With these it opens the CA's
 * key, and forks:
 *
 *	signer		has the CA's key and the gate's socket. It parses what the gate
 *			sends, public keys above all, with OpenSSL; a gate that was taken
 *			over and finds a bug there wins the right to sign for this one
 *			sandbox, and no secret: the master key's page is zero in a child
 *			(MADV_WIPEONFORK) and no secret has been opened yet.
 *	key holder	has the master key, the keeper's and the injector's socket. It needs
 *			the key as long as it lives, since a later configuration may grant
 *			what the first did not; so what it listens to is the keeper alone.
 *			The injector's socket is only written to. A secret is open from
 *			before it is sent until after.
 *
 * The rejected way: one process that forgets the master key after the first configuration.
 * A new grant would then want a new vault and new sockets for gate and injector, and until
 * then the process that parses hostile keys would hold every granted secret.
 *
 * The signer dies with the key holder (PR_SET_PDEATHSIG), which ends when the signer does.
 */
#include "gate/vault/vault-serve.h"

#include "base/err.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/title.h"
#include "gate/roles.h"
#include "gate/vault/vault-grants.h"
#include "gate/vault/vault-key.h"
#include "gate/vault/vault-signer.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-wait.h"
#include "linux/pidfds.h"
#include "linux/promise.h"

#include <sys/prctl.h>

enum config_fd { CONFIG_TEXT, CONFIG_STORE, CONFIG_CERT, CONFIG_KEY, CONFIG_FDS };

struct holder {
	struct vault_master master;
	struct loop *loop;
	struct err failed;
	struct parcel parcel;
};

static int read_master(struct vault_master *m, struct err *e)
{
	auto_vault_store struct vault_store s = { 0 };
	auto_fd int dir = vault_store_dir(e);
	int r = dir < 0 ? dir : vault_store_load(dir, &s, e);

	if (r == 0)
		r = vault_master_new(m, e);
	return r == 0 ? vault_key_get(dir, &s, m, e) : r;
}

/* Tell the keeper why its configuration isn't in force; the old one still is. */
static int refuse(const struct err *why, struct err *e)
{
	auto_buf struct buf text = { 0 };

	if (buf_addf(&text, "vault: %s%s%s", why->msg, why->hint[0] ? "; " : "",
		    why->hint) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return vault_send(ROLE_FD_KEEPER, ROLE_REFUSED, &text, VAULT_PEER_WAIT_MS, e);
}

/* For the audit log: a grant that gives nothing (any more). */
static int report_missing(const struct strv *names, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < names->n && r == 0; i++) {
		auto_buf struct buf line = { 0 };

		if (buf_addf(&line,
			    "{\"type\":\"secret\",\"name\":\"%s\",\"action\":"
			    "\"missing\"}\n",
			    names->v[i]) < 0)
			return err_set(e, ENOMEM, "out of memory");
		r = vault_send(ROLE_FD_KEEPER, ROLE_EVENTS, &line, VAULT_PEER_WAIT_MS, e);
	}
	return r;
}

static int send_secrets(const struct vault_push *p, struct err *e)
{
	static const struct buf nothing = { 0 };
	int r = vault_send(
		VAULT_FD_INJECTOR, VAULT_SECRETS_BEGIN, &nothing, VAULT_PEER_WAIT_MS, e);

	for (size_t i = 0; i < p->n && r == 0; i++)
		r = vault_send(
			VAULT_FD_INJECTOR, VAULT_SECRET, &p->v[i], VAULT_PEER_WAIT_MS, e);
	if (r == 0)
		r = vault_send(VAULT_FD_INJECTOR, VAULT_SECRETS_END, &nothing,
			VAULT_PEER_WAIT_MS, e);
	return r < 0 ? err_wrap(e, "secrets for the injector") : 0;
}

static int read_config(const struct parcel *p, struct vault_config *c,
	struct vault_store *s, struct err *e)
{
	auto_buf struct buf text = { .max = VAULT_CONFIG_MAX * 2 };
	auto_buf struct buf store = { .max = VAULT_STORE_MAX_BYTES * 2 };
	int r;

	if (p->fds_n <= CONFIG_STORE)
		return err_set(e, EPROTO, "configuration without its files");
	r = parcel_read_memfd(p->fds[CONFIG_TEXT], VAULT_CONFIG_MAX, &text, e);
	if (r == 0)
		r = parcel_read_memfd(
			p->fds[CONFIG_STORE], VAULT_STORE_MAX_BYTES, &store, e);
	if (r == 0)
		r = vault_config_parse(text.data ? text.data : "", text.len, c, e);
	return r < 0 ? r : vault_store_parse(store.data, store.len, s, e);
}

/*
 * A configuration: open what it grants and hand it over.
 *
 * Should:  open everything before anything is sent, so that what is refused changes
 *          nothing.
 */
static int configure(struct holder *h, struct err *e)
{
	auto_vault_config struct vault_config c = { 0 };
	auto_vault_store struct vault_store s = { 0 };
	auto_vault_push struct vault_push push = { 0 };
	static const struct buf nothing = { 0 };
	struct err why = { 0 };
	int r = read_config(&h->parcel, &c, &s, &why);

	if (r == 0)
		r = vault_push_make(&push, &c, &s, h->master.key, &why);
	if (r < 0)
		return refuse(&why, e);
	r = send_secrets(&push, e);
	if (r == 0)
		r = report_missing(&push.missing, e);
	return r < 0
		? r
		: vault_send(ROLE_FD_KEEPER, ROLE_READY, &nothing, VAULT_PEER_WAIT_MS, e);
}

static int open_ca(struct holder *h, struct vault_ca *ret, struct err *e)
{
	auto_buf struct buf pem = { 0 }, key = { 0 };
	const struct parcel *p = &h->parcel;
	int r;

	if (p->type != ROLE_CONFIG || p->fds_n < CONFIG_FDS)
		return err_set(e, EPROTO, "the first message is no whole configuration");
	r = parcel_read_memfd(p->fds[CONFIG_CERT], VAULT_CA_MAX, &pem, e);
	if (r == 0)
		r = parcel_read_memfd(p->fds[CONFIG_KEY], VAULT_CA_MAX, &key, e);
	return r < 0 ? r : vault_ca_open(&pem, &key, h->master.key, ret, e);
}

static int first_config(struct holder *h, struct err *e)
{
	int r = vault_wait(ROLE_FD_KEEPER, VAULT_FIRST_WAIT_MS, e);

	if (r < 0)
		return r;
	r = parcel_recv(ROLE_FD_KEEPER, &h->parcel);
	if (r == 0)
		return err_set(e, EPIPE, "the keeper is gone");
	return r < 0 ? err_set(e, -r, "receive the configuration: %s", err_text(-r)) : 0;
}

static int be_signer(struct holder *h, struct signer *s, pid_t parent, struct err *e)
{
	static char *none[] = { NULL };
	int r = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		r = err_set(e, ESRCH, "the vault has ended");
	/* zero already; the mapping goes too, and with it what could be a surprise */
	vault_master_free(&h->master);
	parcel_close_fds(&h->parcel);
	(void)close(ROLE_FD_KEEPER);
	(void)close(VAULT_FD_INJECTOR);
	environ = none;
	title_set("brig-vault: signer");
	return r < 0 ? r : signer_serve(s, VAULT_FD_GATE, e);
}

/* The child's end: what it had to say is on standard error, the keeper's log. */
static void end_signer(int r, const struct err *e)
{
	if (r < 0)
		(void)fprintf(stderr, "brig-vault: signer: %s\n", e->msg);
	_exit(r < 0);
}

static int fork_signer(struct holder *h, int *ret_pidfd, struct err *e)
{
	struct signer s = { 0 };
	pid_t parent = getpid(), pid;
	int r = open_ca(h, &s.ca, e);

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		r = be_signer(h, &s, parent, e);
		vault_ca_clear(&s.ca);
		end_signer(r, e);
	}
	r = pid < 0 ? err_sys(e, "fork the signer") : 0;
	vault_ca_clear(&s.ca);
	(void)close(VAULT_FD_GATE);
	*ret_pidfd = pid < 0 ? -1 : pidfd_open_pid(pid, e);
	return r < 0 ? r : *ret_pidfd < 0 ? *ret_pidfd : 0;
}

static void on_keeper(struct loop_source *src, uint32_t events, void *data)
{
	struct holder *h = data;
	int r = parcel_recv(loop_source_fd(src), &h->parcel);

	(void)events;
	if (r == -EAGAIN)
		return;
	if (r == 0) {
		loop_quit(h->loop, 0);
		return;
	}
	if (r > 0 && h->parcel.type == ROLE_CONFIG)
		r = configure(h, &h->failed);
	else
		r = err_set(&h->failed, EPROTO, "the keeper's message makes no sense");
	parcel_close_fds(&h->parcel);
	if (r < 0)
		loop_quit(h->loop, r);
}

static void on_signer(struct loop_source *src, uint32_t events, void *data)
{
	struct holder *h = data;

	(void)src;
	(void)events;
	loop_quit(h->loop, 0);
}

static int hold(struct holder *h, int signer, struct err *e)
{
	auto_loop struct loop *l = NULL;
	int r = loop_new(&l, e);

	h->loop = l;
	if (r == 0)
		r = loop_add_fd(l, ROLE_FD_KEEPER, EPOLLIN, on_keeper, h, NULL, e);
	if (r == 0)
		r = loop_add_fd(l, signer, EPOLLIN, on_signer, h, NULL, e);
	if (r == 0)
		r = promise(PROMISE_VAULT, e);
	if (r == 0)
		r = configure(h, e);
	parcel_close_fds(&h->parcel);
	if (r == 0)
		r = loop_run(l);
	if (r < 0 && h->failed.code)
		*e = h->failed;
	return r;
}

static int serve(struct holder *h, struct err *e)
{
	auto_fd int signer = -1;
	int r = vault_harden(e);

	if (r == 0)
		r = vault_crypto_init(e);
	if (r == 0)
		r = read_master(&h->master, e);
	if (r == 0)
		r = first_config(h, e);
	if (r == 0)
		r = fork_signer(h, &signer, e);
	if (r < 0) {
		struct err quiet;

		(void)refuse(e, &quiet);
		return r;
	}
	return hold(h, signer, e);
}

int vault_serve(struct err *e)
{
	struct holder *h = calloc(1, sizeof(*h));
	int r = h ? serve(h, e) : err_set(e, ENOMEM, "out of memory");

	if (h) {
		parcel_close_fds(&h->parcel);
		vault_master_free(&h->master);
	}
	free(h);
	return r;
}
