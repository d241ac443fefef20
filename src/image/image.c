/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

static const struct json_field layer_fields[] = {
	JSON_FIELD(struct image_layer, "digest", JSON_STR, digest, JSON_REQUIRED),
	JSON_FIELD(struct image_layer, "diff_id", JSON_STR, diff_id, JSON_REQUIRED),
	JSON_FIELD(struct image_layer, "media_type", JSON_STR, media_type),
	JSON_FIELD(struct image_layer, "size", JSON_UINT, size),
	{ 0 },
};
static const struct json_schema layer_schema = { "layer", sizeof(struct image_layer),
	layer_fields };

static const struct json_field image_fields[] = {
	JSON_FIELD(struct image, "digest", JSON_STR, digest, JSON_REQUIRED),
	JSON_FIELD(struct image, "config_digest", JSON_STR, config_digest, JSON_REQUIRED),
	JSON_FIELD(struct image, "os", JSON_STR, os),
	JSON_FIELD(struct image, "architecture", JSON_STR, architecture),
	JSON_FIELD(struct image, "variant", JSON_STR, variant),
	JSON_FIELD(struct image, "created", JSON_STR, created),
	JSON_FIELD(struct image, "size", JSON_UINT, size),
	JSON_FIELD(struct image, "entrypoint", JSON_STRV, entrypoint),
	JSON_FIELD(struct image, "cmd", JSON_STRV, cmd),
	JSON_FIELD(struct image, "env", JSON_STRV, env),
	JSON_FIELD(struct image, "labels", JSON_STRV, labels),
	JSON_FIELD(struct image, "ports", JSON_STRV, ports),
	JSON_FIELD(struct image, "volumes", JSON_STRV, volumes),
	JSON_FIELD(struct image, "workdir", JSON_STR, workdir),
	JSON_FIELD(struct image, "user", JSON_STR, user),
	JSON_FIELD(struct image, "stop_signal", JSON_STR, stop_signal),
	JSON_FIELD(struct image, "layers", JSON_LIST, layers, JSON_REQUIRED,
		.of = &layer_schema),
	{ 0 },
};
const struct json_schema image_schema = { "image", sizeof(struct image), image_fields };

void image_clear(struct image *img)
{
	free(img->name);
	free(img->index);
	free(img->layers_path);
	strv_clear(&img->dirs);
	json_struct_clear(&image_schema, img); /* zeroes all of it */
}
