/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/agent-tree.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"

#include <dirent.h>
#include <sys/stat.h>

#define MODULES "/node_modules/"
#define PNPM    "/.pnpm/"

static const char *const system_dirs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32",
	"/lib64", "/libx32", "/opt", "/nix", "/gnu" };

/* Never one program's: the whole machine's, or a person's. */
static const char *const shared_dirs[] = { "/", "/boot", "/dev", "/dev/shm", "/etc",
	"/home", "/media", "/mnt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp",
	"/var", "/var/lib", "/var/opt", "/var/tmp" };
static const char *const shared_in_home[] = { ".aws", ".cache", ".claude", ".codex",
	".config", ".copilot", ".docker", ".gemini", ".gnupg", ".kube", ".local",
	".local/bin", ".local/lib", ".local/share", ".local/state", ".mozilla", ".ssh",
	"Desktop", "Documents", "Downloads", "bin", "lib", "opt", "projects", "share",
	"snap", "src", "work" };

/* What a prefix of one program may have in it; anything else makes it somebody's folder.
 */
static const char *const prefix_dirs[] = { "bin", "conda-meta", "doc", "etc", "include",
	"lib", "lib32", "lib64", "libexec", "man", "sbin", "share" };

static bool one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
#define ONE_OF(name, names) one_of(name, names, sizeof(names) / sizeof(*(names)))

bool agent_tree_is_system(const char *path)
{
	for (size_t i = 0; i < sizeof(system_dirs) / sizeof(*system_dirs); i++)
		if (path_beneath(path, system_dirs[i]))
			return true;
	return false;
}

static bool is_shared(const char *dir, const char *home)
{
	if (ONE_OF(dir, shared_dirs) || path_beneath(home, dir))
		return true;
	return path_beneath(dir, home) && ONE_OF(dir + strlen(home) + 1, shared_in_home);
}

static char *parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static bool is_dir(const char *dir, const char *name)
{
	auto_free char *path = str_printf("%s/%s", dir, name);
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * The package of a file in somebody's node_modules. A global prefix (lib/node_modules)
 * nests what a package needs inside of it, so the package is enough; elsewhere it is laid
 * out flat beside it, and pnpm links from one package to the other across .pnpm.
 */
static char *modules_tree(const char *real)
{
	const char *modules = strstr(real, MODULES), *pnpm = strstr(real, PNPM);
	const char *name, *end;
	size_t before;

	if (pnpm && (!modules || pnpm < modules))
		return strndup(real, (size_t)(pnpm - real) + strlen(PNPM) - 1);
	if (!modules)
		return NULL;
	before = (size_t)(modules - real);
	if (before < 4 || memcmp(modules - 4, "/lib", 4) != 0)
		return strndup(real, before + strlen(MODULES) - 1);
	name = modules + strlen(MODULES);
	end = strchr(name, '/');
	if (end && *name == '@')
		end = strchr(end + 1, '/');
	return end ? strndup(real, (size_t)(end - real)) : strdup(real);
}

/* The directory with the package.json that a script of node belongs to, or NULL. */
static char *package_tree(const char *real)
{
	auto_free char *dir = parent(real);

	while (dir && strcmp(dir, "/") != 0) {
		auto_free char *file = str_printf("%s/package.json", dir);
		char *up;

		if (file && access(file, F_OK) == 0)
			return take_ptr(&dir);
		up = parent(dir);
		free(dir);
		dir = up;
	}
	return NULL;
}

static bool only_prefix(const char *path)
{
	DIR *dir = opendir(path);
	bool only = dir;
	struct dirent *d;

	while (only && (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (is_dir(path, d->d_name))
			only = ONE_OF(d->d_name, prefix_dirs);
	}
	if (dir)
		(void)closedir(dir);
	return only;
}

/* The prefix of X/bin/FILE, when X is one: lib/ beside bin/ and nothing of anybody's. */
static char *prefix_tree(const char *real, const char *home)
{
	auto_free char *bin = parent(real);
	auto_free char *prefix = bin && str_ends(bin, "/bin") ? parent(bin) : NULL;

	if (!prefix || is_shared(prefix, home) || !is_dir(prefix, "lib") ||
		!only_prefix(prefix))
		return NULL;
	return take_ptr(&prefix);
}

int agent_tree_find(
	const char *real, bool node, const char *home, char **ret, struct err *e)
{
	auto_free char *tree = NULL;

	*ret = NULL;
	if (agent_tree_is_system(real))
		return 0;
	tree = modules_tree(real);
	if (!tree && node)
		tree = package_tree(real);
	if (tree && is_shared(tree, home)) {
		(void)err_set(e, EPERM,
			"'%s' needs all of '%s', which holds more than the program", real,
			tree);
		err_hint(e, "install it in a place of its own, or under /usr/local");
		return -EPERM;
	}
	if (!tree)
		tree = prefix_tree(real, home);
	if (!tree)
		tree = strdup(real);
	if (!tree)
		return err_set(e, ENOMEM, "out of memory");
	*ret = take_ptr(&tree);
	return 0;
}
