/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/env.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

bool env_has(const struct strv *env, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], key, len) == 0 && env->v[i][len] == '=')
			return true;
	return false;
}

/* The last word on a variable wins. */
int env_set(struct strv *env, const char *text, struct err *e)
{
	const char *eq = strchr(text, '=');
	size_t len = eq ? (size_t)(eq - text) : strlen(text);
	const char *own = NULL;

	if (len == 0)
		return err_set(e, EINVAL, "'%s' is no variable: write K=V or K", text);
	if (!eq && !(own = getenv(text)))
		return 0;
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], text, len) == 0 && env->v[i][len] == '=') {
			char *one = own ? str_printf("%s=%s", text, own) : strdup(text);

			if (!one)
				return err_set(e, ENOMEM, "out of memory");
			free(env->v[i]);
			env->v[i] = one;
			return 0;
		}
	if ((own ? strv_addf(env, "%s=%s", text, own) : strv_add(env, text)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

int env_set_all(struct strv *env, const struct strv *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		int r = env_set(env, from->v[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

int env_file(struct strv *env, const char *path, struct err *e)
{
	auto_buf struct buf text = { 0 };
	char *at, *line;
	int r = file_read(AT_FDCWD, path, 1 << 20, &text, e);

	if (r < 0)
		return r;
	at = text.data;
	while ((line = strsep(&at, "\n"))) {
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#' && (r = env_set(env, line, e)) < 0)
			return err_wrap(e, "'%s'", path);
	}
	return 0;
}
