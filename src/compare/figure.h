/* SPDX-License-Identifier: Apache-2.0 */
/*
 * figure.h - what is measured inside of each sandbox.
 */
#ifndef BRIG_COMPARE_FIGURE_H
#define BRIG_COMPARE_FIGURE_H

/* What is measured inside, in this order. */
enum figure {
	FIGURE_CALL,
	FIGURE_FAULT,
	FIGURE_EXEC,
	FIGURE_READ,
	FIGURE_WRITE,
	FIGURE_LS,
	FIGURE_GIT,
	FIGURE_NODE,
	FIGURES,
};

struct figure_kind {
	const char *key, *title, *what;
	const char *micro; /* its name for brig-measure; NULL: a command */
	const char *work;  /* its word for brig-workloads; NULL: 'ls /proc' */
};
extern const struct figure_kind figure_kinds[FIGURES];

#endif
