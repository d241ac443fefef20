/* SPDX-License-Identifier: Apache-2.0 */
#include "image/store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "image/digest.h"
#include "image/reference.h"
#include "image/store-name.h"

#include <poll.h>
#include <sys/file.h>

#define LOCK_WAIT_NS  (10 * NS_PER_SEC)
#define LOCK_STEP_MS  20
#define NAME_SIZE_MAX ((size_t)64 << 10)
#define RECORD_MAX    ((size_t)32 << 20)

static const struct json_field name_fields[] = {
	JSON_FIELD(struct store_name, "name", JSON_STR, name, JSON_REQUIRED),
	JSON_FIELD(struct store_name, "digest", JSON_STR, digest, JSON_REQUIRED),
	JSON_FIELD(struct store_name, "index", JSON_STR, index),
	JSON_FIELD(struct store_name, "stamp", JSON_STR, stamp),
	JSON_FIELD(struct store_name, "pulled", JSON_UINT, pulled),
	{ 0 },
};
static const struct json_schema name_schema = { "image name", sizeof(struct store_name),
	name_fields };

void store_name_clear(struct store_name *n)
{
	json_struct_clear(&name_schema, n);
}

void store_close(struct store *s)
{
	store_empty(s);
	if (s->dir >= 0)
		(void)close(s->dir);
	if (s->lock >= 0)
		(void)close(s->lock);
	free(s->path);
	*s = (struct store){ .dir = -1, .lock = -1 };
}

/*
 * The folders beneath are open to others' search, for the root of a sandbox run by root
 * is an 'other' there; the store itself is closed to other users of the machine.
 */
