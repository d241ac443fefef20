/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stage.h"

#include "base/clock.h"
#include "base/err.h"

int stages_down(const struct stage *table, size_t n, void *with, struct err *e)
{
	int first = 0;

	while (n--) {
		struct err mine = { 0 };
		int r = table[n].down ? table[n].down(with, &mine) : 0;

		if (r < 0 && first == 0) {
			first = r;
			if (e) {
				*e = mine;
				(void)err_wrap(e, "undo '%s'", table[n].name);
			}
		}
	}
	return first;
}

int stages_up(const struct stage *table, size_t n, void *with, stage_watch *watch,
	struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t began = clock_mono_ns();
		int r = table[i].up ? table[i].up(with, e) : 0;

		if (r < 0) {
			/* the stage that failed cleans up after itself in its own down */
			(void)stages_down(table, i + 1, with, NULL);
			return r;
		}
		if (watch)
			watch(with, table[i].name, clock_mono_ns() - began);
	}
	return 0;
}
