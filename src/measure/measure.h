/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.h - the parts of brig-measure, the program that measures: inside of sandboxes,
 * where it is the same static file in each, and outside of them.
 *
 * It times by the clock of where it is. Each part writes lines to standard output, columns
 * with a tab between them, and returns an exit status: 0, 1 when something failed (said on
 * standard error), 2 for words that make no sense.
 */
#ifndef BRIG_MEASURE_MEASURE_H
#define BRIG_MEASURE_MEASURE_H

/* CLOCK_MONOTONIC, in nanoseconds. */
long long measure_now(void);

/* Say what failed, by errno, and end with 1. */
_Noreturn void measure_fail(const char *what);

/* NAME <TAB> nanoseconds of one, for each of these, or of all. 'program': this one. */
int measure_micro(const char *program, char **names);

/* [-b PREPARE] -- CMD...: nanoseconds of the command; sh runs PREPARE before. */
int measure_time(int argc, char **argv);

/* -- CMD...: nanoseconds until the command's first byte of output. */
int measure_first(int argc, char **argv);

/* Nanoseconds until each of so many threads has counted. */
int measure_burn(unsigned threads);

/* Whole commands in turns: LABEL <TAB> runs <TAB> median <TAB> p10 <TAB> p90 <TAB> failures. */
int measure_turns(int argc, char **argv);

/* K=V...: what can be seen of the host from here, as KEY <TAB> VALUE; look.c has the list. */
int measure_look(char **given);

#endif
