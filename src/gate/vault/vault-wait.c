/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-wait.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/parcel.h"

#include <poll.h>

static int wait_for(int fd, short events, uint64_t until, struct err *e)
{
	for (;;) {
		struct pollfd p = { fd, events, 0 };
		uint64_t now = clock_mono_ns();
		int n;

		if (now >= until)
			return err_set(
				e, ETIMEDOUT, "the other side of a socket is silent");
		n = poll(&p, 1,
			until == UINT64_MAX ? -1 : (int)((until - now) / NS_PER_MS) + 1);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "wait for a message");
	}
}

static uint64_t deadline(int wait_ms)
{
	return wait_ms < 0 ? UINT64_MAX : clock_mono_ns() + (uint64_t)wait_ms * NS_PER_MS;
}

int vault_wait(int fd, int wait_ms, struct err *e)
{
	return wait_for(fd, POLLIN, deadline(wait_ms), e);
}

int vault_send(int fd, uint32_t type, const struct buf *data, int wait_ms, struct err *e)
{
	uint64_t until = deadline(wait_ms);
	int r;

	while ((r = parcel_send(fd, type, data->data, data->len)) == -EAGAIN) {
		r = wait_for(fd, POLLOUT, until, e);
		if (r < 0)
			return r;
	}
	return r < 0 ? err_set(e, -r, "send a message: %s", err_text(-r)) : 0;
}
