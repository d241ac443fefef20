/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatens-const.h - addresses and ports of a sandbox's network: the same in each, for no two
 * of them ever meet.
 *
 * From the shared address space (RFC 6598) and a unique local prefix (RFC 4193), so that
 * they clash with no home or company network that a rule may want to name.
 */
#ifndef BRIG_LINUX_GATENS_CONST_H
#define BRIG_LINUX_GATENS_CONST_H

#define GATENS_GATE4  "100.127.255.249"
#define GATENS_GUEST4 "100.127.255.250"
#define GATENS_HOST4  "100.127.255.251" /* stands for the host's loopback */
#define GATENS_BITS4  "/29"
#define GATENS_GATE6  "fd62:7269:6700::1"
#define GATENS_GUEST6 "fd62:7269:6700::2"
#define GATENS_HOST6  "fd62:7269:6700::3"
#define GATENS_BITS6  "/64"

#define GATENS_PORT_TRANSPARENT 3129
#define GATENS_PORT_PROXY       3128

#endif
