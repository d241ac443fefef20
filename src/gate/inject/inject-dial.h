/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-dial.h - a connection for bytes that pass the gate unopened, made for it where
 * the world is reached through a proxy.
 */
#ifndef BRIG_GATE_INJECT_DIAL_H
#define BRIG_GATE_INJECT_DIAL_H

struct err;
struct injector;
struct parcel;

/* GATE_DIAL. 0; -EPROTO for what the gate would not say. The answer is INJECTOR_DIALED. */
int inject_dial_parcel(struct injector *in, const struct parcel *p, struct err *e);

/* The gate takes parcels again: send the answers that wait. */
void inject_dial_flush(struct injector *in);
void inject_dial_free_all(struct injector *in);

#endif
