/* SPDX-License-Identifier: Apache-2.0 */
#include "image/login.h"

#include "base/err.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct login_query queries[] = { { "fuzz", "docker.io",
							      "library/a" },
		{ "fuzz", "localhost:5000", "a/b/c" } };

	for (size_t i = 0; i < 2; i++) {
		auto_login struct login l = { 0 };
		struct err e = { 0 };

		if (login_parse((const char *)data, len, &queries[i], &l, &e) == 0 &&
			l.helper && strpbrk(l.helper, "/ \n"))
			abort();
	}
	return 0;
}
