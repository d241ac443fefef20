/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - sockets of the warder's that listen in the place of sockets of the host's.
 *
 * A kernel of its own sees the host's socket as a node of a file system, and knows nobody who
 * listens there. So the warder puts a socket of its own over the node, once for each path, and
 * keeps it: behind "@accept PATH" (accept.h).
 */
#ifndef BRIG_GUEST_LISTEN_H
#define BRIG_GUEST_LISTEN_H

#include "guest/exec.h"
#include "guest/proto.h"

#define LISTEN_MAX 64 /* paths */

/*
 * What an "@accept" listens on, made if it is the first of this path; *ret is -1 for any other
 * command. It belongs to the user that the command runs as, who is given by numbers, and has
 * the node's mode. It stays ours. 0, or -errno with 'fail' filled.
 */
int listen_for(const struct guest_exec *x, int *ret, struct guest_failed *fail);

#endif
