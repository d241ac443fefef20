/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points.h - the restore points of one sandbox: which there are, and making the next.
 *
 * undo/N/M is restore point N of the record's mount M (see undo.h). A session takes one
 * of each workspace that it may write to; an undo keeps the state before it as the next.
 * The last POINTS_KEPT stay. undo/why-M says why the last session has none of mount M.
 */
#ifndef BRIG_SANDBOX_POINTS_H
#define BRIG_SANDBOX_POINTS_H

#include "sandbox/undo.h"

#include <stddef.h>

struct err;
struct sandbox;
struct strv;

#define POINTS_KEPT 3U

/* Taking one must not be felt: a workspace with more than this has none. */
#define POINTS_ENTRIES_MAX 200000U
#define POINTS_TIME_MAX_MS 2000U
#define POINTS_BYTES_MAX   (1ULL << 30) /* to be copied */

/* "off", or how much may be copied instead; that may be felt, for so long. */
#define POINTS_ENV           "BRIG_UNDO"
#define POINTS_TIME_ASKED_MS 60000U

/* The bounds, by the environment. -EOPNOTSUPP when it turns restore points off. '*ret' is
 * the default then. */
int points_terms(struct undo_terms *ret, struct err *e);

/* The hint for who has none of the workspace 'path', as it is over a bound. */
void points_remedy(const char *path, struct err *e);

/* Can mount 'i' have restore points? -EOPNOTSUPP says why not, with a hint. */
int points_possible(const struct sandbox *s, size_t i, struct err *e);

/*
 * Take those of a session that begins, unless its sandbox goes with it (--rm). Never fails it: why there is none goes to
 * undo/why-M and, unless that was asked for, to 'notes'. Over a bound it isn't tried again
 * for a day (the time: for ten minutes), unless the environment says another.
 */
void points_take(const struct sandbox *s, struct strv *notes);

/* Numbers, the oldest first; at most 'max', the newest. Returns how many. */
size_t points_list(const struct sandbox *s, uint64_t *ret, size_t max);

/* The directory of one. Descriptor, or -errno; -ENOENT when mount 'i' is not in it. */
int points_open(const struct sandbox *s, uint64_t number, size_t i);

/* Was it kept by an undo? */
bool points_is_undo(const struct sandbox *s, uint64_t number);

/* Make an empty one for an undo. Returns its number, or -errno. */
int64_t points_new(const struct sandbox *s, struct err *e);

/* Make the directory of mount 'i' in it. Descriptor, or -errno. */
int points_new_mount(const struct sandbox *s, uint64_t number, size_t i, struct err *e);

/* Remove one. */
int points_drop(const struct sandbox *s, uint64_t number, struct err *e);

/* Remove what a keeper or an undo that was killed left of one half-made or half-removed,
 * as far as the caller may. The sandbox is held, nothing else takes any. */
void points_sweep(const struct sandbox *s);

/* Remove all but the last POINTS_KEPT. */
int points_trim(const struct sandbox *s, struct err *e);

/* Why the last session has none of mount 'i'; NULL when it has. Caller frees. */
char *points_why(const struct sandbox *s, size_t i);

#endif
