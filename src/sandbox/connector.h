/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connector.h - a small process that connects to certain unix sockets for the keeper.
 *
 * After its promise the keeper opens no file, and must not be led to another socket than the
 * one that the person named. So this process is forked before with the sockets' nodes open, and
 * connects to those, by number, and to nothing else. It ends with the keeper.
 */
#ifndef BRIG_SANDBOX_CONNECTOR_H
#define BRIG_SANDBOX_CONNECTOR_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct idmap;

#define CONNECTOR_SOCKETS_MAX   64
#define CONNECTOR_QUESTIONS_MAX 64 /* that wait for an answer; more are refused */

/*
 * Fork it; the nodes (O_PATH) stay the caller's. It is the calling user; of root's, who the
 * sandbox's working user is outside, so that a server is told the same as behind any wall.
 * Returns the keeper's end of a parcel socket.
 */
int connector_spawn(const struct idmap *ids, const int *nodes, size_t n, struct err *e);

/* Ask for a connection to the socket of that index; 'number' comes back with the answer. */
int connector_ask(int connector, uint32_t number, size_t which);

/*
 * The next answer: 1 with *fd a connection or -errno of connect(2), 0 when the connector has
 * ended, -EAGAIN when there is none now.
 */
int connector_answer(int connector, uint32_t *number, int *fd);

#endif
