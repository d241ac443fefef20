/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/fsname.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/vfs.h>

/* <linux/magic.h> and the file systems' own sources; literal, as older headers lack some
 */
static const struct {
	uint32_t magic;
	const char *name;
} table[] = {
	{ 0x0000ef53, "ext4" },
	{ 0x9123683e, "btrfs" },
	{ 0x58465342, "xfs" },
	{ 0x01021994, "tmpfs" },
	{ 0x794c7630, "overlayfs" },
	{ 0x00006969, "nfs" },
	{ 0x65735546, "fuse" },
	{ 0x01021997, "9p" },
	{ 0x2fc12fc1, "zfs" },
	{ 0xca451a4e, "bcachefs" },
	{ 0xf2f52010, "f2fs" },
	{ 0x858458f6, "ramfs" },
	{ 0xe0f5e1e2, "erofs" },
	{ 0x73717368, "squashfs" },
	{ 0x00009660, "iso9660" },
	{ 0x00004d44, "vfat" },
	{ 0x2011bab0, "exfat" },
	{ 0x7366746e, "ntfs3" },
	{ 0xff534d42, "cifs" },
	{ 0xfe534d42, "smb3" },
	{ 0x0000517b, "smb" },
	{ 0x00c36400, "ceph" },
	{ 0x0000f15f, "ecryptfs" },
	{ 0x0bd00bd0, "lustre" },
	{ 0x786f4256, "vboxsf" },
	{ 0x00009fa0, "proc" },
	{ 0x62656572, "sysfs" },
	{ 0x0027e0eb, "cgroup" },
	{ 0x63677270, "cgroup2" },
	{ 0x00001cd1, "devpts" },
	{ 0x19800202, "mqueue" },
	{ 0x6e736673, "nsfs" },
};

const char *fsname_of_magic(uint64_t magic)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].magic == (uint32_t)magic)
			return table[i].name;
	return NULL;
}

static const char *name_of(int failed, const struct statfs *s, char out[FSNAME_MAX])
{
	const char *name = failed ? "unknown" : fsname_of_magic((uint64_t)s->f_type);

	if (name)
		(void)snprintf(out, FSNAME_MAX, "%s", name);
	else
		(void)snprintf(out, FSNAME_MAX, "file system %#x", (unsigned)s->f_type);
	return out;
}

const char *fsname_of_fd(int fd, char out[FSNAME_MAX])
{
	struct statfs s = { 0 };

	return name_of(fstatfs(fd, &s), &s, out);
}

const char *fsname_of_path(const char *path, char out[FSNAME_MAX])
{
	struct statfs s = { 0 };

	return name_of(statfs(path, &s), &s, out);
}
