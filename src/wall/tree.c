/* SPDX-License-Identifier: Apache-2.0 */
#include "wall/tree.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "linux/idmap.h"
#include "linux/mounts.h"

#include <sys/fsuid.h>
#include <sys/stat.h>

int tree_overlay(const struct tree_layers *l, struct err *e)
{
	const char *slash = *l->at ? "/" : "";
	auto_free char *upper =
		str_printf("/proc/self/fd/%d/%s%supper", l->dir, l->at, slash);
	auto_free char *work =
		str_printf("/proc/self/fd/%d/%s%swork", l->dir, l->at, slash);
	auto_strv struct strv top_first = { 0 };
	struct mount_overlay o = {
		.dirfd = AT_FDCWD, .userxattr = true, .volatile_ = l->ephemeral
	};
	int r = 0;

	/* by descriptor: root of the user namespace may not be able to walk there by name
	 */
	for (size_t i = l->layers_n; i-- > 0 && r == 0;)
		r = strv_addf(&top_first, "/proc/self/fd/%d/%s", l->lowers, l->layers[i]);
	if (l->lower && r == 0)
		r = strv_addf(&top_first, "/proc/self/fd/%d/%s", l->lowers, l->lower);
	if (!upper || !work || r < 0)
		return err_set(e, ENOMEM, "out of memory");
	o.lower = (const char *const *)(uintptr_t)top_first.v;
	o.lower_n = (unsigned)top_first.n;
	o.upper = upper;
	o.work = work;
	return mount_overlay(&o, e);
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* An empty file to put a mount on. Returns it opened with O_PATH. */
static int make_file(int parent, const char *name, struct err *e)
{
	auto_fd int fd = openat(
		parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", name);
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", name) : take_fd(&fd);
}

int tree_attach(int root, int mnt, const char *dst, struct err *e)
{
	auto_free char *dir = NULL;
	auto_fd int parent = -1, at = -1;

	if (is_directory(mnt)) {
		at = path_mkdirs_in_root(root, dst, 0755, e);
	} else {
		dir = path_join(dst, "..");
		parent = dir ? path_mkdirs_in_root(root, dir, 0755, e) : -ENOMEM;
		if (parent < 0)
			return parent;
		at = make_file(parent, path_base(dst), e);
	}
	return at < 0 ? at : mount_attach(mnt, at, "", e);
}

int tree_attach_plain(int root, int mnt, const char *name, struct err *e)
{
	auto_fd int at = path_open_plain(root, name, O_PATH | O_DIRECTORY, 0, e);

	if (at < 0) {
		err_hint(e,
			"the image has a link or a file in the place of the directory "
			"/%s",
			name);
		return at;
	}
	return mount_attach(mnt, at, "", e);
}

int tree_attach_made(int root, int mnt, const char *dst, const char *home,
	const struct idmap *ids, struct err *e)
{
	bool ours = path_beneath(dst, home);
	int r;

	if (!ours)
		return tree_attach(root, mnt, dst, e);
	/* file-system identity alone: what is made belongs to the working user */
	(void)setfsgid(ids->work_gid);
	(void)setfsuid(ids->work_uid);
	if (is_directory(mnt)) {
		auto_fd int at = path_mkdirs_in_root(root, dst, 0755, NULL);
	}
	(void)setfsuid(0);
	(void)setfsgid(0);
	r = tree_attach(root, mnt, dst, e);
	return r;
}

/* Put a mount of 'path' over itself. */
static int pin(int base, const char *path, bool readonly, struct err *e)
{
	auto_fd int at = path_open_plain(base, path, O_PATH, 0, e);
	auto_fd int mnt = at < 0 ? -1 : mount_clone(at, "", true, e);
	int r = at < 0 ? at : mnt;

	if (r >= 0 && readonly)
		r = mount_restrict(mnt, MOUNT_ATTR_RDONLY, true, e);
	if (r >= 0)
		r = mount_attach(mnt, at, "", e);
	return r < 0 ? err_wrap(e, "protect '%s'", path) : 0;
}

int tree_protect(int root, const struct wall_mount *m, struct err *e)
{
	/* parents come before what is in them, so each pin is made on the pin above it */
	for (size_t i = 0; i < m->pinned_n + m->readonly_n; i++) {
		bool readonly = i >= m->pinned_n;
		const char *path = readonly ? m->readonly[i - m->pinned_n] : m->pinned[i];
		/* looked up anew: the last pin is on top of what was opened before */
		auto_fd int base =
			path_open_in_root(root, m->dst, O_PATH | O_DIRECTORY, 0, e);
		int r = base < 0 ? base : pin(base, path, readonly, e);

		/* the host may have removed it meanwhile; then there is nothing to
		 * protect */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int tree_make_standard(int root, struct err *e)
{
	static const struct {
		const char *path;
		mode_t mode;
	} dirs[] = { { "proc", 0555 }, { "sys", 0555 }, { "dev", 0755 }, { "run", 0755 },
		{ "tmp", 01777 }, { "var", 0755 }, { "var/tmp", 01777 },
		{ "etc", 0755 } };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		struct err quiet;
		auto_fd int there =
			path_open_in_root(root, dirs[i].path, O_PATH, 0, &quiet);
		auto_fd int made = -1;

		if (there >= 0)
			continue;
		made = path_mkdirs_in_root(root, dirs[i].path, 0755, e);
		if (made < 0)
			return made;
		if (dirs[i].mode != 0755) {
			auto_fd int dir = path_open_in_root(
				root, dirs[i].path, O_RDONLY | O_DIRECTORY, 0, e);

			if (dir < 0)
				return dir;
			if (fchmod(dir, dirs[i].mode) < 0)
				return err_sys(e, "make '/%s'", dirs[i].path);
		}
	}
	return 0;
}

/* From runtime-tools' and the engines' default: what a container may not read ... */
static const char *const masked_proc[] = { "acpi", "asound", "interrupts", "kcore",
	"keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi",
	"kallsyms", "kpagecount", "kpageflags", "kpagecgroup" };
/* ... and not write. */
static const char *const readonly_proc[] = { "bus", "fs", "irq", "sys", "sysrq-trigger" };
static const char *const masked_sys[] = { "firmware", "devices/virtual/powercap",
	"kernel/debug", "kernel/tracing", "kernel/security", "fs/bpf", "fs/cgroup" };

/* What hides directories: one that is empty and read-only. */
struct nothing {
	int fd;
	bool attached;
};

static void nothing_clear(struct nothing *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
}

static int make_empty(struct err *e)
{
	static const struct mount_option options[] = { { "size", "4k" },
		{ "mode", "0555" }, { "nr_inodes", "1" }, { 0 } };

	return mount_new("tmpfs", options,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			MOUNT_ATTR_NOEXEC,
		e);
}

/* Put 'nothing' there, or once it has its place a copy of it: before Linux 6.15 a mount
 * that is attached nowhere can't be copied. */
static int hide_directory(int at, struct nothing *n, struct err *e)
{
	auto_fd int copy = -1;
	int r;

	if (!n->attached) {
		r = mount_attach(n->fd, at, "", e);
		n->attached = r == 0;
		return r;
	}
	copy = mount_clone(n->fd, "", false, e);
	return copy < 0 ? copy : mount_attach(copy, at, "", e);
}

static int hide_file(int at, struct err *e)
{
	auto_fd int over = mount_clone(AT_FDCWD, "/dev/null", false, e);

	return over < 0 ? over : mount_attach(over, at, "", e);
}

/* Hide one path: a file behind /dev/null, a directory behind 'nothing'. */
static int mask(int base, const char *path, struct nothing *n, struct err *e)
{
	struct err quiet;
	auto_fd int at = path_open_plain(base, path, O_PATH, 0, &quiet);
	int r;

	if (at < 0)
		return 0; /* this kernel doesn't have it */
	r = is_directory(at) ? hide_directory(at, n, e) : hide_file(at, e);
	return r < 0 ? err_wrap(e, "mask '%s'", path) : 0;
}

int tree_mask_proc(int root, struct err *e)
{
	auto_fd int proc = path_open_plain(root, "proc", O_PATH | O_DIRECTORY, 0, e);
	AUTO(nothing_clear) struct nothing nothing = { .fd = make_empty(e) };

	if (proc < 0 || nothing.fd < 0)
		return proc < 0 ? proc : nothing.fd;
	for (size_t i = 0; i < sizeof(masked_proc) / sizeof(*masked_proc); i++) {
		int r = mask(proc, masked_proc[i], &nothing, e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < sizeof(readonly_proc) / sizeof(*readonly_proc); i++) {
		int r = pin(proc, readonly_proc[i], true, e);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int tree_mask_sys(struct err *e)
{
	auto_fd int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(nothing_clear) struct nothing nothing = { .fd = make_empty(e) };

	if (sys < 0)
		return err_sys(e, "open '/sys'");
	if (nothing.fd < 0)
		return nothing.fd;
	for (size_t i = 0; i < sizeof(masked_sys) / sizeof(*masked_sys); i++) {
		int r = mask(sys, masked_sys[i], &nothing, e);

		if (r < 0)
			return r;
	}
	return 0;
}

#define ETC_MAX (1U << 20)

/* Does a file of lines "name:x:ID:..." have this id? */
static bool has_id(const char *text, unsigned id)
{
	char want[16];

	(void)snprintf(want, sizeof(want), "%u", id);
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *field = line + (*line == '\n');

		for (int i = 0; i < 2 && field; i++) {
			field = strpbrk(field, ":\n");
			field = field && *field == ':' ? field + 1 : NULL;
		}
		if (field && str_starts(field, want) &&
			(field[strlen(want)] == ':' || field[strlen(want)] == '\n'))
			return true;
		line += *line == '\n';
	}
	return false;
}

/* Append a line for an id that the file lacks. A file that isn't there is made. */
static int add_line(
	int root, const char *path, unsigned id, const char *line, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_fd int fd = path_open_in_root(
		root, path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0644, e);
	struct stat st;
	int r;

	/* an image without a writable /etc of its own simply has no name for the user */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = file_read_fd(fd, path, ETC_MAX, &text, e);
	if (r < 0 || (text.len && has_id(text.data, id)))
		return r;
	if (text.len && text.data[text.len - 1] != '\n' &&
		file_write_all(fd, "\n", 1) < 0)
		return err_sys(e, "write '%s'", path);
	r = file_write_all(fd, line, strlen(line));
	errno = -r;
	return r < 0 ? err_sys(e, "write '%s'", path) : 0;
}

int tree_add_user(int root, const struct wall_spec *spec, struct err *e)
{
	unsigned uid = spec->ids->work_uid, gid = spec->ids->work_gid;
	auto_free char *passwd =
		str_printf("%s:x:%u:%u::%s:/bin/sh\n", spec->user, uid, gid, spec->home);
	auto_free char *group = str_printf("%s:x:%u:\n", spec->user, gid);
	auto_free char *hosts = str_printf(
		"127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t%s\n", spec->hostname);
	struct err quiet;
	auto_fd int fd = -1;
	int r;

	if (!passwd || !group || !hosts)
		return err_set(e, ENOMEM, "out of memory");
	fd = path_open_in_root(
		root, "etc/hosts", O_WRONLY | O_CREAT | O_EXCL, 0644, &quiet);
	if (fd >= 0 && file_write_all(fd, hosts, strlen(hosts)) < 0)
		return err_sys(e, "write '/etc/hosts'");
	r = add_line(root, "etc/passwd", uid, passwd, e);
	return r < 0 ? r : add_line(root, "etc/group", gid, group, e);
}
