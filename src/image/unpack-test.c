/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"
#include "image/hash.h"
#include "image/part.h"
#include "linux/idmap.h"

#include <archive.h>
#include <archive_entry.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static char home[] = "/tmp/brig-unpack-XXXXXX";
static struct store store = { .dir = -1, .lock = -1 };
static struct idmap map;
static char tag[IDMAP_TAG_MAX];
static char layer[256]; /* directory of the last layer, relative to the store */

static void clean_home(void)
{
	struct strv all = { 0 };

	expect(strv_add(&all, "layers") == 0 && strv_add(&all, "tmp") == 0);
	(void)store_remove_trees(&store, &all, &map, NULL);
	strv_clear(&all);
	(void)file_remove_tree(AT_FDCWD, home, NULL);
	store_close(&store);
}

static void fresh(void)
{
	struct err e = { 0 };

	if (idmap_for_caller(&map, &e) < 0)
		test_skip(e.msg);
	(void)idmap_tag(&map, tag);
	expect(mkdtemp(home) && setenv("BRIG_HOME", home, 1) == 0);
	expect(store_open(STORE_CREATE, &store, &e) == 0 &&
		store_lock_shared(&store, &e) == 0);
	expect(atexit(clean_home) == 0);
}

/* A tar in memory, made by hand, entry by entry. */
struct tar {
	struct archive *a;
	char bytes[1 << 18];
	size_t used;
};

static struct tar *tar_new(const char *filter)
{
	struct tar *t = calloc(1, sizeof(*t));

	t->a = archive_write_new();
	expect(archive_write_set_format_pax_restricted(t->a) == ARCHIVE_OK);
	if (filter)
		expect(archive_write_add_filter_by_name(t->a, filter) == ARCHIVE_OK);
	expect(archive_write_open_memory(t->a, t->bytes, sizeof(t->bytes), &t->used) ==
		ARCHIVE_OK);
	return t;
}

static void tar_add(struct tar *t, const char *name, mode_t mode, const char *text)
{
	struct archive_entry *ae = archive_entry_new();
	size_t len = S_ISREG(mode) && text ? strlen(text) : 0;

	archive_entry_set_pathname(ae, name);
	archive_entry_set_mode(ae, mode);
	archive_entry_set_uid(ae, 3);
	archive_entry_set_gid(ae, 4);
	archive_entry_set_mtime(ae, 1000000000, 0);
	archive_entry_set_size(ae, (int64_t)len);
	if (S_ISLNK(mode))
		archive_entry_set_symlink(ae, text);
	if (S_ISCHR(mode))
		archive_entry_set_rdev(ae, 0x103);
	if (!strcmp(name, "xattr")) {
		archive_entry_xattr_add_entry(ae, "user.mine", "v", 1);
		archive_entry_xattr_add_entry(ae, "user.overlay.opaque", "y", 1);
	}
	expect(archive_write_header(t->a, ae) == ARCHIVE_OK);
	if (len)
		expect(archive_write_data(t->a, text, len) == (la_ssize_t)len);
	archive_entry_free(ae);
}

static void tar_link(struct tar *t, const char *name, const char *target)
{
	struct archive_entry *ae = archive_entry_new();

	archive_entry_set_pathname(ae, name);
	archive_entry_set_mode(ae, S_IFREG | 0644);
	archive_entry_set_hardlink(ae, target);
	expect(archive_write_header(t->a, ae) == ARCHIVE_OK);
	archive_entry_free(ae);
}

/* The tar as the one layer of an image; diff_id is given when it is packed. */
static int unpack_as(
	struct tar *t, const char *diff_id, struct untar_limits limits, struct err *e)
{
	auto_image struct image img = { 0 };
	struct unpack u = { .store = &store, .map = &map, .tag = tag, .limits = limits };
	char digest[DIGEST_TEXT_MAX];

	memset(e, 0, sizeof(*e));
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	expect(hash_bytes(t->bytes, t->used, NULL, digest, e) == 0);
	expect(blob_put(&store, digest, t->bytes, t->used, e) == 0);
	for (const struct json_field *f = image_schema.fields; f->key; f++)
		if (str_eq(f->key, "layers"))
			expect(json_list_add(&img.layers, f->of));
	expect(str_set(&image_layer(&img, 0)->digest, digest) == 0);
	expect(str_set(&image_layer(&img, 0)->diff_id, diff_id ? diff_id : digest) == 0);
	image_layer(&img, 0)->size = t->used;
	(void)snprintf(layer, sizeof(layer), "layers/%s/%.16s/d", tag,
		digest_hex(image_layer(&img, 0)->diff_id));
	(void)archive_write_free(t->a);
	free(t);
	return unpack_image(&u, &img, e);
}

