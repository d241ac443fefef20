/* SPDX-License-Identifier: Apache-2.0 */
/*
 * challenge.h - WWW-Authenticate (RFC 9110, section 11.6.1), as registries use it.
 *
 * A pure parser of what a server sends. One header may hold several challenges, and a
 * reply several headers; the token scheme is that of the distribution project ("Token
 * Authentication Specification").
 */
#ifndef BRIG_IMAGE_CHALLENGE_H
#define BRIG_IMAGE_CHALLENGE_H

#include "base/auto.h"

#include <stdbool.h>

#define CHALLENGE_TEXT_MAX 8192

struct challenge {
	bool basic;
	bool bearer;
	char *realm; /* of the bearer scheme: a URL */
	char *service;
	char *scope;
};

/*
 * Add what one header's value offers to '*c', which the caller zeroed or filled before.
 *
 * Should:  leave out what it can't read, and values with control characters.
 */
int challenge_add(struct challenge *c, const char *value);

void challenge_clear(struct challenge *c);
#define auto_challenge AUTO(challenge_clear)

#endif
