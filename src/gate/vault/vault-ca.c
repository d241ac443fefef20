/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-ca.h"

#include "base/err.h"
#include "base/str.h"
#include "gate/policy/address.h"
#include "gate/vault/vault-cert.h"
#include "gate/vault/vault-text.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <stdbool.h>

/* ca.key: this, nonce, tag, and the sealed PKCS #8 DER. */
#define SEALED_MAGIC "BRIGCA1"
#define SEALED_HEAD  (sizeof(SEALED_MAGIC) + VAULT_NONCE_LEN + VAULT_TAG_LEN)

#define DAY (24L * 60 * 60)

static int failed(const char *what, struct err *e)
{
	return err_set(e, EIO, "OpenSSL can't %s", what);
}

void vault_ca_clear(struct vault_ca *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	*ca = (struct vault_ca){ 0 };
}

int vault_ca_make(struct vault_ca *ret, struct err *e)
{
	auto_vault_ca struct vault_ca ca = { .cert = X509_new() };
	uint8_t tag[4];
	char cn[64];
	int r = vault_random(tag, sizeof(tag), e);

	if (r < 0)
		return r;
	(void)snprintf(cn, sizeof(cn), "brig sandbox CA %02x%02x%02x%02x", tag[0], tag[1],
		tag[2], tag[3]);
	ca.key = EVP_EC_gen("P-256");
	if (!ca.cert || !ca.key || !vault_cert_head(ca.cert, cn, NULL) ||
		!X509_gmtime_adj(X509_getm_notBefore(ca.cert), -2 * DAY) ||
		!X509_gmtime_adj(X509_getm_notAfter(ca.cert), VAULT_CA_DAYS * DAY) ||
		!X509_set_pubkey(ca.cert, ca.key) || !vault_cert_extend_ca(ca.cert) ||
		!X509_sign(ca.cert, ca.key, EVP_sha256()))
		return failed("make a certificate authority", e);
	*ret = ca;
	ca = (struct vault_ca){ 0 };
	return 0;
}

int vault_ca_der(const struct vault_ca *ca, struct buf *out, struct err *e)
{
	return vault_cert_der(ca->cert, out) ? 0 : failed("write a certificate", e);
}

int vault_ca_pem(const struct vault_ca *ca, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len = bio && PEM_write_bio_X509(bio, ca->cert) ? BIO_get_mem_data(bio, &text)
							    : 0;
	int r = len > 0 ? buf_add(out, text, (size_t)len) : -EIO;

	BIO_free(bio);
	return r < 0 ? failed("write a certificate", e) : 0;
}

static int ca_key(const uint8_t *master, uint8_t key[VAULT_KEY_LEN], struct err *e)
{
	return vault_derive(master, &(struct vault_purpose){ "ca", "ca", NULL }, key, e);
}

/* PKCS #8 without encryption: it is in memory alone, and wiped. */
static int key_der(const struct vault_ca *ca, struct buf *out, struct err *e)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(ca->key, &der);
	int r = len > 0 && buf_reserve(out, (size_t)len + 1) == 0
		? buf_add(out, der, (size_t)len)
		: -EIO;

	if (len > 0)
		OPENSSL_clear_free(der, (size_t)len);
	return r < 0 ? failed("write a key", e) : 0;
}

int vault_ca_seal(const struct vault_ca *ca, const uint8_t master[VAULT_KEY_LEN],
	struct buf *out, struct err *e)
{
	auto_wiped struct buf der = { 0 };
	auto_buf struct buf aad = { 0 };
	struct vault_box box = { 0 };
	uint8_t key[VAULT_KEY_LEN];
	int r = key_der(ca, &der, e);

	if (r == 0)
		r = vault_ca_der(ca, &aad, e);
	if (r == 0)
		r = ca_key(master, key, e);
	if (r == 0)
		r = vault_seal(key, &aad, &der, &box, e);
	explicit_bzero(key, sizeof(key));
	if (r == 0 &&
		(buf_add(out, SEALED_MAGIC, sizeof(SEALED_MAGIC)) < 0 ||
			buf_add(out, box.nonce, sizeof(box.nonce)) < 0 ||
			buf_add(out, box.tag, sizeof(box.tag)) < 0 ||
			buf_add(out, box.data.data, box.data.len) < 0))
		r = err_set(e, ENOMEM, "out of memory");
	buf_clear(&box.data);
	return r;
}

static int unseal(const struct buf *sealed, const struct buf *aad, const uint8_t *master,
	struct buf *der, struct err *e)
{
	struct vault_box box = { 0 };
	uint8_t key[VAULT_KEY_LEN];
	const char *at = sealed->data;
	int r;