static int make_folders(struct store *s, struct err *e)
{
	static const char *const names[] = { "names", "images", "blobs", "blobs/sha256",
		"blobs/sha512", "layers", "tmp" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (mkdirat(s->dir, names[i], 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make directory '%s/%s'", s->path, names[i]);
	}
	/* not what a umask made of it */
	if (fchmodat(s->dir, "layers", 0755, 0) < 0)
		return err_sys(e, "mode of '%s/layers'", s->path);
	return 0;
}

static int open_dir(unsigned flags, struct store *s, struct err *e)
{
	int r;

	s->path = dirs_path_in(DIR_DATA, "store");
	if (!s->path)
		return err_set(e, ENOENT, "no home directory to keep images in");
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 && (errno != ENOENT || !(flags & STORE_CREATE)))
		return err_sys(e, "open '%s'", s->path);
	if (s->dir < 0) {
		s->dir = file_open_dir(AT_FDCWD, s->path, 0700, e);
		if (s->dir < 0)
			return s->dir;
	}
	if (flags & STORE_CREATE) {
		r = make_folders(s, e);
		if (r < 0)
			return r;
	}
	s->lock = openat(s->dir, "lock",
		O_RDONLY | O_CLOEXEC | (flags & STORE_CREATE ? O_CREAT : 0), 0600);
	if (s->lock < 0 && flags & STORE_CREATE)
		return err_sys(e, "open '%s/lock'", s->path);
	return 0;
}

int store_open(unsigned flags, struct store *ret, struct err *e)
{
	int r;

	*ret = (struct store){ .dir = -1, .lock = -1 };
	r = open_dir(flags, ret, e);
	if (r < 0)
		store_close(ret);
	return r;
}

static int lock_wait(struct store *s, int how, const char *for_what, struct err *e)
{
	uint64_t until = clock_mono_ns() + LOCK_WAIT_NS;

	if (s->lock < 0)
		return 0; /* nobody can write here, so nobody removes */
	while (flock(s->lock, how | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock '%s'", s->path);
		if (clock_mono_ns() > until) {
			err_set(e, EBUSY, "image store: waited 10 seconds for %s to end",
				for_what);
			err_hint(e, "try again when it has finished");
			return -EBUSY;
		}
		(void)poll(NULL, 0, LOCK_STEP_MS);
	}
	s->held = how;
	return 0;
}

int store_lock_shared(struct store *s, struct err *e)
{
	return lock_wait(s, LOCK_SH, "another command's removal of images", e);
}

int store_lock_exclusive(struct store *s, struct err *e)
{
	return lock_wait(s, LOCK_EX, "a pull of an image, or a start of a sandbox,", e);
}

int store_try_exclusive(struct store *s)
{
	if (s->lock < 0 || flock(s->lock, LOCK_EX | LOCK_NB) < 0)
		return false;
	s->held = LOCK_EX;
	return true;
}

/* FNV-1a, 64 bits; the name inside the file is what counts, this only spreads. */
void store_name_file(const char *name, char out[STORE_NAME_FILE_MAX])
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3ULL;
	(void)snprintf(
		out, STORE_NAME_FILE_MAX, "names/%016llx.json", (unsigned long long)h);
}

static void image_file(const char *digest, char out[DIGEST_PATH_MAX])
{
	(void)snprintf(
		out, DIGEST_PATH_MAX, "images/%.6s-%s.json", digest, digest_hex(digest));
}

const char *store_layer_name(const char *diff_id, char out[STORE_LAYER_MAX])
{
	(void)snprintf(out, STORE_LAYER_MAX, "%.16s", digest_hex(diff_id));
	return out;
}

char *store_stamp(const char *name)
{
	auto_free char *file = NULL;
	const char *path, *colon;
	struct stat st;

	if (!str_starts(name, "oci:") && !str_starts(name, "docker-archive:"))
		return NULL;
	path = strchr(name, ':') + 1;
	colon = strchr(path, ':');
	file = str_printf("%.*s%s", (int)(colon ? colon - path : (ptrdiff_t)strlen(path)),
		path, str_starts(name, "oci:") ? "/index.json" : "");
	if (!file || stat(file, &st) < 0)
		return strdup("gone");
	return str_printf("%llu-%lld.%09ld-%llu", (unsigned long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		(unsigned long long)st.st_ino);
}

int store_load_name(
	struct store *s, const char *file, struct store_name *ret, struct err *e)
{
	auto_json struct json *j = NULL;
	int r = json_load(s->dir, file, NAME_SIZE_MAX, &j, e);

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return r;
	r = json_to_struct(j, &name_schema, ret, e);
	if (r == 0 && !digest_valid(ret->digest)) {
		store_name_clear(ret);
		r = err_set(e, EBADMSG, "a digest that is none");
	}
	return r < 0 ? err_wrap(e, "image store: %s", file) : 0;
}

int store_load_image(
	struct store *s, const char *digest, struct image *ret, struct err *e)
{
	auto_json struct json *j = NULL;
	char file[DIGEST_PATH_MAX];
	int r;

	memset(ret, 0, sizeof(*ret));
	image_file(digest, file);
	r = json_load(s->dir, file, RECORD_MAX, &j, e);
	if (r < 0)
		return r;
	r = json_to_struct(j, &image_schema, ret, e);
	if (r == 0 && !str_eq(ret->digest, digest))
		r = err_set(e, EBADMSG, "it is the record of another image");
	for (size_t i = 0; r == 0 && i < ret->layers.n; i++)
		if (!digest_valid(image_layer(ret, i)->diff_id) ||
			!digest_valid(image_layer(ret, i)->digest))
			r = err_set(e, EBADMSG, "a layer's digest is none");
	if (r < 0) {
		image_clear(ret);
		err_wrap(e, "image store: %s", file);
		err_hint(e, "pull the image again to mend its record");
	}
	return r;
}

static int not_here(struct err *e, const char *what)
{
	err_set(e, ENOENT, "image '%s' is not in the store", reference_familiar(what));
	err_hint(e, "get it with: brig image pull %s", reference_familiar(what));
	return -ENOENT;
}

/* From a name or a digest to the record. */
static int load(struct store *s, const char *what, struct image *ret, struct err *e)
{
	struct store_name n = { 0 };
	char file[STORE_NAME_FILE_MAX];
	auto_free char *stamp = NULL;
	int r;

	if (digest_valid(what)) {
		r = store_load_image(s, what, ret, e);
		return r == -ENOENT ? not_here(e, what) : r;
	}
	store_name_file(what, file);
	r = store_load_name(s, file, &n, e);
	if (r == 0 && !str_eq(n.name, what))
		r = -ENOENT;
	stamp = r == 0 ? store_stamp(what) : NULL;
	if (r == 0 && !str_eq(stamp, n.stamp))
		r = -ENOENT;
	if (r == 0)
		r = store_load_image(s, n.digest, ret, e);
	if (r == 0) {
		ret->index = take_ptr(&n.index);
		ret->pulled = n.pulled;
	}
	store_name_clear(&n);
	return r == -ENOENT ? not_here(e, what) : r;
}

/* Name the layers' folders; each must be there. */
static int find_layers(struct store *s, const char *tag, struct image *img, struct err *e)
{
	img->layers_path = str_printf("%s/layers/%s", s->path, tag);
	if (!img->layers_path)
		return err_set(e, ENOMEM, "image: out of memory");
	for (size_t i = 0; i < img->layers.n; i++) {
		char name[STORE_LAYER_MAX], path[128];

		store_layer_name(image_layer(img, i)->diff_id, name);
		(void)snprintf(path, sizeof(path), "layers/%s/%s/d", tag, name);
		if (faccessat(s->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, ENOENT,
				"image '%s' is not unpacked for this user's ids",
				reference_familiar(img->name));
		if (strv_addf(&img->dirs, "%s/d", name) < 0)
			return err_set(e, ENOMEM, "image: out of memory");
	}
	return 0;
}

int store_find(struct store *s, const char *what, const char *tag, struct image *ret,
	struct err *e)
{
	int r = tag && !path_is_name(tag)
		? err_set(e, EINVAL, "image store: '%s' is no tag of ids", tag)
		: load(s, what, ret, e);

	if (r < 0)
		return r;
	if (str_set(&ret->name, what) < 0)
		r = err_set(e, ENOMEM, "image: out of memory");
	if (r == 0 && tag)
		r = find_layers(s, tag, ret, e);
	if (r < 0)
		image_clear(ret);
	return r;
}

/* Written in tmp/ and renamed to its place, so that a kill leaves litter nowhere else. */
static int put(struct store *s, const char *file, const struct json *j, struct err *e)
{
	auto_buf struct buf text = { 0 };
	auto_free char *tmp = str_printf(
		"tmp/record-%d-%llx", (int)getpid(), (unsigned long long)clock_mono_ns());
	auto_fd int dir = -1;
	int r;

	if (!j || !tmp || json_print(j, true, &text) < 0)
		return err_set(e, ENOMEM, "image: out of memory");
	r = file_replace(s->dir, tmp, text.data, text.len, 0600, FILE_DURABLE, e);
	if (r < 0)
		return r;
	if (renameat(s->dir, tmp, s->dir, file) < 0)
		return err_sys(e, "write '%s/%s'", s->path, file);
	dir = openat(s->dir, str_starts(file, "names/") ? "names" : "images",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 || fsync(dir) < 0 ? err_sys(e, "sync '%s'", s->path) : 0;
}

int store_put_image(struct store *s, const struct image *img, struct err *e)
{
	auto_json struct json *j = json_from_struct(&image_schema, img);
	char file[DIGEST_PATH_MAX];

	image_file(img->digest, file);
	return put(s, file, j, e);
}

int store_put_name(
	struct store *s, const char *name, const struct image *img, struct err *e)
{
	auto_free char *stamp = store_stamp(name);
	struct store_name n = { .name = (char *)(uintptr_t)name,
		.digest = img->digest,
		.index = img->index,
		.stamp = stamp,
		.pulled = clock_real_ns() };
	auto_json struct json *j = json_from_struct(&name_schema, &n);
	char file[STORE_NAME_FILE_MAX];

	store_name_file(name, file);
	return put(s, file, j, e);
}
