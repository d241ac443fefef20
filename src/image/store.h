/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the images of a user, content-addressed and shared by all sandboxes.
 *
 *	lock			shared while images come or are looked up for use,
 *				exclusive while anything is removed
 *	names/KEY.json		a name and the digest it means now
 *	images/ALG-HEX.json	struct image, by manifest digest; never changes
 *	blobs/ALG/HEX		manifests, configurations, layers as pulled
 *	layers/TAG/HEX16/d/	a layer unpacked under id map TAG; its diff_id begins so
 *	tmp/			what is not finished
 *
 * Everything appears by one rename(2) when it is whole, first what is referred to, then
 * what refers to it. So SIGKILL at any moment leaves litter in tmp/ only, which the next
 * command that changes the store removes (downloads to be resumed stay for a week).
 * Nothing here goes to the network, or waits but for the lock, at most 10 seconds.
 */
#ifndef BRIG_IMAGE_STORE_H
#define BRIG_IMAGE_STORE_H

#include "image/image.h"

struct err;
struct idmap;

struct store {
	int dir;                /* the directory, open */
	int lock;               /* -1 when the store is read-only and has none */
	char *path;             /* absolute */
	int held;               /* LOCK_SH, LOCK_EX or 0 */
	struct strv gone;       /* in tmp/: removed when the store is closed, ... */
	struct idmap *gone_map; /* ... by the root of this map */
};

#define STORE_CREATE 1U /* make it if it isn't there; else -ENOENT */

int store_open(unsigned flags, struct store *ret, struct err *e);

/* Let go of the lock, and then delete what was removed: that may take seconds. */
void store_close(struct store *s);
#define auto_store AUTO(store_close)

/*
 * Hold the store until it is closed: shared around "find an image, write down that it is
 * in use", exclusive around "see what is in use, remove the rest". -EBUSY after 10 s.
 */
int store_lock_shared(struct store *s, struct err *e);
int store_lock_exclusive(struct store *s, struct err *e);
int store_try_exclusive(struct store *s); /* true, or false at once */

/*
 * The image of a normalised name (struct reference) or a manifest digest, ready to be
 * mounted under the map with this tag. Two small files are read. -ENOENT: not here, or
 * not unpacked for this tag, or made from an archive that has changed since; 'brig-image
 * pull --missing' mends all three. With a NULL tag the layers are not looked at.
 */
int store_find(struct store *s, const char *what, const char *tag, struct image *ret,
	struct err *e);

/*
 * The name or digest that a person means by 'text': a reference, a digest, or at least
 * four digits of one. Caller frees. -ENOENT, or -ENOTUNIQ when digits fit more than one.
 */
int store_resolve(struct store *s, const char *text, char **ret, struct err *e);

struct image_list {
	struct image *v;
	size_t n;
};

/* All images by name; one whose last name went while in use has a NULL name. Sorted. */
int store_list(struct store *s, struct image_list *ret, struct err *e);
void image_list_clear(struct image_list *l);
#define auto_image_list AUTO(image_list_clear)

/* What a removal gave back. */
struct store_freed {
	unsigned names, images, blobs, layers;
	uint64_t bytes;
};

/*
 * Forget a name (or, by digest, all names of that image), then prune.
 *
 * Should:  fail with -EBUSY when an image in 'in_use' would lose its last name, unless
 *          'force'.
 * Mustn't: remove layers of an image in 'in_use', force or not: sandboxes stand on them.
 *
 * The exclusive lock is held; 'in_use' has the manifest digests of all sandboxes, read
 * under it.
 */
struct store_removal {
	const struct strv *in_use;
	const struct idmap *map;
	bool force;
};
int store_remove(struct store *s, const char *what, const struct store_removal *how,
	struct store_freed *freed, struct err *e);

/* Remove what no name and no digest in use needs, and all of tmp/. Lock as above. */
int store_prune(struct store *s, const struct store_removal *how,
	struct store_freed *freed, struct err *e);

/* Clear tmp/ of what dead processes left, if nobody else is at work; never fails. */
void store_sweep(struct store *s, const struct idmap *map);

/* Remove trees beneath the store that may belong to ids of 'map'. */
int store_remove_trees(struct store *s, const struct strv *paths, const struct idmap *map,
	struct err *e);

/* For those who bring images in; the shared lock is held. */
int store_put_image(struct store *s, const struct image *img, struct err *e);
int store_put_name(
	struct store *s, const char *name, const struct image *img, struct err *e);

/* "HEX16", the folder of a layer. */
#define STORE_LAYER_MAX 17
const char *store_layer_name(const char *diff_id, char out[STORE_LAYER_MAX]);

#endif