static int unpack(struct tar *t, struct err *e)
{
	struct untar_limits limits = UNTAR_LIMITS_DEFAULT;

	return unpack_as(t, NULL, limits, e);
}

/* lstat() of a name in that layer; its type is 0 when it isn't there. */
static struct stat look(const char *name)
{
	auto_free char *path = str_printf("%s/%s", layer, name);
	struct stat st = { 0 };

	(void)fstatat(store.dir, path, &st, AT_SYMLINK_NOFOLLOW);
	return st;
}

static bool xattr_is(const char *name, const char *key, const char *value)
{
	auto_free char *path = str_printf("%s/%s/%s", store.path, layer, name);
	char got[64] = "";

	(void)lgetxattr(path, key, got, sizeof(got) - 1);
	return strcmp(got, value) == 0;
}

static bool nothing_left(void)
{
	auto_free char *half =
		str_printf("tmp/layer-%s-%.16s", tag, layer + 8 + strlen(tag));

	return faccessat(store.dir, layer, F_OK, 0) < 0 &&
		faccessat(store.dir, half, F_OK, 0) < 0;
}

/* The layer is refused, the message holds 'why', and nothing stays. */
static void refused(struct tar *t, const char *why)
{
	struct err e;

	expect(unpack(t, &e) < 0);
	if (!strstr(e.msg, why))
		expect_str(e.msg, why);
	expect(nothing_left());
}

TEST(a_layer_becomes_files)
{
	struct tar *t;
	struct stat st;
	struct err e;
	uid_t uid;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "dir/", S_IFDIR | 01777, NULL);
	tar_add(t, "dir/file", S_IFREG | 04751, "hello");
	tar_add(t, "dir/link", S_IFLNK | 0777, "/etc/passwd");
	tar_add(t, "dir/fifo", S_IFIFO | 0622, NULL);
	tar_add(t, "xattr", S_IFREG | 0644, "x");
	tar_add(t, "implied/by/this", S_IFREG | 0600, "x");
	tar_add(t, "dev/null", S_IFCHR | 0666, NULL);
	tar_link(t, "hard", "dir/file");
	if (unpack(t, &e) < 0)
		expect_str(e.msg, "");
	st = look("dir/file");
	expect(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 04751 && st.st_size == 5);
	expect(st.st_mtime == 1000000000 && st.st_nlink == 2);
	expect(look("hard").st_ino == st.st_ino);
	expect(map.single || (idmap_outside_uid(&map, 3, &uid) && st.st_uid == uid));
	st = look("dir");
	expect((st.st_mode & 07777) == 01777 && st.st_mtime == 1000000000);
	expect(S_ISLNK(look("dir/link").st_mode) && S_ISFIFO(look("dir/fifo").st_mode));
	expect((look("implied/by").st_mode & 07777) == 0755);
	expect(!look("dev/null").st_mode);
	expect(xattr_is("xattr", "user.mine", "v"));
	expect(!xattr_is("xattr", "user.overlay.opaque", "y"));
	st = look(".");
	expect(map.single || (idmap_outside_uid(&map, 0, &uid) && st.st_uid == uid));
}

TEST(whiteouts_are_as_overlayfs_wants_them)
{
	struct tar *t;
	struct stat st;
	struct err e;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "a/", S_IFDIR | 0755, NULL);
	tar_add(t, "a/.wh.gone", S_IFREG, NULL);
	tar_add(t, "b/.wh..wh..opq", S_IFREG, NULL);
	tar_add(t, "b/new", S_IFREG | 0644, "x");
	tar_add(t, ".wh.was", S_IFREG, NULL);
	tar_add(t, "was/", S_IFDIR | 0755, NULL);
	tar_add(t, "kept", S_IFREG | 0644, "x");
	tar_add(t, ".wh.kept", S_IFREG, NULL);
	tar_add(t, "kd/", S_IFDIR | 0755, NULL);
	tar_add(t, ".wh.kd", S_IFREG, NULL);
	if (unpack(t, &e) < 0)
		expect_str(e.msg, "");
	st = look("a/gone");
	expect(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	expect(xattr_is("b", "user.overlay.opaque", "y") && look("b/new").st_mode);
	expect(S_ISDIR(look("was").st_mode) &&
		xattr_is("was", "user.overlay.opaque", "y"));
	expect(S_ISREG(look("kept").st_mode));
	expect(xattr_is("kd", "user.overlay.opaque", "y"));
}

