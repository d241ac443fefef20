/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/since.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "sandbox/sandbox.h"

#include <dirent.h>

#define PATH_LEN 48

static void path_of(size_t i, const char *name, char out[PATH_LEN])
{
	(void)snprintf(out, PATH_LEN, "ws/%zu/%s", i, name);
}

/* One that is not there is empty, one that can't be looked into is not. */
static bool is_empty(const struct sandbox *s, size_t i)
{
	char path[PATH_LEN];
	bool empty = true;
	DIR *dir;
	int fd;

	path_of(i, "upper", path);
	fd = openat(s->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return false;
	}
	for (struct dirent *d; empty && (d = readdir(dir));)
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	(void)closedir(dir);
	return empty;
}

int since_set(const struct sandbox *s, size_t i, struct err *e)
{
	char path[PATH_LEN], text[24];

	path_of(i, "since", path);
	(void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)clock_real_ns());
	return file_replace(s->dir, path, text, strlen(text), 0600, 0, e);
}

int since_begin(const struct sandbox *s, size_t i, struct err *e)
{
	char path[PATH_LEN];
	int r;

	if (!is_empty(s, i))
		return 0;
	(void)snprintf(path, sizeof(path), "ws/%zu", i);
	r = file_mkdirs(s->dir, path, 0755, e);
	return r < 0 ? r : since_set(s, i, e);
}

uint64_t since_read(const struct sandbox *s, size_t i)
{
	auto_buf struct buf text = { 0 };
	char path[PATH_LEN];
	struct err quiet;
	uint64_t ns = 0;

	path_of(i, "since", path);
	if (file_read(s->dir, path, 64, &text, &quiet) < 0 || !text.len)
		return 0;
	text.data[strcspn(text.data, "\n")] = '\0';
	return str_to_uint(text.data, UINT64_MAX, "since", &ns, &quiet) < 0 ? 0 : ns;
}
