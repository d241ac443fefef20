/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.c - 'brig image': bringing images in is brig-image's work, the rest is done here.
 */
#include "base/clock.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/images.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "image/reference.h"
#include "image/store.h"
#include "linux/idmap.h"

/* Digits of a digest that are shown. */
#define SHORT_DIGITS 12

struct fetch_args {
	bool quiet, missing, insecure, json;
	char *platform, *max_size;
};

static const struct opt pull_opts[] = {
	OPT(struct fetch_args, "quiet", 'q', NULL, quiet, opt_bool,
		"no progress: print the digest alone"),
	OPT(struct fetch_args, "missing", 0, NULL, missing, opt_bool,
		"do nothing when the image is here already"),
	OPT(struct fetch_args, "platform", 0, "OS/ARCH", platform, opt_str,
		"another platform than this machine's"),
	OPT(struct fetch_args, "max-size", 0, "SIZE", max_size, opt_str,
		"refuse layers that unpack to more than this (64g)"),
	OPT(struct fetch_args, "insecure", 0, NULL, insecure, opt_bool,
		"allow http, and certificates that can't be verified"),
	OPT(struct fetch_args, "json", 0, NULL, json, opt_bool, "describe the image"),
	{ 0 },
};

static const struct opt import_opts[] = {
	OPT(struct fetch_args, "quiet", 'q', NULL, quiet, opt_bool,
		"no progress: print the digest alone"),
	OPT(struct fetch_args, "platform", 0, "OS/ARCH", platform, opt_str,
		"another platform than this machine's"),
	OPT(struct fetch_args, "max-size", 0, "SIZE", max_size, opt_str,
		"refuse layers that unpack to more than this (64g)"),
	OPT(struct fetch_args, "json", 0, NULL, json, opt_bool, "describe the image"),
	{ 0 },
};

static void fetch_clear(void *args)
{
	struct fetch_args *a = args;

	free(a->platform);
	free(a->max_size);
}

/* brig-image VERB OPTIONS -- WORDS. It says itself what went wrong. */
static int fetch(
	const char *verb, const struct fetch_args *a, char *const *words, struct err *e)
{
	auto_strv struct strv v = { 0 };
	int r = strv_add(&v, verb);

	if (r == 0 && a->quiet)
		r = strv_add(&v, "--quiet");
	if (r == 0 && a->missing)
		r = strv_add(&v, "--missing");
	if (r == 0 && a->insecure)
		r = strv_add(&v, "--insecure");
	if (r == 0 && a->json)
		r = strv_add(&v, "--json");
	if (r == 0 && a->platform)
		r = strv_addf(&v, "--platform=%s", a->platform);
	if (r == 0 && a->max_size)
		r = strv_addf(&v, "--max-size=%s", a->max_size);
	if (r == 0)
		r = strv_add_all(&v, words);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = images_helper(v.v, true, e);
	return r > 0 ? EXIT_BRIG : r;
}

static int pull(const struct invocation *inv, struct err *e)
{
	int last = 0;

	for (size_t i = 0; i < inv->words.n; i++) {
		char *one[] = { inv->words.v[i], NULL };
		int r = fetch("pull", inv->args, one, e);

		if (r < 0)
			return r;
		last = r ? r : last;
	}
	return last;
}

static int import(const struct invocation *inv, struct err *e)
{
	return fetch("import", inv->args, inv->words.v, e);
}

struct image_args {
	bool quiet, json, force, all;
};

static const char *short_digest(const char *digest, char out[SHORT_DIGITS + 1])
{
	const char *colon = strchr(digest, ':');

	(void)snprintf(out, SHORT_DIGITS + 1, "%s", colon ? colon + 1 : digest);
	return out;
}

static const char *shown_name(const struct image *img)
{
	return img->name ? reference_familiar(img->name) : "";
}

static size_t users_of(const struct strv *in_use, const char *digest)
{
	size_t n = 0;

	for (size_t i = 0; i < in_use->n; i++)
		n += str_eq(in_use->v[i], digest);
	return n;
}

static int table_row(
	struct out_table *t, const struct image *img, const struct strv *in_use)
{
	size_t users = users_of(in_use, img->digest);
	char digest[SHORT_DIGITS + 1], size[STR_SIZE_MAX], ago[CLOCK_TEXT_MAX] = "";
	char used[32] = "";
	auto_free char *arch =
		str_printf("%s%s%s", img->architecture ? img->architecture : "",
			img->variant ? "/" : "", img->variant ? img->variant : "");

	if (img->pulled)
		(void)clock_ago(img->pulled, clock_real_ns(), ago);
	if (users)
		(void)snprintf(used, sizeof(used), "%zu sandbox%s", users,
			users > 1 ? "es" : "");
	return out_table_add(t,
		(const char *const[]){ shown_name(img), short_digest(img->digest, digest),
			str_from_size(img->size, size), arch, img->created, ago, used });
}

