/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/mounts.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "linux/fsname.h"
#include "linux/idmap.h"
#include "linux/mount-sys.h"
#include "linux/ns.h"

#include <sched.h>
#include <sys/sysmacros.h>

/* A mount namespace in which we are root, with a tmpfs as working directory. */
static void become_root_in_tmpfs(void)
{
	struct err e = { 0 };
	struct idmap m;

	expect(idmap_for_caller(&m, &e) == 0);
	if (idmap_enter(&m, &e) < 0)
		test_skip("this host lets the tester make no user namespace");
	expect(ns_unshare(CLONE_NEWNS, &e) == 0 && mount_isolate(&e) == 0);
	auto_fd int tmp = mount_new("tmpfs",
		(struct mount_option[]){
			{ "mode", "0755" }, { "size", "16m" }, { NULL, NULL } },
		MOUNT_ATTR_NOSUID, &e);

	expect(tmp >= 0 && mount_attach(tmp, AT_FDCWD, "/tmp", &e) == 0 &&
		fchdir(tmp) == 0);
}

static void put(const char *path, const char *text)
{
	struct err e = { 0 };

	expect(file_replace(AT_FDCWD, path, text, strlen(text), 0644, 0, &e) == 0);
}

TEST(a_clone_can_be_restricted_before_it_is_attached)
{
	struct err e = { 0 };

	become_root_in_tmpfs();
	expect(mkdir("src", 0755) == 0 && mkdir("dst", 0755) == 0);
	put("src/file", "text");
	auto_fd int fd = mount_clone(AT_FDCWD, "src", false, &e);

	expect(fd >= 0);
	expect(mount_restrict(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, false, &e) == 0);
	expect(mount_attach(fd, AT_FDCWD, "dst", &e) == 0);
	expect(access("dst/file", R_OK) == 0 && access("src/file", W_OK) == 0);
	expect(open("dst/file", O_WRONLY) < 0 && errno == EROFS);
	expect(mount_detach("dst", &e) == 0 && access("dst/file", F_OK) < 0);
	/* by descriptors alone */
	auto_fd int target = open("dst", O_PATH | O_CLOEXEC);
	auto_fd int again = mount_clone(target, "", false, &e);

	expect(again >= 0 && mount_attach(again, target, "", &e) == 0);
	expect(mount_clone(AT_FDCWD, "missing", false, &e) == -ENOENT);
	expect(strstr(e.msg, "missing"));
}

TEST(what_the_file_system_says_is_in_the_message)
{
	struct err e = { 0 };

	become_root_in_tmpfs();
	expect(mount_new("tmpfs",
		       (struct mount_option[]){ { "size", "many" }, { NULL, NULL } }, 0,
		       &e) < 0);
	expect(strstr(e.msg, "size=many"));
	expect(mount_new("nosuchfs", NULL, 0, &e) == -ENODEV &&
		strstr(e.msg, "nosuchfs"));
}

