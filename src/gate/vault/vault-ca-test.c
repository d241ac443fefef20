/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-ca.h"

#include "base/err.h"
#include "base/parcel.h"
#include "base/test.h"
#include "gate/roles.h"
#include "gate/vault/vault-signer.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static const uint8_t master[VAULT_KEY_LEN] = "a key that every reader knows";

static void spki_of(EVP_PKEY *key, struct buf *out)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	expect(key && len > 0 && buf_add(out, der, (size_t)len) == 0);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

static int sign(const struct vault_ca *ca, const char *name, EVP_PKEY *key, X509 **ret)
{
	auto_buf struct buf spki = { 0 }, out = { 0 };
	const unsigned char *p;
	struct err e = { 0 };
	int r;

	spki_of(key, &spki);
	r = vault_ca_sign(
		ca, &(struct vault_leaf){ name, spki.data, spki.len }, &out, &e);
	if (r < 0)
		return r;
	p = (const unsigned char *)out.data;
	*ret = d2i_X509(NULL, &p, (long)out.len);
	expect(*ret && p == (const unsigned char *)out.data + out.len);
	return 0;
}

static bool verifies(const struct vault_ca *ca, X509 *leaf)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool good = X509_STORE_add_cert(store, ca->cert) &&
		X509_STORE_CTX_init(ctx, store, leaf, NULL) &&
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER) &&
		X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT) &&
		X509_verify_cert(ctx) == 1;

	if (!good)
		fprintf(stderr, "%s\n",
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return good;
}

TEST(a_leaf_is_valid_for_its_name_alone)
{
	auto_vault_ca struct vault_ca ca = { 0 };
	struct err e = { 0 };
	X509 *leaf = NULL;

	expect(vault_ca_make(&ca, &e) == 0);
	expect(sign(&ca, "api.example.com", EVP_EC_gen("P-256"), &leaf) == 0);
	expect(verifies(&ca, leaf));
	expect(X509_check_host(leaf, "api.example.com", 0, 0, NULL) == 1);
	expect(X509_check_host(leaf, "www.example.com", 0, 0, NULL) == 0);
	expect(X509_check_ca(leaf) == 0);
	expect(X509_cmp_time(X509_get0_notAfter(leaf), NULL) > 0);
	X509_free(leaf);
}

TEST(a_leaf_for_an_address_has_the_address)
{
	auto_vault_ca struct vault_ca ca = { 0 };
	struct err e = { 0 };
	X509 *leaf = NULL;

	expect(vault_ca_make(&ca, &e) == 0);
	expect(sign(&ca, "192.0.2.1", EVP_EC_gen("P-256"), &leaf) == 0);
	expect(verifies(&ca, leaf) && X509_check_ip_asc(leaf, "192.0.2.1", 0) == 1);
	X509_free(leaf);
	expect(sign(&ca, "2001:db8::1", EVP_EC_gen("P-256"), &leaf) == 0);
	expect(X509_check_ip_asc(leaf, "2001:db8::1", 0) == 1);
	expect(X509_check_host(leaf, "2001:db8::1", 0, 0, NULL) == 0);
	X509_free(leaf);
}

TEST(a_long_name_is_signed_too)
{
	auto_vault_ca struct vault_ca ca = { 0 };
	struct err e = { 0 };
	char name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.example.com";
	X509 *leaf = NULL;

	expect(vault_ca_make(&ca, &e) == 0);
	expect(sign(&ca, name, EVP_EC_gen("P-256"), &leaf) == 0);
	expect(verifies(&ca, leaf) && X509_check_host(leaf, name, 0, 0, NULL) == 1);
	X509_free(leaf);
}