static struct json *describe(const struct image *img, const struct strv *in_use)
{
	struct json *j = json_from_struct(&image_schema, img);
	char when[CLOCK_TEXT_MAX];

	if (!j)
		return NULL;
	(void)json_add_str(j, "name", img->name ? shown_name(img) : NULL);
	if (img->index)
		(void)json_add_str(j, "index", img->index);
	if (img->pulled)
		(void)json_add_str(j, "pulled", clock_text(img->pulled, when));
	(void)json_add(j, "sandboxes", json_new_uint(users_of(in_use, img->digest)));
	return j;
}

/* A store that nobody made yet holds nothing. */
static int open_list(struct image_list *list, struct strv *in_use, struct err *e)
{
	auto_store struct store store = { .dir = -1, .lock = -1 };
	struct err why = { 0 };
	int r = store_open(0, &store, &why);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*e = why;
		return r;
	}
	r = store_list(&store, list, e);
	return r < 0 ? r : images_in_use(in_use, e);
}

static int ls(const struct invocation *inv, struct err *e)
{
	static const char *const heads[] = { "NAME", "DIGEST", "SIZE", "ARCH", "CREATED",
		"PULLED", "IN USE" };
	const struct image_args *a = inv->args;
	auto_image_list struct image_list list = { 0 };
	auto_strv struct strv in_use = { 0 };
	auto_json struct json *all = json_new_array();
	struct out_table *t = out_table_new(heads, 7);
	int r = open_list(&list, &in_use, e);

	for (size_t i = 0; i < list.n && r == 0; i++) {
		const struct image *img = &list.v[i];

		r = a->quiet      ? out_line("%s", img->digest)
			: a->json ? json_append(all, describe(img, &in_use))
				  : table_row(t, img, &in_use);
	}
	if (r == 0 && a->json && !a->quiet)
		r = out_json(all, e);
	else if (r == 0 && !a->quiet)
		r = out_table_print(t);
	out_table_free(t);
	return r < 0 && !e->code ? err_set(e, -r, "print the list") : r;
}

