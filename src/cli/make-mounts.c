/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/make-mounts.h"

#include "base/dirs.h"
#include "base/err.h"
#include "base/path.h"
#include "cli/out.h"

#include <limits.h>
#include <sys/stat.h>

/* Where the sandbox's own trees are; a mount over them would break it or pretend to be
 * it. */
static const char *const taken[] = { "/proc", "/sys", "/dev" };

/* "SRC:ro" loses and reports its last part when that is a mode. */
static bool cut_mode(char *text, int *mode)
{
	char *colon = strrchr(text, ':');

	for (int i = 0; colon && mount_mode_names[i]; i++)
		if (strcmp(colon + 1, mount_mode_names[i]) == 0) {
			*colon = '\0';
			*mode = i;
			return true;
		}
	return false;
}

/* The real path of something on the host: links resolved now, not when the sandbox
 * starts. */
static int real_source(const char *text, char **ret, struct err *e)
{
	auto_free char *home = text[0] == '~' && text[1] == '/' ? dirs_home() : NULL;
	auto_free char *full = home ? str_printf("%s%s", home, text + 1) : strdup(text);
	auto_free char *shown = str_escape(text);
	char *real = full ? realpath(full, NULL) : NULL;

	if (!real) {
		(void)err_set(e, errno, "'%s': %s", shown ? shown : "?",
			strerrordesc_np(errno));
		if (errno == ENOENT)
			err_hint(e,
				"make it first; brig makes no directories of the host's");
		return -errno;
	}
	*ret = real;
	return 0;
}

static int check_target(const char *dst, struct err *e)
{
	if (strcmp(dst, "/") == 0)
		return err_set(
			e, EINVAL, "nothing can be mounted over the sandbox's root");
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (path_beneath(dst, taken[i]))
			return err_set(e, EINVAL, "'%s' is the sandbox's own", dst);
	return 0;
}

/* Whoever can write brig's own state could write what the next start believes. */
static int check_source(const char *src, int mode, struct err *e)
{
	static const enum dir own[] = { DIR_STATE, DIR_DATA, DIR_RUN, DIR_CONFIG };

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		auto_free char *dir = dirs_path(own[i]);

		if (!dir)
			continue;
		if (path_beneath(src, dir))
			return err_set(
				e, EINVAL, "'%s' is brig's own and can't be shared", src);
		if (mode == MOUNT_RO || !path_beneath(dir, src) || access(dir, F_OK) < 0)
			continue;
		(void)err_set(e, EINVAL,
			"'%s' holds brig's own '%s'; a sandbox must not write there", src,
			dir);
		err_hint(e,
			"share a directory below it, share it :ro, or set BRIG_HOME "
			"elsewhere");
		return -EINVAL;
	}
	return 0;
}

static int add(struct record *rec, const char *src, const char *dst, int mode,
	bool workspace, struct err *e)
{
	struct mount_spec *m;
	struct stat st;
	int r = check_source(src, mode, e);

	if (r == 0)
		r = check_target(dst, e);
	if (r < 0)
		return r;
	if (stat(src, &st) < 0)
		return err_sys(e, "'%s'", src);
	if (!S_ISDIR(st.st_mode) && workspace)
		return err_set(e, ENOTDIR,
			"'%s' is no directory: use -v for a single file", src);
	if (!S_ISDIR(st.st_mode) && mode == MOUNT_OVERLAY)
		return err_set(e, ENOTDIR,
			"'%s' is no directory: only those can be overlays", src);
	for (size_t i = 0; i < rec->mounts.n; i++)
		if (str_eq(record_mount(rec, i)->dst, dst))
			return err_set(e, EEXIST, "'%s' is given twice", dst);
	m = json_list_add(&rec->mounts, &mount_spec_schema);
	if (!m || !(m->src = strdup(src)) || !(m->dst = strdup(dst)))
		return err_set(e, ENOMEM, "out of memory");
	m->mode = mode;
	m->workspace = workspace;
	return 0;
}

static int add_path(struct record *rec, const char *word, struct err *e)
{
	auto_free char *text = strdup(word), *src = NULL;
	int mode = MOUNT_RW, r;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	(void)cut_mode(text, &mode);
	r = real_source(text, &src, e);
	return r < 0 ? r : add(rec, src, src, mode, true, e);
}

static int add_volume(struct record *rec, const char *word, struct err *e)
{
	auto_free char *text = strdup(word), *src = NULL, *dst = NULL;
	char *colon;
	int mode = MOUNT_RW, r;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	(void)cut_mode(text, &mode);
	colon = strchr(text, ':');
	if (colon) {
		*colon = '\0';
		if (colon[1] != '/')
			return err_set(e, EINVAL,
				"-v '%s': write SRC[:/DST][:ro|:rw|:overlay]", word);
		dst = path_clean(colon + 1);
	}
	r = real_source(text, &src, e);
	if (r < 0)
		return r;
	return add(rec, src, dst ? dst : src, mode, false, e);
}

/* A directory that is shared by accident more often than on purpose. */
static bool too_much(const char *dir, const char *home)
{
	static const char *const system[] = { "/", "/usr", "/etc", "/bin", "/sbin",
		"/lib", "/lib64", "/opt", "/var", "/proc", "/sys", "/dev", "/run",
		"/boot", "/tmp" };

	for (size_t i = 0; i < sizeof(system) / sizeof(*system); i++)
		if (strcmp(dir, system[i]) == 0)
			return true;
	return path_beneath(home, dir);
}

static int add_current(struct record *rec, const char *home, struct err *e)
{
	auto_free char *real_home = realpath(home, NULL);
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(e, "find the current directory");
	if (too_much(cwd, real_home ? real_home : home)) {
		out_note("'%s' is not shared with the sandbox; name it (brig run .) if "
			 "it is meant to be",
			cwd);
		return 0;
	}
	return add(rec, cwd, cwd, MOUNT_RW, true, e);
}

int mounts_from_words(const struct strv *paths, const struct strv *volumes,
	const char *home, struct record *rec, struct err *e)
{
	int r = 0;

	if (paths->n == 0)
		r = add_current(rec, home, e);
	for (size_t i = 0; i < paths->n && r == 0; i++)
		r = add_path(rec, paths->v[i], e);
	for (size_t i = 0; i < volumes->n && r == 0; i++)
		r = add_volume(rec, volumes->v[i], e);
	return r;
}
