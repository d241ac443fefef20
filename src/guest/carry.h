/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carry.h - a connection's bytes, between a socket and standard input and output.
 *
 * One connection a process: what is on its way is in static memory.
 */
#ifndef BRIG_GUEST_CARRY_H
#define BRIG_GUEST_CARRY_H

#define CARRY_BROKEN 2 /* an exit status: the connection ended by a reset */

enum carry_how {
	/* A direction that breaks takes the other along, as TCP has it. SIGTERM resets. */
	CARRY_WHOLE,
	/*
	 * Each direction ends by itself, as of a unix socket: what was said before one end
	 * went away still arrives. SIGTERM: what the socket says is taken no more.
	 */
	CARRY_APART,
};

/* From here on SIGTERM is for carry(). */
void carry_signals(void);

/* Carry until both directions have ended; the end of one is passed on as such. Returns the
 * exit status. */
int carry(int sock, enum carry_how how);

/*
 * Say on standard error that an end of output is none that was meant, and wait to be told by
 * SIGTERM that it was heard. Returns 'status'.
 */
int carry_say_broken(int status);

#endif