static int inspect(const struct invocation *inv, struct err *e)
{
	auto_store struct store store = { .dir = -1, .lock = -1 };
	auto_json struct json *all = json_new_array();
	auto_strv struct strv in_use = { 0 };
	int r = store_open(STORE_CREATE, &store, e);

	if (r == 0)
		r = images_in_use(&in_use, e);
	for (size_t i = 0; i < inv->words.n && r == 0; i++) {
		auto_image struct image img = { 0 };
		auto_free char *what = NULL;

		r = store_resolve(&store, inv->words.v[i], &what, e);
		if (r == 0)
			r = store_find(&store, what, NULL, &img, e);
		if (r == 0 && json_append(all, describe(&img, &in_use)) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	return r < 0 ? r : out_json(all, e);
}

static int say_freed(const char *what, const struct store_freed *f)
{
	char size[STR_SIZE_MAX];

	return out_line("%s: %s freed, %u layers removed", what,
		str_from_size(f->bytes, size), f->layers);
}

/* The store, held, and what is in use, read while it is. */
struct removing {
	struct store store;
	struct strv in_use;
	struct idmap ids;
	struct store_removal how;
};

static int removing_begin(struct removing *x, bool force, struct err *e)
{
	int r;

	x->store = (struct store){ .dir = -1, .lock = -1 };
	r = store_open(STORE_CREATE, &x->store, e);
	if (r == 0)
		r = store_lock_exclusive(&x->store, e);
	if (r == 0)
		r = images_in_use(&x->in_use, e);
	if (r == 0)
		r = idmap_for_caller(&x->ids, e);
	x->how = (struct store_removal){ &x->in_use, &x->ids, force };
	return r;
}

static void removing_end(struct removing *x)
{
	strv_clear(&x->in_use);
	store_close(&x->store);
}

static int rm(const struct invocation *inv, struct err *e)
{
	const struct image_args *a = inv->args;
	AUTO(removing_end) struct removing x = { 0 };
	int last = removing_begin(&x, a->force, e);

	for (size_t i = 0; i < inv->words.n && (i > 0 || last == 0); i++) {
		auto_free char *what = NULL;
		struct store_freed freed = { 0 };
		struct err mine = { 0 };
		int r = store_resolve(&x.store, inv->words.v[i], &what, &mine);

		if (r == 0)
			r = store_remove(&x.store, what, &x.how, &freed, &mine);
		if (r == 0) {
			r = say_freed(inv->words.v[i], &freed);
			continue;
		}
		/* the others still have their turn */
		if (last < 0) {
			out_error("image rm: %s", e->msg);
			if (e->hint[0])
				out_hint("%s", e->hint);
		}
		last = r;
		*e = mine;
	}
	return last;
}

/* Every image that no sandbox stands on loses its name. */
static int remove_unused(struct removing *x, struct store_freed *freed, struct err *e)
{
	auto_image_list struct image_list list = { 0 };
	int r = store_list(&x->store, &list, e);

	for (size_t i = 0; i < list.n && r == 0; i++)
		if (list.v[i].name && !users_of(&x->in_use, list.v[i].digest))
			r = store_remove(&x->store, list.v[i].name, &x->how, freed, e);
	return r;
}

static int prune(const struct invocation *inv, struct err *e)
{
	const struct image_args *a = inv->args;
	AUTO(removing_end) struct removing x = { 0 };
	struct store_freed freed = { 0 };
	int r = removing_begin(&x, false, e);

	if (r == 0 && a->all)
		r = remove_unused(&x, &freed, e);
	if (r == 0)
		r = store_prune(&x.store, &x.how, &freed, e);
	if (r == 0 && a->json) {
		auto_json struct json *j = json_new_object();

		(void)json_add(j, "names", json_new_uint(freed.names));
		(void)json_add(j, "images", json_new_uint(freed.images));
		(void)json_add(j, "blobs", json_new_uint(freed.blobs));
		(void)json_add(j, "layers", json_new_uint(freed.layers));
		(void)json_add(j, "bytes", json_new_uint(freed.bytes));
		return out_json(j, e);
	}
	return r < 0 ? r : say_freed("images", &freed);
}

static const struct opt ls_opts[] = {
	OPT(struct image_args, "quiet", 'q', NULL, quiet, opt_bool, "digests only"),
	OPT(struct image_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

static const struct opt rm_opts[] = {
	OPT(struct image_args, "force", 'f', NULL, force, opt_bool,
		"drop the name even if sandboxes stand on the image; those keep it"),
	{ 0 },
};

static const struct opt inspect_opts[] = {
	OPT(struct image_args, "json", 0, NULL, json, opt_bool, "as JSON, as always"),
	{ 0 },
};

static const struct opt prune_opts[] = {
	OPT(struct image_args, "all", 'a', NULL, all, opt_bool,
		"also images with a name that no sandbox stands on"),
	OPT(struct image_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

static const struct command image_pull = {
	.name = "pull",
	.usage = "[OPTIONS] IMAGE...",
	.brief = "bring images in from a registry, or from files",
	.detail = "An IMAGE is written as for Docker (debian:12, "
		  "ghcr.io/x/y@sha256:...), or "
		  "is an OCI layout (oci:DIR[:TAG]) or an archive (docker-archive:FILE, "
		  "FILE.tar).",
	.opts = pull_opts,
	.args_size = sizeof(struct fetch_args),
	.words_min = 1,
	.words_max = 64,
	.complete = "@image",
	.run = pull,
	.clear = fetch_clear,
};

static const struct command image_import = {
	.name = "import",
	.usage = "[OPTIONS] PATH|- [NAME]",
	.brief = "take an image from an OCI layout or a 'docker save' archive",
	.detail = "'-' reads an archive from standard input. NAME is what to call it; "
		  "without one it is called what the archive does, or by its path.",
	.opts = import_opts,
	.args_size = sizeof(struct fetch_args),
	.words_min = 1,
	.words_max = 2,
	.complete = "@file",
	.run = import,
	.clear = fetch_clear,
};

static const struct command image_ls = {
	.name = "ls",
	.usage = "[-q] [--json]",
	.brief = "list images",
	.opts = ls_opts,
	.args_size = sizeof(struct image_args),
	.run = ls,
};

static const struct command image_rm = {
	.name = "rm",
	.usage = "[-f] IMAGE...",
	.brief = "remove images",
	.detail = "An IMAGE is a name, a digest or the first digits of one. What other "
		  "images "
		  "or sandboxes need stays.",
	.opts = rm_opts,
	.args_size = sizeof(struct image_args),
	.words_min = 1,
	.words_max = 1024,
	.complete = "@image",
	.run = rm,
};

static const struct command image_inspect = {
	.name = "inspect",
	.usage = "IMAGE...",
	.brief = "show all about images, as JSON",
	.opts = inspect_opts,
	.args_size = sizeof(struct image_args),
	.words_min = 1,
	.words_max = 64,
	.complete = "@image",
	.run = inspect,
};

static const struct command image_prune = {
	.name = "prune",
	.usage = "[-a] [--json]",
	.brief = "remove what no image and no sandbox needs",
	.opts = prune_opts,
	.args_size = sizeof(struct image_args),
	.run = prune,
};

static const struct command *const subs[] = { &image_pull, &image_ls, &image_rm,
	&image_import, &image_inspect, &image_prune, NULL };

const struct command verb_image = {
	.name = "image",
	.usage = "COMMAND ...",
	.brief = "bring in, list and remove images",
	.sub = subs,
};
