/* SPDX-License-Identifier: Apache-2.0 */
#include "wall/root.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/str.h"
#include "linux/idmap.h"
#include "linux/mounts.h"
#include "wall/hostroot.h"
#include "wall/netfiles.h"
#include "wall/tree.h"

#include <sys/fsuid.h>
#include <sys/stat.h>

static const char *const device_names[] = { "null", "zero", "full", "random", "urandom",
	"tty" };
#define DEVICES (sizeof(device_names) / sizeof(*device_names))

/* Attributes of everything that comes from the host. */
#define FOREIGN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static void root_init(struct root *r, const struct wall_spec *spec, bool host_view)
{
	*r = (struct root){ .spec = spec,
		.host_view = host_view,
		.dir = -1,
		.layers = -1,
		.program = -1,
		.trust = -1,
		.proc = -1,
		.sys = -1,
		.dev = -1 };
	for (size_t i = 0; i < sizeof(r->devices) / sizeof(*r->devices); i++)
		r->devices[i] = -1;
	for (size_t i = 0; i < ROOT_MOUNTS_MAX; i++)
		r->mounts[i] = -1;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void root_close(struct root *r)
{
	close_fd(&r->dir);
	close_fd(&r->layers);
	close_fd(&r->program);
	close_fd(&r->trust);
	close_fd(&r->proc);
	close_fd(&r->sys);
	close_fd(&r->dev);
	for (size_t i = 0; i < sizeof(r->devices) / sizeof(*r->devices); i++)
		close_fd(&r->devices[i]);
	for (size_t i = 0; i < ROOT_MOUNTS_MAX; i++)
		close_fd(&r->mounts[i]);
	for (size_t i = 0; i < r->bases_n; i++) {
		close_fd(&r->bases[i].fd);
		free(r->bases[i].dst);
	}
	r->bases_n = 0;
}

/*
 * What an overlay shows at its top is the upper directory's own owner and mode: those of
 * the directory that it lies over. Only when it is new, for the sandbox may change them.
 */
static int dress_upper(const struct wall_spec *spec, const struct wall_mount *m, int dir,
	bool chown_them, struct err *e)
{
	auto_free char *path = str_printf("%s/upper", m->layer);
	auto_fd int fd = -1;
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	if (mkdirat(dir, path, 0700) < 0)
		return errno == EEXIST ? 0 : err_sys(e, "make '%s'", path);
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || stat(m->src, &st) < 0)
		return err_sys(e, "look at '%s'", m->src);
	uid = st.st_uid;
	gid = st.st_gid;
	if (chown_them &&
		((!idmap_outside_uid(spec->ids, st.st_uid, &uid) &&
			 !idmap_outside_uid(spec->ids, 0, &uid)) ||
			(!idmap_outside_gid(spec->ids, st.st_gid, &gid) &&
				!idmap_outside_gid(spec->ids, 0, &gid))))
		return err_set(e, EINVAL, "the id map has no root");
	/* an ordinary caller's is the caller's */
	if (spec->ids->root && fchown(fd, uid, gid) < 0)
		return err_sys(e, "give '%s' to the sandbox", path);
	return fchmod(fd, st.st_mode & 01777) < 0
		? err_sys(e, "set the mode of '%s'", path)
		: 0;
}

/* The directories of one writable layer: of the root, or of an overlay. */
static int make_layer(const struct wall_spec *spec, const struct wall_mount *m, int dir,
	bool chown_them, struct err *e)
{
	static const char *const names[] = { "work", "root", "upper" };
	uid_t uid = 0;
	gid_t gid = 0;

	if (chown_them &&
		(!idmap_outside_uid(spec->ids, 0, &uid) ||
			!idmap_outside_gid(spec->ids, 0, &gid)))
		return err_set(e, EINVAL, "the id map has no root");
	for (size_t k = 0; k < (m ? 2 : 3); k++) {
		auto_free char *path =
			str_printf("%s%s%s", m ? m->layer : "", m ? "/" : "", names[k]);
		int r = path ? file_mkdirs(dir, path, 0755, e) : -ENOMEM;

		if (r < 0)
			return r;
		if (chown_them && k != 1 && fchownat(dir, path, uid, gid, 0) < 0)
			return err_sys(e, "give '%s' to the sandbox", path);
	}
	return m ? dress_upper(spec, m, dir, chown_them, e) : 0;
}

