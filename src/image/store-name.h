/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store-name.h - the store's own view of its records; for the files of the store alone.
 */
#ifndef BRIG_IMAGE_STORE_NAME_H
#define BRIG_IMAGE_STORE_NAME_H

#include "image/store.h"

struct store_name {
	char *name;
	char *digest;
	char *index;
	char *stamp;
	uint64_t pulled;
};

#define STORE_NAME_FILE_MAX 32
void store_name_file(const char *name, char out[STORE_NAME_FILE_MAX]);
void store_name_clear(struct store_name *n);

/* What changes when the file or layout behind a name does; NULL for a registry's. */
char *store_stamp(const char *name);

/* 'ret' is zeroed on failure. */
int store_load_name(
	struct store *s, const char *file, struct store_name *ret, struct err *e);
int store_load_image(
	struct store *s, const char *digest, struct image *ret, struct err *e);

/* Delete what has been thrown away; the lock is a shared one afterwards. */
void store_empty(struct store *s);

/* Call 'each' with every entry of a folder of the store but "." and "..". */
int store_each(struct store *s, const char *folder,
	int (*each)(struct store *s, const char *entry, void *data, struct err *e),
	void *data, struct err *e);

#endif
