/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BRIG_COMPARE_JSON_H
#define BRIG_COMPARE_JSON_H

#include "compare/compare.h"

struct json;

/*
 * The results: times of start-up in milliseconds, of 'figures_us' in microseconds, memory in
 * KiB, each as median, p10, p90 and how many were taken. What was not measured is not there.
 * NULL without memory.
 */
struct json *compare_json(struct compare *c);

#endif
