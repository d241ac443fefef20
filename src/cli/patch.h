/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch.h - one change of an overlay as text, the way git shows it.
 *
 * Theory of operation: both files are opened here, beneath their roots and without
 * following a link, and handed to diff(1) as descriptors; no name that a sandbox chose
 * reaches its command line but in a label, and it has no configuration and no
 * environment. On a terminal, control characters of what it prints are shown as \xNN.
 */
#ifndef BRIG_CLI_PATCH_H
#define BRIG_CLI_PATCH_H

struct err;
struct overlay_change;
struct overlay_ws;

/* Larger files are named, not compared line by line. */
#define PATCH_FILE_MAX (16U << 20)

/* Print it to standard output. */
int patch_print(
	const struct overlay_ws *ws, const struct overlay_change *c, struct err *e);

#endif
