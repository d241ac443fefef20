/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/caps.h"

#include "base/err.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define B(cap) CAPS_BIT(CAP_##cap)

const uint64_t CAPS_OCI_DEFAULT = B(CHOWN) | B(DAC_OVERRIDE) | B(FSETID) | B(FOWNER) |
	B(MKNOD) | B(NET_RAW) | B(SETGID) | B(SETUID) | B(SETFCAP) | B(SETPCAP) |
	B(NET_BIND_SERVICE) | B(SYS_CHROOT) | B(KILL) | B(AUDIT_WRITE);

const uint64_t CAPS_NSPAWN = B(AUDIT_CONTROL) | B(AUDIT_WRITE) | B(CHOWN) |
	B(DAC_OVERRIDE) | B(DAC_READ_SEARCH) | B(FOWNER) | B(FSETID) | B(IPC_OWNER) |
	B(KILL) | B(LEASE) | B(LINUX_IMMUTABLE) | B(MKNOD) | B(NET_BIND_SERVICE) |
	B(NET_BROADCAST) | B(NET_RAW) | B(SETFCAP) | B(SETGID) | B(SETPCAP) | B(SETUID) |
	B(SYS_ADMIN) | B(SYS_BOOT) | B(SYS_CHROOT) | B(SYS_NICE) | B(SYS_PTRACE) |
	B(SYS_RESOURCE) | B(SYS_TTY_CONFIG);

static const char *const names[] = {
	[CAP_CHOWN] = "chown",
	[CAP_DAC_OVERRIDE] = "dac_override",
	[CAP_DAC_READ_SEARCH] = "dac_read_search",
	[CAP_FOWNER] = "fowner",
	[CAP_FSETID] = "fsetid",
	[CAP_KILL] = "kill",
	[CAP_SETGID] = "setgid",
	[CAP_SETUID] = "setuid",
	[CAP_SETPCAP] = "setpcap",
	[CAP_LINUX_IMMUTABLE] = "linux_immutable",
	[CAP_NET_BIND_SERVICE] = "net_bind_service",
	[CAP_NET_BROADCAST] = "net_broadcast",
	[CAP_NET_ADMIN] = "net_admin",
	[CAP_NET_RAW] = "net_raw",
	[CAP_IPC_LOCK] = "ipc_lock",
	[CAP_IPC_OWNER] = "ipc_owner",
	[CAP_SYS_MODULE] = "sys_module",
	[CAP_SYS_RAWIO] = "sys_rawio",
	[CAP_SYS_CHROOT] = "sys_chroot",
	[CAP_SYS_PTRACE] = "sys_ptrace",
	[CAP_SYS_PACCT] = "sys_pacct",
	[CAP_SYS_ADMIN] = "sys_admin",
	[CAP_SYS_BOOT] = "sys_boot",
	[CAP_SYS_NICE] = "sys_nice",
	[CAP_SYS_RESOURCE] = "sys_resource",
	[CAP_SYS_TIME] = "sys_time",
	[CAP_SYS_TTY_CONFIG] = "sys_tty_config",
	[CAP_MKNOD] = "mknod",
	[CAP_LEASE] = "lease",
	[CAP_AUDIT_WRITE] = "audit_write",
	[CAP_AUDIT_CONTROL] = "audit_control",
	[CAP_SETFCAP] = "setfcap",
	[CAP_MAC_OVERRIDE] = "mac_override",
	[CAP_MAC_ADMIN] = "mac_admin",
	[CAP_SYSLOG] = "syslog",
	[CAP_WAKE_ALARM] = "wake_alarm",
	[CAP_BLOCK_SUSPEND] = "block_suspend",
	[CAP_AUDIT_READ] = "audit_read",
	[CAP_PERFMON] = "perfmon",
	[CAP_BPF] = "bpf",
	[CAP_CHECKPOINT_RESTORE] = "checkpoint_restore",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

const char *caps_name(unsigned cap)
{
	return cap < NAMES ? names[cap] : NULL;
}

int caps_number(const char *name, struct err *e)
{
	const char *bare = strncasecmp(name, "cap_", 4) == 0 ? name + 4 : name;

	for (unsigned i = 0; i < NAMES; i++)
		if (names[i] && strcasecmp(names[i], bare) == 0)
			return (int)i;
	return err_set(e, EINVAL, "no capability is called '%s'", name);
}

/* The mask of all capabilities that the running kernel has. */
static uint64_t known(void)
{
	uint64_t mask = 0;

	for (unsigned cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
		cap++)
		mask |= CAPS_BIT(cap);
	return mask;
}

static int get(struct caps *c)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	c->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	c->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	c->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return 0;
}

uint64_t caps_effective(void)
{
	struct caps c = { 0 };

	(void)get(&c);
	return c.effective;
}

int caps_bound(uint64_t keep, struct err *e)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (has < 0) /* past the last one */
			return 0;
		if (has == 1 && !(keep & CAPS_BIT(cap)) &&
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(e, "drop capability %s from the bounding set",
				caps_name(cap) ? caps_name(cap) : "of a newer kernel");
	}
	return 0;
}

static int set_ambient(uint64_t ambient, struct err *e)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(e, "clear the ambient capabilities");
	for (unsigned cap = 0; cap < 64; cap++)
		if (ambient & CAPS_BIT(cap) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_sys(e, "raise the ambient capability %u", cap);
	return 0;
}

int caps_set(const struct caps *c, struct err *e)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	uint64_t all = known();
	uint64_t p = c->permitted & all, i = c->inheritable & all;
	/* nothing may be effective that isn't permitted */
	uint64_t f = c->effective & p;
	const struct __user_cap_data_struct d[2] = {
		{ (uint32_t)f, (uint32_t)p, (uint32_t)i },
		{ (uint32_t)(f >> 32), (uint32_t)(p >> 32), (uint32_t)(i >> 32) },
	};

	if (syscall(SYS_capset, &h, d) < 0)
		return err_sys(e, "set the process's capabilities");
	return set_ambient(c->ambient & p & i, e);
}

int caps_reduce(uint64_t keep, struct err *e)
{
	struct caps has = { 0 };
	int r = get(&has);

	if (r < 0)
		return err_set(
			e, -r, "read the process's capabilities: %s", strerror(-r));
	/* Without CAP_SETPCAP the bounding set stays; an ordinary user's process has no
	 * capabilities and gains none past no_new_privs. */
	if (has.effective & CAPS_BIT(CAP_SETPCAP)) {
		r = caps_bound(keep, e);
		if (r < 0)
			return r;
	}
	return caps_set(&(struct caps){ .effective = has.permitted & keep,
				.permitted = has.permitted & keep },
		e);
}

int caps_no_new_privs(struct err *e)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_sys(e, "set no_new_privs")
							  : 0;
}

int caps_keep_over_setuid(bool keep, struct err *e)
{
	return prctl(PR_SET_KEEPCAPS, keep, 0, 0, 0) < 0 ? err_sys(e, "set keepcaps") : 0;
}
