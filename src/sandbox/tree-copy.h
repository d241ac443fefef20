/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree-copy.h - a directory and all beneath it, as it is: owners, modes, times, extended
 * attributes, links of a file to itself, devices that stand for removed names.
 *
 * Contents are cloned where the file system can (ioctl_ficlone(2)), and copied without their
 * holes elsewhere. It is for the writable layer of an overlay, which nobody uses meanwhile, and
 * needs whatever rights its owners need: clean_in_userns().
 */
#ifndef BRIG_SANDBOX_TREE_COPY_H
#define BRIG_SANDBOX_TREE_COPY_H

struct err;

/*
 * The contents of directory 'from' into the empty directory 'to', which gets its owner, mode and
 * times, too. Neither is a link, and no link is followed. -ELOOP: deeper than anybody nests.
 */
int tree_copy(int from, int to, struct err *e);

#endif
