/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.h - an image from a layout or an archive on the disk.
 *
 * OCI image-layout (image-layout.md, 1.0), as a directory or in a tar; and what 'docker
 * save' writes (moby: image/spec/spec.md, "Combined Image JSON + Filesystem Changeset
 * Format"), for which an OCI manifest is made, always the same for the same image.
 */
#ifndef BRIG_IMAGE_IMPORT_H
#define BRIG_IMAGE_IMPORT_H

#include "image/admit.h"
#include "image/docker-save.h"
#include "image/reference.h"
#include "image/source.h"

struct import {
	const struct reference
		*ref;     /* settled; LAYOUT or ARCHIVE. NULL: standard input */
	const char *name; /* normalised; NULL: the names it came with */
};

int import_image(
	struct admit *a, const struct import *im, struct image *ret, struct err *e);

#endif
