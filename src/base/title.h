/* SPDX-License-Identifier: Apache-2.0 */
/*
 * title.h - what ps(1) shows of a process that became something else without execve(2).
 */
#ifndef BRIG_BASE_TITLE_H
#define BRIG_BASE_TITLE_H

/* In main, before anything else: where the kernel keeps the arguments and environment. */
void title_init(int argc, char **argv, char **envp);

/*
 * Show 'title' from now on, and wipe the arguments and the environment that the process was started
 * with: what was in them is nobody's business any more. Strings of 'argv' and getenv() that were
 * not copied are gone; set 'environ' to another one first.
 */
void title_set(const char *title);

#endif
