/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate sends the signer: an answer, or the end; what is signed is for that name. */
#include "gate/vault/vault-signer.h"

#include "base/err.h"
#include "base/parcel.h"
#include "gate/roles.h"

#include <openssl/x509v3.h>
#include <string.h>

static void check(const struct buf *out)
{
	const char *name = out->data;
	size_t head = strlen(name) + 1;
	const unsigned char *p = (const unsigned char *)out->data + head;
	X509 *leaf = d2i_X509(NULL, &p, (long)(out->len - head));

	if (!leaf || X509_check_ca(leaf) || out->len > PARCEL_MAX ||
		(X509_check_host(leaf, name, 0, 0, NULL) != 1 &&
			X509_check_ip_asc(leaf, name, 0) != 1))
		abort();
	X509_free(leaf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct signer s;
	struct parcel p = { .type = VAULT_SIGN, .data = data, .len = len };
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };
	int r;

	if (len > PARCEL_MAX || (!s.ca.cert && vault_ca_make(&s.ca, &e) < 0))
		return 0;
	s.count = 0;
	r = signer_answer(&s, &p, &out);
	if (r == VAULT_SIGNED)
		check(&out);
	return 0;
}
