/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/user.h"

#include "base/auto.h"
#include "base/err.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Three texts, each ended by NUL: the user asked for, passwd, group. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free char *text = calloc(1, len + 3);
	const char *passwd, *group;
	struct user u;
	struct err e;

	if (!text)
		return 0;
	if (len)
		memcpy(text, data, len);
	passwd = text + strlen(text) + 1;
	group = passwd + strlen(passwd) + 1;
	if (user_resolve(text, passwd, group, &u, &e) < 0)
		return 0;
	if (u.uid == UINT32_MAX || u.gid == UINT32_MAX || u.home[0] != '/' ||
		u.n_groups > USER_GROUPS_MAX)
		abort();
	return 0;
}
