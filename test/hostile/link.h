/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - the sandbox's own end of its link to the gate, which it may see and use: by its
 * hardware address, since the host's interface may have the same name.
 */
#ifndef BRIG_TEST_HOSTILE_LINK_H
#define BRIG_TEST_HOSTILE_LINK_H

#include "hostile.h"

#define OWN_LINK "02:62:72:69:67:02" /* linux/gatens.c */

/* As the /sys that is seen now has it. */
static inline bool is_own_link(const char *name)
{
	char path[300], mac[32] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/sys/class/net/%s/address", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(mac, sizeof(mac), f))
		mac[0] = '\0';
	(void)fclose(f);
	return strncmp(mac, OWN_LINK, strlen(OWN_LINK)) == 0;
}

#endif
