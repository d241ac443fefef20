/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * All numbers are big-endian; a string is a count of bytes (u16) and modified UTF-8, which
 * for ASCII is ASCII:
 *
 *	u32 0xfeedfeed   u32 version 2   u32 entries
 *	entry: u32 tag 2 (trusted certificate)   string alias   u64 milliseconds since 1970
 *	       string "X.509"   u32 length   certificate (DER)
 *	SHA-1 of: password in UTF-16BE, "Mighty Aphrodite", all of the above
 *
 * The digest is no protection, the password being known to all; Java wants it.
 */
#include "gate/vault/trust-make.h"

#include "base/clock.h"
#include "base/err.h"
#include "gate/vault/trust.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <endian.h>
#include <stdbool.h>

#define JKS_MAGIC      0xfeedfeedU
#define JKS_VERSION    2U
#define JKS_TRUSTED    2U
#define JKS_WHITENER   "Mighty Aphrodite"
#define JKS_CERTS_MAX  4096U
#define JKS_COUNT_AT   8U
#define JKS_CERT_BYTES 65536L

static int put32(struct buf *b, uint32_t v)
{
	v = htobe32(v);
	return buf_add(b, &v, sizeof(v));
}

static int put64(struct buf *b, uint64_t v)
{
	v = htobe64(v);
	return buf_add(b, &v, sizeof(v));
}

static int put_str(struct buf *b, const char *text)
{
	uint16_t len = htobe16((uint16_t)strlen(text));
	int r = buf_add(b, &len, sizeof(len));

	return r < 0 ? r : buf_add_str(b, text);
}

static int put_cert(struct buf *b, const char *alias, const void *der, size_t len)
{
	return put32(b, JKS_TRUSTED) < 0 || put_str(b, alias) < 0 ||
			put64(b, clock_real_ns() / NS_PER_MS) < 0 ||
			put_str(b, "X.509") < 0 || put32(b, (uint32_t)len) < 0 ||
			buf_add(b, der, len) < 0
		? -ENOMEM
		: 0;
}

/* The next certificate as bytes, which Java reads itself; NULL at the end. */
static unsigned char *next_cert(BIO *bio, size_t *ret_len)
{
	char *name, *header;
	unsigned char *der;
	long len;

	while (PEM_read_bio(bio, &name, &header, &der, &len)) {
		bool good = strcmp(name, PEM_STRING_X509) == 0 && len > 0 &&
			len <= JKS_CERT_BYTES;

		OPENSSL_free(name);
		OPENSSL_free(header);
		if (good) {
			*ret_len = (size_t)len;
			return der;
		}
		OPENSSL_free(der);
	}
	ERR_clear_error();
	return NULL;
}

static BIO *open_pem(const struct buf *pem)
{
	return pem->len <= INT_MAX
		? BIO_new_mem_buf(pem->data ? pem->data : "", (int)pem->len)
		: NULL;
}

static int put_certs(struct buf *b, BIO *bio, const struct buf *ca, uint32_t *count)
{
	unsigned char *der;
	size_t len;
	int r = 0;

	while (r == 0 && *count < JKS_CERTS_MAX && (der = next_cert(bio, &len))) {
		char alias[32];

		(void)snprintf(alias, sizeof(alias), "host-%u", *count + 1);
		if (len != ca->len || memcmp(der, ca->data, len) != 0) {
			r = put_cert(b, alias, der, len);
			++*count;
		}
		OPENSSL_free(der);
	}
	return r;
}

/* All of the bundle, and last the CA, by its name. */
static int put_bundle(
	struct buf *b, const struct buf *bundle, const struct buf *pem, uint32_t *count)
{
	BIO *all = open_pem(bundle), *one = open_pem(pem);
	unsigned char *der = NULL;
	struct buf ca = { 0 };
	int r = all && one ? 0 : -ENOMEM;

	if (r == 0) {
		der = next_cert(one, &ca.len);
		ca.data = (char *)der;
		r = der ? 0 : -EINVAL;
	}
	if (r == 0)
		r = put_certs(b, all, &ca, count);
	if (r == 0) {
		r = put_cert(b, "brig-sandbox", ca.data, ca.len);
		++*count;
	}
	OPENSSL_free(der);
	BIO_free(all);
	BIO_free(one);
	return r;
}

static int put_digest(struct buf *b)
{
	static const char password[] = TRUST_PASSWORD;
	unsigned char wide[2 * (sizeof(password) - 1)], sum[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	bool good;

	for (size_t i = 0; i + 1 < sizeof(password); i++) {
		wide[i * 2] = 0;
		wide[i * 2 + 1] = (unsigned char)password[i];
	}
	good = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) &&
		EVP_DigestUpdate(ctx, wide, sizeof(wide)) &&
		EVP_DigestUpdate(ctx, JKS_WHITENER, strlen(JKS_WHITENER)) &&
		EVP_DigestUpdate(ctx, b->data, b->len) &&
		EVP_DigestFinal_ex(ctx, sum, &len);
	EVP_MD_CTX_free(ctx);
	return good ? buf_add(b, sum, len) : -EIO;
}

int trust_jks(
	const struct buf *bundle, const struct buf *ca, struct buf *out, struct err *e)
{
	uint32_t count = 0, be;
	int r = put32(out, JKS_MAGIC);

	if (r == 0)
		r = put32(out, JKS_VERSION);
	if (r == 0)
		r = put32(out, 0);
	if (r == 0)
		r = put_bundle(out, bundle, ca, &count);
	if (r == 0) {
		be = htobe32(count);
		memcpy(out->data + JKS_COUNT_AT, &be, sizeof(be));
		r = put_digest(out);
	}
	return r < 0 ? err_set(e, -r, "write a Java trust store") : 0;
}
