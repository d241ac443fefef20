/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostroot.h - the image that every machine has: its own system directories.
 *
 * /usr, /bin, /sbin, /lib*, /opt are the host's, read-only and live. /etc is made: what
 * is on a list of harmless names is shown (directories) or copied (files), nothing else,
 * so a secret that some program keeps in /etc stays outside without brig knowing of it.
 * /home, /root, /var, /srv and /tmp are empty and private.
 */
#ifndef BRIG_WALL_HOSTROOT_H
#define BRIG_WALL_HOSTROOT_H

struct err;
struct root;

/* Take hold of the host's directories (root_open's part). */
int hostroot_open(struct root *r, struct err *e);

/* One more directory or file of the host's, read-only at the same path. */
int hostroot_take(struct root *r, const char *path, struct err *e);

/* Links, files and directories that are made (root_build's part). */
int hostroot_build(struct root *r, int root, struct err *e);

#endif
