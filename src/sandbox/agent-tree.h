/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent-tree.h - the least of the host's tree that a program needs to run.
 *
 * Paths are absolute with every link resolved. Names are judged by the directories that
 * are really there, so the answer holds for this moment; what is shown is mounted
 * read-only and found again by path when the sandbox starts.
 */
#ifndef BRIG_SANDBOX_AGENT_TREE_H
#define BRIG_SANDBOX_AGENT_TREE_H

#include <stdbool.h>

struct err;

/* Does the host image show this path anyway (/usr, /opt and their like)? */
bool agent_tree_is_system(const char *path);

/*
 * What has to be shown for the file 'real': a directory, or the file itself; NULL when
 * the system has it. 'node' says that it is a script of node, which looks for its modules
 * around itself. Caller frees.
 */
int agent_tree_find(
	const char *real, bool node, const char *home, char **ret, struct err *e);

#endif
