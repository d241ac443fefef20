/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.h - the network namespace's interfaces, through rtnetlink(7).
 */
#ifndef BRIG_LINUX_NETNS_H
#define BRIG_LINUX_NETNS_H

struct err;

/* Bring "lo" of the current network namespace up: 127.0.0.1 and ::1. Needs CAP_NET_ADMIN.
 */
int net_loopback_up(struct err *e);

#endif
