/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: attach shared memory of the host's, by its number.
 * Gain: what databases and display servers keep there.
 * Expect: chroot=escapes nspawn=stops container=stops
 * Expect user-root: chroot=stops
 * Layer: IPC namespace
 */
#include "hostile.h"

#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
	int id = atoi(given("HOST_SHM"));
	const char *p = id < 0 ? (char *)-1 : shmat(id, NULL, SHM_RDONLY);

	if (id < 0)
		untried("the host has no shared memory");
	if (p == (const char *)-1)
		failed("shmat");
	if (memcmp(p, SECRET, sizeof(SECRET) - 1) == 0)
		escaped("read the host's shared memory");
	stopped("the memory of that number is another's");
}
