/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - the documents that describe an image, read strictly and within bounds.
 *
 * OCI image specification 1.1 (manifest.md, image-index.md, config.md) and Docker's image
 * manifest version 2, schema 2. They come from a registry or an archive and are hostile:
 * every digest has its form, every size and count a bound, and a document that is a
 * manifest and an index at once is refused (it would mean two things to two readers).
 */
#ifndef BRIG_IMAGE_MANIFEST_H
#define BRIG_IMAGE_MANIFEST_H

#include "base/json.h"

struct err;
struct image;

#define MANIFEST_SIZE_MAX ((size_t)4 << 20) /* bytes; what registries commonly allow */
#define CONFIG_SIZE_MAX   ((size_t)8 << 20)
#define MANIFEST_LAYERS_MAX \
	127U /* what Docker allows, and overlay's options have room for */
#define MANIFEST_ENTRIES_MAX 1024U
#define LAYER_SIZE_MAX       ((uint64_t)64 << 30)

/* An Accept: header's value with all the kinds that are understood here. */
#define MANIFEST_ACCEPT                                               \
	"application/vnd.oci.image.index.v1+json, "                   \
	"application/vnd.oci.image.manifest.v1+json, "                \
	"application/vnd.docker.distribution.manifest.list.v2+json, " \
	"application/vnd.docker.distribution.manifest.v2+json"

#define MANIFEST_TYPE_OCI "application/vnd.oci.image.manifest.v1+json"

struct descriptor {
	char *media_type;
	char *digest;
	uint64_t size;
};

struct manifest_entry { /* of an index */
	struct descriptor desc;
	char *os;
	char *architecture;
	char *variant;
	char *ref_name; /* org.opencontainers.image.ref.name; names an image in a layout
			 */
	bool is_index;
	bool is_image; /* not an attestation or some other artefact */
};

struct manifest {
	bool is_index;
	struct descriptor config; /* of an image ... */
	struct json_list layers;  /* ... of struct descriptor, bottom to top */
	struct json_list entries; /* of an index: of struct manifest_entry */
};

struct platform {
	char os[16];
	char architecture[32];
	char variant[16]; /* may be empty */
};

/* 'where' names the document in messages. 'ret' is zeroed on failure. */
int manifest_parse(const char *text, size_t len, const char *where, struct manifest *ret,
	struct err *e);
void manifest_clear(struct manifest *m);
#define auto_manifest AUTO(manifest_clear)

static inline struct descriptor *manifest_layer(const struct manifest *m, size_t i)
{
	return (struct descriptor *)m->layers.items + i;
}

static inline struct manifest_entry *manifest_entry(const struct manifest *m, size_t i)
{
	return (struct manifest_entry *)m->entries.items + i;
}

/* The platform of this machine. */
void platform_host(struct platform *ret);

/* "linux/arm64/v8", "amd64". -EINVAL for anything that isn't Linux. */
int platform_parse(const char *text, struct platform *ret, struct err *e);

/*
 * The entry of an index that runs on 'want'; -ENOENT with what there is instead.
 *
 * Should:  prefer an entry without a variant when none is asked for: a variant of amd64
 *          names instructions that this processor may lack.
 */
int manifest_choose(const struct manifest *index, const struct platform *want,
	const struct manifest_entry **ret, struct err *e);

/*
 * Fill 'img' from the configuration document and the manifest it belongs to.
 *
 * Should:  fail when the count of diff_ids is not that of layers, and for what is no
 *          image's configuration (a chart, a signature, another system's image).
 */
int manifest_read_config(const char *text, size_t len, const struct manifest *m,
	struct image *img, struct err *e);

#endif
