/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Output is read only when the keeper has granted credit and takes
 * bytes off the wire, so a stalled reader stalls its own command by way of the full pipe
 * and nothing else. When the main process ends, what it had written (FIONREAD of that
 * moment, 'owed') is delivered however long the keeper takes; what processes that it left
 * behind still write is followed for GUEST_DRAIN_MS of being able to read, then cut.
 */
#include "guest/warder.h"

#include "base/clock.h"

#include <poll.h>
#include <sys/ioctl.h>

#define READ_MAX 32768U
/*
 * FIONREAD of a terminal tells of a part only. More than this is not on its way: 8 KiB in
 * the flip buffers of a pseudo terminal (drivers/tty/pty.c), 4 KiB in its line discipline.
 */
#define TTY_HOLDS_MAX 16384U

static uint8_t scratch[READ_MAX];

static enum guest_stream stream_of(const struct command_out *o)
{
	return o == &o->command->out[1] ? GUEST_STDERR : GUEST_STDOUT;
}

static void send_flagged(struct command *c, enum guest_type type,
	enum guest_stream stream, const void *data, uint32_t len)
{
	struct wire_frame f = {
		.channel = c->channel,
		.type = (uint8_t)type,
		.flags = (uint8_t)stream,
		.len = len,
		.data = data,
	};

	warder_must(c->warder, wire_send(&c->warder->wire, &f));
}

static void out_close(struct command_out *o)
{
	if (!o->open)
		return;
	o->open = false;
	loop_source_free(o->src);
	o->src = NULL;
	close_auto(&o->fd);
	o->fd = -1;
	send_flagged(o->command, GUEST_EOF, stream_of(o), NULL, 0);
}

static bool may_read(const struct command *c)
{
	return c->started && c->tx.left > 0 && !c->warder->congested &&
		!c->warder->suspended;
}

static void on_output(struct loop_source *src, uint32_t events, void *data)
{
	struct command_out *o = data;
	struct command *c = o->command;
	uint32_t max = c->tx.left < READ_MAX ? c->tx.left : READ_MAX;
	ssize_t n;

	(void)src;
	(void)events;
	if (!may_read(c)) {
		command_io_watch(c);
		return;
	}
	n = read(o->fd, scratch, max);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* EIO is how a terminal says that nobody has it open any more. */
		out_close(o);
		warder_flush(c->warder);
		command_settle(c);
		return;
	}
	(void)guest_window_spend(&c->tx, (uint32_t)n);
	o->owed -= (uint32_t)n < o->owed ? (uint32_t)n : o->owed;
	o->moved = true;
	send_flagged(c, GUEST_DATA, stream_of(o), scratch, (uint32_t)n);
	if (!c->tx.left)
		command_io_watch(c);
	warder_flush(c->warder);
}

void command_io_watch(struct command *c)
{
	for (int i = 0; i < 2; i++)
		if (c->out[i].open)
			warder_must(c->warder,
				loop_source_events(
					c->out[i].src, may_read(c) ? EPOLLIN : 0));
}

static bool still_owes(struct command_out *o)
{
	struct pollfd p = { .fd = o->fd, .events = POLLIN };

	bool moved = o->moved;

	/* between two buffers of a terminal's what it holds is not to be seen for a while */
	o->moved = false;
	if (o->owed && o->open && !moved &&
		(poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN)))
		o->owed = 0;
	return o->open && o->owed;
}

static void on_drain(struct loop_source *timer, void *data)
{
	struct command *c = data;

	/* Time in which nothing could be read does not count. */
	if (!may_read(c) || still_owes(&c->out[0]) || still_owes(&c->out[1])) {
		loop_timer_arm(timer, GUEST_DRAIN_MS * NS_PER_MS);
		return;
	}
	out_close(&c->out[0]);
	out_close(&c->out[1]);
	warder_flush(c->warder);
	command_settle(c);
}

void command_io_exited(struct command *c)
{
	int n;

	for (int i = 0; i < 2; i++)
		if (c->out[i].open && c->tty)
			c->out[i].owed = TTY_HOLDS_MAX;
		else if (c->out[i].open && ioctl(c->out[i].fd, FIONREAD, &n) == 0 &&
			n > 0)
			c->out[i].owed = (uint32_t)n;
	if (!c->out[0].open && !c->out[1].open)
		return;
	if (loop_add_timer(c->warder->loop, on_drain, c, &c->drain, NULL) < 0) {
		out_close(&c->out[0]);
		out_close(&c->out[1]);
		return;
	}
	loop_timer_arm(c->drain, GUEST_DRAIN_MS * NS_PER_MS);
}

