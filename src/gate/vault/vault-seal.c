/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-seal.h"

#include "base/err.h"
#include "base/wire.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

int vault_crypto_init(struct err *e)
{
	unsigned char byte;

	/* the first random number seeds the generator: done now, nothing is left to open */
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) ||
		RAND_bytes(&byte, 1) != 1)
		return err_set(e, EIO, "OpenSSL can't be set up");
	return 0;
}

int vault_random(void *to, size_t len, struct err *e)
{
	if (len > INT_MAX || RAND_bytes(to, (int)len) != 1)
		return err_set(e, EIO, "OpenSSL has no random numbers");
	return 0;
}

void vault_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}

/* A string with its length in front, so that no two lists of them look the same. */
static int add_counted(struct buf *b, const char *text)
{
	uint8_t head[4];
	size_t len = text ? strlen(text) : 0;

	wire_put32(head, text ? (uint32_t)len : UINT32_MAX);
	return buf_add(b, head, sizeof(head)) < 0 || buf_add(b, text, len) < 0 ? -ENOMEM
									       : 0;
}

static int add_list(struct buf *b, const struct strv *v)
{
	uint8_t head[4];
	int r;

	wire_put32(head, (uint32_t)v->n);
	r = buf_add(b, head, sizeof(head));
	for (size_t i = 0; i < v->n && r == 0; i++)
		r = add_counted(b, v->v[i]);
	return r;
}

int vault_derive(const uint8_t master[VAULT_KEY_LEN], const struct vault_purpose *p,
	uint8_t key[VAULT_KEY_LEN], struct err *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	auto_buf struct buf info = { 0 };
	size_t len = VAULT_KEY_LEN;
	bool good = add_counted(&info, "brig vault 1") == 0 &&
		add_counted(&info, p->kind) == 0 && add_counted(&info, p->name) == 0 &&
		add_counted(&info, p->scope) == 0;

	good = good && ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set1_hkdf_key(ctx, master, VAULT_KEY_LEN) == 1 &&
		EVP_PKEY_CTX_add1_hkdf_info(
			ctx, (unsigned char *)info.data, (int)info.len) == 1 &&
		EVP_PKEY_derive(ctx, key, &len) == 1 && len == VAULT_KEY_LEN;
	EVP_PKEY_CTX_free(ctx);
	return good ? 0 : err_set(e, EIO, "OpenSSL can't derive a key");
}

/* Both directions of GCM begin alike. Room for the result is made here. */
static EVP_CIPHER_CTX *begin(const uint8_t *key, const struct buf *aad,
	const uint8_t *nonce, struct buf *out, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (ctx &&
		EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) ==
			1 &&
		(aad->len == 0 ||
			EVP_CipherUpdate(ctx, NULL, &n, (unsigned char *)aad->data,
				(int)aad->len) == 1) &&
		out)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

int vault_seal(const uint8_t key[VAULT_KEY_LEN], const struct buf *aad,
	const struct buf *plain, struct vault_box *ret, struct err *e)
{
	EVP_CIPHER_CTX *ctx = NULL;
	bool good;
	int n = 0;

	buf_clear(&ret->data);
	if (buf_reserve(&ret->data, plain->len + 1) < 0)
		return err_set(e, ENOMEM, "out of memory");
	good = vault_random(ret->nonce, sizeof(ret->nonce), e) == 0 &&
		(ctx = begin(key, aad, ret->nonce, &ret->data, 1)) != NULL &&
		EVP_CipherUpdate(ctx, (unsigned char *)ret->data.data, &n,
			(unsigned char *)plain->data, (int)plain->len) == 1 &&
		(size_t)n == plain->len &&
		EVP_CipherFinal_ex(ctx, (unsigned char *)ret->data.data + n, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, VAULT_TAG_LEN, ret->tag) ==
			1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		return err_set(e, EIO, "OpenSSL can't encrypt");
	ret->data.len = plain->len;
	return 0;
}

