/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial.h - "@dial PORT": a connection to a server inside, over standard input and output.
 */
#ifndef BRIG_GUEST_DIAL_H
#define BRIG_GUEST_DIAL_H

#define DIAL_REFUSED 1 /* nobody listens there */
/* CARRY_BROKEN of carry.h: it was, but ended by a reset */

/*
 * Connect to 127.0.0.1 or [::1] and carry bytes both ways until both directions have
 * ended; the end of one is passed on as such. SIGTERM resets the connection. A byte on
 * standard error says that there is none, or that it broke: SIGTERM is the answer to that.
 * Returns the exit status.
 */
int dial_run(const char *port);

#endif
