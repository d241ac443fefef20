/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/suspend.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "guest/warder.h"

#include <fcntl.h>
#include <linux/random.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define MACHINE_ID "/etc/machine-id"
/* The host's end listens from the machine's first instruction on. */
#define CONNECT_TRIES   50
#define CONNECT_WAIT_US 20000

void suspend_note_host(struct warder *w)
{
	struct sockaddr_vm a = { 0 };
	socklen_t n = sizeof(a);

	if (getpeername(w->wire.fd, (struct sockaddr *)&a, &n) == 0 &&
		a.svm_family == AF_VSOCK)
		w->host = a;
}

int suspend_begin(struct warder *w)
{
	int r = w->host.svm_family == AF_VSOCK ? procs_signal(&w->procs, SIGSTOP)
					       : -EOPNOTSUPP;

	if (r == 0) {
		w->suspended = true;
		warder_watch_commands(w);
		sync();
	}
	return guest_send_pair(&w->wire, GUEST_DONE, GUEST_SUSPEND, (uint32_t)-r);
}

void suspend_end(struct warder *w)
{
	w->suspended = false;
	warder_watch_commands(w);
}

static int tell_command(struct warder *w, const struct command *c)
{
	const struct guest_kept kept = { .in_left = c->rx.left,
		.out_left = c->tx.left,
		.flags = (c->tty ? GUEST_KEPT_TTY : 0U) |
			(c->started ? GUEST_KEPT_STARTED : 0U) |
			(c->exited ? GUEST_KEPT_EXITED : 0U) |
			(c->out[0].open ? GUEST_KEPT_STDOUT : 0U) |
			(c->out[1].open ? GUEST_KEPT_STDERR : 0U) };
	uint8_t body[GUEST_BODY_MAX];

	return guest_send_body(
		&w->wire, c->channel, GUEST_KEPT, body, guest_kept_encode(&kept, body));
}

static int connect_host(const struct warder *w)
{
	int r = -ENOTCONN;

	for (unsigned i = 0; i < CONNECT_TRIES; i++) {
		auto_fd int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 &&
			connect(fd, (const struct sockaddr *)&w->host, sizeof(w->host)) ==
				0)
			return take_fd(&fd);
		r = -errno;
		(void)usleep(CONNECT_WAIT_US);
	}
	return r;
}

int suspend_reconnect(struct warder *w)
{
	int fd = connect_host(w), r;

	if (fd < 0)
		return fd;
	loop_source_free(w->wire_src);
	w->wire_src = NULL;
	wire_clear(&w->wire);
	wire_init(&w->wire, fd);
	w->congested = false;
	r = warder_watch_wire(w, NULL);
	if (r == 0)
		r = guest_send_pair(
			&w->wire, GUEST_READY, GUEST_VERSION, (uint32_t)getpid());
	for (unsigned i = 0; i < WARDER_BUCKETS; i++)
		for (struct command *c = w->by_channel[i]; r == 0 && c;
			c = c->next_channel)
			r = tell_command(w, c);
	return r;
}

/* random(4): count them, and draw from them from now on. */
static int take_entropy(const struct warder *w, const uint8_t bytes[GUEST_ENTROPY])
{
	struct {
		int bits, size;
		uint8_t bytes[GUEST_ENTROPY];
	} pool = { GUEST_ENTROPY * 8, GUEST_ENTROPY, { 0 } };

	memcpy(pool.bytes, bytes, GUEST_ENTROPY);
	if (w->random < 0)
		return -ENODEV;
	if (ioctl(w->random, RNDADDENTROPY, &pool) < 0 ||
		ioctl(w->random, RNDRESEEDCRNG) < 0)
		return -errno;
	return 0;
}

/* Only where there is one: who has none isn't to get one. */
static int set_machine_id(const char *id)
{
	auto_fd int fd = open(
		MACHINE_ID, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	char line[GUEST_MACHINE_ID + 2];
	struct stat st;
	int n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	n = snprintf(line, sizeof(line), "%s\n", id);
	return ftruncate(fd, 0) < 0 || write(fd, line, (size_t)n) != n ? -errno : 0;
}

int suspend_take_identity(struct warder *w, const struct wire_frame *f)
{
	struct guest_identity id;
	struct timespec now;
	int r = guest_identity_decode(f, &id);

	if (r < 0)
		return r;
	now = (struct timespec){ .tv_sec = (time_t)(id.real_ns / NS_PER_SEC),
		.tv_nsec = (long)(id.real_ns % NS_PER_SEC) };
	r = take_entropy(w, id.entropy);
	if (r == 0 && clock_settime(CLOCK_REALTIME, &now) < 0)
		r = -errno;
	if (r == 0 && *id.hostname && sethostname(id.hostname, strlen(id.hostname)) < 0)
		r = -errno;
	if (r == 0)
		r = set_machine_id(id.machine_id);
	/* one that couldn't become somebody else stays where it is */
	if (r == 0) {
		suspend_end(w);
		r = procs_signal(&w->procs, SIGCONT);
	}
	return guest_send_pair(&w->wire, GUEST_DONE, GUEST_IDENTITY, (uint32_t)-r);
}
