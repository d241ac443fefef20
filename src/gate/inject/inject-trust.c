/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-trust.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/parcel.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define BUNDLE_MAX ((size_t)16 << 20)
#define CERTS_MAX  4096U

/* The next certificate; NULL at the end. One that doesn't parse is passed over. */
static X509 *next_cert(BIO *bio)
{
	for (unsigned tries = 0; tries < CERTS_MAX; tries++) {
		X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
		unsigned long why = ERR_peek_last_error();

		ERR_clear_error();
		if (cert || ERR_GET_REASON(why) == PEM_R_NO_START_LINE)
			return cert;
	}
	return NULL;
}

int inject_trust_load(int fd, X509_STORE **ret, struct err *e)
{
	auto_buf struct buf b = { 0 };
	X509_STORE *store;
	X509 *cert;
	BIO *bio;
	int r = parcel_read_memfd(fd, BUNDLE_MAX, &b, e);

	if (r < 0)
		return r;
	store = X509_STORE_new();
	bio = BIO_new_mem_buf(b.data ? b.data : "", (int)b.len);
	/* a host may have none: then nobody's certificate is good, and the rest works */
	for (size_t n = 0; store && bio && n < CERTS_MAX && (cert = next_cert(bio));
		n++) {
		(void)X509_STORE_add_cert(store, cert);
		X509_free(cert);
	}
	BIO_free(bio);
	if (!store)
		return err_set(e, ENOMEM, "out of memory");
	/* an anchor that isn't self-signed is one all the same, as for curl */
	(void)X509_STORE_set_flags(
		store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	*ret = store;
	return 0;
}
