/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/term.h"
#include "cli/command.h"
#include "cli/out.h"
#include "guest/proto.h"
#include "sandbox/clean.h"
#include "sandbox/keeper.h"
#include "sandbox/port.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

/* Longer than a keeper takes to end in the worst case. */
#define KEEPER_WAIT_NS (60 * NS_PER_SEC)

struct attached {
	struct loop *loop;
	struct wire wire;
	struct loop_source *wire_src, *in_src;
	struct term term;
	struct term_keys keys;
	struct buf parts;
	struct control_bye bye;
	const struct sandbox *held;
	bool have_bye, detached;
	bool tty, stdin_open;
	uint32_t credit;
	int in, out;
	struct buf *said; /* standard error goes there */
	bool broken_out;  /* whoever read our output is gone */
	struct err err;
};

static int reply_error(const struct control_reply *r, struct err *e)
{
	int code = r->code > 0 && r->code < 4096 ? (int)r->code : EIO;

	(void)err_set(e, code, "%s", r->error ? r->error : "the keeper refused");
	if (r->hint)
		err_hint(e, "%s", r->hint);
	return -code;
}

/* Sleep until the keeper has said something, or takes more. */
static void wait_for(const struct wire *w, short events)
{
	struct pollfd p = { .fd = w->fd, .events = events };

	(void)poll(&p, 1, -1);
}

/* Blocking, for the one-answer requests: the next message of 'type'. */
static int take_message(struct wire *w, enum control_type type,
	const struct json_schema *schema, void *out, struct err *e)
{
	auto_buf struct buf parts = { 0 };

	for (;;) {
		struct wire_frame f;
		int r = wire_next(w, &f);

		if (r < 0)
			return err_set(e, -r, "the keeper's answer can't be read");
		if (r > 0 && f.type != type)
			continue;
		if (r > 0) {
			r = control_take(&f, &parts, schema, out, e);
			if (r)
				return r < 0 ? r : 0;
			continue;
		}
		r = wire_read(w);
		if (r == -EAGAIN) {
			/* it may take as long as a command runs: no deadline */
			wait_for(w, POLLIN);
			continue;
		}
		if (r <= 0)
			return err_set(e, ECONNRESET, "the keeper is gone");
	}
}

static int send_request(struct wire *w, const struct control_request *q, struct err *e)
{
	int r = control_send(w, CONTROL_REQUEST, &control_request_schema, q);

	while (r == 0 && wire_pending(w)) {
		r = wire_flush(w);
		if (r == 0 && wire_pending(w))
			wait_for(w, POLLOUT);
	}
	return r < 0 ? err_set(e, -r, "speak to the keeper: %s", strerrordesc_np(-r)) : 0;
}

int session_ask(
	int fd, const struct control_request *q, struct control_reply *ret, struct err *e)
{
	struct wire w;
	int r;

	wire_init(&w, fd);
	r = send_request(&w, q, e);
	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = take_message(&w, CONTROL_REPLY, &control_reply_schema, ret, e);
	wire_clear(&w);
	if (r == 0 && !ret->ok) {
		uint64_t status = ret->status;

		r = reply_error(ret, e);
		json_struct_clear(&control_reply_schema, ret);
		ret->status = status;
	}
	return r;
}

/* Ports that were left to the keeper to choose. */
static void note_ports(const struct control_reply *r)
{
	for (size_t i = 0; i < r->ports.n; i++) {
		const struct port_spec *p = port_at(&r->ports, i);

		out_note("port %llu is published at %s:%llu",
			(unsigned long long)p->guest, p->ip ? p->ip : "127.0.0.1",
			(unsigned long long)p->host);
	}
}

int session_start(int fd, const struct control_request *q, struct err *e)
{
	struct control_reply reply;
	int r = session_ask(fd, q, &reply, e);

	if (r == 0) {
		note_ports(&reply);
		json_struct_clear(&control_reply_schema, &reply);
		return 0;
	}
	if (reply.status == 0)
		return r;
	out_error("%s", e->msg);
	return (int)(reply.status & 0xff);
}

int session_ask_name(const char *name, const struct control_request *q,
	struct control_reply *ret, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int fd = sandbox_open(name, &s, e);

	if (fd == 0)
		fd = session_open(&s, false, e);
	return fd < 0 ? fd : session_ask(fd, q, ret, e);
}

/* A keeper that has just begun, or is about to end, doesn't listen: that passes soon. */
static int connect_kept(const struct sandbox *s, struct err *e)
{
	uint64_t until = clock_mono_ns() + KEEPER_WAIT_NS;
	int r = -ESRCH;

	while (sandbox_kept(s)) {
		r = control_connect(s->name, e);
		if (r >= 0 || clock_mono_ns() > until)
			return r;
		(void)usleep(5000);
		r = -ESRCH;
	}
	return r;
}

