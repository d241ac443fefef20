/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images.h - which root file system a sandbox gets.
 */
#ifndef BRIG_CLI_IMAGES_H
#define BRIG_CLI_IMAGES_H

#include "base/str.h"
#include "image/store.h"

#include <stdbool.h>

struct err;
struct idmap;
struct root_spec;

struct image_want {
	const char *text; /* as the person wrote it */
	const char *pull; /* "missing", "always", "never"; NULL: missing */
	const struct idmap *ids;
	bool quiet;
};

/* What the image says about running it; the caller's. */
struct image_choice {
	struct strv env;
	struct strv argv; /* entrypoint and command */
	char *workdir;
	/* Held against removal of the image until the sandbox is on disk and says that it stands on
	 * it: close it then. */
	struct store store;
};
#define IMAGE_CHOICE_INIT                         \
	{                                         \
		.store = {.dir = -1, .lock = -1 } \
	}

int images_choose(const struct image_want *want, struct root_spec *root,
	struct image_choice *ret, struct err *e);

/*
 * Run brig-image with these words after its name; its exit status, or -errno. What it
 * prints of the image is shown, or dropped.
 */
int images_helper(char *const *words, bool show, struct err *e);

/* Digests of images that sandboxes stand on. */
int images_in_use(struct strv *ret, struct err *e);

#endif
