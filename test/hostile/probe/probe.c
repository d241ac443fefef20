/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - runs one of the attempts: that of BRIG_PROBE in the environment, as some start
 * their own file again, with words of their own.
 *
 *	brig-probe list			NAME <TAB> its head, a line each (probe.h)
 *	brig-probe host ...		the host's side of them (host.c)
 */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *name = getenv("BRIG_PROBE");

	if (name)
		for (const struct probe *p = probes; p->name; p++)
			if (strcmp(p->name, name) == 0)
				return p->main(argc, argv);
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (const struct probe *p = probes; p->name; p++)
			printf("%s\t%s\n", p->name, p->head);
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "host") == 0)
		return probe_host(argc - 1, argv + 1);
	fprintf(stderr, "usage: brig-probe list | host ...; or BRIG_PROBE=NAME brig-probe\n");
	return 2;
}
