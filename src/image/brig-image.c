/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brig-image.c - brings images in; the program behind 'brig image pull' and 'import'.
 *
 * A program of its own, for it links libcurl, libarchive and OpenSSL, which take longer
 * to load than a sandbox takes to start. Progress and errors go to standard error; the
 * image's manifest digest, or with --json a description, to standard output.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/opts.h"
#include "image/import.h"
#include "image/pull.h"

#include <curl/curl.h>

#include <locale.h>
#include <signal.h>

struct options {
	bool json, quiet, insecure, missing, help;
	char *platform;
	uint64_t max_size;
	struct strv words;
};

static const struct opt options_table[] = {
	OPT(struct options, "insecure", 0, NULL, insecure, opt_bool,
		"Allow http, and certificates that can't be verified"),
	OPT(struct options, "json", 0, NULL, json, opt_bool,
		"Describe the image as JSON"),
	OPT(struct options, "max-size", 0, "SIZE", max_size, opt_size,
		"Refuse layers that unpack to more than this (64g)"),
	OPT(struct options, "missing", 0, NULL, missing, opt_bool,
		"Do nothing when the image is here already"),
	OPT(struct options, "platform", 0, "OS/ARCH", platform, opt_str,
		"Another platform than this machine's"),
	OPT(struct options, "quiet", 'q', NULL, quiet, opt_bool, "Show no progress"),
	OPT(struct options, "help", 'h', NULL, help, opt_bool, "Show this help"),
	{ 0 },
};

static void complain(const struct err *e)
{
	auto_free char *msg = str_escape(e->msg), *hint = str_escape(e->hint);

	fprintf(stderr, "brig: %s\n", msg ? msg : "out of memory");
	if (hint && *hint)
		fprintf(stderr, "  hint: %s\n", hint);
}

static int print_json(const struct image *img, struct err *e)
{
	auto_json struct json *j = json_from_struct(&image_schema, img);
	auto_buf struct buf text = { 0 };

	if (!j || json_print(j, true, &text) < 0)
		return err_set(e, ENOMEM, "image: out of memory");
	(void)fputs(text.data, stdout);
	return 0;
}

/* What is here already may only want unpacking, for other ids than those it came for. */
static int find_here(
	struct admit *a, const struct reference *ref, struct image *ret, struct err *e)
{
	int r = store_find(&a->store, ref->name, a->tag, ret, e);

	if (r != -ENOENT)
		return r;
	r = store_find(&a->store, ref->name, NULL, ret, e);
	if (r == 0)
		r = admit_again(a, ret, e);
	if (r < 0)
		image_clear(ret);
	return r;
}

static int pull(struct admit *a, const char *text, struct image *ret, struct err *e)
{
	auto_reference struct reference ref = { 0 };
	struct import im = { .ref = &ref };
	int r = reference_parse(text, &ref, e);

	if (r == 0)
		r = reference_settle(&ref, e);
	if (r < 0)
		return r;
	if (ref.kind == REFERENCE_HOST || ref.kind == REFERENCE_DIR)
		return err_set(e, EINVAL,
			"'%s' is used as it is: there is nothing to pull", text);
	if (a->missing) {
		r = find_here(a, &ref, ret, e);
		if (r != -ENOENT)
			return r;
	}
	r = ref.kind == REFERENCE_REGISTRY ? pull_image(a, &ref, ret, e)
					   : import_image(a, &im, ret, e);
	return r < 0 ? err_wrap(e, "image '%s'", reference_familiar(ref.name)) : 0;
}

static int import(struct admit *a, const char *path, const char *name, struct image *ret,
	struct err *e)
{
	auto_reference struct reference ref = { 0 }, as = { 0 };
	struct import im = { 0 };
	int r = 0;

	if (!str_eq(path, "-")) {
		r = reference_parse(path, &ref, e);
		/* a bare word is a path here, and no registry's image */
		if (r < 0 || ref.kind == REFERENCE_REGISTRY ||
			ref.kind == REFERENCE_HOST) {
			auto_free char *plain = str_printf("./%s", path);

			reference_clear(&ref);
			r = plain ? reference_parse(plain, &ref, e) : -ENOMEM;
		}
		if (r == 0)
			r = reference_settle(&ref, e);
		if (r == 0 && ref.kind == REFERENCE_DIR)
			r = err_set(e, EINVAL, "'%s' is no OCI layout", path);
		im.ref = &ref;
	}
	if (r == 0 && name)
		r = reference_parse_registry(name, &as, e);
	if (r < 0)
		return r;
	im.name = as.name;
	r = import_image(a, &im, ret, e);
	return r < 0 ? err_wrap(e, "image '%s'", path) : 0;
}

static int run(struct admit *a, const struct options *o, struct err *e)
{
	auto_image struct image img = { 0 };
	const char *verb = o->words.n ? o->words.v[0] : "";
	int r;

	if (str_eq(verb, "pull") && o->words.n == 2)
		r = pull(a, o->words.v[1], &img, e);
	else if (str_eq(verb, "import") && (o->words.n == 2 || o->words.n == 3))
		r = import(a, o->words.v[1], o->words.v[2], &img, e);
	else
		return err_set(
			e, EINVAL, "usage: brig-image pull REF | import PATH [NAME]");
	if (r == 0 && o->json)
		r = print_json(&img, e);
	else if (r == 0)
		(void)printf("%s\n", img.digest);
	if (r == 0 && fflush(stdout) != 0)
		r = err_sys(e, "write to standard output");
	return r;
}

static int set_up(struct admit *a, const struct options *o, struct err *e)
{
	struct untar_limits limits = UNTAR_LIMITS_DEFAULT;
	int r = 0;

	a->limits = limits;
	if (o->max_size)
		a->limits.bytes = o->max_size;
	a->mode = o->quiet ? PROGRESS_QUIET : PROGRESS_AUTO;
	a->insecure = o->insecure;
	a->missing = o->missing;
	platform_host(&a->platform);
	if (o->platform)
		r = platform_parse(o->platform, &a->platform, e);
	return r < 0 ? r : admit_open(a, e);
}

static int help(void)
{
	auto_buf struct buf text = { 0 };

	if (opts_help(options_table, 80, &text) < 0)
		return 1;
	(void)printf("Usage: brig-image [OPTIONS] pull REF | import PATH [NAME]\n\n%s",
		text.data);
	return 0;
}

int main(int argc, char **argv)
{
	auto_admit struct admit a = { .store = { .dir = -1, .lock = -1 } };
	struct strv rest = { 0 };
	struct options o = { 0 };
	struct opts_result words = { .words = &o.words, .rest = &rest };
	struct err e = { 0 };
	int r;

	/* names in archives are bytes: without UTF-8 here libarchive would lose some */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN);
	r = argc > 0 ? opts_parse(options_table, &o, argv + 1, 0, &words, &e) : -EINVAL;
	if (r == 0 && o.help)
		return help();
	if (r == 0)
		(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	if (r == 0)
		r = set_up(&a, &o, &e);
	if (r == 0)
		r = run(&a, &o, &e);
	strv_clear(&o.words);
	strv_clear(&rest);
	free(o.platform);
	if (r < 0)
		complain(&e);
	return r < 0;
}
