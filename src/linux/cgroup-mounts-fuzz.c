/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup-mounts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The bytes are mountinfo up to a NUL, and /proc/self/cgroup behind it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_free char *text = malloc(len + 2);
	struct cgroup_mounts m = { 0 };
	const char *second;

	if (!text)
		return 0;
	if (len)
		memcpy(text, data, len);
	text[len] = text[len + 1] = '\0';
	second = text + strlen(text) + 1;
	if (cgroup_mounts_parse(text, second > text + len ? "" : second, &m, NULL) < 0)
		return 0;
	for (unsigned i = 0; i < m.n; i++)
		if (m.h[i].mount[0] != '/')
			abort();
	cgroup_mounts_clear(&m);
	return 0;
}
