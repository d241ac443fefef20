/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup-file.h - the small files of a control group's directory, and what the two
 * versions do with them; for cgroup*.c alone.
 */
#ifndef BRIG_LINUX_CGROUP_FILE_H
#define BRIG_LINUX_CGROUP_FILE_H

#include "linux/cgroup.h"

/* Write text or a number to DIR/FILE. */
int cgroup_poke(const char *dir, const char *file, const char *text, struct err *e);
int cgroup_poke_number(const char *dir, const char *file, uint64_t n, struct err *e);

bool cgroup_has_file(const char *dir, const char *file);

/* A file that is one number; 0 for "max", for a number past 2^60 (version 1's "no
 * limit"), and when it can't be read. */
uint64_t cgroup_number(const char *dir, const char *file);

/* The number behind 'key' in a file of lines "key number"; 0 when it isn't there. */
uint64_t cgroup_keyed(const char *dir, const char *file, const char *key);

/* The text of a file, at most 'max' bytes, as a string to free; NULL. */
char *cgroup_text(const char *dir, const char *file, size_t max);

int cgroup1_limit(
	const struct cgroup_dir *d, const struct cgroup_limits *l, struct err *e);
int cgroup2_limit(
	const struct cgroup_dir *d, const struct cgroup_limits *l, struct err *e);
void cgroup1_stats(const struct cgroup_dir *d, struct cgroup_stats *s);
void cgroup2_stats(const struct cgroup_dir *d, struct cgroup_stats *s);
int cgroup1_freeze(const struct cgroup_dir *d, bool freeze, struct err *e);
int cgroup2_freeze(const struct cgroup_dir *d, bool freeze, struct err *e);
bool cgroup1_is_frozen(const struct cgroup_dir *d);
bool cgroup2_is_frozen(const struct cgroup_dir *d);

/* Let children of 'dir' use these controllers; those that can't be enabled are left out
 * of the result. Moves processes of 'dir' to a leaf when they are in the way. */
unsigned cgroup2_enable(const char *dir, unsigned controllers);

#define CGROUP_PARENT "brig"      /* our groups' parent */
#define CGROUP_LEAF   "brig.leaf" /* where processes go that are in the way */

#endif
