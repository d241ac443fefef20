/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include "base/err.h"
#include "base/str.h"
#include "image/digest.h"

#include <sys/utsname.h>

#define MEDIA_TYPE_MAX 255
#define NAME_MAX_CHARS 1024

static const struct json_field descriptor_fields[] = {
	JSON_FIELD(struct descriptor, "mediaType", JSON_STR, media_type),
	JSON_FIELD(struct descriptor, "digest", JSON_STR, digest),
	{ 0 },
};
static const struct json_schema descriptor_schema = { "descriptor",
	sizeof(struct descriptor), descriptor_fields };

static const struct json_field entry_fields[] = {
	JSON_FIELD(
		struct manifest_entry, "", JSON_STRUCT, desc, .of = &descriptor_schema),
	JSON_FIELD(struct manifest_entry, "os", JSON_STR, os),
	JSON_FIELD(struct manifest_entry, "architecture", JSON_STR, architecture),
	JSON_FIELD(struct manifest_entry, "variant", JSON_STR, variant),
	JSON_FIELD(struct manifest_entry, "ref_name", JSON_STR, ref_name),
	{ 0 },
};
static const struct json_schema entry_schema = { "entry", sizeof(struct manifest_entry),
	entry_fields };

/* The tables above only say what is owned, for clearing: foreign documents have unknown
 * keys. */
static const struct json_field manifest_fields[] = {
	JSON_FIELD(
		struct manifest, "config", JSON_STRUCT, config, .of = &descriptor_schema),
	JSON_FIELD(
		struct manifest, "layers", JSON_LIST, layers, .of = &descriptor_schema),
	JSON_FIELD(struct manifest, "manifests", JSON_LIST, entries, .of = &entry_schema),
	{ 0 },
};
static const struct json_schema manifest_schema = { "manifest", sizeof(struct manifest),
	manifest_fields };

void manifest_clear(struct manifest *m)
{
	json_struct_clear(&manifest_schema, m);
}

/* A foreign string of bounded length; NULL when it is absent, empty or oversized. */
static char *copy_str(const struct json *obj, const char *key, size_t max)
{
	const char *text = json_get_str(obj, key);

	return text && *text && strlen(text) <= max ? strdup(text) : NULL;
}

static int read_descriptor(const struct json *j, const char *where, uint64_t max,
	struct descriptor *ret, struct err *e)
{
	const char *digest = json_get_str(j, "digest");
	int r = digest_check(digest, where, e);

	if (r < 0)
		return r;
	ret->media_type = copy_str(j, "mediaType", MEDIA_TYPE_MAX);
	ret->size = json_get_uint(j, "size");
	if (!json_get(j, "size") || ret->size > max)
		return err_set(e, EBADMSG, "%s: %s has an impossible size of %llu bytes",
			where, digest, (unsigned long long)ret->size);
	ret->digest = strdup(digest);
	return ret->digest ? 0 : err_set(e, ENOMEM, "%s: out of memory", where);
}

static bool type_is_index(const char *type)
{
	return str_eq(type, "application/vnd.oci.image.index.v1+json") ||
		str_eq(type, "application/vnd.docker.distribution.manifest.list.v2+json");
}

static bool type_is_image(const char *type)
{
	return str_eq(type, MANIFEST_TYPE_OCI) ||
		str_eq(type, "application/vnd.docker.distribution.manifest.v2+json");
}

static int read_entry(
	const struct json *j, const char *where, struct manifest *ret, struct err *e)
{
	struct manifest_entry *entry = json_list_add(&ret->entries, &entry_schema);
	const struct json *platform = json_get(j, "platform");
	const struct json *notes = json_get(j, "annotations");
	int r;

	if (!entry)
		return err_set(e, ENOMEM, "%s: out of memory", where);
	r = read_descriptor(j, where, MANIFEST_SIZE_MAX, &entry->desc, e);
	if (r < 0)
		return r;
	entry->os = copy_str(platform, "os", 32);
	entry->architecture = copy_str(platform, "architecture", 32);
	entry->variant = copy_str(platform, "variant", 32);
	entry->ref_name =
		copy_str(notes, "org.opencontainers.image.ref.name", NAME_MAX_CHARS);
	entry->is_index = type_is_index(entry->desc.media_type);
	entry->is_image = !entry->is_index && !str_eq(entry->os, "unknown") &&
		(!entry->desc.media_type || type_is_image(entry->desc.media_type)) &&
		!json_get(notes, "vnd.docker.reference.type");
	return 0;
}

