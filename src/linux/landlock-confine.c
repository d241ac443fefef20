/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/landlock-confine.h"

#include "base/auto.h"
#include "base/err.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* <linux/landlock.h>: by value, for headers older than the kernel */
#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_DIR  (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR   (1ULL << 6)
#define FS_MAKE_DIR    (1ULL << 7)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_MAKE_SOCK   (1ULL << 9)
#define FS_MAKE_FIFO   (1ULL << 10)
#define FS_MAKE_BLOCK  (1ULL << 11)
#define FS_MAKE_SYM    (1ULL << 12)
#define FS_REFER       (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV   (1ULL << 15) /* ABI 5 */

#define FS_FOR_FILES \
	(FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_TCP        3ULL        /* bind and connect, ABI 4 */
#define SCOPE_ABSTRACT (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL   (1ULL << 1)
#define CREATE_VERSION 1U
#define RULE_PATH      1

struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};

struct path_attr {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t known_rights(int abi)
{
	uint64_t all = (FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		all |= FS_REFER;
	if (abi >= 3)
		all |= FS_TRUNCATE;
	if (abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

static uint64_t kernel_rights(unsigned rights)
{
	uint64_t k = 0;

	if (rights & LANDLOCK_READ)
		k |= FS_READ_FILE | FS_READ_DIR;
	if (rights & LANDLOCK_EXEC)
		k |= FS_EXECUTE;
	if (rights & LANDLOCK_WRITE)
		k |= FS_WRITE_FILE | FS_TRUNCATE;
	if (rights & LANDLOCK_MAKE)
		k |= FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
			FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_SYM | FS_REFER;
	if (rights & LANDLOCK_NODES)
		k |= FS_MAKE_CHAR | FS_MAKE_BLOCK;
	if (rights & LANDLOCK_IOCTL)
		k |= FS_IOCTL_DEV;
	return k;
}

static int add_rule(int ruleset, const struct landlock_rule *rule, int abi, struct err *e)
{
	const char *name = rule->path ? rule->path : "an open file";
	auto_fd int opened = rule->path ? open(rule->path, O_PATH | O_CLOEXEC) : -1;
	struct path_attr attr = { .allowed =
					  kernel_rights(rule->rights) & known_rights(abi),
		.parent_fd = rule->path ? opened : rule->fd };
	struct stat st;

	if (rule->path && opened < 0)
		return err_sys(e, "confine: open '%s'", name);
	if (fstat(attr.parent_fd, &st) < 0)
		return err_sys(e, "confine: look at '%s'", name);
	/* the kernel refuses rights that only directories can give */
	if (!S_ISDIR(st.st_mode))
		attr.allowed &= FS_FOR_FILES;
	if (!attr.allowed)
		return 0;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &attr, 0) < 0)
		return err_sys(e, "confine: add a rule for '%s'", name);
	return 0;
}

int landlock_confine(
	const struct landlock_rule *rules, unsigned n, unsigned flags, struct err *e)
{
	int abi = landlock_abi(), r;
	struct ruleset_attr attr = { .handled_fs = known_rights(abi) };

	if (!abi)
		return 0;
	for (unsigned i = 0; abi < 2 && i < n; i++)
		if (rules[i].rights & LANDLOCK_MAKE)
			return 0;
	if (abi >= 4 && flags & LANDLOCK_NO_TCP)
		attr.handled_net = NET_TCP;
	if (abi >= 6 && flags & LANDLOCK_NO_SIGNALS)
		attr.scoped |= SCOPE_SIGNAL;
	if (abi >= 6 && flags & LANDLOCK_NO_SOCKETS)
		attr.scoped |= SCOPE_ABSTRACT;
	/* fields that an older kernel doesn't know are zero, and it takes them then */
	auto_fd int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0)
		return err_sys(e, "make a Landlock ruleset");
	for (unsigned i = 0; i < n; i++) {
		r = add_rule(ruleset, &rules[i], abi, e);
		if (r < 0)
			return r;
	}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_sys(e, "confine the process by Landlock");
	return 1;
}