/* The directories of the writable layers, owned by the sandbox's root. */
static int make_layer_dirs(const struct wall_spec *spec, bool chown_them, struct err *e)
{
	auto_fd int dir = open(spec->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(e, "open '%s'", spec->dir);
	/* root inside passes through it to its layers; those above it keep everybody else
	 * out */
	if (chown_them && fchmod(dir, 0711) < 0)
		return err_sys(e, "open up '%s'", spec->dir);
	for (size_t i = 0; i <= spec->mounts_n; i++) {
		const struct wall_mount *m = i ? &spec->mounts[i - 1] : NULL;
		int r = m && m->mode != WALL_OVERLAY
			? 0
			: make_layer(spec, m, dir, chown_them, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * A source as a detached mount. Its name was real when the record was made; a link in it
 * now was put there since, maybe by a sandbox that shares a directory above.
 */
static int take_source(const char *path, struct err *e)
{
	auto_fd int at = path_open_real(path, O_PATH, e);
	int fd = at < 0 ? at : mount_clone(at, "", true, e);

	return fd < 0 ? err_wrap(e, "mount '%s'", path) : fd;
}

/* A detached mount of the host's 'path' with the sandbox's ids. */
static int shift(const char *path, int userns, struct err *e)
{
	auto_fd int fd = take_source(path, e);
	int r;

	if (fd < 0)
		return fd;
	r = mount_idmap(fd, userns, e);
	if (r < 0) {
		(void)err_wrap(e, "show '%s' with the sandbox's ids", path);
		err_hint(e,
			"run brig as an ordinary user, or keep it on a file system that "
			"can "
			"(ext4, xfs, btrfs; tmpfs from Linux 6.3)");
		return r;
	}
	return take_fd(&fd);
}

int root_prepare(
	struct root *r, const struct wall_spec *spec, bool host_view, struct err *e)
{
	bool shifted = spec->ids->root && !host_view;
	auto_fd int userns = -1;
	int ret;

	root_init(r, spec, host_view);
	if (spec->mounts_n > ROOT_MOUNTS_MAX)
		return err_set(e, E2BIG, "more than %d mounts", ROOT_MOUNTS_MAX);
	ret = make_layer_dirs(spec, shifted, e);
	if (ret < 0 || !shifted || (spec->mounts_n == 0 && spec->root != WALL_ROOT_DIR))
		return ret;
	/* only the owner of a file system may show it with other ids, so it is done out here */
	userns = idmap_open_userns(spec->ids, e);
	if (userns < 0)
		return userns;
	if (spec->root == WALL_ROOT_DIR) {
		r->layers = shift(spec->root_dir, userns, e);
		if (r->layers < 0)
			return r->layers;
	}
	for (size_t i = 0; i < spec->mounts_n; i++) {
		r->mounts[i] = shift(spec->mounts[i].src, userns, e);
		if (r->mounts[i] < 0)
			return r->mounts[i];
	}
	return 0;
}

static int open_devices(struct root *r, struct err *e)
{
	for (size_t i = 0; i < DEVICES; i++) {
		char path[32];
		int ret;

		(void)snprintf(path, sizeof(path), "/dev/%s", device_names[i]);
		r->devices[i] = mount_clone(AT_FDCWD, path, false, e);
		if (r->devices[i] < 0)
			return err_wrap(e, "take '%s'", path);
		ret = mount_restrict(
			r->devices[i], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, e);
		if (ret < 0)
			return err_wrap(e, "take '%s'", path);
	}
	return 0;
}

static int open_mounts(struct root *r, struct err *e)
{
	for (size_t i = 0; i < r->spec->mounts_n; i++) {
		const struct wall_mount *m = &r->spec->mounts[i];
		int ret;

		if (r->mounts[i] < 0)
			r->mounts[i] = take_source(m->src, e);
		if (r->mounts[i] < 0)
			return r->mounts[i];
		ret = mount_restrict(r->mounts[i],
			FOREIGN | (m->mode == WALL_RW ? 0 : MOUNT_ATTR_RDONLY), true, e);
		if (ret < 0)
			return err_wrap(e, "mount '%s'", m->src);
	}
	return 0;
}

static int open_host_dirs(struct root *r, struct err *e)
{
	for (size_t i = 0; i < r->spec->host_dirs_n; i++) {
		int ret = hostroot_take(r, r->spec->host_dirs[i], e);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int root_open(struct root *r, struct err *e)
{
	const struct wall_spec *spec = r->spec;
	int ret;

	r->dir = open(spec->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0)
		return err_sys(e, "open '%s'", spec->dir);
	if (spec->root == WALL_ROOT_LAYERS)
		r->layers = open(spec->root_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	else if (spec->root == WALL_ROOT_DIR && r->layers < 0)
		r->layers = take_source(spec->root_dir, e);
	if (spec->root != WALL_ROOT_HOST && r->layers < 0)
		return spec->root == WALL_ROOT_LAYERS
			? err_sys(e, "open '%s'", spec->root_dir)
			: err_wrap(e, "use '%s'", spec->root_dir);
	/* /proc/1/exe must never lead to a file that can be written */
	r->program = mount_clone(AT_FDCWD, spec->program, false, e);
	if (r->program < 0)
		return err_wrap(e, "take '%s'", spec->program);
	ret = mount_restrict(r->program, FOREIGN | MOUNT_ATTR_RDONLY, false, e);
	if (ret < 0)
		return err_wrap(e, "take '%s'", spec->program);
	if (!r->bare)
		r->sys = mount_clone(AT_FDCWD, "/sys", true, e);
	if (r->host_view) {
		r->proc = mount_clone(AT_FDCWD, "/proc", true, e);
		r->dev = mount_clone(AT_FDCWD, "/dev", true, e);
		if (r->proc < 0 || r->dev < 0)
			return err_wrap(e, "take the host's /proc and /dev");
	} else if (!r->bare && (ret = open_devices(r, e)) < 0) {
		return ret;
	}
	if (spec->root == WALL_ROOT_HOST && (ret = hostroot_open(r, e)) < 0)
		return ret;
	if (spec->trust && (ret = netfiles_open(r, e)) < 0)
		return ret;
	ret = open_host_dirs(r, e);
	return ret < 0 ? ret : open_mounts(r, e);
}

/* Mount the root's bottom at dir/root, and return it opened. */
static int mount_bottom(struct root *r, struct err *e)
{
	const struct wall_spec *spec = r->spec;
	auto_fd int upper = openat(r->dir, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct tree_layers layers = {
		.dir = r->dir, .at = "", .ephemeral = spec->ephemeral
	};
	auto_fd int mnt = -1;
	int ret;

	if (upper < 0)
		return err_sys(e, "open the writable layer");
	/* overlayfs won't mount a layer again that was never synced; a sandbox that was kept
	 * after all because something in it was to be looked at says otherwise */
	(void)file_remove_tree(r->dir, "work/work/incompat", NULL);
	if (spec->root == WALL_ROOT_HOST) {
		mnt = mount_clone(upper, "", false, e);
	} else if (spec->root == WALL_ROOT_DIR) {
		/* overlayfs wants its lower directory attached */
		ret = mount_attach(r->layers, r->dir, "root", e);
		if (ret < 0)
			return ret;
		layers.lowers = r->dir;
		layers.lower = "root";
		mnt = tree_overlay(&layers, e);
	} else {
		layers.lowers = r->layers;
		layers.layers = spec->layers;
		layers.layers_n = spec->layers_n;
		mnt = tree_overlay(&layers, e);
	}
	if (mnt < 0)
		return err_wrap(e, "mount the root file system");
	ret = mount_attach(mnt, r->dir, "root", e);
	if (ret < 0)
		return ret;
	/* through the mount that was just put on top */
	ret = openat(r->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret < 0 ? err_sys(e, "open the new root") : ret;
}

/* The writable layers belong to root inside. Out of reach when root's own root_prepare
 * did it. */
static int own_layers(struct root *r, struct err *e)
{
	if (r->spec->ids->root || r->spec->ids->single)
		return 0;
	for (size_t i = 0; i <= r->spec->mounts_n; i++) {
		const struct wall_mount *m = i ? &r->spec->mounts[i - 1] : NULL;
		auto_free char *upper = NULL, *work = NULL;

		if (m && m->mode != WALL_OVERLAY)
			continue;
		upper = str_printf("%s%supper", m ? m->layer : "", m ? "/" : "");
		work = str_printf("%s%swork", m ? m->layer : "", m ? "/" : "");
		/* an overlay's upper directory has the owner of what it lies over */
		if (!upper || !work || (!m && fchownat(r->dir, upper, 0, 0, 0) < 0) ||
			fchownat(r->dir, work, 0, 0, 0) < 0)
			return err_sys(e, "own the writable layer");
	}
	return 0;
}

static int attach_bases(struct root *r, int root, struct err *e)
{
	for (size_t i = 0; i < r->bases_n; i++) {
		int ret = tree_attach(root, r->bases[i].fd, r->bases[i].dst, e);

		if (ret < 0)
			return err_wrap(e, "show '%s'", r->bases[i].dst);
		close_fd(&r->bases[i].fd);
	}
	return 0;
}

static int build_dev(struct root *r, int root, struct err *e)
{
	static const char *const links[][2] = { { "/proc/self/fd", "fd" },
		{ "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" }, { "pts/ptmx", "ptmx" } };
	static const struct mount_option tmpfs[] = { { "mode", "0755" }, { "size", "1m" },
		{ 0 } };
	static const struct mount_option shm[] = { { "mode", "1777" }, { 0 } };
	struct mount_option pts[] = { { "newinstance", NULL }, { "ptmxmode", "0666" },
		{ "mode", "0620" }, { 0 }, { 0 } };
	auto_fd int dev_mnt =
		mount_new("tmpfs", tmpfs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
	auto_fd int shm_mnt = mount_new("tmpfs", shm, FOREIGN | MOUNT_ATTR_NOEXEC, e);
	auto_fd int pts_mnt = -1, dev = -1;
	int ret;

	if (!r->spec->ids->single)
		pts[3] = (struct mount_option){ "gid",
			"5" }; /* tty, in every distribution */
	pts_mnt = mount_new("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
	if (dev_mnt < 0 || shm_mnt < 0 || pts_mnt < 0)
		return err_wrap(e, "make /dev");
	ret = tree_attach_plain(root, dev_mnt, "dev", e);
	if (ret < 0)
		return ret;
	dev = path_open_plain(root, "dev", O_RDONLY | O_DIRECTORY, 0, e);
	if (dev < 0)
		return dev;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			return err_sys(e, "make '/dev/%s'", links[i][1]);
	for (size_t i = 0; i < DEVICES; i++) {
		auto_fd int node = openat(dev, device_names[i],
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

		if (node < 0)
			return err_sys(e, "make '/dev/%s'", device_names[i]);
		ret = mount_attach(r->devices[i], dev, device_names[i], e);
		if (ret < 0)
			return ret;
		close_fd(&r->devices[i]);
	}
	if (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 0755) < 0 ||
		mkdirat(dev, "mqueue", 0755) < 0)
		return err_sys(e, "make directories in /dev");
	ret = mount_attach(pts_mnt, dev, "pts", e);
	return ret < 0 ? ret : mount_attach(shm_mnt, dev, "shm", e);
}

static int build_kernel_trees(struct root *r, int root, struct err *e)
{
	auto_fd int proc = -1;
	int ret;

	if (r->bare)
		return 0;
	if (r->host_view) {
		if ((ret = tree_attach_plain(root, r->proc, "proc", e)) < 0 ||
			(ret = tree_attach_plain(root, r->dev, "dev", e)) < 0)
			return ret;
		return r->sys >= 0 ? tree_attach_plain(root, r->sys, "sys", e) : 0;
	}
	proc = mount_new("proc", NULL, FOREIGN | MOUNT_ATTR_NOEXEC, e);
	if (proc < 0) {
		(void)err_wrap(e, "mount /proc for the sandbox");
		err_hint(e,
			"inside a container the engine's masked /proc forbids it; "
			"use --wall chroot, or start that container with an unmasked "
			"/proc");
		return proc;
	}
	ret = tree_attach_plain(root, proc, "proc", e);
	if (ret == 0 && r->masked)
		ret = tree_mask_proc(root, e);
	if (ret == 0 && r->sys >= 0) {
		ret = mount_restrict(
			r->sys, FOREIGN | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, true, e);
		if (ret == 0)
			ret = tree_attach_plain(root, r->sys, "sys", e);
	}
	return ret == 0 ? build_dev(r, root, e) : ret;
}

static int attach_mount(struct root *r, int root, size_t i, struct err *e)
{
	const struct wall_mount *m = &r->spec->mounts[i];
	auto_fd int upper_mnt = -1;
	int ret;

	if (m->mode == WALL_OVERLAY) {
		auto_free char *lower = str_printf("%s/root", m->layer);

		if (!lower)
			return err_set(e, ENOMEM, "out of memory");
		ret = mount_attach(r->mounts[i], r->dir, lower, e);
		if (ret < 0)
			return ret;
		upper_mnt = tree_overlay(&(struct tree_layers){ .lowers = r->dir,
						 .lower = lower,
						 .dir = r->dir,
						 .at = m->layer },
			e);
		if (upper_mnt < 0)
			return upper_mnt;
		ret = mount_restrict(upper_mnt, FOREIGN, false, e);
		if (ret < 0)
			return ret;
	}
	ret = tree_attach_made(root, upper_mnt >= 0 ? upper_mnt : r->mounts[i], m->dst,
		r->spec->home, r->spec->ids, e);
	close_fd(&r->mounts[i]);
	return ret < 0 ? ret : tree_protect(root, m, e);
}

/* A home for the working user, empty. */
static int make_home(const struct root *r, int root, struct err *e)
{
	auto_fd int parent = -1, home = -1;
	auto_free char *dir = path_join(r->spec->home, "..");
	const char *name = path_base(r->spec->home);

	if (!dir || !*name)
		return 0;
	parent = path_mkdirs_in_root(root, dir, 0755, e);
	if (parent < 0)
		return err_wrap(e, "make the home directory");
	if (mkdirat(parent, name, 0700) < 0)
		return errno == EEXIST ? 0 : err_sys(e, "make the home directory");
	if (fchownat(parent, name, r->spec->ids->work_uid, r->spec->ids->work_gid,
		    AT_SYMLINK_NOFOLLOW) < 0 &&
		!r->host_view)
		return err_sys(e, "own the home directory");
	return 0;
}

int root_build(struct root *r, struct err *e)
{
	auto_fd int root = -1;
	int ret;

	(void)umask(0022);
	if (!r->host_view && (ret = own_layers(r, e)) < 0)
		return ret;
	root = mount_bottom(r, e);
	if (root < 0)
		return root;
	if ((ret = tree_make_standard(root, e)) < 0)
		return ret;
	if (r->spec->root == WALL_ROOT_HOST)
		ret = hostroot_build(r, root, e);
	if (ret < 0 || (ret = attach_bases(r, root, e)) < 0 ||
		(ret = build_kernel_trees(r, root, e)) < 0 ||
		(ret = make_home(r, root, e)) < 0)
		return ret;
	if (r->spec->root != WALL_ROOT_HOST &&
		(ret = tree_add_user(root, r->spec, e)) < 0)
		return ret;
	if (r->trust >= 0 && (ret = netfiles_build(r, root, e)) < 0)
		return err_wrap(e, "put the network's files in place");
	for (size_t i = 0; i < r->spec->mounts_n; i++) {
		ret = attach_mount(r, root, i, e);
		if (ret < 0)
			return err_wrap(e, "mount '%s'", r->spec->mounts[i].src);
	}
	if (!r->host_view)
		return mount_pivot(root, e);
	/* the old root stays in place: the chroot wall is no more than its name */
	if (fchdir(root) < 0 || chroot(".") < 0)
		return err_sys(e, "chroot");
	return 0;
}

int root_finish(struct root *r, struct err *e)
{
	auto_fd int sysfs = -1, mqueue = -1;
	struct err quiet;

	if (r->host_view || r->bare)
		return 0;
	mqueue = mount_new("mqueue", NULL, FOREIGN | MOUNT_ATTR_NOEXEC, &quiet);
	if (mqueue >= 0)
		(void)mount_attach(mqueue, AT_FDCWD, "/dev/mqueue", &quiet);
	/* The sandbox's own view of the network devices, over the host's. The kernel
	 * refuses where parts of the host's /sys are hidden; then that one stays,
	 * read-only. */
	sysfs = mount_new(
		"sysfs", NULL, FOREIGN | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY, &quiet);
	if (sysfs >= 0 && mount_attach(sysfs, AT_FDCWD, "/sys", e) < 0)
		return err_wrap(e, "mount /sys");
	return r->masked ? tree_mask_sys(e) : 0;
}
