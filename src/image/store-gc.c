/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store-gc.c - removing images, and everything that nothing needs any more (see store.h).
 *
 * Theory of operation: mark from the names and from the digests in use, then remove in
 * the order opposite to that of pulling: names, records, blobs, layers. A layer is
 * renamed to tmp/ first, so a reader sees all of it or nothing; its files belong to
 * subordinate ids, so they are removed by a child that has become the root of the same
 * map. That can take long, so it comes last, when everything has a name that nobody else
 * uses and the lock is a shared one: starting a sandbox doesn't wait for it.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "image/digest.h"
#include "image/reference.h"
#include "image/store-name.h"
#include "linux/idmap.h"

#include <sys/file.h>
#include <sys/wait.h>

#define PART_KEEP_NS (7ULL * 24 * 3600 * NS_PER_SEC)

static int remove_all(struct store *s, const struct strv *paths, struct err *e)
{
	int first = 0;

	for (size_t i = 0; i < paths->n; i++) {
		struct err why = { 0 };
		int r = file_remove_tree(s->dir, paths->v[i], &why);

		if (r < 0 && first == 0) {
			first = r;
			if (e)
				*e = why;
			err_wrap(e, "image store: '%s'", paths->v[i]);
		}
	}
	return first;
}

int store_remove_trees(
	struct store *s, const struct strv *paths, const struct idmap *map, struct err *e)
{
	struct err why = { 0 };
	int pipe_fd[2], status;
	pid_t pid;

