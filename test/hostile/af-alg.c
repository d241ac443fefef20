/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: a socket of AF_ALG, the kernel's ciphers.
 * Gain: a wide piece of kernel code that few programs need, with a history.
 * Expect: chroot=escapes nspawn=escapes container=stops
 * Layer: filter of system calls
 */
#include "hostile.h"

int main(void)
{
	if (socket(38 /* AF_ALG */, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) >= 0)
		escaped("the kernel's ciphers can be had");
	if (errno == EAFNOSUPPORT)
		untried("this kernel has no AF_ALG");
	failed("socket");
}