static int read_index(
	const struct json *list, const char *where, struct manifest *ret, struct err *e)
{
	int r = 0;

	ret->is_index = true;
	if (!json_is_array(list))
		return err_set(e, EBADMSG, "%s: 'manifests' is no list", where);
	if (json_len(list) > MANIFEST_ENTRIES_MAX)
		return err_set(e, EBADMSG, "%s: lists %zu manifests, more than %u", where,
			json_len(list), MANIFEST_ENTRIES_MAX);
	for (size_t i = 0; r == 0 && i < json_len(list); i++)
		r = read_entry(json_at(list, i), where, ret, e);
	return r;
}

static int read_layers(
	const struct json *list, const char *where, struct manifest *ret, struct err *e)
{
	if (!json_is_array(list))
		return err_set(e, EBADMSG, "%s: 'layers' is no list", where);
	if (json_len(list) > MANIFEST_LAYERS_MAX)
		return err_set(e, EBADMSG, "%s: has %zu layers, more than %u", where,
			json_len(list), MANIFEST_LAYERS_MAX);
	for (size_t i = 0; i < json_len(list); i++) {
		struct descriptor *d = json_list_add(&ret->layers, &descriptor_schema);
		int r;

		if (!d)
			return err_set(e, ENOMEM, "%s: out of memory", where);
		r = read_descriptor(json_at(list, i), where, LAYER_SIZE_MAX, d, e);
		if (r < 0)
			return r;
		if (d->media_type &&
			(strstr(d->media_type, ".foreign.") ||
				strstr(d->media_type, ".nondistributable.")))
			return err_set(e, ENOTSUP,
				"%s: layer %s is kept elsewhere than in "
				"the registry",
				where, d->digest);
		if (d->media_type && str_ends(d->media_type, "+encrypted"))
			return err_set(e, ENOTSUP, "%s: layer %s is encrypted", where,
				d->digest);
	}
	return 0;
}

static int read_document(
	const struct json *j, const char *where, struct manifest *ret, struct err *e)
{
	const struct json *layers = json_get(j, "layers"),
			  *list = json_get(j, "manifests");
	const char *type = json_get_str(j, "mediaType");
	int r;

	if (!json_is_object(j))
		return err_set(e, EBADMSG, "%s: no image manifest", where);
	if (json_get_uint(j, "schemaVersion") == 1 || json_get(j, "fsLayers"))
		return err_set(e, ENOTSUP,
			"%s: a manifest of Docker's schema 1, which is too old", where);
	if (json_get_uint(j, "schemaVersion") != 2)
		return err_set(
			e, EBADMSG, "%s: no image manifest of schema version 2", where);
	if (list && (layers || json_get(j, "config")))
		return err_set(e, EBADMSG, "%s: a manifest and an index at once", where);
	if ((list && type && !type_is_index(type)) ||
		(!list && type && !type_is_image(type)))
		return err_set(
			e, ENOTSUP, "%s: its type doesn't fit what it holds", where);
	if (list)
		return read_index(list, where, ret, e);
	r = read_descriptor(
		json_get(j, "config"), where, CONFIG_SIZE_MAX, &ret->config, e);
	return r < 0 ? r : read_layers(layers, where, ret, e);
}