TEST(gzip_and_zstd_are_known_by_their_bytes)
{
	char digest[DIGEST_TEXT_MAX];
	const char *const filters[] = { "gzip", "zstd" };
	struct untar_limits limits = UNTAR_LIMITS_DEFAULT;
	struct tar *t = tar_new(NULL);
	struct err e;

	tar_add(t, "f", S_IFREG | 0644, "hello");
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	expect(hash_bytes(t->bytes, t->used, NULL, digest, NULL) == 0);
	(void)archive_write_free(t->a);
	free(t);
	fresh();
	for (size_t i = 0; i < 2; i++) {
		struct strv old = { 0 };

		t = tar_new(filters[i]);
		tar_add(t, "f", S_IFREG | 0644, "hello");
		if (unpack_as(t, digest, limits, &e) < 0)
			expect_str(e.msg, "");
		expect(look("f").st_size == 5);
		expect(strv_add(&old, "layers") == 0);
		expect(store_remove_trees(&store, &old, &map, &e) == 0);
		expect(mkdirat(store.dir, "layers", 0755) == 0);
		strv_clear(&old);
	}
	t = tar_new("gzip");
	tar_add(t, "f", S_IFREG | 0644, "other");
	expect(unpack_as(t, digest, limits, &e) == -EBADMSG);
	expect(strstr(e.msg, "its tar has the digest") && nothing_left());
}

TEST(what_comes_twice_counts_the_last_time)
{
	struct tar *t;
	struct err e;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "a", S_IFREG | 0644, "first");
	tar_add(t, "a", S_IFREG | 0644, "second");
	tar_add(t, "d/x", S_IFREG | 0644, "x");
	tar_add(t, "d", S_IFREG | 0644, "now a file");
	tar_add(t, "l", S_IFLNK | 0777, "a");
	tar_add(t, "l", S_IFREG | 0644, "no link");
	tar_add(t, "e/", S_IFDIR | 0700, NULL);
	tar_add(t, "e/x", S_IFREG | 0644, "x");
	tar_add(t, "e/", S_IFDIR | 0755, NULL);
	if (unpack(t, &e) < 0)
		expect_str(e.msg, "");
	expect(look("a").st_size == 6 && S_ISREG(look("d").st_mode));
	expect(S_ISREG(look("l").st_mode) && look("a").st_size == 6);
	expect((look("e").st_mode & 0777) == 0755 && look("e/x").st_size == 1);
}

TEST(links_within_the_layer_may_be_followed)
{
	struct tar *t;
	struct err e;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "usr/lib/", S_IFDIR | 0755, NULL);
	tar_add(t, "lib", S_IFLNK | 0777, "usr/lib");
	tar_add(t, "lib/x", S_IFREG | 0644, "x");
	if (unpack(t, &e) < 0)
		expect_str(e.msg, "");
	expect(look("usr/lib/x").st_size == 1);
}

TEST(escapes_are_refused_by_name)
{
	struct tar *t;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "../evil", S_IFREG | 0644, "x");
	refused(t, "entry '../evil' holds '..'");
	t = tar_new(NULL);
	tar_add(t, "/tmp/evil", S_IFREG | 0644, "x");
	refused(t, "entry '/tmp/evil' is absolute");
	t = tar_new(NULL);
	tar_add(t, "l", S_IFLNK | 0777, "/tmp");
	tar_add(t, "l/evil", S_IFREG | 0644, "x");
	refused(t, "entry 'l/evil' leads out of the layer");
	t = tar_new(NULL);
	tar_add(t, "a/l", S_IFLNK | 0777, "../../../tmp");
	tar_add(t, "a/l/evil", S_IFREG | 0644, "x");
	refused(t, "entry 'a/l/evil' leads out of the layer");
	t = tar_new(NULL);
	tar_add(t, "l", S_IFLNK | 0777, "l");
	tar_add(t, "l/evil", S_IFREG | 0644, "x");
	refused(t, "entry 'l/evil' leads out of the layer");
	t = tar_new(NULL);
	tar_link(t, "evil", "../../etc/passwd");
	refused(t, "hard link");
	t = tar_new(NULL);
	tar_add(t, "l", S_IFLNK | 0777, "/etc");
	tar_link(t, "evil", "l/passwd");
	refused(t, "entry 'evil' leads out of the layer");
	t = tar_new(NULL);
	tar_link(t, "evil", "etc/passwd");
	refused(t, "what this layer lacks");
	t = tar_new(NULL);
	tar_add(t, "etc/mem", S_IFCHR | 0666, NULL);
	refused(t, "entry 'etc/mem' is a device node");
}

