/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay-filter.h - which changes of an overlay the host would run later.
 */
#ifndef BRIG_SANDBOX_OVERLAY_FILTER_H
#define BRIG_SANDBOX_OVERLAY_FILTER_H

#include "sandbox/guard-walk.h"
#include "sandbox/overlay.h"

struct overlay_filter {
	const struct overlay_ws *ws;
	struct guard_ws host;   /* the lower directory, as the guard sees it */
	struct guard_scan scan; /* its repositories, and what their configurations name */
	struct strv hooks;      /* directories of hooks that those name */
};

int overlay_filter_init(
	struct overlay_filter *f, const struct overlay_ws *ws, struct err *e);
void overlay_filter_clear(struct overlay_filter *f);

/*
 * Why the host would run the new thing at 'path', or NULL. '*config' tells that it is
 * git's configuration, of which only the lines matter.
 */
const char *overlay_filter_why(
	const struct overlay_filter *f, const char *path, mode_t mode, bool *config);

#endif
