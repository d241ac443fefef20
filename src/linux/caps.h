/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caps.h - sets of capabilities as 64-bit masks, and reducing a process to one
 * (capabilities(7)).
 */
#ifndef BRIG_LINUX_CAPS_H
#define BRIG_LINUX_CAPS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

#define CAPS_BIT(cap) (UINT64_C(1) << (cap))
#define CAPS_NONE     UINT64_C(0)
#define CAPS_ALL      UINT64_MAX /* whatever this kernel has */

/* What Docker and containerd give a container (moby: oci/caps/defaults.go). */
extern const uint64_t CAPS_OCI_DEFAULT;

/* What systemd-nspawn keeps (systemd-nspawn(1), --capability=). */
extern const uint64_t CAPS_NSPAWN;

/* "chown" of CAP_CHOWN, NULL for a number without a name; and back (any case, with or
 * without "CAP_"), -EINVAL. */
const char *caps_name(unsigned cap);
int caps_number(const char *name, struct err *e);

/* The effective set of this process. */
uint64_t caps_effective(void);

/* Reduce the bounding set to 'keep': what no later execve() can bring back. Needs
 * CAP_SETPCAP for what is dropped. */
int caps_bound(uint64_t keep, struct err *e);

struct caps {
	uint64_t effective, permitted, inheritable, ambient;
};

/* Set this process's sets. Bits beyond the kernel's last capability are left out. */
int caps_set(const struct caps *c, struct err *e);

/* Bounding, permitted and effective become 'keep' (of what there is), inheritable and
 * ambient empty. */
int caps_reduce(uint64_t keep, struct err *e);

/* No execve() gives privileges any more: set-user-ID bits and file capabilities are
 * ignored. */
int caps_no_new_privs(struct err *e);

/* Keep permitted capabilities over the next change of user ids from 0 (PR_SET_KEEPCAPS).
 */
int caps_keep_over_setuid(bool keep, struct err *e);

#endif
