/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: list the network's interfaces, in the own network namespace and in the /sys that
 * may lie beneath the own.
 * Gain: the host's addresses and links; the first step to send from them.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Layer: network namespace
 */
#include "link.h"

#include <net/if.h>

static const char *foreign(const char *dir)
{
	static char name[256];
	DIR *d = opendir(dir);
	struct dirent *e;

	/* tunnels' templates that the kernel puts into every namespace have no link */
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "lo") == 0 ||
			strcmp(e->d_name, "bonding_masters") == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%s", e->d_name);
		if (!strstr(name, "tunl") && !strstr(name, "gre") &&
			!strstr(name, "sit") && !strstr(name, "vti") &&
			!strstr(name, "erspan") && !is_own_link(name))
			return name;
	}
	if (d)
		(void)closedir(d);
	return NULL;
}

int main(void)
{
	const char *name = foreign("/sys/class/net");

	if (name)
		escaped("/sys shows the host's interface %s", name);
	for (unsigned i = 1; i < 64; i++) {
		static const char *const own[] = { "lo", "tunl", "gre", "sit", "vti",
			"erspan", "ip6" };
		char text[IF_NAMESIZE];
		bool known = false;

		if (!if_indextoname(i, text))
			continue;
		for (size_t k = 0; k < sizeof(own) / sizeof(*own); k++)
			known |= strncmp(text, own[k], strlen(own[k])) == 0;
		if (!known && !is_own_link(text))
			escaped("the network has the host's interface %s", text);
	}
	stopped("there is nothing but a loopback and a link of its own");
}
