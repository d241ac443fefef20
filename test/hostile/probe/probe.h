/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - the attempts of the folder above that are programs, as one: brig-probe, which
 * 'brig compare --probes' runs behind each wall.
 */
#ifndef BRIG_TEST_PROBE_H
#define BRIG_TEST_PROBE_H

struct probe {
	const char *name;
	int (*main)(int argc, char **argv);
	/* of its head, with tabs between: Trick, Gain, Expect, Expect root, user, user-root, plain,
	 * Layer, Layer container, Layer chroot, Harm chroot, Options, Under, Setup, Refusal, and
	 * what else it says */
	const char *head;
};

extern const struct probe probes[]; /* ended by a NULL name; made by table.sh */

int probe_host(int argc, char **argv);

#endif
