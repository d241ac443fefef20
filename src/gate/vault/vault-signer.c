/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-signer.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/parcel.h"
#include "gate/policy/address.h"
#include "gate/policy/name.h"
#include "gate/roles.h"
#include "gate/vault/vault-wait.h"
#include "linux/promise.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/*
 * Is this a host's name, or an address, in the one form?
 *
 * Mustn't: take a pattern: a certificate for "*.com" would speak for every name inside.
 */
static bool name_good(const char *name)
{
	char form[NAME_MAX_LEN + 1], shown[ADDRESS_TEXT_MAX];
	struct address a;

	if (name_normalise(name, strlen(name), form) == 0)
		return strcmp(form, name) == 0;
	return address_parse(name, &a) == 0 && strcmp(address_text(&a, shown), name) == 0;
}

static bool too_many(struct signer *s)
{
	uint64_t now = clock_mono_ns();

	if (s->count == 0 || now - s->minute > 60 * NS_PER_SEC) {
		s->minute = now;
		s->count = 0;
	}
	return ++s->count > SIGNER_RATE;
}

static int refuse(struct buf *out, const char *name, const char *why)
{
	if (buf_add(out, name, strlen(name) + 1) < 0 ||
		buf_add(out, why, strlen(why) + 1) < 0)
		return -ENOMEM;
	return VAULT_NOT_SIGNED;
}

int signer_answer(struct signer *s, const struct parcel *p, struct buf *out)
{
	const char *name = p->data;
	const char *end = p->len ? memchr(name, '\0', p->len) : NULL;
	struct vault_leaf leaf = { .name = name };
	struct err e = { 0 };

	if (p->type != VAULT_SIGN || p->fds_n || !end || end - name > NAME_MAX_LEN)
		return -EPROTO;
	leaf.spki = end + 1;
	leaf.spki_len = p->len - (size_t)(end + 1 - name);
	if (!name_good(name))
		return refuse(out, name, "this is no host name");
	if (too_many(s))
		return refuse(out, name, "too many certificates a minute");
	if (buf_add(out, name, strlen(name) + 1) < 0)
		return -ENOMEM;
	if (vault_ca_sign(&s->ca, &leaf, out, &e) < 0) {
		out->len = 0;
		return refuse(out, name, e.msg);
	}
	return VAULT_SIGNED;
}

int signer_hello(struct signer *s, struct buf *out, struct err *e)
{
	if (buf_add(out, "", 1) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return vault_ca_der(&s->ca, out, e);
}

/* OpenSSL fetches what it uses when it is used first: once before the promise. */
static int warm_up(struct signer *s, struct err *e)
{
	auto_buf struct buf out = { 0 };
	unsigned char *spki = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int len = key ? i2d_PUBKEY(key, &spki) : 0;
	struct vault_leaf leaf = { "warm.up.invalid", spki, len > 0 ? (size_t)len : 0 };
	int r = vault_ca_sign(&s->ca, &leaf, &out, e);

	OPENSSL_free(spki);
	EVP_PKEY_free(key);
	return r;
}

static int answer_all(struct signer *s, int fd, struct err *e)
{
	static struct parcel p;
	int r;

	while ((r = parcel_recv(fd, &p)) > 0) {
		auto_buf struct buf out = { 0 };
		int type = signer_answer(s, &p, &out);

		parcel_close_fds(&p);
		if (type < 0)
			return err_set(e, -type, "the gate's message makes no sense");
		r = vault_send(fd, (uint32_t)type, &out, SIGNER_WAIT_MS, e);
		if (r < 0)
			return r;
	}
	if (r == -EAGAIN)
		return 1;
	return r < 0 ? err_set(e, -r, "receive from the gate: %s", err_text(-r)) : 0;
}

int signer_serve(struct signer *s, int fd, struct err *e)
{
	auto_buf struct buf hello = { 0 };
	int r = warm_up(s, e);

	if (r == 0)
		r = signer_hello(s, &hello, e);
	if (r == 0)
		r = promise(PROMISE_VAULT, e);
	if (r == 0)
		r = vault_send(fd, VAULT_SIGNED, &hello, SIGNER_WAIT_MS, e);
	while (r == 0) {
		r = vault_wait(fd, -1, e);
		if (r == 0)
			r = answer_all(s, fd, e);
		if (r == 0)
			return 0;
		r = r > 0 ? 0 : r;
	}
	return r;
}
