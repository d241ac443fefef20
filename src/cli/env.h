/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.h - a command's environment, put together from several places.
 */
#ifndef BRIG_CLI_ENV_H
#define BRIG_CLI_ENV_H

#include "base/str.h"

struct err;

bool env_has(const struct strv *env, const char *key);

/* "K=V" sets; "K" hands on the caller's, if it has one. The last word on a variable wins.
 */
int env_set(struct strv *env, const char *text, struct err *e);
int env_set_all(struct strv *env, const struct strv *from, struct err *e);

/* The lines of a file; empty ones and those that begin with # are left out. */
int env_file(struct strv *env, const char *path, struct err *e);

#endif
