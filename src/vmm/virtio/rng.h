/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h - random bytes of the host's kernel (virtio 1.3, section 5.4). */
#ifndef BRIG_VMM_VIRTIO_RNG_H
#define BRIG_VMM_VIRTIO_RNG_H

#include "vmm/virtio/device.h"

struct err;

/* The most that one request gets: the rest of its buffer stays as it is. */
#define RNG_REQUEST_MAX 65536U

struct virtio_device *rng_new(struct err *e);
void rng_free(struct virtio_device *d);

#endif
