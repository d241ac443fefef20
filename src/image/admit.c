/* SPDX-License-Identifier: Apache-2.0 */
#include "image/admit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "image/part.h"
#include "image/reference.h"
#include "image/unpack.h"

#include <sys/statvfs.h>

int admit_open(struct admit *a, struct err *e)
{
	int r = store_open(STORE_CREATE, &a->store, e);

	if (r < 0)
		return r;
	r = idmap_for_caller(&a->map, e);
	if (r == 0) {
		(void)idmap_tag(&a->map, a->tag);
		store_sweep(&a->store, &a->map);
		r = store_lock_shared(&a->store, e);
	}
	if (r < 0)
		store_close(&a->store);
	return r;
}

void admit_close(struct admit *a)
{
	store_close(&a->store);
}

int admit_rows(struct admit *a, const struct manifest *m, struct progress *ret)
{
	int r = progress_init(ret, a->mode, m->layers.n);

	for (size_t i = 0; r == 0 && i < m->layers.n; i++) {
		(void)snprintf(ret->rows[i].label, sizeof(ret->rows[i].label), "%.12s",
			digest_hex(manifest_layer(m, i)->digest));
		ret->rows[i].total = manifest_layer(m, i)->size;
		ret->rows[i].state = "waiting";
	}
	return r;
}

int admit_space(struct admit *a, const struct manifest *m, struct err *e)
{
	char need_text[STR_SIZE_MAX], free_text[STR_SIZE_MAX];
	uint64_t need = 0, room;
	struct statvfs fs;

	for (size_t i = 0; i < m->layers.n; i++) {
		const struct descriptor *d = manifest_layer(m, i);

		if (!blob_is_here(&a->store, d->digest, d->size))
			need += d->size;
	}
	if (fstatvfs(a->store.dir, &fs) < 0 || !fs.f_blocks)
		return 0;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (need <= room)
		return 0;
	err_set(e, ENOSPC, "%s of layers are to come, and there are %s free at '%s'",
		str_from_size(need, need_text), str_from_size(room, free_text),
		a->store.path);
	err_hint(e, "run 'brig prune', or move brig's data with XDG_DATA_HOME");
	return -ENOSPC;
}

static void show_unpack(void *data, size_t layer, uint64_t done)
{
	struct progress *p = data;

	if (!p || layer >= p->n)
		return;
	progress_state(p, layer, done < p->rows[layer].total ? "unpacking" : "done",
		done < p->rows[layer].total);
	progress_now(p, layer, done);
}

static int unpack(
	struct admit *a, const struct image *img, struct progress *p, struct err *e)
{
	struct unpack u = { .store = &a->store,
		.map = &a->map,
		.tag = a->tag,
		.limits = a->limits,
		.progress = show_unpack,
		.data = p };
	int r = unpack_image(&u, img, e);

	if (p)
		progress_draw(p, true);
	return r;
}

static int read_config(
	struct admit *a, const struct manifest *m, struct image *img, struct err *e)
{
	auto_fd int fd = blob_open(&a->store, m->config.digest, e);
	auto_buf struct buf text = { 0 };
	int r = fd < 0 ? fd
		       : file_read_fd(fd, "the image's configuration", CONFIG_SIZE_MAX,
				 &text, e);

	return r < 0
		? r
		: manifest_read_config(text.data ? text.data : "", text.len, m, img, e);
}

static int record(
	struct admit *a, const struct admit_manifest *m, struct image *img, struct err *e)
{
	int r = store_put_image(&a->store, img, e);

	for (size_t i = 0; r == 0 && i < m->names->n; i++)
		r = store_put_name(&a->store, m->names->v[i], img, e);
	return r;
}

int admit_image(struct admit *a, const struct admit_manifest *m,
	struct progress *progress, struct image *ret, struct err *e)
{
	auto_manifest struct manifest doc = { 0 };
	int r = manifest_parse(m->text->data, m->text->len, "the manifest", &doc, e);

	if (r == 0 && doc.is_index)
		r = err_set(e, EBADMSG, "an index where a manifest should be");
	if (r == 0)
		r = read_config(a, &doc, ret, e);
	if (r == 0 && ret->architecture &&
		!str_eq(ret->architecture, a->platform.architecture))
		progress_say(progress, "note: the image is for %.32s, asked for was %s",
			ret->architecture, a->platform.architecture);
	if (r == 0)
		r = blob_put(&a->store, m->digest, m->text->data, m->text->len, e);
	if (r == 0 &&
		(str_set(&ret->digest, m->digest) < 0 ||
			str_set(&ret->index, m->index) < 0))
		r = err_set(e, ENOMEM, "image: out of memory");
	if (r == 0)
		r = unpack(a, ret, progress, e);
	if (r == 0)
		r = record(a, m, ret, e);
	if (r < 0)
		image_clear(ret);
	return r;
}

int admit_again(struct admit *a, struct image *img, struct err *e)
{
	for (size_t i = 0; i < img->layers.n; i++) {
		const struct image_layer *layer = image_layer(img, i);

		if (!blob_is_here(&a->store, layer->digest, layer->size))
			return err_set(
				e, ENOENT, "blob %s is not in the store", layer->digest);
	}
	return unpack(a, img, NULL, e);
}
