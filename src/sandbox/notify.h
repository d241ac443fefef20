/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - tell the sandboxes that run of rules or secrets that have changed.
 */
#ifndef BRIG_SANDBOX_NOTIFY_H
#define BRIG_SANDBOX_NOTIFY_H

struct err;
struct strv;

/*
 * The rules of one sandbox, or with NULL the global ones, have changed on disk: have what
 * runs load them. Returns when they are in force, and how many sandboxes there are where
 * they are not, with a line about each in 'notes'. One that does not run is fine. Each
 * has 10 seconds to answer. -errno when the sandboxes can't be listed.
 */
int notify_policy(const char *sandbox, struct strv *notes, struct err *e);

/* The same for the secrets, in every sandbox. */
int notify_secrets(struct strv *notes, struct err *e);

#endif
