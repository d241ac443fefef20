/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/initramfs.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

TEST(an_initramfs_holds_its_files)
{
	char path[] = "/tmp/initramfs-test.XXXXXX";
	auto_fd int from = mkstemp(path);
	const struct initramfs_file files[] = { { "init", path, 0755 } };
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	auto_fd int fd = -1;

	expect(from >= 0 && write(from, "hello", 5) == 5);
	fd = initramfs_make(files, 1, &e);
	expect(fd >= 0);
	expect(lseek(fd, 0, SEEK_SET) == 0 &&
		file_read_fd(fd, "it", 1 << 20, &text, &e) == 0);
	expect(text.len > 110 && memcmp(text.data, "070701", 6) == 0);
	/* name and contents are padded to four bytes */
	expect(memcmp(text.data + 110, "init\0", 5) == 0);
	expect(memcmp(text.data + 116, "hello\0\0\0", 8) == 0);
	expect(memcmp(text.data + 124, "070701", 6) == 0);
	expect(memcmp(text.data + 124 + 110, "TRAILER!!!", 11) == 0);
	(void)unlink(path);
}

TEST(a_file_that_is_not_there_is_named)
{
	const struct initramfs_file files[] = { { "init", "/nowhere/at/all", 0755 } };
	struct err e = { 0 };

	expect(initramfs_make(files, 1, &e) == -ENOENT);
	expect(strstr(e.msg, "/nowhere/at/all"));
}

TEST(it_cannot_be_changed_any_more)
{
	struct err e = { 0 };
	auto_fd int fd = initramfs_make(NULL, 0, &e);

	expect(fd >= 0 && write(fd, "x", 1) < 0 && errno == EPERM);
}
