/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/seed.h"

#include "base/err.h"
#include "base/file.h"

#include <dirent.h>

#define FILES   20
#define SECONDS 60

/* FILES files, their names in their contents, half of them below. */
static int make_workspace(const char *ws)
{
	auto_free char *below = str_printf("%s/src", ws);

	if (!below || mkdir(ws, 0755) < 0 || mkdir(below, 0755) < 0)
		return -EIO;
	for (int i = 0; i < FILES; i++) {
		auto_free char *path = str_printf("%s/file%d", i % 2 ? below : ws, i);

		if (!path ||
			file_replace(AT_FDCWD, path, path, strlen(path), 0644, 0, NULL) <
				0)
			return -EIO;
	}
	return 0;
}

/* Those that are there as they were. */
static int count(const char *ws)
{
	int n = 0;

	for (int i = 0; i < FILES; i++) {
		auto_free char *path =
			str_printf("%s%s/file%d", ws, i % 2 ? "/src" : "", i);
		auto_buf struct buf text = { 0 };

		n += path && file_read(AT_FDCWD, path, 4096, &text, NULL) == 0 &&
			text.data && strcmp(text.data, path) == 0;
	}
	return n;
}

/* The last thing said, without the hint below it. */
static char *reason(const struct buf *said)
{
	auto_strv struct strv lines = { 0 };

	if (strv_split(&lines, said->data ? said->data : "", "\n") < 0 || lines.n == 0)
		return strdup("nothing was said");
	return str_escape(lines.v[0]);
}

int seed_run(struct compare *c, struct approach *a, char **ret, bool *back)
{
	auto_free char *ws = str_printf("%s/seed-%s", c->dir, a->name);
	auto_free char *name = str_printf("compare-%d-%s-seed", (int)getpid(), a->name);
	auto_free char *why = NULL;
	auto_buf struct buf said = { 0 };
	auto_strv struct strv words = { 0 };
	int r, left, restored;

	*back = false;
	if (!ws || !name || make_workspace(ws) < 0)
		return -EIO;
	r = strv_add_all(
		&words, WORDS(c->self, "run", "-q", "--wall", a->name, "--name", name));
	if (r == 0 && c->image)
		r = strv_add_all(&words, WORDS("--image", c->image));
	r = r < 0 ? r
		  : strv_add_all(
			    &words, WORDS(ws, "--", "sh", "-c", "rm -rf ./* ./.[!.]*"));
	r = r < 0 ? r : exec_run(words.v, ws, SECONDS, NULL, &said);
	if (r == -EINTR)
		return r;
	left = count(ws);
	if (left == FILES) {
		why = reason(&said);
		*ret = str_printf("nothing was deleted: %s", why ? why : "");
		return *ret ? 0 : -ENOMEM;
	}
	buf_clear(&said);
	r = exec_run(WORDS(c->self, "undo", name), c->dir, SECONDS, NULL, &said);
	if (r == -EINTR)
		return r;
	restored = count(ws);
	*back = restored == FILES;
	why = r ? reason(&said) : NULL;
	*ret = str_printf("%d of %d files were deleted; brig undo brought %d back%s%s",
		FILES - left, FILES, restored - left, why ? ": " : "", why ? why : "");
	return *ret ? 0 : -ENOMEM;
}
