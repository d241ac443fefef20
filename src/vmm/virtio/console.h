/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.h - one port of text between the guest and descriptors (virtio 1.3, section 5.3).
 *
 * What the guest writes goes to 'out' in pieces that a pipe takes without blocking; while it
 * takes none, the guest's output waits. Its errors end it: the rest goes nowhere. SIGPIPE is
 * the caller's to ignore. Input is read as the guest gives buffers for it.
 */
#ifndef BRIG_VMM_VIRTIO_CONSOLE_H
#define BRIG_VMM_VIRTIO_CONSOLE_H

#include "vmm/virtio/device.h"

struct err;

enum { CONSOLE_RX, CONSOLE_TX, CONSOLE_QUEUES };

/* Takes the descriptors over; 'in' may be -1. NULL on failure: they stay the caller's. */
struct virtio_device *console_new(int out, int in, struct err *e);
void console_free(struct virtio_device *d);

#endif
