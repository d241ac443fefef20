/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.h - from blobs in the store to an image that can be run.
 *
 * The last step of every way in: a registry, a layout, an archive. Reads the
 * configuration, unpacks the layers, and only then writes the record and the names.
 */
#ifndef BRIG_IMAGE_ADMIT_H
#define BRIG_IMAGE_ADMIT_H

#include "image/manifest.h"
#include "image/progress.h"
#include "image/store.h"
#include "image/untar.h"
#include "linux/idmap.h"

/* What every way in works with. */
struct admit {
	struct store store; /* open, shared lock held */
	struct idmap map;
	char tag[IDMAP_TAG_MAX];
	struct platform platform;
	struct untar_limits limits;
	enum progress_mode mode;
	bool insecure;
	bool missing; /* bring only what isn't here */
};

/* Open the store, clear what dead processes left, find out the ids. */
int admit_open(struct admit *a, struct err *e);
void admit_close(struct admit *a);
#define auto_admit AUTO(admit_close)

/* A manifest's text, which is hashed already, and where it came from. */
struct admit_manifest {
	const struct buf *text;
	const char *digest;
	const char *index; /* digest of the index it was chosen from, or NULL */
	const struct strv *names;
};

/*
 * All blobs are in the store. Unpack, record, name; 'ret' is the image.
 * 'progress' has a row for each layer.
 */
int admit_image(struct admit *a, const struct admit_manifest *m,
	struct progress *progress, struct image *ret, struct err *e);

/* Only unpack an image that is recorded already, for these ids. */
int admit_again(struct admit *a, struct image *img, struct err *e);

/* Rows for the layers of a manifest. */
int admit_rows(struct admit *a, const struct manifest *m, struct progress *ret);

/* Is there room for what is still to come? -ENOSPC with both figures. */
int admit_space(struct admit *a, const struct manifest *m, struct err *e);

#endif
