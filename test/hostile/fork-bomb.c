/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: make processes without end (300).
 * Gain: a machine that can start nothing any more.
 * Options: --pids 64
 * Refusal: stops
 * Expect: chroot=stops nspawn=stops container=stops
 * Layer: control group
 * Layer chroot: control group
 *
 * Where the host delegates no limits brig refuses to start: that is no escape either.
 */
#include "hostile.h"

int main(void)
{
	int made = 0, gate[2];

	if (pipe(gate) < 0)
		untried("pipe: %s", strerror(errno));
	for (; made < 300; made++) {
		pid_t pid = fork();
		char byte;

		if (pid < 0)
			stopped("fork number %d: %s", made, strerror(errno));
		if (pid == 0) { /* until the parent is gone */
			(void)close(gate[1]);
			(void)!read(gate[0], &byte, 1);
			_exit(0);
		}
	}
	escaped("made %d processes with a limit of 64", made);
}
