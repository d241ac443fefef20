/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.h - the request to run a command: what GUEST_EXEC carries.
 *
 * An environment may be larger than a frame, so a request is encoded whole and sent in
 * parts of one channel; all but the last have the flag GUEST_MORE. The encoding is a
 * fixed header, the limits, then strings that end with NUL: user, cwd, argv, env.
 */
#ifndef BRIG_GUEST_EXEC_H
#define BRIG_GUEST_EXEC_H

#include "base/wire.h"

#include <stddef.h>
#include <stdint.h>

struct err;

#define GUEST_EXEC_MAX ((size_t)2 << 20) /* bytes of one request, all its parts */
#define GUEST_MORE     1U /* frame flag of EXEC: another part follows on this channel */

#define GUEST_EXEC_TTY     1U /* one terminal for all three streams; output is STDOUT */
#define GUEST_EXEC_STDIN   2U /* keep standard input open; else it is /dev/null */
#define GUEST_EXEC_BUILTIN 4U /* argv[0] is one of builtin.h */

#define GUEST_UMASK_DEFAULT 0022U
#define GUEST_RLIMITS_MAX   16U

struct guest_rlimit {
	uint32_t resource; /* RLIMIT_* */
	uint64_t soft, hard;
};

struct guest_exec {
	uint32_t flags;
	uint16_t rows, cols; /* with GUEST_EXEC_TTY; 0 for unknown */
	uint32_t mask;       /* umask(2), 0..0777 */
	const char *user;    /* "" (root), "uid", "uid:gid", "name", "name:group" */
	const char *cwd;     /* "" for "/" */
	char *const *argv;   /* at least one */
	char *const *env;    /* may be NULL: none */
	struct guest_rlimit rlimits[GUEST_RLIMITS_MAX];
	uint32_t n_rlimits;
	void *memory; /* of the decoder, for guest_exec_clear() */
};

int guest_exec_encode(const struct guest_exec *x, struct buf *out, struct err *e);
/* The strings point into 'data', which must outlive 'ret'. */
int guest_exec_decode(const void *data, size_t len, struct guest_exec *ret);
void guest_exec_clear(struct guest_exec *x);

/* Queue an encoded EXEC as the frames it takes. 0 or -errno of wire_send(). */
int guest_exec_send(struct wire *w, uint16_t channel, const struct buf *encoded);

#endif
