/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull.h - an image from a registry.
 */
#ifndef BRIG_IMAGE_PULL_H
#define BRIG_IMAGE_PULL_H

#include "image/admit.h"
#include "image/reference.h"

/* Asks the registry what the name means now, and brings what isn't here. */
int pull_image(
	struct admit *a, const struct reference *ref, struct image *ret, struct err *e);

#endif