int session_open(const struct sandbox *s, bool start, struct err *e)
{
	int fd, r;

	/* twice: between looking and connecting it may have ended */
	for (int i = 0; i < 2; i++) {
		fd = connect_kept(s, e);
		if (fd >= 0)
			return fd;
		if (!start || fd != -ESRCH)
			break;
		r = sandbox_hold(s, e);
		if (r < 0)
			return r;
		if (sandbox_kept(s))
			continue;
		if (faccessat(s->dir, "run.json", F_OK, 0) == 0) {
			auto_strv struct strv notes = { 0 };
			bool removed;

			r = clean_crashed(s, &notes, &removed, e);
			if (r < 0)
				return r;
			for (size_t n = 0; n < notes.n; n++)
				out_note("%s", notes.v[n]);
			if (removed)
				return err_set(e, ENOENT,
					"sandbox '%s' was removed after its keeper was "
					"killed",
					s->name);
		}
		return keeper_spawn(s, e);
	}
	if (!start && !sandbox_kept(s)) {
		(void)err_set(e, ESRCH, "sandbox '%s' does not run", s->name);
		err_hint(e, "brig start %s", s->name);
		return -ESRCH;
	}
	return e && e->code ? -e->code : -EBUSY;
}

static void quit(struct attached *a, int code)
{
	loop_quit(a->loop, code);
}

static void flush_wire(struct attached *a)
{
	if (wire_flush(&a->wire) < 0) {
		(void)err_set(&a->err, ECONNRESET, "the keeper is gone");
		quit(a, 1);
		return;
	}
	(void)loop_source_events(
		a->wire_src, EPOLLIN | (wire_pending(&a->wire) ? (uint32_t)EPOLLOUT : 0));
}

static void watch_stdin(struct attached *a)
{
	if (a->in_src)
		(void)loop_source_events(a->in_src,
			a->credit && !wire_pending(&a->wire) ? (uint32_t)EPOLLIN : 0);
}

static void send_eof(struct attached *a)
{
	struct wire_frame f = { .type = GUEST_EOF, .flags = GUEST_STDIN };

	loop_source_free(a->in_src);
	a->in_src = NULL;
	(void)wire_send(&a->wire, &f);
	flush_wire(a);
}

static void stdin_ready(struct loop_source *src, uint32_t events, void *data)
{
	struct attached *a = data;
	unsigned char typed[16384], on[16384 + TERM_KEYS_MAX];
	/* keys held back earlier may come on top of what is read now */
	size_t room = a->credit > TERM_KEYS_MAX ? a->credit - TERM_KEYS_MAX : 1;
	struct wire_frame f = { .type = GUEST_DATA, .flags = GUEST_STDIN, .data = on };
	ssize_t n = read(a->in, typed, room < sizeof(typed) ? room : sizeof(typed));
	bool hit = false;

	(void)src;
	(void)events;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		send_eof(a);
		return;
	}
	if (a->tty)
		f.len = (uint32_t)term_keys_filter(&a->keys, typed, (size_t)n, on, &hit);
	else
		f.len = (uint32_t)n, f.data = typed;
	if (f.len) {
		a->credit -= f.len < a->credit ? f.len : a->credit;
		(void)wire_send(&a->wire, &f);
		flush_wire(a);
	}
	if (hit) {
		(void)wire_send(&a->wire, &(struct wire_frame){ .type = CONTROL_DETACH });
		flush_wire(a);
		a->detached = true;
		quit(a, 0);
	}
	watch_stdin(a);
}

static void to_output(struct attached *a, const struct wire_frame *f)
{
	bool is_err = f->flags == GUEST_STDERR;
	int fd = is_err ? STDERR_FILENO : a->out >= 0 ? a->out : STDOUT_FILENO;
	const char *p = f->data;
	size_t left = f->len;

	if (is_err && a->said) {
		size_t room = a->said->max - a->said->len;

		(void)buf_add(a->said, p, left < room ? left : room);
		return;
	}
	while (left && !a->broken_out) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EAGAIN) {
			(void)usleep(1000);
			continue;
		}
		if (n < 0 && errno != EINTR) {
			struct wire_frame sig = { .type = GUEST_SIGNAL,
				.len = 4,
				.data = (uint8_t[]){ SIGPIPE, 0, 0, 0 } };

			/* as if the command had written there itself */
			a->broken_out = true;
			(void)wire_send(&a->wire, &sig);
			flush_wire(a);
		}
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
}

static int serve_frame(struct attached *a, const struct wire_frame *f)
{
	struct control_reply reply;
	uint32_t n;
	int r = 0;

	switch (f->type) {
	case CONTROL_REPLY:
		r = control_take(f, &a->parts, &control_reply_schema, &reply, &a->err);
		if (r > 0) {
			/* it runs, or won't: others may start, stop or remove it */
			if (a->held)
				sandbox_release(a->held);
			r = reply.ok ? 0 : reply_error(&reply, &a->err);
			note_ports(&reply);
			json_struct_clear(&control_reply_schema, &reply);
		}
		return r;
	case CONTROL_BYE:
		r = control_take(f, &a->parts, &control_bye_schema, &a->bye, &a->err);
		if (r > 0) {
			a->have_bye = true;
			r = 0;
		}
		return r;
	case GUEST_DATA: to_output(a, f); return 0;
	case GUEST_CREDIT:
		if (guest_u32_decode(f, &n) == 0)
			a->credit += n;
		watch_stdin(a);
		return 0;
	case GUEST_EOF:
		if (f->flags == GUEST_STDIN && a->in_src) {
			loop_source_free(a->in_src);
			a->in_src = NULL;
		}
		return 0;
	default: return 0;
	}
}

