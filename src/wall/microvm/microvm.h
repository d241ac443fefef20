/* SPDX-License-Identifier: Apache-2.0 */
/* microvm.h - a Linux of its own on a virtual machine: KVM, and a VMM in a jail. */
#ifndef BRIG_WALL_MICROVM_H
#define BRIG_WALL_MICROVM_H

#include "wall/wall.h"

extern const struct wall wall_microvm;

#endif
