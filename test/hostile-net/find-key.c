/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find-key.c - is the private key of a certificate in these bytes?
 *
 *	find-key CERTIFICATE.pem FILE	0: it is there, 1: it isn't
 *
 * The key is a number of 32 bytes (P-256). Wherever a program keeps it, it is in one of two
 * orders: as a big number of the library (words, little end first, so all of it reversed),
 * or as bytes of a key file. Each place where 32 bytes look random enough is tried: is the
 * curve's base, that many times, the public key?
 */
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SIZE 32

static const EC_GROUP *group;
static const EC_POINT *public;

static bool is_key(const uint8_t *bytes)
{
	static BN_CTX *ctx;
	static EC_POINT *point;
	static BIGNUM *number;
	bool same;

	if (!ctx) {
		ctx = BN_CTX_new();
		point = EC_POINT_new(group);
		number = BN_new();
	}
	BN_bin2bn(bytes, SIZE, number);
	same = EC_POINT_mul(group, point, number, NULL, NULL, ctx) == 1 &&
		EC_POINT_cmp(group, point, public, ctx) == 0;
	return same;
}

/* 32 random bytes hold 20 different ones or more, but in one case of a million. */
static bool random_enough(const uint8_t *at)
{
	uint64_t seen[4] = { 0 };
	int n = 0;

	for (int i = 0; i < SIZE; i++)
		seen[at[i] >> 6] |= 1ULL << (at[i] & 63);
	for (int i = 0; i < 4; i++)
		n += __builtin_popcountll(seen[i]);
	return n >= 22;
}

/* No text, no code of one kind: at least a quarter of it with the highest bit. */
static bool looks_like_key(const uint8_t *at)
{
	int high = 0;

	for (int i = 0; i < SIZE; i++)
		high += at[i] >> 7;
	return high >= 6 && high <= 26 && random_enough(at);
}

static bool search(const uint8_t *data, size_t len)
{
	uint8_t turned[SIZE];

	for (size_t at = 0; at + SIZE <= len; at++) {
		/* in a key's file it follows these (RFC 5915); elsewhere it is aligned */
		bool der = at >= 2 && data[at - 2] == 0x04 && data[at - 1] == SIZE;

		if ((at % 8 && !der) || !looks_like_key(data + at))
			continue;
		for (int i = 0; i < SIZE; i++)
			turned[i] = data[at + SIZE - 1 - (size_t)i];
		if (is_key(turned) || is_key(data + at))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 3 ? fopen(argv[1], "r") : NULL;
	X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	const EC_KEY *key = cert ? EVP_PKEY_get0_EC_KEY(X509_get0_pubkey(cert)) : NULL;
	int fd = key ? open(argv[2], O_RDONLY) : -1;
	struct stat st;
	const uint8_t *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 2;
	group = EC_KEY_get0_group(key);
	public = EC_KEY_get0_public_key(key);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return 2;
	return search(data, (size_t)st.st_size) ? 0 : 1;
}
