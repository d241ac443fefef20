/* SPDX-License-Identifier: Apache-2.0 */
#include "base/title.h"

#include <string.h>
#include <sys/prctl.h>

static char *area, *area_end;

void title_init(int argc, char **argv, char **envp)
{
	if (argc < 1 || !argv[0])
		return;
	area = argv[0];
	area_end = area;
	/* one after the other, as the kernel lays them out; anything else is left alone */
	for (int i = 0; i < argc; i++)
		if (argv[i] == area_end)
			area_end += strlen(argv[i]) + 1;
	for (; *envp; envp++)
		if (*envp == area_end)
			area_end += strlen(*envp) + 1;
}

void title_set(const char *title)
{
	size_t room = (size_t)(area_end - area), n = strlen(title);

	(void)prctl(PR_SET_NAME, title);
	if (room < 2)
		return;
	if (n > room - 1)
		n = room - 1;
	/* a text that runs on past the old arguments is read up to its NUL (proc(5), cmdline) */
	memset(area, 0, room);
	memcpy(area, title, n);
}
