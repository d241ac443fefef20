/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - an image's configuration document, read into its record (see manifest.h).
 */
#include "base/err.h"
#include "image/digest.h"
#include "image/image.h"
#include "image/manifest.h"

#define WORDS_MAX     4096U
#define WORD_SIZE_MAX ((size_t)128 << 10) /* MAX_ARG_STRLEN of execve(2) */

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "the image's configuration: out of memory");
}

/* A list of strings, or null, or absent; old builders wrote a single string. */
static int read_words(
	const struct json *conf, const char *key, struct strv *ret, struct err *e)
{
	const struct json *list = json_get(conf, key);

	if (json_str(list))
		return strv_add(ret, json_str(list)) < 0 ? out_of_memory(e) : 0;
	if (!list)
		return 0;
	if (!json_is_array(list) || json_len(list) > WORDS_MAX)
		return err_set(e, EBADMSG,
			"the image's configuration: '%s' is no list of "
			"at most %u strings",
			key, WORDS_MAX);
	for (size_t i = 0; i < json_len(list); i++) {
		const char *word = json_str(json_at(list, i));

		if (!word || strlen(word) > WORD_SIZE_MAX)
			return err_set(e, EBADMSG,
				"the image's configuration: '%s' holds something that is "
				"no "
				"string for a program",
				key);
		if (strv_add(ret, word) < 0)
			return out_of_memory(e);
	}
	return 0;
}

/* Only K=V has a meaning to programs; other words are dropped. */
static void keep_assignments(struct strv *env)
{
	size_t kept = 0;

	for (size_t i = 0; i < env->n; i++) {
		if (strchr(env->v[i], '=') && env->v[i][0] != '=')
			env->v[kept++] = env->v[i];
		else
			free(env->v[i]);
	}
	env->n = kept;
	if (env->v)
		env->v[kept] = NULL;
}

struct members {
	struct strv *to;
	bool values;
};

static int add_member(const char *key, struct json *value, void *data)
{
	struct members *m = data;
	const char *text = json_str(value);

	if (m->to->n >= WORDS_MAX || strlen(key) > WORD_SIZE_MAX ||
		(text && strlen(text) > WORD_SIZE_MAX))
		return -EBADMSG;
	return m->values ? strv_addf(m->to, "%s=%s", key, text ? text : "")
			 : strv_add(m->to, key);
}

/* An object's keys, with their values as K=V if 'values'. */
static int read_members(const struct json *conf, const char *key, bool values,
	struct strv *ret, struct err *e)
{
	struct members m = { ret, values };
	const struct json *obj = json_get(conf, key);

	if (json_is_object(obj) && json_each(obj, add_member, &m) < 0)
		return err_set(
			e, EBADMSG, "the image's configuration: '%s' is too large", key);
	strv_sort(ret);
	return 0;
}

static int read_word(const struct json *conf, const char *key, char **ret, struct err *e)
{
	const struct json *j = json_get(conf, key);
	const char *word = json_str(j);

	if (j && !word)
		return err_set(
			e, EBADMSG, "the image's configuration: '%s' is no string", key);
	if (!word || !*word)
		return 0;
	if (strlen(word) > 4096)
		return err_set(
			e, EBADMSG, "the image's configuration: '%s' is too long", key);
	return str_set(ret, word) < 0 ? out_of_memory(e) : 0;
}

static int add_layer(
	const struct descriptor *d, const char *diff_id, struct image *img, struct err *e)
{
	const struct json_field *f;
	struct image_layer *layer;
	int r = digest_check(diff_id, "the image's configuration: diff_ids", e);

	if (r < 0)
		return r;
	for (f = image_schema.fields; strcmp(f->key, "layers"); f++)
		;
	layer = json_list_add(&img->layers, f->of);
	if (!layer || str_set(&layer->digest, d->digest) < 0 ||
		str_set(&layer->diff_id, diff_id) < 0 ||
		str_set(&layer->media_type, d->media_type) < 0)
		return out_of_memory(e);
	layer->size = d->size;
	img->size += d->size;
	return 0;
}

static int read_layers(
	const struct json *j, const struct manifest *m, struct image *img, struct err *e)
{
	const struct json *ids = json_get(json_get(j, "rootfs"), "diff_ids");
	size_t n = json_is_array(ids) ? json_len(ids) : 0;

	if (n != m->layers.n)
		return err_set(e, EBADMSG,
			"the image's configuration names %zu layers, its manifest %zu", n,
			m->layers.n);
	for (size_t i = 0; i < n; i++) {
		int r = add_layer(
			manifest_layer(m, i), json_str(json_at(ids, i)), img, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_run(const struct json *conf, struct image *img, struct err *e)
{
	int r = read_words(conf, "Entrypoint", &img->entrypoint, e);

	if (r == 0)
		r = read_words(conf, "Cmd", &img->cmd, e);
	if (r == 0)
		r = read_words(conf, "Env", &img->env, e);
	keep_assignments(&img->env);
	if (r == 0)
		r = read_members(conf, "Labels", true, &img->labels, e);
	if (r == 0)
		r = read_members(conf, "ExposedPorts", false, &img->ports, e);
	if (r == 0)
		r = read_members(conf, "Volumes", false, &img->volumes, e);
	if (r == 0)
		r = read_word(conf, "WorkingDir", &img->workdir, e);
	if (r == 0)
		r = read_word(conf, "User", &img->user, e);
	if (r == 0)
		r = read_word(conf, "StopSignal", &img->stop_signal, e);
	return r;
}

int manifest_read_config(const char *text, size_t len, const struct manifest *m,
	struct image *img, struct err *e)
{
	auto_json struct json *j = NULL;
	const char *type = m->config.media_type;
	int r;

	if (type && !str_eq(type, "application/vnd.oci.image.config.v1+json") &&
		!str_eq(type, "application/vnd.docker.container.image.v1+json"))
		return err_set(
			e, ENOTSUP, "this is no container image but '%.120s'", type);
	r = json_parse(text, len, "the image's configuration", &j, e);
	if (r == 0 && !json_is_object(json_get(j, "rootfs")))
		r = err_set(e, EBADMSG, "the image's configuration has no 'rootfs'");
	if (r == 0)
		r = read_word(j, "os", &img->os, e);
	if (r == 0 && img->os && !str_eq(img->os, "linux"))
		r = err_set(e, ENOTSUP, "the image is for '%.32s' and not for Linux",
			img->os);
	if (r == 0)
		r = read_word(j, "architecture", &img->architecture, e);
	if (r == 0)
		r = read_word(j, "variant", &img->variant, e);
	if (r == 0)
		r = read_word(j, "created", &img->created, e);
	if (r == 0)
		r = read_layers(j, m, img, e);
	if (r == 0)
		r = read_run(json_get(j, "config"), img, e);
	if (r == 0 && str_set(&img->config_digest, m->config.digest) < 0)
		r = out_of_memory(e);
	img->size += m->config.size;
	return r;
}
