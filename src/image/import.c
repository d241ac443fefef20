/* SPDX-License-Identifier: Apache-2.0 */
#include "image/import.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "image/hash.h"
#include "image/part.h"

#define INDEX_DEPTH_MAX 3
#define LAYOUT_MARK     "oci-layout"
#define TAR_TYPE        "application/vnd.oci.image.layer.v1.tar"
#define CONFIG_TYPE     "application/vnd.oci.image.config.v1+json"

struct way {
	struct admit *a;
	const struct import *im;
	struct source src;
	struct strv names; /* that it came with */
	struct buf text;   /* of the manifest */
	char digest[DIGEST_TEXT_MAX];
	char index[DIGEST_TEXT_MAX];
};

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "import: out of memory");
}

/* Read a blob of a layout that is itself a document, and check it. */
static int read_blob(struct way *w, const struct descriptor *d, struct err *e)
{
	char path[DIGEST_PATH_MAX];
	int r;

	buf_clear(&w->text);
	r = source_read(
		&w->src, digest_path(d->digest, path), MANIFEST_SIZE_MAX, &w->text, e);
	if (r == 0)
		r = hash_bytes(w->text.data ? w->text.data : "", w->text.len, d->digest,
			w->digest, e);
	if (r == 0 && (!str_eq(w->digest, d->digest) || w->text.len != d->size))
		r = err_set(e, EBADMSG, "manifest '%s' is damaged: it has the digest %s",
			path, w->digest);
	return r;
}

/* Which entry of index.json: by its name, or the only one, or the one for the platform.
 */
static int choose_entry(struct way *w, const struct manifest *index,
	const struct manifest_entry **ret, struct err *e)
{
	const char *tag = w->im->ref ? w->im->ref->tag : NULL;
	auto_strv struct strv names = { 0 };
	auto_free char *text = NULL, *shown = NULL;
	size_t only = 0;

	for (size_t i = 0; i < index->entries.n; i++) {
		const struct manifest_entry *en = manifest_entry(index, i);

		if (tag && str_eq(en->ref_name, tag)) {
			*ret = en;
			return 0;
		}
		if (en->ref_name && !strv_has(&names, en->ref_name) &&
			strv_add(&names, en->ref_name) < 0)
			return out_of_memory(e);
		if (en->is_image || en->is_index)
			only = i;
	}
	text = names.n ? str_join(names.v, ", ") : strdup("none with a name");
	shown = text ? str_escape(text) : NULL;
	if (tag)
		return err_set(e, ENOENT, "no image '%s' in the layout, but: %.300s", tag,
			shown ? shown : "");
	if (index->entries.n == 1) {
		*ret = manifest_entry(index, only);
		return 0;
	}
	if (names.n > 1) {
		err_set(e, ENOTUNIQ, "the layout has several images: %.300s",
			shown ? shown : "");
		err_hint(e, "say which one: oci:DIR:NAME");
		return -ENOTUNIQ;
	}
	return manifest_choose(index, &w->a->platform, ret, e);
}

/* Follow index.json to a manifest; its text and digest end up in 'w'. */
static int find_manifest(struct way *w, struct manifest *ret, struct err *e)
{
	const struct manifest_entry *en;
	int r = source_read(&w->src, "index.json", MANIFEST_SIZE_MAX, &w->text, e);

	for (int depth = 0; r == 0 && depth < INDEX_DEPTH_MAX; depth++) {
		manifest_clear(ret);
		r = manifest_parse(w->text.data ? w->text.data : "", w->text.len,
			depth ? "the manifest" : "index.json", ret, e);
		if (r < 0 || !ret->is_index)
			return r < 0 || depth
				? r
				: err_set(e, EBADMSG, "index.json is no index");
		if (depth == 1)
			memcpy(w->index, w->digest, sizeof(w->index));
		r = depth ? manifest_choose(ret, &w->a->platform, &en, e)
			  : choose_entry(w, ret, &en, e);
		if (r == 0 && !depth && en->ref_name && strpbrk(en->ref_name, "/")) {
			auto_reference struct reference named = { 0 };

			/* podman and containerd write whole names there, others only tags
			 */
			if (reference_parse_registry(en->ref_name, &named, NULL) == 0 &&
				strv_add(&w->names, named.name) < 0)
				r = out_of_memory(e);
		}
		if (r == 0)
			r = read_blob(w, &en->desc, e);
	}
	if (r == 0)
		r = manifest_parse(w->text.data ? w->text.data : "", w->text.len,
			"the manifest", ret, e);
	if (r == 0 && ret->is_index)
		r = err_set(e, ELOOP, "indexes that lead to indexes");
	return r;
}

static int take_layer(struct way *w, struct progress *p, size_t row,
	const struct descriptor *d, struct err *e)
{
	char path[DIGEST_PATH_MAX], digest[DIGEST_TEXT_MAX];
	uint64_t size = d->size;
	int r;

	progress_state(p, row, "reading", true);
	r = source_take(
		&w->src, digest_path(d->digest, path), d->digest, digest, &size, e);
	if (r == 0)
		progress_now(p, row, size);
	return r;
}