	if (paths->n == 0)
		return 0;
	if (!map || map->single || geteuid() == 0)
		return remove_all(s, paths, e);
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	pid = fork();
	if (pid == 0) {
		if (idmap_enter(map, &why) == 0)
			(void)remove_all(s, paths, &why);
		_exit(write(pipe_fd[1], &why, sizeof(why)) != sizeof(why));
	}
	(void)close(pipe_fd[1]);
	if (pid < 0 || read(pipe_fd[0], &why, sizeof(why)) != sizeof(why))
		why.code = EIO;
	(void)close(pipe_fd[0]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (why.code && e)
		*e = why;
	return -why.code;
}

struct marks {
	struct strv names;  /* files of names/ */
	struct strv blobs;  /* digests */
	struct strv layers; /* HEX16 */
	struct strv images; /* digests */
};

static void marks_clear(struct marks *m)
{
	strv_clear(&m->names);
	strv_clear(&m->blobs);
	strv_clear(&m->layers);
	strv_clear(&m->images);
}

static int mark_image(struct store *s, struct marks *m, const char *digest, struct err *e)
{
	auto_image struct image img = { 0 };
	char name[STORE_LAYER_MAX];
	int r;

	if (!digest_valid(digest) || strv_has(&m->images, digest))
		return 0;
	r = store_load_image(s, digest, &img, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0) /* what it needs is unknown, so nothing may be removed */
		return r;
	r = strv_add(&m->images, digest) | strv_add(&m->blobs, digest) |
		strv_add(&m->blobs, img.config_digest);
	for (size_t i = 0; i < img.layers.n; i++)
		r |= strv_add(&m->blobs, image_layer(&img, i)->digest) |
			strv_add(&m->layers,
				store_layer_name(image_layer(&img, i)->diff_id, name));
	return r ? err_set(e, ENOMEM, "images: out of memory") : 0;
}

static int mark_name(struct store *s, const char *entry, void *data, struct err *e)
{
	auto_free char *file = str_printf("names/%s", entry);
	struct store_name n = { 0 };
	struct err why = { 0 };
	int r;

	if (!file)
		return err_set(e, ENOMEM, "images: out of memory");
	if (store_load_name(s, file, &n, &why) < 0)
		return 0; /* unreadable: it names nothing */
	r = mark_image(s, data, n.digest, e);
	store_name_clear(&n);
	return r;
}

struct sweep {
	const struct marks *keep;
	struct store_freed *freed;
	const char *folder;
	struct strv trees; /* paths to remove */
	bool parts;        /* downloads too, however young */
};

static uint64_t size_of(struct store *s, const char *path)
{
	struct stat st;

	return fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0
		? 0
		: (uint64_t)st.st_blocks * 512;
}

static int sweep_image(struct store *s, const char *entry, void *data, struct err *e)
{
	struct sweep *sw = data;
	auto_free char *path = str_printf("images/%s", entry);
	auto_free char *digest = strdup(entry);

	if (!path || !digest)
		return err_set(e, ENOMEM, "images: out of memory");
	if (str_ends(digest, ".json"))
		digest[strlen(digest) - 5] = '\0';
	if (strlen(digest) > 6)
		digest[6] = ':';
	if (strv_has(&sw->keep->images, digest))
		return 0;
	sw->freed->images += str_ends(entry, ".json");
	return unlinkat(s->dir, path, 0) < 0 ? err_sys(e, "remove '%s'", path) : 0;
}

static int sweep_blob(struct store *s, const char *entry, void *data, struct err *e)
{
	struct sweep *sw = data;
	auto_free char *path = str_printf("%s/%s", sw->folder, entry);
	auto_free char *digest = str_printf("%s:%s", path_base(sw->folder), entry);

	if (!path || !digest)
		return err_set(e, ENOMEM, "images: out of memory");
	if (strv_has(&sw->keep->blobs, digest))
		return 0;
	sw->freed->bytes += size_of(s, path);
	sw->freed->blobs++;
	return unlinkat(s->dir, path, 0) < 0 ? err_sys(e, "remove '%s'", path) : 0;
}

static int sweep_layer(struct store *s, const char *entry, void *data, struct err *e)
{
	struct sweep *sw = data;
	auto_free char *path = str_printf("%s/%s", sw->folder, entry);
	auto_free char *gone = str_printf("tmp/gone-%s-%s-%llx", path_base(sw->folder),
		entry, (unsigned long long)clock_mono_ns());
	auto_free char *about = str_printf("%s/layer.json", path);
	auto_json struct json *j = NULL;

	if (!path || !gone || !about)
		return err_set(e, ENOMEM, "images: out of memory");
	if (strv_has(&sw->keep->layers, entry))
		return 0;
	if (json_load(s->dir, about, 4096, &j, NULL) == 0)
		sw->freed->bytes += json_get_uint(j, "bytes");
	sw->freed->layers++;
	return renameat(s->dir, path, s->dir, gone) < 0 ? err_sys(e, "remove '%s'", path)
							: 0;
}

static int sweep_tag(struct store *s, const char *entry, void *data, struct err *e)
{
	struct sweep *sw = data;
	auto_free char *folder = str_printf("layers/%s", entry);
	int r;

	if (!folder)
		return err_set(e, ENOMEM, "images: out of memory");
	sw->folder = folder;
	r = store_each(s, folder, sweep_layer, sw, e);
	sw->folder = NULL;
	(void)unlinkat(s->dir, folder, AT_REMOVEDIR); /* goes when it is empty */
	return r;
}

static int sweep_tmp(struct store *s, const char *entry, void *data, struct err *e)
{
	struct sweep *sw = data;
	auto_free char *path = str_printf("tmp/%s", entry), *gone = NULL;
	struct stat st;

	if (!path)
		return err_set(e, ENOMEM, "images: out of memory");
	if (!sw->parts && str_ends(entry, ".part") &&
		fstatat(s->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(st.st_mode) &&
		(uint64_t)st.st_mtim.tv_sec * NS_PER_SEC + PART_KEEP_NS > clock_real_ns())
		return 0;
	if (str_ends(entry, ".part"))
		sw->freed->bytes += size_of(s, path);
	gone = str_starts(entry, "gone-") ? strdup(path)
					  : str_printf("tmp/gone-%d-%llx", (int)getpid(),
						    (unsigned long long)clock_mono_ns());
	if (!gone || strv_add(&sw->trees, gone) < 0)
		return err_set(e, ENOMEM, "images: out of memory");
	if (!str_eq(gone, path) && renameat(s->dir, path, s->dir, gone) < 0)
		return err_sys(e, "remove '%s'", path);
	return 0;
}

/* What is in 'sw' goes when the store is closed, or by the next one who sweeps. */
static int throw_away(
	struct store *s, const struct idmap *map, struct sweep *sw, struct err *e)
{
	int r = store_each(s, "tmp", sweep_tmp, sw, e);

	if (!s->gone_map && map) {
		s->gone_map = malloc(sizeof(*map));
		if (!s->gone_map)
			r = err_set(e, ENOMEM, "images: out of memory");
		else
			*s->gone_map = *map;
	}
	for (size_t i = 0; r == 0 && i < sw->trees.n; i++)
		if (!strv_has(&s->gone, sw->trees.v[i]) &&
			strv_add(&s->gone, sw->trees.v[i]) < 0)
			r = err_set(e, ENOMEM, "images: out of memory");
	strv_clear(&sw->trees);
	return r;
}

void store_empty(struct store *s)
{
	struct err why = { 0 };

	if (s->gone.n && store_lock_shared(s, &why) == 0)
		(void)store_remove_trees(s, &s->gone, s->gone_map, &why);
	strv_clear(&s->gone);
	free(take_ptr(&s->gone_map));
}

void store_sweep(struct store *s, const struct idmap *map)
{
	struct store_freed freed = { 0 };
	struct sweep sw = { .freed = &freed };
	struct err why = { 0 };

	/* alone with the lock: whatever is in tmp/ belongs to nobody */
	if (!store_try_exclusive(s))
		return;
	(void)throw_away(s, map, &sw, &why);
	store_empty(s);
}

static int sweep_all(
	struct store *s, const struct store_removal *how, struct sweep *sw, struct err *e)
{
	int r = store_each(s, "images", sweep_image, sw, e);

	sw->folder = "blobs/sha256";
	if (r == 0)
		r = store_each(s, sw->folder, sweep_blob, sw, e);
	sw->folder = "blobs/sha512";
	if (r == 0)
		r = store_each(s, sw->folder, sweep_blob, sw, e);
	if (r == 0)
		r = store_each(s, "layers", sweep_tag, sw, e);
	sw->parts = true;
	return r < 0 ? r : throw_away(s, how->map, sw, e);
}

int store_prune(struct store *s, const struct store_removal *how,
	struct store_freed *freed, struct err *e)
{
	struct marks keep = { 0 };
	struct sweep sw = { .keep = &keep, .freed = freed };
	int r = 0;

	if (s->held != LOCK_EX)
		return err_set(e, EINVAL, "image store: prune without the lock");
	for (size_t i = 0; how->in_use && r == 0 && i < how->in_use->n; i++)
		r = mark_image(s, &keep, how->in_use->v[i], e);
	if (r == 0)
		r = store_each(s, "names", mark_name, &keep, e);
	if (r == 0)
		r = sweep_all(s, how, &sw, e);
	marks_clear(&keep);
	return r;
}

struct forget {
	const char *digest;
	const char *name; /* NULL: every name of the digest */
	unsigned others;  /* names of the digest that stay */
	struct strv files;
};

static int find_names(struct store *s, const char *entry, void *data, struct err *e)
{
	struct forget *f = data;
	auto_free char *file = str_printf("names/%s", entry);
	struct store_name n = { 0 };
	struct err why = { 0 };
	int r = 0;

	if (!file)
		return err_set(e, ENOMEM, "images: out of memory");
	if (store_load_name(s, file, &n, &why) < 0)
		return 0;
	if (str_eq(n.digest, f->digest)) {
		if (f->name && !str_eq(n.name, f->name))
			f->others++;
		else
			r = strv_add(&f->files, file);
	}
	store_name_clear(&n);
	return r < 0 ? err_set(e, ENOMEM, "images: out of memory") : 0;
}

/* The digest a name has, even when the archive it was made from has gone. */
static int digest_of(struct store *s, const char *what, char **ret, struct err *e)
{
	char file[STORE_NAME_FILE_MAX];
	struct store_name n = { 0 };
	int r;

	if (digest_valid(what)) {
		*ret = strdup(what);
		return *ret ? 0 : err_set(e, ENOMEM, "images: out of memory");
	}
	store_name_file(what, file);
	r = store_load_name(s, file, &n, e);
	if (r == 0 && !str_eq(n.name, what))
		r = -ENOENT;
	if (r == 0)
		*ret = take_ptr(&n.digest);
	store_name_clear(&n);
	return r == -ENOENT ? err_set(e, ENOENT, "image '%s' is not in the store",
				      reference_familiar(what))
			    : r;
}

int store_remove(struct store *s, const char *what, const struct store_removal *how,
	struct store_freed *freed, struct err *e)
{
	auto_free char *digest = NULL;
	struct forget f = { 0 };
	int r;

	if (s->held != LOCK_EX)
		return err_set(e, EINVAL, "image store: removal without the lock");
	r = digest_of(s, what, &digest, e);
	if (r < 0)
		return r;
	f.digest = digest;
	f.name = digest_valid(what) ? NULL : what;
	r = store_each(s, "names", find_names, &f, e);
	if (r == 0 && !how->force && !f.others && how->in_use &&
		strv_has(how->in_use, digest)) {
		r = err_set(e, EBUSY, "image '%s' is in use by a sandbox",
			reference_familiar(what));
		err_hint(e,
			"remove its sandboxes first, or use --force to drop only the "
			"name");
	}
	for (size_t i = 0; r == 0 && i < f.files.n; i++) {
		if (unlinkat(s->dir, f.files.v[i], 0) < 0)
			r = err_sys(e, "remove '%s'", f.files.v[i]);
		else
			freed->names++;
	}
	strv_clear(&f.files);
	return r < 0 ? r : store_prune(s, how, freed, e);
}
