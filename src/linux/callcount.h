/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callcount.h - how many system calls get through to the kernel that this runs on.
 *
 * Nothing is called: a filter of one's own (seccomp(2)) stands in front of the kernel and
 * has each call reported to a listener (SECCOMP_RET_USER_NOTIF), which refuses it. Of
 * several filters the most restrictive verdict holds, and a report ranks below every
 * refusal: so what is reported is what all the others let through. Numbers go with
 * arguments of zero; a filter that looks at arguments is judged by those.
 */
#ifndef BRIG_LINUX_CALLCOUNT_H
#define BRIG_LINUX_CALLCOUNT_H

#include <linux/filter.h>

struct callcount {
	unsigned through; /* get past the filters that this process is under */
	unsigned of;      /* that Linux has, by the table of this architecture */
};

/*
 * Count, in a child, under what this process is under and 'more' instructions of a filter
 * of 'n' (NULL, 0: none). 0, or a negative errno: -ENOSYS where there are no such
 * listeners, -EBUSY where there is one already, -EACCES where filters can't be set.
 */
int callcount_take(
	const struct sock_filter *more, unsigned short n, struct callcount *ret);

#endif
