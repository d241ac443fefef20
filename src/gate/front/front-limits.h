/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front-limits.h - how much a connection may hold, and how long it may stand still.
 */
#ifndef BRIG_GATE_FRONT_LIMITS_H
#define BRIG_GATE_FRONT_LIMITS_H

#define FRONT_OUT_HIGH  (256U << 10) /* bytes for the client: produce no more */
#define FRONT_OUT_LOW   (64U << 10)  /* go on */
#define FRONT_IN_MAX    (64U << 10)  /* bytes read at a time */
#define FRONT_SWEEP_S   5U           /* how exact the limits of time are */
#define FRONT_HELLO_S   10U          /* for a handshake */
#define FRONT_HEAD_S    30U          /* for the head of a request */
#define FRONT_IDLE_S    300U         /* between requests; with nothing moving in one */
#define FRONT_LINGER_S  2U           /* after the last byte, for the client to read it */
#define FRONT_LINGER_IN (1U << 20)   /* bytes that are thrown away meanwhile */

#endif
