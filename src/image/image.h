/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - an image as the store records it: its layers, and how its program starts.
 *
 * The record is made once, when the image is pulled, from its manifest and its
 * configuration (OCI image specification, manifest.md and config.md); starting a sandbox
 * reads the record and never those. All strings are owned; absent ones are NULL.
 */
#ifndef BRIG_IMAGE_IMAGE_H
#define BRIG_IMAGE_IMAGE_H

#include "base/json.h"
#include "base/str.h"

struct image_layer {
	char *digest;     /* of the blob, as pulled */
	char *diff_id;    /* of the uncompressed tar */
	char *media_type; /* what the manifest claims */
	uint64_t size;    /* of the blob, in bytes */
};

struct image {
	char *digest;        /* of its manifest: the image's identity */
	char *config_digest; /* what Docker calls the image ID */
	char *os;
	char *architecture;
	char *variant;
	char *created; /* RFC 3339, as the image claims */
	uint64_t size; /* of all blobs, in bytes */

	struct strv entrypoint;
	struct strv cmd;
	struct strv env;    /* K=V */
	struct strv labels; /* K=V, sorted */
	struct strv ports;  /* "80/tcp" */
	struct strv volumes;
	char *workdir;
	char *user; /* "name", "name:group", "1000:1000" */
	char *stop_signal;

	struct json_list layers; /* of struct image_layer, bottom to top */

	/* Not in the record; store_find() fills these. */
	char *name;        /* by which it was found; its digest if by that */
	char *index;       /* digest of the manifest list it was chosen from */
	uint64_t pulled;   /* when, in ns of CLOCK_REALTIME */
	char *layers_path; /* absolute; chdir there to mount with the short names */
	struct strv
		dirs; /* relative to layers_path, bottom to top, at most 18 bytes each */
};

extern const struct json_schema image_schema;

static inline struct image_layer *image_layer(const struct image *img, size_t i)
{
	return (struct image_layer *)img->layers.items + i;
}

void image_clear(struct image *img);
#define auto_image AUTO(image_clear)

#endif
