/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/peer.h"

const struct peer_kind peer_kinds[] = { { 0 } };
