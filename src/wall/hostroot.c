/* SPDX-License-Identifier: Apache-2.0 */
#include "wall/hostroot.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "linux/idmap.h"
#include "linux/mounts.h"
#include "wall/root.h"
#include "wall/tree.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

/* The system's own directories: shown if they are directories, copied if they are links.
 */
static const char *const system_dirs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32",
	"/lib64", "/libx32", "/opt", "/nix", "/gnu" };

/*
 * What of /etc may be seen. Programs of the system look for these, and none of them holds
 * a secret by design. Missing on purpose: shadow and gshadow, sudoers, ssh, ssl/private,
 * machine-id, hostname, fstab, network set-up, mail, databases, anything that was not
 * thought of.
 */
static const char *const etc_names[] = { "alternatives", "bash.bashrc",
	"bash_completion.d", "bindresvport.blacklist", "ca-certificates",
	"ca-certificates.conf", "debian_version", "fedora-release", "arch-release",
	"alpine-release", "dictionaries-common", "dpkg", "environment", "ethertypes",
	"fonts", "gai.conf", "gitconfig", "host.conf", "init.d", "inputrc", "issue",
	"java", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk",
	"java-25-openjdk", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "libaudit.conf",
	"locale.alias", "locale.conf", "locale.gen", "localtime", "login.defs",
	"lsb-release", "magic", "magic.mime", "mailcap", "manpath.config", "mime.types",
	"nanorc", "networks", "nsswitch.conf", "npmrc", "os-release", "pam.d", "perl",
	"pki", "profile", "profile.d", "protocols", "python3", "python3.11", "python3.12",
	"python3.13", "python3.14", "rpc", "screenrc", "security", "services", "shells",
	"skel", "ssl", "system-release", "terminfo", "timezone", "vim", "xattr.conf",
	"xdg", "zsh" };

#define ETC_FILE_MAX (4U << 20)

static int take(struct root *r, const char *path, struct err *e)
{
	struct root_base *b = &r->bases[r->bases_n];
	int ret;

	if (r->bases_n == ROOT_BASES_MAX)
		return err_set(
			e, E2BIG, "more than %d directories of the host", ROOT_BASES_MAX);
	b->dst = strdup(path);
	b->fd = b->dst ? mount_clone(AT_FDCWD, path, true, e) : -ENOMEM;
	if (b->fd < 0) {
		free(b->dst);
		return err_wrap(e, "show '%s'", path);
	}
	r->bases_n++;
	ret = mount_restrict(
		b->fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, true, e);
	return ret < 0 ? err_wrap(e, "show '%s'", path) : 0;
}

int hostroot_take(struct root *r, const char *path, struct err *e)
{
	return take(r, path, e);
}

