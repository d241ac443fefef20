/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - brig-measure: the first word says what is measured.
 */
#include "measure/measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

long long measure_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

void measure_fail(const char *what)
{
	fprintf(stderr, "brig-measure: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static int dispatch(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "nothing") == 0)
		return 0;
	if (strcmp(what, "sleep") == 0)
		for (;;)
			(void)pause();
	if (strcmp(what, "micro") == 0)
		return measure_micro(argv[0], argv + 2);
	if (strcmp(what, "time") == 0)
		return measure_time(argc - 2, argv + 2);
	if (strcmp(what, "first") == 0)
		return measure_first(argc - 2, argv + 2);
	if (strcmp(what, "burn") == 0 && argc == 3)
		return measure_burn((unsigned)strtoul(argv[2], NULL, 10));
	if (strcmp(what, "turns") == 0)
		return measure_turns(argc - 1, argv + 1);
	if (strcmp(what, "look") == 0)
		return measure_look(argv + 2);
	return 2;
}

int main(int argc, char **argv)
{
	int status = dispatch(argc, argv);

	if (status == 2)
		fprintf(stderr,
			"usage: brig-measure nothing | sleep | micro [NAME...] | time "
			"[-b "
			"PREPARE] -- CMD... | first -- CMD... | burn THREADS |\n"
			"       turns [-n ROUNDS] [-w WARM-UPS] [-s SECONDS] [-r RAW] "
			"LABEL CMD... [::: LABEL CMD...]... |\n"
			"       look [secret=FILE] [pid=N] [token=TEXT] [port=N]\n");
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	return status;
}
