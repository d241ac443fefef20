/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - the results of a comparison as tables of text, for a terminal, Markdown and HTML.
 */
#ifndef BRIG_COMPARE_TABLE_H
#define BRIG_COMPARE_TABLE_H

#include "compare/compare.h"

struct table {
	const char *title;
	struct strv notes; /* below it */
	struct strv heads;
	struct strv cells; /* rows one after the other, of heads.n each */
};

enum table_kind { TABLE_COST, TABLE_ISOLATION, TABLE_SMALL, TABLE_WORK, TABLES };

/* 0 or -ENOMEM. */
int table_make(enum table_kind kind, struct compare *c, struct table *ret);
void table_clear(struct table *t);

/* "12.3 ms (9.1–17.8)": the median, and what 10 and 90 of 100 are not above. "" of none. */
#define CELL_MAX 96
const char *cell_time(struct sample *ns, char out[CELL_MAX]);
const char *cell_size(double kib, char out[CELL_MAX]);
const char *cell_sizes(struct sample *kib, bool at_most, char out[CELL_MAX]);

/* Isolation in words, from what was seen. */
const char *cell_kernel(const struct approach *a, char out[CELL_MAX]);
const char *cell_calls(const struct approach *a, char out[CELL_MAX]);
const char *cell_files(const struct approach *a);

/* What is commonly said of this way of isolation; "" where nothing is. */
struct claim {
	const char *name, *memory, *start, *ten, *isolation;
};
const struct claim *claim_of(const struct approach *a);

int table_markdown(const struct table *t, struct buf *out);
int table_html(const struct table *t, struct buf *out);

/* Text as HTML has it. */
int html_text(const char *text, struct buf *out);

#endif