/* Overlay of ./0 ... ./n-1 (0 on top) with upper and work; mounted at ./merged. */
static void check_overlay(unsigned n, bool by_names)
{
	const char *lower[MOUNT_OVERLAY_LOWERS_MAX];
	auto_strv struct strv names = { 0 };
	struct err e = { 0 };
	struct stat st;

	expect(mkdir("up:per", 0755) == 0 && mkdir("wo,rk", 0755) == 0);
	expect(mkdir("merged", 0755) == 0);
	for (unsigned i = 0; i < n; i++) {
		auto_free char *file = str_printf("%064u:,%u/same", i, i);

		expect(strv_addf(&names, "%064u:,%u", i, i) == 0);
		expect(mkdir(names.v[i], 0755) == 0);
		put(file, names.v[i]);
		if (i == n - 1) {
			auto_free char *deep = str_printf("%s/deep", names.v[i]);

			put(deep, "from the last layer");
		}
		lower[i] = names.v[i];
	}
	struct mount_overlay o = { .dirfd = AT_FDCWD,
		.lower = lower,
		.lower_n = n,
		.upper = "up:per",
		.work = "wo,rk",
		.userxattr = true,
		.attrs = MOUNT_ATTR_NODEV };
	auto_fd int fd =
		by_names ? mount_overlay_by_names(&o, &e) : mount_overlay(&o, &e);

	if (fd < 0)
		fprintf(stderr, "%s\n", e.msg);
	if (fd == -EPERM || fd == -ENODEV)
		test_skip("this kernel has no overlayfs in user namespaces");
	expect(fd >= 0 && access("merged/deep", F_OK) < 0);
	expect(mount_attach(fd, AT_FDCWD, "merged", &e) == 0);
	expect(access("merged/deep", F_OK) == 0);
	expect(stat("merged/same", &st) == 0 && st.st_size == (off_t)strlen(names.v[0]));
	/* a removed file leaves a whiteout, and a new one is in the upper directory */
	put("merged/new", "x");
	expect(access("up:per/new", F_OK) == 0 && unlink("merged/deep") == 0);
	expect(stat("up:per/deep", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0);
	char cwd[64];

	expect(getcwd(cwd, sizeof(cwd)));
	expect_str(cwd, "/tmp");
}

TEST(an_overlay_of_one_layer)
{
	become_root_in_tmpfs();
	check_overlay(1, false);
}

TEST(an_overlay_of_127_layers_with_awkward_names)
{
	become_root_in_tmpfs();
	check_overlay(127, false);
}

TEST(an_overlay_of_127_layers_as_on_older_kernels)
{
	become_root_in_tmpfs();
	check_overlay(127, true);
}

TEST(an_overlay_names_the_directory_that_is_missing)
{
	const char *lower[] = { "gone" };
	struct mount_overlay o = { .dirfd = AT_FDCWD, .lower = lower, .lower_n = 1 };
	struct err e = { 0 };

	become_root_in_tmpfs();
	expect(mount_overlay(&o, &e) == -ENOENT && strstr(e.msg, "'gone'"));
	o.lower_n = 128;
	expect(mount_overlay(&o, &e) == -EINVAL);
}

TEST(the_root_can_be_changed)
{
	struct err e = { 0 };

	become_root_in_tmpfs();
	expect(mkdir("new", 0755) == 0);
	put("new/marker", "x");
	auto_fd int fd = mount_clone(AT_FDCWD, "new", false, &e);

	expect(fd >= 0 && mount_attach(fd, AT_FDCWD, "new", &e) == 0);
	expect(mount_pivot(fd, &e) == 0);
	expect(access("/marker", F_OK) == 0 && access("/usr", F_OK) < 0);
	expect(access("/../../marker", F_OK) == 0);
	_exit(0); /* a leak checker would need /proc, which is gone */
}

TEST(id_mapped_mounts_translate_owners)
{
	char dir[] = "/var/tmp/mounts-test.XXXXXX";
	struct err e = { 0 };
	struct idmap m;
	struct stat st;
	int r;

	if (geteuid() != 0)
		test_skip("id-mapped mounts of the host's files are root's");
	expect(idmap_for_caller(&m, &e) == 0);
	auto_fd int ns = idmap_open_userns(&m, &e);

	expect(ns >= 0 && mkdtemp(dir));
	expect(ns_unshare(CLONE_NEWNS, &e) == 0 && mount_isolate(&e) == 0);
	auto_fd int fd = mount_clone(AT_FDCWD, dir, false, &e);

	expect(fd >= 0 && rmdir(dir) < 0 + 1);
	r = mount_idmap(fd, ns, &e);
	if (r == -EOPNOTSUPP) {
		fprintf(stderr, "%s\n", e.msg);
		test_skip("this file system has no id-mapped mounts");
	}
	expect(r == 0 && fstat(fd, &st) == 0 && st.st_uid == m.uid[0].outside);
	/* proc can't be, and the message says it's proc */
	auto_fd int proc = mount_clone(AT_FDCWD, "/proc", true, &e);

	expect(proc >= 0 && mount_idmap(proc, ns, &e) == -EOPNOTSUPP);
	expect(strstr(e.msg, "proc") && e.hint[0]);
}

TEST(file_systems_have_names)
{
	char name[FSNAME_MAX];

	expect_str(fsname_of_path("/proc", name), "proc");
	expect_str(fsname_of_path("/there/is/no/such", name), "unknown");
	expect(!fsname_of_magic(1) && fsname_of_magic(0x9123683e));
}