	if (sealed->len <= SEALED_HEAD ||
		memcmp(at, SEALED_MAGIC, sizeof(SEALED_MAGIC)) != 0)
		return err_set(e, EBADMSG, "its key is no sealed key");
	at += sizeof(SEALED_MAGIC);
	memcpy(box.nonce, at, sizeof(box.nonce));
	memcpy(box.tag, at + sizeof(box.nonce), sizeof(box.tag));
	if (buf_add(&box.data, sealed->data + SEALED_HEAD, sealed->len - SEALED_HEAD) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = ca_key(master, key, e);
	if (r == 0)
		r = vault_open(key, aad, &box, der, e);
	explicit_bzero(key, sizeof(key));
	buf_clear(&box.data);
	return r < 0 ? err_wrap(e, "its key can't be opened") : 0;
}

int vault_ca_open(const struct buf *pem, const struct buf *sealed,
	const uint8_t master[VAULT_KEY_LEN], struct vault_ca *ret, struct err *e)
{
	auto_vault_ca struct vault_ca ca = { 0 };
	auto_wiped struct buf der = { 0 };
	auto_buf struct buf aad = { 0 };
	const unsigned char *p;
	BIO *bio;
	int r;

	if (pem->len == 0 || pem->len > VAULT_CA_MAX || sealed->len > VAULT_CA_MAX)
		return err_set(e, EBADMSG, "certificate authority: its files are wrong");
	bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	ca.cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	r = ca.cert ? vault_ca_der(&ca, &aad, e)
		    : err_set(e, EBADMSG, "its certificate can't be read");
	if (r == 0)
		r = unseal(sealed, &aad, master, &der, e);
	if (r < 0)
		return err_wrap(e, "certificate authority");
	p = (const unsigned char *)der.data;
	ca.key = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
	if (!ca.key || X509_check_private_key(ca.cert, ca.key) != 1)
		return err_set(e, EBADMSG,
			"certificate authority: key and certificate don't match");
	*ret = ca;
	ca = (struct vault_ca){ 0 };
	return 0;
}

AUTO_DEFINE(EVP_PKEY *, EVP_PKEY_free);
AUTO_DEFINE(X509 *, X509_free);

static EVP_PKEY *read_spki(const struct vault_leaf *leaf, struct err *e)
{
	const unsigned char *at = leaf->spki, *end = at + leaf->spki_len;
	AUTO(EVP_PKEY_free_auto) EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx;
	char group[32] = "";
	bool good;

	if (leaf->spki_len && leaf->spki_len <= VAULT_SPKI_MAX)
		key = d2i_PUBKEY(NULL, &at, (long)leaf->spki_len);
	if (!key || at != end) {
		(void)err_set(e, EINVAL, "the public key can't be read");
		return NULL;
	}
	if (EVP_PKEY_is_a(key, "EC"))
		good = EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
			str_eq(group, "prime256v1");
	else
		good = EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048 &&
			EVP_PKEY_get_bits(key) <= 4096;
	if (!good) {
		(void)err_set(e, EINVAL,
			"the public key isn't on P-256, nor RSA of 2048 to 4096 bits");
		return NULL;
	}
	ctx = EVP_PKEY_CTX_new(key, NULL);
	good = ctx && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good) {
		(void)err_set(e, EINVAL, "the public key isn't a valid one");
		return NULL;
	}
	return take_ptr(&key);
}

/* A month from now, or what the authority has left. */
static bool set_validity(X509 *cert, const X509 *ca)
{
	const ASN1_TIME *end = X509_get0_notAfter(ca);
	int days, secs;

	if (!X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) ||
		!X509_gmtime_adj(X509_getm_notAfter(cert), VAULT_LEAF_DAYS * DAY) ||
		!ASN1_TIME_diff(&days, &secs, X509_get0_notAfter(cert), end))
		return false;
	return (days >= 0 && secs >= 0) || X509_set1_notAfter(cert, end);
}

int vault_ca_sign(const struct vault_ca *ca, const struct vault_leaf *leaf,
	struct buf *out, struct err *e)
{
	AUTO(EVP_PKEY_free_auto) EVP_PKEY *key = read_spki(leaf, e);
	AUTO(X509_free_auto) X509 *cert = key ? X509_new() : NULL;
	struct address a;

	if (!key)
		return -EINVAL;
	/* a common name with an address would pass for a host's with old clients */
	if (!cert ||
		!vault_cert_head(cert,
			address_parse(leaf->name, &a) == 0 ? "brig" : leaf->name,
			ca->cert) ||
		!set_validity(cert, ca->cert) || !X509_set_pubkey(cert, key) ||
		!vault_cert_extend_leaf(cert, ca->cert, leaf->name) ||
		!X509_sign(cert, ca->key, EVP_sha256()) || !vault_cert_der(cert, out))
		return failed("sign a certificate", e);
	return 0;
}