int manifest_parse(const char *text, size_t len, const char *where, struct manifest *ret,
	struct err *e)
{
	auto_json struct json *j = NULL;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (len > MANIFEST_SIZE_MAX)
		return err_set(
			e, EFBIG, "%s: larger than %zu bytes", where, MANIFEST_SIZE_MAX);
	r = json_parse(text, len, where, &j, e);
	if (r == 0)
		r = read_document(j, where, ret, e);
	if (r < 0)
		manifest_clear(ret);
	return r;
}

void platform_host(struct platform *ret)
{
	static const char *const names[][3] = {
		{ "x86_64", "amd64", "" },
		{ "aarch64", "arm64", "v8" },
		{ "armv7l", "arm", "v7" },
		{ "i686", "386", "" },
		{ "riscv64", "riscv64", "" },
		{ "ppc64le", "ppc64le", "" },
		{ "s390x", "s390x", "" },
	};
	struct utsname u;

	memset(ret, 0, sizeof(*ret));
	(void)strcpy(ret->os, "linux");
	if (uname(&u) < 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(u.machine, names[i][0])) {
			(void)strcpy(ret->architecture, names[i][1]);
			(void)strcpy(ret->variant, names[i][2]);
		}
}

int platform_parse(const char *text, struct platform *ret, struct err *e)
{
	auto_strv struct strv part = { 0 };
	size_t first;

	memset(ret, 0, sizeof(*ret));
	if (strv_split(&part, text, "/") < 0)
		return err_set(e, ENOMEM, "platform '%s': out of memory", text);
	first = part.n > 1 ? 1 : 0;
	if (part.n < 1 || part.n > 3 || (first && !str_eq(part.v[0], "linux")) ||
		strlen(part.v[first]) >= sizeof(ret->architecture) ||
		(part.n == 3 && strlen(part.v[2]) >= sizeof(ret->variant))) {
		err_set(e, EINVAL, "platform '%.64s': not linux/ARCHITECTURE[/VARIANT]",
			text);
		err_hint(e, "for example linux/amd64 or linux/arm64/v8");
		return -EINVAL;
	}
	(void)strcpy(ret->os, "linux");
	(void)strcpy(ret->architecture, part.v[first]);
	if (part.n == 3)
		(void)strcpy(ret->variant, part.v[2]);
	return 0;
}

/* How well an entry fits: 0 not at all, else the higher the better. */
static int platform_fits(const struct manifest_entry *en, const struct platform *want)
{
	bool native;

	if (!en->is_image || !str_eq(en->os, want->os) ||
		!str_eq(en->architecture, want->architecture))
		return 0;
	if (str_eq(en->variant, want->variant))
		return 4;
	native = (str_eq(want->architecture, "arm64") && str_eq(en->variant, "v8")) ||
		(str_eq(want->architecture, "amd64") && str_eq(en->variant, "v1"));
	if (!en->variant)
		return 3;
	if (!*want->variant && native)
		return 2;
	/* an older 32-bit ARM runs on a newer one */
	return str_eq(want->architecture, "arm") &&
		strcmp(en->variant, want->variant) < 0;
}

int manifest_choose(const struct manifest *index, const struct platform *want,
	const struct manifest_entry **ret, struct err *e)
{
	auto_strv struct strv there = { 0 };
	auto_free char *list = NULL, *shown = NULL;
	int best = 0;

	for (size_t i = 0; i < index->entries.n; i++) {
		const struct manifest_entry *en = manifest_entry(index, i);
		int fit = platform_fits(en, want);

		if (fit > best) {
			best = fit;
			*ret = en;
		}
		if (en->is_image && en->os && en->architecture && there.n < 12)
			(void)strv_addf(&there, "%s/%s%s%s", en->os, en->architecture,
				en->variant ? "/" : "", en->variant ? en->variant : "");
	}
	if (best)
		return 0;
	list = there.n ? str_join(there.v, ", ") : NULL;
	shown = list ? str_escape(list) : NULL;
	return err_set(e, ENOENT, "no image for %s/%s%s%s among its platforms (%.200s)",
		want->os, want->architecture, *want->variant ? "/" : "", want->variant,
		shown ? shown : "none");
}