TEST(keys_that_are_weak_or_strange_are_not_signed)
{
	auto_vault_ca struct vault_ca ca = { 0 };
	auto_buf struct buf spki = { 0 }, out = { 0 };
	struct err e = { 0 };
	X509 *leaf = NULL;

	expect(vault_ca_make(&ca, &e) == 0);
	expect(sign(&ca, "a.org", EVP_RSA_gen(1024), &leaf) == -EINVAL);
	expect(sign(&ca, "a.org", EVP_EC_gen("P-384"), &leaf) == -EINVAL);
	expect(sign(&ca, "a.org", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), &leaf) ==
		-EINVAL);
	expect(sign(&ca, "a.org", EVP_RSA_gen(2048), &leaf) == 0);
	expect(verifies(&ca, leaf));
	X509_free(leaf);
	spki_of(EVP_EC_gen("P-256"), &spki);
	expect(buf_add(&spki, "x", 1) == 0);
	expect(vault_ca_sign(&ca, &(struct vault_leaf){ "a.org", spki.data, spki.len },
		       &out, &e) == -EINVAL);
	/* a point that isn't on the curve */
	spki.data[spki.len - 10] ^= 1;
	expect(vault_ca_sign(&ca,
		       &(struct vault_leaf){ "a.org", spki.data, spki.len - 1 }, &out,
		       &e) == -EINVAL);
}

TEST(the_key_of_a_ca_opens_with_its_own_certificate_only)
{
	auto_vault_ca struct vault_ca ca = { 0 }, other = { 0 }, back = { 0 };
	auto_buf struct buf pem = { 0 }, pem2 = { 0 }, key = { 0 };
	uint8_t wrong[VAULT_KEY_LEN] = { 9 };
	struct err e = { 0 };

	expect(vault_ca_make(&ca, &e) == 0 && vault_ca_make(&other, &e) == 0);
	expect(vault_ca_pem(&ca, &pem, &e) == 0 && vault_ca_pem(&other, &pem2, &e) == 0);
	expect(vault_ca_seal(&ca, master, &key, &e) == 0);
	expect(vault_ca_open(&pem, &key, master, &back, &e) == 0);
	vault_ca_clear(&back);
	expect(vault_ca_open(&pem2, &key, master, &back, &e) == -EBADMSG);
	expect(vault_ca_open(&pem, &key, wrong, &back, &e) == -EBADMSG);
	key.data[key.len - 1] ^= 1;
	expect(vault_ca_open(&pem, &key, master, &back, &e) == -EBADMSG);
	key.len = 20;
	expect(vault_ca_open(&pem, &key, master, &back, &e) == -EBADMSG);
}

static int ask(struct signer *s, const char *name, size_t name_len)
{
	auto_buf struct buf text = { 0 }, spki = { 0 }, out = { 0 };
	struct parcel p = { .type = VAULT_SIGN };

	spki_of(EVP_EC_gen("P-256"), &spki);
	expect(buf_add(&text, name, name_len) == 0 &&
		buf_add(&text, spki.data, spki.len) == 0);
	p.data = text.data;
	p.len = text.len;
	return signer_answer(s, &p, &out);
}

TEST(the_signer_takes_host_names_and_addresses)
{
	struct signer s = { 0 };
	struct err e = { 0 };

	expect(vault_ca_make(&s.ca, &e) == 0);
	expect(ask(&s, "a.example.com", 14) == VAULT_SIGNED);
	expect(ask(&s, "192.0.2.1", 10) == VAULT_SIGNED);
	expect(ask(&s, "*.example.com", 14) == VAULT_NOT_SIGNED);
	expect(ask(&s, "A.example.com", 14) == VAULT_NOT_SIGNED);
	expect(ask(&s, "a.example.com,DNS:b", 20) == VAULT_NOT_SIGNED);
	expect(ask(&s, "", 1) == VAULT_NOT_SIGNED);
	expect(ask(&s, "no-end", 6) != VAULT_SIGNED);
	vault_ca_clear(&s.ca);
}

TEST(the_signer_signs_so_many_a_minute)
{
	struct signer s = { .count = SIGNER_RATE - 1, .minute = UINT64_MAX / 2 };
	struct err e = { 0 };

	expect(vault_ca_make(&s.ca, &e) == 0);
	s.minute = 0;
	expect(ask(&s, "a.example.com", 14) == VAULT_SIGNED); /* a new minute */
	s.count = SIGNER_RATE - 1;
	expect(ask(&s, "a.example.com", 14) == VAULT_SIGNED);
	expect(ask(&s, "a.example.com", 14) == VAULT_NOT_SIGNED);
	vault_ca_clear(&s.ca);
}
