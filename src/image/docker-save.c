/* SPDX-License-Identifier: Apache-2.0 */
#include "image/docker-save.h"

#include "base/err.h"
#include "base/json.h"
#include "image/manifest.h"
#include "image/reference.h"

#define MEMBER_NAME_MAX 1024

void docker_save_clear(struct docker_save *d)
{
	free(d->config);
	strv_clear(&d->layers);
	strv_clear(&d->names);
	memset(d, 0, sizeof(*d));
}

static int add_names(const struct json *tags, struct strv *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_len(tags) && i < 256; i++) {
		auto_reference struct reference ref = { 0 };
		const char *tag = json_str(json_at(tags, i));

		if (tag && reference_parse_registry(tag, &ref, NULL) == 0)
			r = strv_add(to, ref.name);
	}
	return r;
}

static bool has_name(const struct json *j, const char *want)
{
	auto_strv struct strv names = { 0 };

	return add_names(json_get(j, "RepoTags"), &names) == 0 && strv_has(&names, want);
}

static int choose(
	const struct json *list, const char *tag, const struct json **ret, struct err *e)
{
	auto_reference struct reference want = { 0 };
	auto_strv struct strv names = { 0 };
	auto_free char *text = NULL;
	int r = tag ? reference_parse_registry(tag, &want, e) : 0;

	if (r < 0)
		return r;
	if (!tag && json_len(list) == 1) {
		*ret = json_at(list, 0);
		return 0;
	}
	for (size_t i = 0; i < json_len(list); i++) {
		if (tag && has_name(json_at(list, i), want.name)) {
			*ret = json_at(list, i);
			return 0;
		}
		if (add_names(json_get(json_at(list, i), "RepoTags"), &names) < 0)
			return err_set(e, ENOMEM, "the archive: out of memory");
	}
	text = names.n ? str_join(names.v, ", ") : NULL;
	if (tag)
		return err_set(e, ENOENT, "the archive has no image '%s', but %.300s",
			want.name, text ? text : "one without a name");
	err_set(e, ENOTUNIQ, "the archive has several images: %.300s", text ? text : "");
	err_hint(e, "say which one: docker-archive:FILE:NAME");
	return -ENOTUNIQ;
}

static int read_image(const struct json *j, struct docker_save *ret, struct err *e)
{
	const char *config = json_get_str(j, "Config");
	const struct json *layers = json_get(j, "Layers");
	int r;

	if (!config || !*config || strlen(config) > MEMBER_NAME_MAX ||
		!json_is_array(layers))
		return err_set(
			e, EBADMSG, "the archive's manifest.json lacks Config or Layers");
	if (json_len(layers) > MANIFEST_LAYERS_MAX)
		return err_set(e, EBADMSG,
			"the archive's image has %zu layers, more than %u",
			json_len(layers), MANIFEST_LAYERS_MAX);
	r = str_set(&ret->config, config);
	for (size_t i = 0; r == 0 && i < json_len(layers); i++) {
		const char *name = json_str(json_at(layers, i));

		if (!name || !*name || strlen(name) > MEMBER_NAME_MAX)
			return err_set(e, EBADMSG,
				"the archive's manifest.json has a layer without a name");
		r = strv_add(&ret->layers, name);
	}
	if (r == 0)
		r = add_names(json_get(j, "RepoTags"), &ret->names);
	return r < 0 ? err_set(e, ENOMEM, "the archive: out of memory") : 0;
}

int docker_save_parse(const char *text, size_t len, const char *tag,
	struct docker_save *ret, struct err *e)
{
	auto_json struct json *list = NULL;
	const struct json *image = NULL;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = json_parse(text, len, "the archive's manifest.json", &list, e);
	if (r == 0 &&
		(!json_is_array(list) || !json_len(list) ||
			json_len(list) > DOCKER_SAVE_IMAGES_MAX))
		r = err_set(
			e, EBADMSG, "the archive's manifest.json is no list of images");
	if (r == 0)
		r = choose(list, tag, &image, e);
	if (r == 0)
		r = read_image(image, ret, e);
	if (r < 0)
		docker_save_clear(ret);
	return r;
}
