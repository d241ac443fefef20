/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netfiles.h - the files by which programs inside find the gate: whom to ask for names, and
 * which certificates to trust.
 *
 * The directory spec->trust is shown read-only as /run/brig; it holds resolv.conf, ca.pem
 * (the sandbox's own CA), ca-bundle.pem (the host's roots and it), ca.jks, nssdb/. Files of
 * the root that programs look for by name are covered by them: /etc/resolv.conf, and the
 * bundles of certificates where the root has them. An image's own bundle is kept, with the
 * CA added.
 */
#ifndef BRIG_WALL_NETFILES_H
#define BRIG_WALL_NETFILES_H

struct err;
struct root;

#define NETFILES_DIR "run/brig"

/* In the host's mount namespace: take hold of the directory. */
int netfiles_open(struct root *r, struct err *e);

/* Beneath the new root at 'root', before it is entered. */
int netfiles_build(struct root *r, int root, struct err *e);

#endif
