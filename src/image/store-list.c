/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store-list.c - which images there are, and which one a person means (see store.h).
 */
#include "base/err.h"
#include "base/file.h"
#include "image/digest.h"
#include "image/reference.h"
#include "image/store-name.h"

#include <dirent.h>

#define ID_DIGITS_MIN 4

int store_each(struct store *s, const char *folder,
	int (*each)(struct store *s, const char *entry, void *data, struct err *e),
	void *data, struct err *e)
{
	int fd = openat(s->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return errno == ENOENT ? 0 : err_sys(e, "open '%s/%s'", s->path, folder);
	}
	for (struct dirent *d; r == 0 && (d = readdir(dir));)
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			r = each(s, d->d_name, data, e);
	(void)closedir(dir);
	return r;
}

void image_list_clear(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_clear(&l->v[i]);
	free(l->v);
	*l = (struct image_list){ 0 };
}

static struct image *list_add(struct image_list *l)
{
	struct image *grown = realloc(l->v, (l->n + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	l->v = grown;
	return memset(&grown[l->n++], 0, sizeof(*grown));
}

static int list_name(struct store *s, const char *entry, void *data, struct err *e)
{
	struct image_list *l = data;
	struct store_name n = { 0 };
	auto_free char *file = str_printf("names/%s", entry);
	struct image *img = str_ends(entry, ".json") ? list_add(l) : NULL;
	struct err why = { 0 };

	if (!img || !file)
		return str_ends(entry, ".json")
			? err_set(e, ENOMEM, "images: out of memory")
			: 0;
	/* a record that can't be read is no image; pulling it again mends it */
	if (store_load_name(s, file, &n, &why) < 0 ||
		store_load_image(s, n.digest, img, &why) < 0) {
		l->n--;
	} else {
		img->name = take_ptr(&n.name);
		img->index = take_ptr(&n.index);
		img->pulled = n.pulled;
	}
	store_name_clear(&n);
	return 0;
}

/* "sha256-HEX.json" to "sha256:HEX"; false for other files. */
static bool digest_of_record(const char *entry, char out[DIGEST_TEXT_MAX])
{
	if (strlen(entry) >= DIGEST_TEXT_MAX + 5 || !str_ends(entry, ".json"))
		return false;
	(void)snprintf(out, DIGEST_TEXT_MAX, "%.*s", (int)(strlen(entry) - 5), entry);
	if (strlen(out) > 6)
		out[6] = ':';
	return digest_valid(out);
}

static int list_nameless(struct store *s, const char *entry, void *data, struct err *e)
{
	struct image_list *l = data;
	char digest[DIGEST_TEXT_MAX];
	struct err why = { 0 };
	struct image *img;

	if (!digest_of_record(entry, digest))
		return 0;
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].digest, digest))
			return 0;
	img = list_add(l);
	if (!img)
		return err_set(e, ENOMEM, "images: out of memory");
	if (store_load_image(s, digest, img, &why) < 0)
		l->n--;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct image *x = a, *y = b;

	if (!x->name || !y->name)
		return x->name ? -1 : y->name ? 1 : strcmp(x->digest, y->digest);
	return strcmp(reference_familiar(x->name), reference_familiar(y->name));
}

int store_list(struct store *s, struct image_list *ret, struct err *e)
{
	int r;

	*ret = (struct image_list){ 0 };
	r = store_each(s, "names", list_name, ret, e);
	if (r == 0)
		r = store_each(s, "images", list_nameless, ret, e);
	if (r < 0)
		image_list_clear(ret);
	else if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return r;
}

struct search {
	const char *digits;
	char found[DIGEST_TEXT_MAX];
	unsigned n;
};

static int match_record(struct store *s, const char *entry, void *data, struct err *e)
{
	struct search *look = data;
	char digest[DIGEST_TEXT_MAX];

	(void)s;
	(void)e;
	if (digest_of_record(entry, digest) &&
		(str_starts(digest, look->digits) ||
			str_starts(digest_hex(digest), look->digits))) {
		memcpy(look->found, digest, sizeof(digest));
		look->n++;
	}
	return 0;
}

static int found(char **ret, const char *text, struct err *e)
{
	*ret = strdup(text);
	return *ret ? 0 : err_set(e, ENOMEM, "image: out of memory");
}

int store_resolve(struct store *s, const char *text, char **ret, struct err *e)
{
	auto_reference struct reference ref = { 0 };
	const char *digits = str_starts(text, "sha256:") ? text + 7 : text;
	struct search look = { .digits = text };
	struct store_name n = { 0 };
	char file[STORE_NAME_FILE_MAX];
	struct err why = { 0 };
	int parsed = reference_parse(text, &ref, &why), r;

	/* the path may be gone by now, and the name still be known */
	if (parsed == 0)
		(void)reference_settle(&ref, &why);
	if (parsed == 0 && ref.name) {
		bool known;

		store_name_file(ref.name, file);
		known = store_load_name(s, file, &n, &why) == 0 &&
			str_eq(n.name, ref.name);
		store_name_clear(&n);
		if (known)
			return found(ret, ref.name, e);
	}
	if (strlen(digits) >= ID_DIGITS_MIN &&
		strspn(digits, "0123456789abcdef") == strlen(digits)) {
		r = store_each(s, "images", match_record, &look, e);
		if (r < 0)
			return r;
		if (look.n > 1)
			return err_set(e, ENOTUNIQ,
				"'%s' is the start of %u images' digests", text, look.n);
		if (look.n == 1)
			return found(ret, look.found, e);
	}
	return err_set(e, ENOENT, "image '%.200s' is not in the store", text);
}
