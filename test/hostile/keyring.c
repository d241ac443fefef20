/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: search the session keyring, which processes inherit, for keys of the caller's.
 * Gain: passwords and tickets that the kernel keeps for a login: Kerberos, file systems,
 * network mounts.
 * Under: keyring
 * Expect: chroot=escapes nspawn=stops container=stops
 * Layer: a session keyring of its own
 */
#include "hostile.h"

#include <linux/keyctl.h>

static void read_key(long key, const char *how)
{
	char text[256] = ""; /* a smaller one than the key gets nothing */

	if (key > 0 && syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text)) > 0 &&
		memcmp(text, SECRET, sizeof(SECRET) - 1) == 0)
		escaped("read the caller's key, %s", how);
}

int main(void)
{
	static const long rings[] = { KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING,
		KEY_SPEC_USER_SESSION_KEYRING, KEY_SPEC_PROCESS_KEYRING };
	FILE *list;
	char line[256];

	for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++)
		read_key(syscall(SYS_keyctl, KEYCTL_SEARCH, rings[i], "user",
				 "brig-canary", 0),
			"by search");
	read_key(syscall(SYS_request_key, "user", "brig-canary", NULL, 0), "by request");
	list = fopen("/proc/keys", "re");
	while (list && fgets(line, sizeof(line), list))
		read_key(strtol(line, NULL, 16), "by its number in /proc/keys");
	failed("search");
}
