/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup-file.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <inttypes.h>

int cgroup_poke(const char *dir, const char *file, const char *text, struct err *e)
{
	auto_free char *path = str_printf("%s/%s", dir, file);

	if (!path)
		return err_set(e, ENOMEM, "write '%s/%s'", dir, file);
	return file_poke(AT_FDCWD, path, text, e);
}

int cgroup_poke_number(const char *dir, const char *file, uint64_t n, struct err *e)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, n);
	return cgroup_poke(dir, file, text, e);
}

bool cgroup_has_file(const char *dir, const char *file)
{
	auto_free char *path = str_printf("%s/%s", dir, file);

	return path && access(path, F_OK) == 0;
}

char *cgroup_text(const char *dir, const char *file, size_t max)
{
	auto_free char *path = str_printf("%s/%s", dir, file);
	auto_buf struct buf b = { 0 };
	struct err ignored = { 0 };

	if (!path || file_read(AT_FDCWD, path, max, &b, &ignored) < 0)
		return NULL;
	return buf_take(&b);
}

uint64_t cgroup_number(const char *dir, const char *file)
{
	auto_free char *text = cgroup_text(dir, file, 4096);
	uint64_t n = 0;

	if (!text || sscanf(text, "%" SCNu64, &n) != 1)
		return 0;
	return n > UINT64_C(1) << 60 ? 0 : n;
}

uint64_t cgroup_keyed(const char *dir, const char *file, const char *key)
{
	auto_free char *text = cgroup_text(dir, file, 65536);
	size_t len = strlen(key);
	uint64_t n = 0;

	for (const char *p = text; p && *p;) {
		if (strncmp(p, key, len) == 0 && p[len] == ' ') {
			if (sscanf(p + len, "%" SCNu64, &n) == 1)
				return n;
			return 0;
		}
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return 0;
}
