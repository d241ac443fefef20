/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A command is: asked for (parts of its EXEC come in), spawned (the
 * child has not told yet), started or failed, exited, over. It is over and its channel
 * free when it has exited and both streams have ended, or when it failed; a late frame
 * for a channel that is free is ignored, because the keeper could not know yet.
 */
#include "guest/warder.h"

#include <signal.h>
#include <string.h>

static unsigned bucket(unsigned number)
{
	return number % WARDER_BUCKETS;
}

struct command *command_by_channel(struct warder *w, uint16_t channel)
{
	struct command *c = w->by_channel[bucket(channel)];

	while (c && c->channel != channel)
		c = c->next_channel;
	return c;
}

struct command *command_by_pid(struct warder *w, pid_t pid)
{
	struct command *c = w->by_pid[bucket((unsigned)pid)];

	while (c && c->pid != pid)
		c = c->next_pid;
	return c;
}

static void set_pid(struct command *c, pid_t pid)
{
	struct command **head = &c->warder->by_pid[bucket((unsigned)pid)];

	c->pid = pid;
	c->next_pid = *head;
	*head = c;
	c->warder->n_running++;
}

static void forget_pid(struct command *c)
{
	struct command **at;

	if (!c->pid)
		return;
	at = &c->warder->by_pid[bucket((unsigned)c->pid)];
	while (*at != c)
		at = &(*at)->next_pid;
	*at = c->next_pid;
	c->pid = 0;
	c->warder->n_running--;
}

static struct command *command_new(struct warder *w, uint16_t channel)
{
	struct command *c = calloc(1, sizeof(*c));
	struct command **head = &w->by_channel[bucket(channel)];

	if (!c)
		return NULL;
	c->warder = w;
	c->channel = channel;
	c->status_fd = c->in.fd = c->out[0].fd = c->out[1].fd = -1;
	c->rx.left = c->tx.left = GUEST_WINDOW;
	c->request.max = GUEST_EXEC_MAX;
	c->next_channel = *head;
	*head = c;
	w->n_commands++;
	return c;
}

static void status_close(struct command *c)
{
	loop_source_free(c->status_src);
	c->status_src = NULL;
	close_auto(&c->status_fd);
	c->status_fd = -1;
}

static void command_free(struct command *c)
{
	struct warder *w = c->warder;
	struct command **at = &w->by_channel[bucket(c->channel)];

	while (*at != c)
		at = &(*at)->next_channel;
	*at = c->next_channel;
	forget_pid(c);
	status_close(c);
	command_io_close(c);
	buf_clear(&c->request);
	free(c);
	w->n_commands--;
	warder_none_left(w);
}

static void command_fail(struct command *c, const struct guest_failed *f)
{
	uint8_t body[GUEST_BODY_MAX];
	size_t len = guest_failed_encode(f, body);

	warder_must(c->warder,
		guest_send_body(&c->warder->wire, c->channel, GUEST_FAILED, body, len));
	warder_flush(c->warder);
	command_free(c);
}

void command_settle(struct command *c)
{
	if (c->exited && !c->out[0].open && !c->out[1].open)
		command_free(c);
}

static void started(struct command *c)
{
	struct warder *w = c->warder;

	c->started = true;
	status_close(c);
	warder_must(
		w, guest_send_u32(&w->wire, c->channel, GUEST_STARTED, (uint32_t)c->pid));
	command_io_watch(c);
}

/* What the child tells about exec: false when the command failed and is no more. */
static bool status_read(struct command *c)
{
	uint8_t body[GUEST_BODY_MAX];
	struct guest_failed f;
	ssize_t n = read(c->status_fd, body, sizeof(body));
	struct wire_frame frame = { .len = n > 0 ? (uint32_t)n : 0, .data = body };

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0) {
		started(c);
		return true;
	}
	if (guest_failed_decode(&frame, &f) < 0)
		f = (struct guest_failed){ GUEST_STEP_SPAWN, EIO, "start the command" };
	command_fail(c, &f);
	return false;
}

