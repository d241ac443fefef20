/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a control connection, as a client or a keeper that is not ours may send them. */
#include "base/buf.h"
#include "base/err.h"
#include "sandbox/control.h"

#include <sys/socket.h>

static void take(const struct wire_frame *f, struct buf *parts)
{
	union {
		struct control_request request;
		struct control_reply reply;
		struct control_bye bye;
	} m;
	const struct json_schema *s = f->type == CONTROL_BYE ? &control_bye_schema
		: f->type == CONTROL_REPLY                   ? &control_reply_schema
							     : &control_request_schema;
	struct err e = { 0 };
	int r = control_take(f, parts, s, &m, &e);

	if (parts->len > CONTROL_MAX || (r < 0 && !e.code))
		abort();
	if (r > 0)
		json_struct_clear(s, &m);
	if (r < 0)
		buf_clear(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf parts = { 0 };
	struct wire_frame f;
	struct wire w;
	int fd[2];

	if (size > 60000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return 0;
	wire_init(&w, fd[0]);
	if (send(fd[1], data, size, MSG_DONTWAIT) == (ssize_t)size) {
		(void)shutdown(fd[1], SHUT_WR);
		while (wire_read(&w) > 0)
			while (wire_next(&w, &f) > 0)
				take(&f, &parts);
	}
	(void)close(fd[1]);
	wire_clear(&w);
	return 0;
}