int hostroot_open(struct root *r, struct err *e)
{
	struct stat st;

	for (size_t i = 0; i < sizeof(system_dirs) / sizeof(*system_dirs); i++) {
		int ret;

		if (lstat(system_dirs[i], &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		ret = take(r, system_dirs[i], e);
		if (ret < 0)
			return ret;
	}
	for (size_t i = 0; i < sizeof(etc_names) / sizeof(*etc_names); i++) {
		char path[PATH_MAX];
		int ret;

		(void)snprintf(path, sizeof(path), "/etc/%s", etc_names[i]);
		if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		ret = take(r, path, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/*
 * What follows is made in directories that are open already, by single names: from its
 * second start on, the writable layer is what the sandbox made of it, links and all.
 */

/* A link of the host's, made again. */
static int copy_link(const char *path, int dir, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return errno == EINVAL || errno == ENOENT
			? 0
			: err_sys(e, "read link '%s'", path);
	target[n] = '\0';
	if (symlinkat(target, dir, path_base(path)) < 0 && errno != EEXIST)
		return err_sys(e, "make link '%s'", path);
	return 0;
}

/* A file of /etc that anybody may read; what only some may is left out. */
static int copy_file(const char *path, int dir, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_fd int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	auto_fd int to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode) ||
		!(st.st_mode & S_IROTH))
		return 0;
	to = openat(dir, path_base(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0)
		return errno == EEXIST ? 0 : err_sys(e, "make '%s'", path);
	r = file_read_fd(from, path, ETC_FILE_MAX, &text, e);
	if (r == 0 && file_write_all(to, text.data, text.len) < 0)
		r = err_sys(e, "write '%s'", path);
	return r;
}

static int write_new(int etc, const char *name, const struct buf *text, struct err *e)
{
	auto_fd int to = openat(etc, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r;

	if (to < 0)
		return errno == EEXIST ? 0 : err_sys(e, "make '/etc/%s'", name);
	r = file_write_all(to, text->data, text->len);
	errno = -r;
	return r < 0 ? err_sys(e, "write '/etc/%s'", name) : 0;
}

/* The system's users by the host's file, and the working user; no other person's name. */
static int make_passwd(const struct root *r, int etc, const char *path, unsigned id,
	const char *own, struct err *e)
{
	auto_buf struct buf from = { 0 }, to = { 0 };
	char *line, *at;
	int ret = file_read(AT_FDCWD, path, ETC_FILE_MAX, &from, e);

	if (ret < 0)
		return ret;
	at = from.data;
	while ((line = strsep(&at, "\n"))) {
		const char *field = strchr(line, ':');
		unsigned long n;

		field = field ? strchr(field + 1, ':') : NULL;
		if (!field)
			continue;
		n = strtoul(field + 1, NULL, 10);
		if (n == id || (n >= 1000 && n != 65534) ||
			(str_starts(line, r->spec->user) &&
				line[strlen(r->spec->user)] == ':' && id != 0))
			continue;
		if (buf_addf(&to, "%s\n", line) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	if (buf_add_str(&to, own) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return write_new(etc, path_base(path), &to, e);
}

static int make_users(const struct root *r, int etc, struct err *e)
{
	const struct wall_spec *s = r->spec;
	const char *shell = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
	unsigned uid = s->ids->work_uid, gid = s->ids->work_gid;
	auto_free char *user = str_printf(
		"%s:x:%u:%u::%s:%s\n", uid ? s->user : "root", uid, gid, s->home, shell);
	auto_free char *group = str_printf("%s:x:%u:\n", gid ? s->user : "root", gid);
	auto_buf struct buf text = { 0 };
	int ret;

	if (!user || !group)
		return err_set(e, ENOMEM, "out of memory");
	ret = make_passwd(r, etc, "/etc/passwd", uid, user, e);
	if (ret == 0)
		ret = make_passwd(r, etc, "/etc/group", gid, group, e);
	if (ret == 0 &&
		buf_addf(&text, "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t%s\n",
			s->hostname) == 0)
		ret = write_new(etc, "hosts", &text, e);
	text.len = 0;
	if (ret == 0 && buf_addf(&text, "%s\n", s->hostname) == 0)
		ret = write_new(etc, "hostname", &text, e);
	return ret;
}

static int make_dir(int root, const char *path, struct err *e)
{
	auto_free char *parent = path_join(path, "..");
	auto_fd int dir = parent
		? path_open_in_root(root, parent, O_PATH | O_DIRECTORY, 0, e)
		: err_set(e, ENOMEM, "out of memory");

	if (dir < 0)
		return dir;
	if (mkdirat(dir, path_base(path), 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make '/%s'", path);
	return 0;
}

int hostroot_build(struct root *r, int root, struct err *e)
{
	static const char *const made[] = { "home", "root", "srv", "mnt", "media",
		"var/cache", "var/lib", "var/log", "run/lock" };
	auto_fd int etc = path_open_in_root(root, "etc", O_PATH | O_DIRECTORY, 0, e);
	int ret = etc < 0 ? etc : 0;

	for (size_t i = 0; i < sizeof(made) / sizeof(*made) && ret == 0; i++)
		ret = make_dir(root, made[i], e);
	for (size_t i = 0; i < sizeof(system_dirs) / sizeof(*system_dirs) && ret == 0;
		i++)
		ret = copy_link(system_dirs[i], root, e);
	/* made from the host's at each start of a new sandbox only: changes inside stay
	 */
	for (size_t i = 0; i < sizeof(etc_names) / sizeof(*etc_names) && ret == 0; i++) {
		char path[PATH_MAX];
		struct stat st;

		(void)snprintf(path, sizeof(path), "/etc/%s", etc_names[i]);
		if (lstat(path, &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode))
			ret = copy_link(path, etc, e);
		else if (S_ISREG(st.st_mode))
			ret = copy_file(path, etc, e);
	}
	return ret == 0 ? make_users(r, etc, e) : ret;
}
