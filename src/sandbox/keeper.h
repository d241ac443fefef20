/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - the process that owns one running sandbox.
 *
 * There is one for each sandbox that runs, and nothing above it. It starts the wall,
 * holds the stream to the warder, serves the control socket, keeps the log, and takes
 * everything down in the end. When it is killed the kernel drops its lock, the warder
 * sees its stream end and dies with everything in the sandbox, and whoever looks next
 * tidies up (clean.h).
 */
#ifndef BRIG_SANDBOX_KEEPER_H
#define BRIG_SANDBOX_KEEPER_H

struct err;
struct sandbox;

#define KEEPER_ARGV0 "brig-keeper"
#define KEEPER_WORD  "@keeper" /* the same as a first argument, behind systemd-run */

/*
 * Start a keeper for a sandbox that is held (sandbox_hold). Returns the client's end of a
 * control connection, over which the first request is to be sent: without one, the keeper
 * ends. Failures of starting come as the reply to it.
 */
int keeper_spawn(const struct sandbox *s, struct err *e);

/* argv: KEEPER_ARGV0 or KEEPER_WORD, NAME; the connection is descriptor 3. */
int keeper_main(int argc, char **argv);

#endif
