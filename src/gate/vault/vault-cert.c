/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-cert.h"

#include "base/buf.h"
#include "base/err.h"
#include "gate/policy/address.h"
#include "gate/vault/vault-seal.h"

#include <openssl/x509v3.h>

#define SERIAL_LEN 16U
#define CN_MAX     64U /* ub-common-name */

bool vault_cert_head(X509 *cert, const char *cn, const X509 *ca)
{
	unsigned char serial[SERIAL_LEN];
	X509_NAME *subject = X509_NAME_new();
	BIGNUM *number = NULL;
	bool good = subject && vault_random(serial, sizeof(serial), NULL) == 0;

	/* positive, and not zero */
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	if (good)
		number = BN_bin2bn(serial, sizeof(serial), NULL);
	good = good && number &&
		BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) &&
		X509_set_version(cert, X509_VERSION_3) &&
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
			(const unsigned char *)(strlen(cn) <= CN_MAX ? cn : "brig"), -1,
			-1, 0) &&
		X509_set_subject_name(cert, subject) &&
		X509_set_issuer_name(cert, ca ? X509_get_subject_name(ca) : subject);
	BN_free(number);
	X509_NAME_free(subject);
	return good;
}

static bool extend(X509 *cert, X509 *ca, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;
	bool good;

	X509V3_set_ctx(&ctx, ca, cert, NULL, NULL, 0);
	x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = x && X509_add_ext(cert, x, -1);
	X509_EXTENSION_free(x);
	return good;
}

bool vault_cert_extend_ca(X509 *cert)
{
	return extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		extend(cert, cert, NID_subject_key_identifier, "hash");
}

/* Made by its parts: a text like "DNS:..." would be a language, and the name its words. */
static bool add_name(X509 *cert, const char *name)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *one = GENERAL_NAME_new();
	ASN1_STRING *value = NULL;
	struct address a;
	bool ip = address_parse(name, &a) == 0;
	bool v4 = ip && address_is_v4(&a), good = names && one;

	if (good)
		value = ASN1_STRING_type_new(ip ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	good = value &&
		(ip ? ASN1_STRING_set(value, a.b + (v4 ? 12 : 0), v4 ? 4 : 16)
		    : ASN1_STRING_set(value, name, -1));
	if (good) {
		GENERAL_NAME_set0_value(one, ip ? GEN_IPADD : GEN_DNS, value);
		value = NULL;
		good = sk_GENERAL_NAME_push(names, one) > 0;
		if (good)
			one = NULL;
	}
	good = good &&
		X509_add1_ext_i2d(
			cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	ASN1_STRING_free(value);
	GENERAL_NAME_free(one);
	GENERAL_NAMES_free(names);
	return good;
}

bool vault_cert_extend_leaf(X509 *cert, X509 *ca, const char *name)
{
	bool rsa = EVP_PKEY_is_a(X509_get0_pubkey(cert), "RSA");

	return extend(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
		extend(cert, ca, NID_key_usage,
			rsa ? "critical,digitalSignature,keyEncipherment"
			    : "critical,digitalSignature") &&
		extend(cert, ca, NID_ext_key_usage, "serverAuth") &&
		extend(cert, ca, NID_subject_key_identifier, "hash") &&
		extend(cert, ca, NID_authority_key_identifier, "keyid") &&
		add_name(cert, name);
}

bool vault_cert_der(X509 *cert, struct buf *out)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	bool good = len > 0 && buf_add(out, der, (size_t)len) == 0;

	OPENSSL_free(der);
	return good;
}
