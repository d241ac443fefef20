/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.h - from a layer's blob in the store to its directory there.
 *
 * Theory of operation: blob -> [decoder] -> this process -> [untar] -> tmp/, each bracket
 * a jailed child (jail.h). This process only counts and hashes what goes from one to the
 * other and compares it with the layer's diff_id, so that neither child can make a layer
 * pass for another one. Then the directory is renamed to its place.
 */
#ifndef BRIG_IMAGE_UNPACK_H
#define BRIG_IMAGE_UNPACK_H

#include "image/store.h"
#include "image/untar.h"

struct unpack {
	struct store *store; /* shared lock held */
	const struct idmap *map;
	const char *tag; /* of the map */
	struct untar_limits limits;
	/* how much of the blob has been read; may be NULL */
	void (*progress)(void *data, size_t layer, uint64_t done);
	void *data;
};

/*
 * Unpack those layers of the image that aren't yet, bottom to top. Waits at most 30
 * minutes for another process that is unpacking. On failure nothing is left of the layer
 * at fault.
 */
int unpack_image(const struct unpack *u, const struct image *img, struct err *e);

#endif
