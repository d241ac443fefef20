/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: personality(): make memory executable and addresses predictable for what is
 * started next.
 * Gain: exploits of set-user-ID programs; odd corners of the kernel.
 * Expect: chroot=escapes nspawn=escapes container=stops sentry=own
 * Layer: filter of system calls
 */
#include "hostile.h"

#include <sys/personality.h>

int main(void)
{
	if (personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC) >= 0)
		escaped("addresses are predictable, memory executable");
	failed("personality");
}
