/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/tls.h"

#include "base/auto.h"
#include "base/err.h"
#include "gate/policy/name.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

/*
 * OpenSSL's own socket BIO calls write(2), which raises SIGPIPE, and read(2), which blocks
 * where the descriptor does. This one does neither, whatever the descriptor's mode is.
 */
static int bio_fd(BIO *b)
{
	return (int)(intptr_t)BIO_get_data(b) - 1;
}

static int bio_result(BIO *b, ssize_t n, bool write)
{
	BIO_clear_retry_flags(b);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (write)
			BIO_set_retry_write(b);
		else
			BIO_set_retry_read(b);
	}
	return (int)n;
}

static int bio_write(BIO *b, const char *from, int len)
{
	ssize_t n = send(bio_fd(b), from, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return bio_result(b, n, true);
}

static int bio_read(BIO *b, char *into, int len)
{
	return bio_result(b, recv(bio_fd(b), into, (size_t)len, MSG_DONTWAIT), false);
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b, (void)num, (void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *m;

	if (m)
		return m;
	m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gate socket");
	if (m &&
		(!BIO_meth_set_write(m, bio_write) || !BIO_meth_set_read(m, bio_read) ||
			!BIO_meth_set_ctrl(m, bio_ctrl))) {
		BIO_meth_free(m);
		m = NULL;
	}
	return m;
}

static int fail(struct err *e, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *why = ERR_reason_error_string(code);

	ERR_clear_error();
	return err_set(e, EIO, "%s: %s", what, why ? why : "it failed");
}

int tls_key_new(EVP_PKEY **ret, struct err *e)
{
	*ret = EVP_EC_gen("P-256");
	return *ret ? 0 : fail(e, "make a key");
}

void tls_key_free(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
}

/* Of what the client offers, HTTP/2 before HTTP/1.1; nothing else is spoken here. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
	const unsigned char *in, unsigned inlen, void *arg)
{
	static const unsigned char known[] = "\x02h2\x08http/1.1";
	unsigned char *chosen;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&chosen, outlen, known, sizeof(known) - 1, in, inlen) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Is the name that is asked for the one that the connection was judged for? */
static bool name_agrees(const SSL *ssl)
{
	const char *want = SSL_get_app_data(ssl);
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char name[NAME_MAX_LEN + 1];

	return !want || !asked ||
		(name_normalise(asked, strlen(asked), name) == 0 &&
			strcmp(name, want) == 0);
}

/*
 * The name was read from the ClientHello before OpenSSL did; a second ClientHello (after a
 * HelloRetryRequest, RFC 8446 section 4.1.4) hasn't been.
 */
static int check_name(SSL *ssl, int *alert, void *arg)
{
	(void)arg;
	if (name_agrees(ssl))
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int tls_context_new(SSL_CTX **ret, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
		!SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") ||
		!SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"gate", 4)) {
		SSL_CTX_free(ctx);
		return fail(e, "set up TLS");
	}
	SSL_CTX_set_options(ctx,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
			SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* a client that closes without close_notify is common, and no attack on a server:
	 * a request that is cut off has no end */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	/* resumption is by ticket; a store of sessions would be memory without use */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, check_name);
	*ret = ctx;
	return 0;
}

void tls_context_free(SSL_CTX *ctx)
{
	SSL_CTX_free(ctx);
}

static int set_certificate(SSL *ssl, const struct tls_identity *id)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	int ok = chain && (!id->ca || sk_X509_push(chain, id->ca) > 0) &&
		SSL_use_cert_and_key(ssl, id->leaf, id->key, chain, 1) == 1;

	sk_X509_free(chain); /* the certificate in it stays the caller's */
	return ok;
}

int tls_new(SSL_CTX *ctx, int fd, const struct tls_identity *id, SSL **ret, struct err *e)
{
	SSL *ssl = SSL_new(ctx);
	BIO *bio = ssl ? BIO_new(bio_method()) : NULL;

	if (!bio || !set_certificate(ssl, id)) {
		BIO_free(bio);
		SSL_free(ssl);
		return fail(e, "set up a TLS connection");
	}
	BIO_set_data(bio, (void *)(intptr_t)(fd + 1));
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, (void *)(uintptr_t)id->name);
	SSL_set_accept_state(ssl);
	*ret = ssl;
	return 0;
}

void tls_free(SSL *ssl)
{
	SSL_free(ssl);
}

/* What a client says that was given a certificate it doesn't trust (RFC 8446 section 6.2). */
static bool is_distrust(int reason)
{
	return reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
		reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
		reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
		reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE;
}

int tls_accept(SSL *ssl, struct err *e)
{
	unsigned long code;
	int r, why;

	ERR_clear_error();
	r = SSL_do_handshake(ssl);
	if (r == 1)
		return name_agrees(ssl)
			? 1
			: err_set(e, EPROTO,
				  "TLS: the client changed the name it asks for");
	why = SSL_get_error(ssl, r);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	code = ERR_peek_error();
	if (code && is_distrust(ERR_GET_REASON(code))) {
		ERR_clear_error();
		return err_set(e, EACCES, "the client does not trust the sandbox's CA");
	}
	if (!code)
		return err_set(e, ECONNRESET, "TLS: the client went away");
	return fail(e, "TLS");
}

static ssize_t result(SSL *ssl, int r)
{
	int why;

	if (r > 0)
		return r;
	why = SSL_get_error(ssl, r);
	ERR_clear_error();
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	return why == SSL_ERROR_ZERO_RETURN ? 0 : -EIO;
}

ssize_t tls_read(SSL *ssl, void *into, size_t len)
{
	ERR_clear_error();
	return result(ssl, SSL_read(ssl, into, len > INT32_MAX ? INT32_MAX : (int)len));
}

ssize_t tls_write(SSL *ssl, const void *from, size_t len)
{
	ERR_clear_error();
	return result(ssl, SSL_write(ssl, from, len > INT32_MAX ? INT32_MAX : (int)len));
}

bool tls_wants_write(const SSL *ssl)
{
	return SSL_want_write(ssl);
}

size_t tls_pending(const SSL *ssl)
{
	return (size_t)SSL_pending(ssl);
}

void tls_close(SSL *ssl)
{
	if (!SSL_in_init(ssl))
		(void)SSL_shutdown(ssl);
	ERR_clear_error();
}

bool tls_is_h2(const SSL *ssl)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(ssl, &name, &len);
	return len == 2 && memcmp(name, "h2", 2) == 0;
}