int vault_open(const uint8_t key[VAULT_KEY_LEN], const struct buf *aad,
	const struct vault_box *box, struct buf *ret, struct err *e)
{
	EVP_CIPHER_CTX *ctx = NULL;
	bool good;
	int n = 0;

	if (buf_reserve(ret, box->data.len + 1) < 0)
		return err_set(e, ENOMEM, "out of memory");
	good = (ctx = begin(key, aad, box->nonce, ret, 0)) != NULL &&
		EVP_CipherUpdate(ctx, (unsigned char *)ret->data, &n,
			(unsigned char *)box->data.data, (int)box->data.len) == 1 &&
		(size_t)n == box->data.len &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, VAULT_TAG_LEN,
			(void *)(uintptr_t)box->tag) == 1 &&
		EVP_CipherFinal_ex(ctx, (unsigned char *)ret->data + n, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good) {
		vault_wipe(ret);
		return err_set(e, EBADMSG, "it was changed without the key");
	}
	ret->len = box->data.len;
	ret->data[ret->len] = '\0';
	return 0;
}

static int bind(const struct vault_secret *s, struct buf *aad)
{
	uint8_t times[16];
	int r = add_counted(aad, s->name);

	wire_put64(times, s->created);
	wire_put64(times + 8, s->changed);
	if (r == 0)
		r = add_list(aad, &s->hosts);
	if (r == 0)
		r = add_list(aad, &s->env);
	if (r == 0)
		r = add_counted(aad, s->sandbox);
	return r < 0 ? r : buf_add(aad, times, sizeof(times));
}

static int secret_key(const uint8_t *master, const struct vault_secret *s,
	struct buf *aad, uint8_t key[VAULT_KEY_LEN], struct err *e)
{
	if (bind(s, aad) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return vault_derive(
		master, &(struct vault_purpose){ "secret", s->name, s->sandbox }, key, e);
}

int vault_secret_seal(const uint8_t master[VAULT_KEY_LEN], struct vault_secret *s,
	const struct buf *value, struct err *e)
{
	auto_buf struct buf aad = { 0 };
	struct vault_box box = { 0 };
	uint8_t key[VAULT_KEY_LEN];
	int r = secret_key(master, s, &aad, key, e);

	if (r == 0)
		r = vault_seal(key, &aad, value, &box, e);
	explicit_bzero(key, sizeof(key));
	if (r == 0) {
		free(s->nonce);
		free(s->tag);
		free(s->data);
		s->nonce = vault_to_hex(box.nonce, sizeof(box.nonce));
		s->tag = vault_to_hex(box.tag, sizeof(box.tag));
		s->data = vault_to_hex(box.data.data, box.data.len);
		if (!s->nonce || !s->tag || !s->data)
			r = err_set(e, ENOMEM, "out of memory");
	}
	buf_clear(&box.data);
	return r < 0 ? err_wrap(e, "secret '%s'", s->name) : 0;
}

static int unhex(const char *text, void *to, size_t len)
{
	auto_buf struct buf b = { 0 };
	int r = text ? vault_from_hex(text, &b) : -EINVAL;

	if (r == 0 && b.len != len)
		r = -EINVAL;
	if (r == 0)
		memcpy(to, b.data, len);
	return r;
}

int vault_secret_open(const uint8_t master[VAULT_KEY_LEN], const struct vault_secret *s,
	struct buf *ret, struct err *e)
{
	auto_buf struct buf aad = { 0 };
	struct vault_box box = { 0 };
	uint8_t key[VAULT_KEY_LEN];
	int r = secret_key(master, s, &aad, key, e);

	if (r == 0 &&
		(unhex(s->nonce, box.nonce, sizeof(box.nonce)) < 0 ||
			unhex(s->tag, box.tag, sizeof(box.tag)) < 0 || !s->data ||
			vault_from_hex(s->data, &box.data) < 0))
		r = err_set(e, EBADMSG, "it was damaged");
	if (r == 0)
		r = vault_open(key, &aad, &box, ret, e);
	explicit_bzero(key, sizeof(key));
	buf_clear(&box.data);
	if (r == -EBADMSG) {
		r = err_wrap(e, "secret '%s' can't be opened", s->name);
		err_hint(e, "set it again: brig secret set %s", s->name);
	}
	return r;
}
