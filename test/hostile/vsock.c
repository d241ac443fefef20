/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: a socket of AF_VSOCK, which no network namespace holds back.
 * Gain: on a virtual machine, the hypervisor's services and those that the host offers
 * to it; on a host of virtual machines, those.
 * Expect: chroot=escapes nspawn=escapes container=stops
 * Layer: filter of system calls
 */
#include "hostile.h"

int main(void)
{
	/* made, and not connected: what listens out there is nobody's to disturb */
	if (socket(40 /* AF_VSOCK */, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0)
		escaped("has a socket towards the hypervisor");
	if (errno == EAFNOSUPPORT)
		untried("this kernel has no vsock");
	failed("socket");
}
