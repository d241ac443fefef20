/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login-helper.h - asking docker-credential-HELPER (docker-credential-helpers, "get").
 */
#ifndef BRIG_IMAGE_LOGIN_HELPER_H
#define BRIG_IMAGE_LOGIN_HELPER_H

struct err;
struct login;

/*
 * Run docker-credential-<l->helper> get with l->server on its input, and fill in what it
 * answers; no login at all when it knows none. At most 30 seconds.
 */
int login_helper_ask(struct login *l, struct err *e);

#endif
