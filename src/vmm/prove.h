/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove.h - is this /dev/kvm one that a Linux runs on?
 *
 * That it opens and answers says little: KVM without the processor's virtualisation (in a
 * virtual machine that lends a part of it, say) takes every call, and then emulates kernel code
 * a thousand times slower than it would run, or not at all.
 */
#ifndef BRIG_VMM_PROVE_H
#define BRIG_VMM_PROVE_H

struct err;

/*
 * Run some 64-bit code on a machine of its own: pages through a table, another table that is
 * switched to, and a count that takes a processor a tenth of a millisecond.
 *
 * 0; -EOPNOTSUPP, with what failed, and with a hint. Takes a few milliseconds where it works,
 * and never much more than half a second.
 */
int vmm_prove(int kvm, struct err *e);

#endif
