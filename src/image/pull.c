/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pull.h"

#include "base/err.h"
#include "image/download.h"
#include "image/registry.h"

#define INDEX_DEPTH_MAX 3

struct found {
	struct buf text;
	char digest[DIGEST_TEXT_MAX];
	char index[DIGEST_TEXT_MAX]; /* or "" */
	struct manifest doc;
};

/* From a tag or digest, through indexes, to the manifest for the platform. */
static int find_manifest(
	struct registry *reg, const struct platform *want, struct found *f, struct err *e)
{
	const char *what = reg->ref->digest ? reg->ref->digest : reg->ref->tag;
	char next[DIGEST_TEXT_MAX];

	for (int depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
		const struct manifest_entry *en;
		int r;

		buf_clear(&f->text);
		manifest_clear(&f->doc);
		r = registry_manifest(reg, what, &f->text, f->digest, e);
		if (r == 0)
			r = manifest_parse(
				f->text.data, f->text.len, "the manifest", &f->doc, e);
		if (r < 0 || !f->doc.is_index)
			return r;
		if (!depth)
			memcpy(f->index, f->digest, sizeof(f->index));
		r = manifest_choose(&f->doc, want, &en, e);
		if (r < 0)
			return r;
		(void)snprintf(next, sizeof(next), "%s", en->desc.digest);
		what = next;
	}
	return err_set(e, ELOOP, "its index leads to an index, and that to another");
}

/* The configuration first: small, and it may say that this is no image at all. */
static int bring_config(
	struct admit *a, struct registry *reg, const struct manifest *m, struct err *e)
{
	const struct descriptor *config = &m->config;
	struct progress none;
	int r = progress_init(&none, PROGRESS_QUIET, 1);

	if (r < 0)
		return err_set(e, ENOMEM, "pull: out of memory");
	r = download_blobs(reg, &a->store, &config, 1, &none, e);
	progress_clear(&none);
	return r;
}

static int bring_layers(struct admit *a, struct registry *reg, const struct manifest *m,
	struct progress *progress, struct err *e)
{
	const struct descriptor *blobs[MANIFEST_LAYERS_MAX];
	int r = admit_space(a, m, e);

	for (size_t i = 0; i < m->layers.n; i++)
		blobs[i] = manifest_layer(m, i);
	if (r == 0)
		r = download_blobs(reg, &a->store, blobs, m->layers.n, progress, e);
	if (r < 0)
		progress_draw(progress, true);
	return r;
}

static int pull_found(struct admit *a, struct registry *reg, struct found *f,
	struct image *ret, struct err *e)
{
	auto_strv struct strv names = { 0 };
	struct admit_manifest m = { &f->text, f->digest, *f->index ? f->index : NULL,
		&names };
	struct progress progress;
	int r = strv_add(&names, reg->ref->name);

	if (r < 0 || admit_rows(a, &f->doc, &progress) < 0)
		return err_set(e, ENOMEM, "pull: out of memory");
	progress_say(&progress, "%s  %s", reference_familiar(reg->ref->name), f->digest);
	r = bring_config(a, reg, &f->doc, e);
	if (r == 0)
		r = bring_layers(a, reg, &f->doc, &progress, e);
	if (r == 0)
		r = admit_image(a, &m, &progress, ret, e);
	progress_clear(&progress);
	return r;
}

int pull_image(
	struct admit *a, const struct reference *ref, struct image *ret, struct err *e)
{
	auto_registry struct registry reg = { 0 };
	struct found f = { 0 };
	int r = registry_open(ref, a->insecure, &reg, e);

	if (r == 0)
		r = find_manifest(&reg, &a->platform, &f, e);
	if (r == 0)
		r = pull_found(a, &reg, &f, ret, e);
	buf_clear(&f.text);
	manifest_clear(&f.doc);
	return r;
}