static void on_status(struct loop_source *src, uint32_t events, void *data)
{
	struct command *c = data;
	struct warder *w = c->warder;

	(void)src;
	(void)events;
	(void)status_read(c);
	warder_flush(w);
}

static int launch(
	struct command *c, const struct guest_exec *x, struct guest_failed *fail)
{
	struct warder *w = c->warder;
	struct spawned s;
	int r;

	c->tty = x->flags & GUEST_EXEC_TTY;
	if (w->stopping) {
		*fail = (struct guest_failed){ GUEST_STEP_SPAWN, ESHUTDOWN,
			"start a command while the sandbox stops" };
		return -ESHUTDOWN;
	}
	r = spawn_command(&w->spawn, x, &s, fail);
	if (r < 0)
		return r;
	set_pid(c, s.pid);
	c->status_fd = take_fd(&s.status);
	r = command_io_start(c, &s);
	if (r == 0)
		r = loop_add_fd(w->loop, c->status_fd, EPOLLIN, on_status, c,
			&c->status_src, NULL);
	spawned_close(&s);
	if (r < 0) {
		(void)kill(c->pid, SIGKILL);
		*fail = (struct guest_failed){ GUEST_STEP_SPAWN, -r,
			"watch the command" };
	}
	return r;
}

int command_exec(struct warder *w, const struct wire_frame *f)
{
	struct command *c = command_by_channel(w, f->channel);
	struct guest_failed fail = { 0 };
	struct guest_exec x;
	int r;

	if (c && (c->pid || c->started))
		return -EPROTO;
	if (!c)
		c = command_new(w, f->channel);
	if (!c)
		return -ENOMEM;
	r = buf_add(&c->request, f->data, f->len);
	if (r < 0 || (f->flags & GUEST_MORE))
		return r;
	r = guest_exec_decode(c->request.data, c->request.len, &x);
	if (r < 0)
		return r;
	r = launch(c, &x, &fail);
	guest_exec_clear(&x);
	buf_clear(&c->request);
	if (r < 0)
		command_fail(c, &fail);
	return 0;
}

static int winsize(struct command *c, const struct wire_frame *f)
{
	uint16_t rows, cols;

	if (guest_winsize_decode(f, &rows, &cols) < 0)
		return -EPROTO;
	command_io_resize(c, rows, cols);
	return 0;
}

int command_frame(struct command *c, const struct wire_frame *f)
{
	uint32_t v;

	switch (f->type) {
	case GUEST_DATA: return command_io_input(c, f);
	case GUEST_EOF: command_io_eof(c); return 0;
	case GUEST_WINSIZE: return winsize(c, f);
	case GUEST_CREDIT:
		if (guest_u32_decode(f, &v) < 0 || guest_window_grow(&c->tx, v) < 0)
			return -EPROTO;
		command_io_watch(c);
		return 0;
	case GUEST_SIGNAL:
		if (guest_u32_decode(f, &v) < 0 || v > 64)
			return -EPROTO;
		/* The number is ours until it is reaped: it can't mean someone else. */
		if (c->pid)
			(void)kill(c->pid, (int)v);
		return 0;
	default: return -EPROTO;
	}
}

void command_reaped(struct command *c, const struct guest_exited *how)
{
	struct warder *w = c->warder;
	uint8_t body[GUEST_BODY_MAX];

	if (!c->started && !status_read(c))
		return;
	if (!c->started)
		started(c);
	forget_pid(c);
	c->exited = true;
	warder_must(w,
		guest_send_body(&w->wire, c->channel, GUEST_EXITED, body,
			guest_exited_encode(how, body)));
	command_io_exited(c);
	command_settle(c);
}

void command_signal_all(struct warder *w, int sig)
{
	for (unsigned i = 0; i < WARDER_BUCKETS; i++)
		for (struct command *c = w->by_pid[i]; c; c = c->next_pid)
			(void)kill(c->pid, sig);
}
