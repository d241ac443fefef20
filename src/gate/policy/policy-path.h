/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-path.h - patterns for paths, held against what policy_path() made.
 */
#ifndef BRIG_GATE_POLICY_PATH_H
#define BRIG_GATE_POLICY_PATH_H

#include <stdbool.h>

/* '*': anything but '/', '**': anything. Time at most the product of both lengths. */
bool policy_path_matches(const char *pattern, const char *path);

/*
 * The same for a deny rule, which also has to hold where a server reads more into a path:
 * without the parameters of segments ("/a;x=1/b" as "/a/b", RFC 3986 section 3.3) and
 * without a slash at the end.
 */
bool policy_path_denied(const char *pattern, const char *path);

#endif
