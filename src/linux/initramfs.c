/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/initramfs.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Headers and contents begin at multiples of four bytes. */
static int pad(struct buf *out)
{
	while (out->len % 4)
		if (buf_add(out, "", 1) < 0)
			return -ENOMEM;
	return 0;
}

static int add_entry(struct buf *out, unsigned ino, unsigned mode, const char *name,
	const struct buf *text)
{
	size_t len = text ? text->len : 0;
	int r = buf_addf(out,
		"070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", ino, mode,
		0U, 0U, 1U, 0U, len, 0U, 0U, 0U, 0U, strlen(name) + 1, 0U);

	if (r == 0)
		r = buf_add(out, name, strlen(name) + 1);
	if (r == 0)
		r = pad(out);
	if (r == 0 && len)
		r = buf_add(out, text->data, len);
	return r == 0 ? pad(out) : r;
}

int initramfs_make(const struct initramfs_file *files, size_t n, struct err *e)
{
	auto_buf struct buf out = { .max = (n + 1) * INITRAMFS_FILE_MAX };
	auto_fd int fd = memfd_create("initramfs", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = 0;

	if (fd < 0)
		return err_sys(e, "make a file in memory");
	for (size_t i = 0; i < n && r == 0; i++) {
		auto_buf struct buf text = { .max = INITRAMFS_FILE_MAX };

		r = file_read(AT_FDCWD, files[i].from, INITRAMFS_FILE_MAX, &text, e);
		if (r < 0)
			return r;
		r = add_entry(&out, (unsigned)i + 1, S_IFREG | files[i].mode,
			files[i].name, &text);
	}
	if (r == 0)
		r = add_entry(&out, 0, 0, "TRAILER!!!", NULL);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (file_write_all(fd, out.data, out.len) < 0 ||
		fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_sys(e, "write the guest's first file system");
	return take_fd(&fd);
}