static void in_close(struct command *c)
{
	loop_source_free(c->in.src);
	c->in.src = NULL;
	close_auto(&c->in.fd);
	c->in.fd = -1;
}

/* Bytes went to the command, or nobody wants them: either way they are off our hands. */
static void in_passed(struct command *c, uint32_t n)
{
	uint32_t give = guest_window_passed(&c->rx, n);

	if (give)
		warder_must(c->warder,
			guest_send_u32(&c->warder->wire, c->channel, GUEST_CREDIT, give));
}

static void in_discard(struct command *c)
{
	in_passed(c, (uint32_t)(c->in.queue.len - c->in.at));
	buf_clear(&c->in.queue);
	c->in.at = 0;
}

static void in_write(struct command *c)
{
	struct command_in *in = &c->in;

	while (in->fd >= 0 && in->at < in->queue.len) {
		ssize_t n =
			write(in->fd, in->queue.data + in->at, in->queue.len - in->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			in_close(c);
			send_flagged(c, GUEST_EOF, GUEST_STDIN, NULL, 0);
			break;
		}
		in->at += (size_t)n;
		in_passed(c, (uint32_t)n);
	}
	if (in->fd < 0)
		in_discard(c);
	if (in->at == in->queue.len) {
		buf_clear(&in->queue);
		in->at = 0;
		if (in->eof && in->fd >= 0) {
			/* A terminal knows no end of input but the character VEOF,
			 * termios(3). */
			if (c->tty)
				(void)!write(in->fd, "\4", 1);
			in_close(c);
		}
	}
	if (in->src)
		warder_must(c->warder,
			loop_source_events(in->src, in->queue.len ? EPOLLOUT : 0));
}

static void on_input_room(struct loop_source *src, uint32_t events, void *data)
{
	struct command *c = data;

	(void)src;
	(void)events;
	in_write(c);
	warder_flush(c->warder);
}

int command_io_input(struct command *c, const struct wire_frame *f)
{
	int r = guest_window_spend(&c->rx, f->len);

	if (r < 0)
		return r;
	if (c->in.fd < 0 || c->in.eof) {
		in_passed(c, f->len);
		return 0;
	}
	if (c->in.at > c->in.queue.len / 2) {
		buf_drop(&c->in.queue, c->in.at);
		c->in.at = 0;
	}
	r = buf_add(&c->in.queue, f->data, f->len);
	if (r == 0)
		in_write(c);
	return r;
}

void command_io_eof(struct command *c)
{
	c->in.eof = true;
	in_write(c);
}

void command_io_resize(struct command *c, uint16_t rows, uint16_t cols)
{
	struct winsize size = { .ws_row = rows, .ws_col = cols };

	/* The kernel sends SIGWINCH to the terminal's foreground group. */
	if (c->tty && c->out[0].open)
		(void)ioctl(c->out[0].fd, TIOCSWINSZ, &size);
}

int command_io_start(struct command *c, struct spawned *s)
{
	struct warder *w = c->warder;
	int r;

	for (int i = 0; i < 2; i++) {
		if (s->out[i] < 0)
			continue;
		c->out[i] = (struct command_out){
			.command = c, .fd = take_fd(&s->out[i]), .open = true
		};
		r = loop_add_fd(w->loop, c->out[i].fd, 0, on_output, &c->out[i],
			&c->out[i].src, NULL);
		if (r < 0)
			return r;
	}
	c->in.fd = take_fd(&s->in);
	if (c->tty)
		send_flagged(c, GUEST_EOF, GUEST_STDERR, NULL, 0);
	if (c->in.fd < 0)
		return 0;
	return loop_add_fd(w->loop, c->in.fd, 0, on_input_room, c, &c->in.src, NULL);
}

void command_io_close(struct command *c)
{
	for (int i = 0; i < 2; i++) {
		loop_source_free(c->out[i].src);
		close_auto(&c->out[i].fd);
		c->out[i] = (struct command_out){ .command = c, .fd = -1 };
	}
	in_close(c);
	buf_clear(&c->in.queue);
	loop_source_free(c->drain);
	c->drain = NULL;
}
