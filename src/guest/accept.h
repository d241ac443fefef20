/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.h - "@accept PATH": a connection to a socket of the host's that is shown at PATH,
 * over standard input and output.
 */
#ifndef BRIG_GUEST_ACCEPT_H
#define BRIG_GUEST_ACCEPT_H

#define ACCEPT_FD 4 /* where the child finds the socket that listens at PATH (listen.h) */

/*
 * Wait for a client, and say so by one byte on standard output. A byte on standard input is
 * the answer that the server was reached, and from then on bytes are carried both ways; an
 * end of standard input, that it wasn't: the client sees the end. Returns the exit status.
 */
int accept_run(const char *path);

#endif