static void wire_ready(struct loop_source *src, uint32_t events, void *data)
{
	struct attached *a = data;
	struct wire_frame f;
	int r;

	(void)src;
	if (events & EPOLLOUT) {
		flush_wire(a);
		watch_stdin(a);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	r = wire_read(&a->wire);
	if (r == -EAGAIN)
		return;
	if (r <= 0 && r != -ENOBUFS) {
		if (!a->have_bye && !a->err.code)
			(void)err_set(&a->err, ECONNRESET,
				"the keeper is gone, and the sandbox with it");
		quit(a, 0);
		return;
	}
	while ((r = wire_next(&a->wire, &f)) > 0)
		if (serve_frame(a, &f) < 0) {
			quit(a, 1);
			return;
		}
	if (r < 0)
		quit(a, 1);
}

static void signalled(
	struct loop_source *src, const struct signalfd_siginfo *info, void *data)
{
	struct attached *a = data;
	uint16_t rows, cols;

	(void)src;
	if (info->ssi_signo == SIGWINCH) {
		if (a->tty && term_size(STDIN_FILENO, &rows, &cols))
			(void)guest_send_winsize(&a->wire, 0, rows, cols);
	} else {
		(void)guest_send_u32(&a->wire, 0, GUEST_SIGNAL, info->ssi_signo);
	}
	flush_wire(a);
}

/* The signals that a person or a supervisor sends to a program: the command gets them. */
static int forward_signals(struct attached *a, struct err *e)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
		SIGCONT, SIGALRM, SIGWINCH };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		(void)sigaddset(&set, signals[i]);
	return loop_add_signals(a->loop, &set, signalled, a, NULL, e);
}

static int set_up(struct attached *a, struct session *s, const struct control_request *q,
	struct err *e)
{
	const char *keys = s->detach_keys ? s->detach_keys : "ctrl-p,ctrl-q";
	int r = loop_new(&a->loop, e);

	a->in = s->pipes.in >= 0 ? s->pipes.in : STDIN_FILENO;
	a->out = s->pipes.out;
	a->said = s->pipes.err;
	a->tty = q->tty && s->pipes.in < 0;
	a->stdin_open = q->stdin_open;
	a->held = s->held;
	if (r == 0)
		r = term_keys_parse(keys, &a->keys, e);
	if (r == 0)
		r = forward_signals(a, e);
	if (r == 0)
		r = loop_add_fd(
			a->loop, a->wire.fd, EPOLLIN, wire_ready, a, &a->wire_src, e);
	if (r == 0 && a->stdin_open) {
		r = loop_add_fd(a->loop, a->in, EPOLLIN, stdin_ready, a, &a->in_src, e);
		if (r == 0)
			watch_stdin(a);
	}
	if (r == 0 && a->tty && isatty(STDIN_FILENO))
		r = term_raw(&a->term, STDIN_FILENO, e);
	return r;
}

static int outcome(struct attached *a, const struct session *s, struct err *e)
{
	if (a->detached) {
		fprintf(stderr, "\r\n");
		return 0;
	}
	if (!a->have_bye) {
		if (a->err.code) {
			*e = a->err;
			return -e->code;
		}
		return err_set(e, ECONNRESET, "the keeper is gone");
	}
	for (size_t i = 0; i < a->bye.notes.n && !s->quiet; i++)
		out_note("%s", a->bye.notes.v[i]);
	if (a->bye.error) {
		auto_free char *shown = str_escape(a->bye.error);

		out_error("%s", shown ? shown : "the command could not be started");
	} else if (a->bye.reason && strcmp(a->bye.reason, "exited") != 0 && !s->quiet) {
		out_note("%s", a->bye.reason);
	}
	return (int)(a->bye.status & 0xff);
}

int session_attach(struct session *s, const struct control_request *q, struct err *e)
{
	struct attached a = { .in = -1, .out = -1 };
	int r;

	wire_init(&a.wire, s->fd);
	s->fd = -1;
	r = set_up(&a, s, q, e);
	if (r == 0)
		r = control_send(&a.wire, CONTROL_REQUEST, &control_request_schema, q);
	if (r == 0) {
		flush_wire(&a);
		(void)loop_run(a.loop);
	}
	term_restore(&a.term);
	if (r == 0)
		r = outcome(&a, s, e);
	loop_free(a.loop);
	wire_clear(&a.wire);
	buf_clear(&a.parts);
	json_struct_clear(&control_bye_schema, &a.bye);
	return r;
}
