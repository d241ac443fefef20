/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dirs.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>

/* From the passwd file itself: getpwuid(3) would pull name services into every start. */
static char *home_from_passwd(void)
{
	FILE *f = fopen("/etc/passwd", "re");
	char line[1024], *home = NULL;

	while (f && !home && fgets(line, sizeof(line), f)) {
		char *field[7], *at = line;
		size_t n = 0;

		line[strcspn(line, "\n")] = '\0';
		while (n < 7 && at)
			field[n++] = strsep(&at, ":");
		if (n == 7 && strtoul(field[2], NULL, 10) == getuid() &&
			field[5][0] == '/')
			home = strdup(field[5]);
	}
	if (f)
		(void)fclose(f);
	return home;
}

char *dirs_home(void)
{
	const char *home = getenv("HOME");

	return home && *home == '/' ? path_clean(home) : home_from_passwd();
}

static char *from_home(const char *variable, const char *below)
{
	const char *set = getenv(variable);
	auto_free char *home = NULL;

	/* the specification says: a relative path is to be ignored */
	if (set && *set == '/')
		return str_printf("%s/brig", set);
	if (!below)
		return NULL;
	home = dirs_home();
	return home ? str_printf("%s/%s/brig", home, below) : NULL;
}

char *dirs_path(enum dir which)
{
	static const char *const names[] = { "state", "data", "run", "config" };
	const char *all = getenv("BRIG_HOME");
	auto_free char *state = NULL;
	char *run;

	if (all && *all) {
		auto_free char *cwd = *all == '/' ? NULL : getcwd(NULL, 0);
		auto_free char *base = path_join(cwd ? cwd : "/", all);

		return base ? str_printf("%s/%s", base, names[which]) : NULL;
	}
	switch (which) {
	case DIR_STATE: return from_home("XDG_STATE_HOME", ".local/state");
	case DIR_DATA: return from_home("XDG_DATA_HOME", ".local/share");
	case DIR_CONFIG: return from_home("XDG_CONFIG_HOME", ".config");
	case DIR_RUN: break;
	}
	run = from_home("XDG_RUNTIME_DIR", NULL);
	if (run)
		return run;
	state = dirs_path(DIR_STATE);
	return state ? str_printf("%s/run", state) : NULL;
}

char *dirs_path_in(enum dir which, const char *name)
{
	auto_free char *dir = dirs_path(which);

	return dir ? str_printf("%s/%s", dir, name) : NULL;
}

int dirs_open(enum dir which, const char *below, struct err *e)
{
	auto_free char *dir = dirs_path(which);
	auto_free char *path = dir ? str_printf("%s/%s", dir, below ? below : ".") : NULL;
	int fd;

	if (!path) {
		(void)err_set(e, ENOENT, "no home directory for user %u", getuid());
		err_hint(e, "set HOME or BRIG_HOME");
		return -ENOENT;
	}
	fd = file_open_dir(AT_FDCWD, path, 0700, e);
	if (fd < 0)
		err_hint(e, "make it writable, or set BRIG_HOME to a directory that is");
	return fd;
}

/* 'name' in the directory of this program plus 'up', if it is there. */
static char *beside_program(const char *up, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *path;

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	path = str_printf("%s/%s%s", self, up, name);
	if (path && access(path, F_OK) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

char *dirs_helper(const char *program)
{
	/* relative to where the program is, so that a tree that was moved still works, then
	 * where it was configured to be */
	static const char *const ups[] = { "../libexec/brig/", "../lib/brig/" };
	const char *set = getenv("BRIG_LIBEXEC");

	if (set && *set)
		return str_printf("%s/%s", set, program);
	for (size_t i = 0; i < sizeof(ups) / sizeof(*ups); i++) {
		char *path = beside_program(ups[i], program);

		if (path)
			return path;
	}
	return str_printf("%s/%s", BRIG_LIBEXECDIR, program);
}

char *dirs_share(const char *name)
{
	const char *set = getenv("BRIG_DATADIR");
	char *path;

	if (set && *set)
		return str_printf("%s/%s", set, name);
	path = beside_program("../share/brig/", name);
	return path ? path : str_printf("%s/%s", BRIG_DATADIR, name);
}
