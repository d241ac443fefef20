/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRIG_COMPARE_PAGE_H
#define BRIG_COMPARE_PAGE_H

#include "compare/compare.h"

/*
 * The results as one page that needs nothing else: plots and tables, no script, light or dark
 * as the reader has it. 0 or -ENOMEM.
 */
int page_make(struct compare *c, struct buf *out);

#endif
