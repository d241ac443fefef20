/* SPDX-License-Identifier: Apache-2.0 */
/*
 * download.h - blobs from a registry into the store: several at a time, resumed, checked.
 */
#ifndef BRIG_IMAGE_DOWNLOAD_H
#define BRIG_IMAGE_DOWNLOAD_H

#include "image/manifest.h"
#include "image/progress.h"
#include "image/registry.h"
#include "image/store.h"

#define DOWNLOADS_AT_ONCE 4U

/*
 * Bring 'n' blobs; row i of 'progress' is that of blob i.
 *
 * Should:  go on where an earlier try was cut off, in this process or in one that was
 *          killed; try again up to 5 times without a byte in between; wait for another
 *          process that brings the same blob as long as that gets on.
 * Mustn't: keep a byte of a blob whose digest turns out to be wrong.
 */
int download_blobs(struct registry *r, struct store *s,
	const struct descriptor *const *blobs, size_t n, struct progress *progress,
	struct err *e);

#endif