static int take_layout(struct way *w, struct progress *p, struct err *e)
{
	auto_manifest struct manifest m = { 0 };
	char path[DIGEST_PATH_MAX], digest[DIGEST_TEXT_MAX];
	uint64_t size;
	int r = find_manifest(w, &m, e);

	if (r < 0)
		return r;
	size = m.config.size;
	r = source_take(&w->src, digest_path(m.config.digest, path), m.config.digest,
		digest, &size, e);
	if (r == 0)
		r = admit_space(w->a, &m, e);
	if (r == 0 && admit_rows(w->a, &m, p) < 0)
		r = out_of_memory(e);
	for (size_t i = 0; r == 0 && i < m.layers.n; i++)
		r = take_layer(w, p, i, manifest_layer(&m, i), e);
	return r;
}

static int add_descriptor(
	struct buf *b, const char *type, const char *digest, uint64_t size)
{
	return buf_addf(b, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%llu}", type,
		digest, (unsigned long long)size);
}

/* Bring the members in, and write the manifest that they don't come with. */
static int take_saved(struct way *w, struct progress *p, struct err *e)
{
	auto_docker_save struct docker_save saved = { 0 };
	auto_manifest struct manifest m = { 0 };
	auto_buf struct buf text = { 0 };
	char digest[DIGEST_TEXT_MAX];
	uint64_t size;
	int r = source_read(&w->src, "manifest.json", DOCKER_SAVE_SIZE_MAX, &text, e);

	if (r == 0)
		r = docker_save_parse(text.data ? text.data : "", text.len,
			w->im->ref ? w->im->ref->tag : NULL, &saved, e);
	if (r == 0)
		r = source_take(&w->src, saved.config, NULL, digest, &size, e);
	if (r == 0 && size > CONFIG_SIZE_MAX)
		r = err_set(e, EFBIG, "the image's configuration is too large");
	if (r < 0)
		return r;
	r = buf_add_str(&w->text,
		"{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE_OCI
		"\",\"config\":");
	r |= add_descriptor(&w->text, CONFIG_TYPE, digest, size);
	r |= buf_add_str(&w->text, ",\"layers\":[");
	for (size_t i = 0; r == 0 && i < saved.layers.n; i++) {
		r = source_take(&w->src, saved.layers.v[i], NULL, digest, &size, e);
		if (r < 0)
			return r;
		r = i ? buf_add_str(&w->text, ",") : 0;
		r |= add_descriptor(&w->text, TAR_TYPE, digest, size);
	}
	r |= buf_add_str(&w->text, "]}") | strv_add_all(&w->names, saved.names.v);
	if (r)
		return out_of_memory(e);
	r = hash_bytes(w->text.data, w->text.len, NULL, w->digest, e);
	if (r == 0)
		r = manifest_parse(w->text.data, w->text.len, "the manifest", &m, e);
	return r < 0 ? r : admit_rows(w->a, &m, p) < 0 ? out_of_memory(e) : 0;
}

static int open_source(struct way *w, struct err *e)
{
	const struct reference *ref = w->im->ref;
	auto_fd int fd = -1;

	if (ref && ref->kind == REFERENCE_LAYOUT)
		return source_open_dir(ref->path, &w->a->store, &w->src, e);
	fd = ref ? open(ref->path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
		 : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(e, "open '%s'", ref ? ref->path : "standard input");
	return source_open_tar(fd, &w->a->store, &w->a->limits, &w->src, e);
}

/* The name asked for, or those it came with; and where it was, so that it is found by
 * that. */
static int settle_names(struct way *w, struct err *e)
{
	if (w->im->name) {
		strv_clear(&w->names);
		if (strv_add(&w->names, w->im->name) < 0)
			return out_of_memory(e);
	}
	if (w->im->ref && strv_add(&w->names, w->im->ref->name) < 0)
		return out_of_memory(e);
	if (!w->names.n) {
		err_set(e, EINVAL, "the archive on standard input has no name");
		err_hint(e, "give it one: brig image import - NAME");
		return -EINVAL;
	}
	return 0;
}

static int import_way(struct way *w, struct image *ret, struct err *e)
{
	struct admit_manifest m = { &w->text, w->digest, NULL, &w->names };
	struct progress progress = { .quiet = true };
	int r = open_source(w, e);

	if (r < 0)
		return r;
	if (source_has(&w->src, LAYOUT_MARK) && source_has(&w->src, "index.json"))
		r = take_layout(w, &progress, e);
	else if (source_has(&w->src, "manifest.json"))
		r = take_saved(w, &progress, e);
	else
		r = err_set(
			e, EBADMSG, "neither an OCI layout nor a 'docker save' archive");
	if (r == 0)
		r = settle_names(w, e);
	if (r == 0 && *w->index)
		m.index = w->index;
	if (r == 0)
		r = admit_image(w->a, &m, &progress, ret, e);
	progress_clear(&progress);
	return r;
}

int import_image(
	struct admit *a, const struct import *im, struct image *ret, struct err *e)
{
	struct way w = { .a = a, .im = im, .src = { .dir = -1 } };
	int r = import_way(&w, ret, e);

	source_close(&w.src);
	strv_clear(&w.names);
	buf_clear(&w.text);
	return r;
}