TEST(a_link_that_replaces_a_directory_is_not_followed)
{
	struct tar *t;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "d/x", S_IFREG | 0644, "x");
	tar_add(t, "d", S_IFLNK | 0777, "/tmp");
	tar_add(t, "d/y", S_IFREG | 0644, "x");
	refused(t, "entry 'd/y' leads out of the layer");
}

TEST(sizes_and_counts_are_bounded)
{
	struct untar_limits few = { .bytes = 1 << 20, .entries = 2 };
	struct untar_limits small = { .bytes = 1500, .entries = 100 };
	struct tar *t;
	struct err e;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "a", S_IFREG | 0644, "x");
	tar_add(t, "b", S_IFREG | 0644, "x");
	tar_add(t, "c", S_IFREG | 0644, "x");
	expect(unpack_as(t, NULL, few, &e) == -EFBIG && strstr(e.msg, "entry 'c'"));
	expect(nothing_left());
	t = tar_new(NULL);
	tar_add(t, "a", S_IFREG | 0644, "x");
	expect(unpack_as(t, NULL, small, &e) == -EFBIG &&
		strstr(e.msg, "more than the 1500"));
	expect(nothing_left());
}

TEST(a_tar_that_lies_about_its_size_is_refused)
{
	struct tar *t;
	struct err e;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "big", S_IFREG | 0644, "x");
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	/* the size field of the header: 8 GiB less one, octal; and its checksum anew */
	memcpy(t->bytes + 124, "77777777777", 11);
	memset(t->bytes + 148, ' ', 8);
	unsigned sum = 0;

	for (int i = 0; i < 512; i++)
		sum += (unsigned char)t->bytes[i];
	(void)snprintf(t->bytes + 148, 8, "%06o", sum);
	struct untar_limits limits = UNTAR_LIMITS_DEFAULT;

	expect(unpack_as(t, NULL, limits, &e) < 0);
	expect(strstr(e.msg, "big") && nothing_left());
}

TEST(a_truncated_blob_leaves_nothing)
{
	struct untar_limits limits = UNTAR_LIMITS_DEFAULT;
	struct tar *t;
	struct err e;

	fresh();
	t = tar_new("gzip");
	tar_add(t, "f", S_IFREG | 0644, "hello");
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	t->used /= 2;
	expect(unpack_as(t, NULL, limits, &e) < 0 && nothing_left());
	t = tar_new(NULL);
	memcpy(t->bytes, "this is no tar at all, but some text of a web page", 50);
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	t->used = 700;
	memset(t->bytes, 'x', 700);
	expect(unpack_as(t, NULL, limits, &e) < 0 && nothing_left());
}

TEST(a_tar_without_its_end_is_taken_and_one_without_its_data_is_not)
{
	struct untar_limits limits = UNTAR_LIMITS_DEFAULT;
	struct tar *t;
	struct err e;

	fresh();
	t = tar_new(NULL);
	tar_add(t, "f", S_IFREG | 0644, "hello");
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	t->used = 512 + 5;
	if (unpack_as(t, NULL, limits, &e) < 0)
		expect_str(e.msg, "");
	expect(look("f").st_size == 5);
	t = tar_new(NULL);
	tar_add(t, "f", S_IFREG | 0644, "hello");
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	t->used = 512 + 4;
	expect(unpack_as(t, NULL, limits, &e) == -EBADMSG);
	expect(strstr(e.msg, "entry 'f' is truncated") && nothing_left());
	t = tar_new(NULL);
	tar_add(t, "f", S_IFREG | 0644, "hello");
	expect(archive_write_close(t->a) == ARCHIVE_OK);
	t->used = 300;
	expect(unpack_as(t, NULL, limits, &e) == -EBADMSG && nothing_left());
}
