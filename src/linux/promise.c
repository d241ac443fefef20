/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/promise.h"

#include "base/err.h"
#include "linux/caps.h"
#include "linux/seccomp-filter.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *name, *words;
} roles[] = {
#define PROMISE_ROLE(id, name_, words_) [PROMISE_##id] = { name_, words_ },
#include "linux/promise-roles.inc"
#undef PROMISE_ROLE
};

const char *promise_role_name(enum promise_role role)
{
	return role < PROMISE_ROLES_N ? roles[role].name : NULL;
}

const char *promise_role_words(enum promise_role role)
{
	return role < PROMISE_ROLES_N ? roles[role].words : NULL;
}

/*
 * The C library reads the time zone's file when it is first asked for a date, and looks for
 * it again each time: libraries do so at any moment. A role that opens no files has UTC.
 */
static void settle_time_zone(enum promise_role role)
{
	if (strstr(promise_role_words(role), "rpath"))
		return;
	(void)setenv("TZ", "UTC0", 1);
	tzset();
}

int promise_keeping(enum promise_role role, uint64_t keep, struct err *e)
{
	int r;

	if (role >= PROMISE_ROLES_N)
		return err_set(e, EINVAL, "no role %d makes promises", (int)role);
	settle_time_zone(role);
	r = caps_reduce(keep, e);
	if (r == 0)
		r = caps_no_new_privs(e);
	if (r == 0)
		r = seccomp_install(&seccomp_promises[role], e);
	return r < 0 ? err_wrap(e, "promise of the role '%s'", roles[role].name) : 0;
}

int promise(enum promise_role role, struct err *e)
{
	return promise_keeping(role, CAPS_NONE, e);
}
