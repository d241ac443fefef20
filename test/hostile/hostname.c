/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: set the host's name (to what it is).
 * Gain: a machine that others take for another.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: UTS namespace
 */
#include "hostile.h"

int main(void)
{
	char name[HOST_NAME_MAX + 1] = "";

	(void)gethostname(name, sizeof(name) - 1);
	if (strcmp(name, given("HOST_NAME")) != 0)
		stopped("the name in here is the sandbox's own, '%s'", name);
	if (sethostname(name, strlen(name)) == 0)
		escaped("may set the name of the host");
	failed("sethostname");
}
