/* SPDX-License-Identifier: Apache-2.0 */
#include "image/hash.h"

#include "base/err.h"
#include "base/str.h"

#include <openssl/evp.h>

struct hash {
	EVP_MD_CTX *ctx;
	const char *prefix;
};

static int failed(struct err *e)
{
	return err_set(e, EIO, "OpenSSL can't compute a digest");
}

int hash_new(const char *like, struct hash **ret, struct err *e)
{
	bool sha512 = like && str_starts(like, "sha512:");
	auto_hash struct hash *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(e, ENOMEM, "digest: out of memory");
	h->prefix = sha512 ? "sha512:" : "sha256:";
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx ||
		!EVP_DigestInit_ex(h->ctx, sha512 ? EVP_sha512() : EVP_sha256(), NULL))
		return failed(e);
	*ret = take_ptr(&h);
	return 0;
}

int hash_add(struct hash *h, const void *data, size_t len, struct err *e)
{
	return EVP_DigestUpdate(h->ctx, data, len) ? 0 : failed(e);
}

int hash_end(struct hash *h, char out[DIGEST_TEXT_MAX], struct err *e)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned len;
	char *p = out + strlen(h->prefix);

	if (!EVP_DigestFinal_ex(h->ctx, raw, &len))
		return failed(e);
	(void)strcpy(out, h->prefix);
	for (unsigned i = 0; i < len; i++)
		p += sprintf(p, "%02x", raw[i]);
	return 0;
}

void hash_free(struct hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int hash_bytes(const void *data, size_t len, const char *like, char out[DIGEST_TEXT_MAX],
	struct err *e)
{
	auto_hash struct hash *h = NULL;
	int r = hash_new(like, &h, e);

	if (r == 0)
		r = hash_add(h, data, len, e);
	return r < 0 ? r : hash_end(h, out, e);
}

int hash_file(int fd, const char *like, char out[DIGEST_TEXT_MAX], uint64_t *ret_size,
	struct err *e)
{
	auto_hash struct hash *h = NULL;
	auto_free char *chunk = malloc(1 << 18);
	uint64_t size = 0;
	int r = hash_new(like, &h, e);

	if (!chunk)
		return err_set(e, ENOMEM, "digest: out of memory");
	while (r == 0) {
		ssize_t n = read(fd, chunk, 1 << 18);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			break;
		size += (uint64_t)n;
		r = hash_add(h, chunk, (size_t)n, e);
	}
	if (ret_size)
		*ret_size = size;
	return r < 0 ? r : hash_end(h, out, e);
}
