/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard-names.h - the names of files that the host runs later without being asked to.
 *
 * In the table is what runs when the person only enters a directory, opens it in an
 * editor or an agent, or starts a shell, a debugger or a terminal. What runs because
 * the person runs the project (Makefile, package.json, build.rs) is not: whoever builds
 * what a sandbox wrote runs what the sandbox wrote. Names are compared without regard
 * to case, because a directory may be case-insensitive (ext4's casefold).
 */
#ifndef BRIG_SANDBOX_GUARD_NAMES_H
#define BRIG_SANDBOX_GUARD_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct guard_name {
	const char *path; /* "a/b": these last components; "a/" : all beneath; "*.x": a
			     suffix */
	const char *why;
};

/*
 * The row that covers 'path' (relative, tidy), or NULL. '*base' is the length of the
 * part of 'path' before the row's first component: the directory that a tool must be
 * started in.
 */
const struct guard_name *guard_name_match(const char *path, size_t *base);

/* The row whose first components are the end of 'path': a link of that name leads to it.
 */
const struct guard_name *guard_name_leads(const char *path);

/* Trees of packages: each brings files of these names, and nobody opens one as a project.
 */
bool guard_name_is_packages(const char *name);

#endif
