/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-relay.c - commands: frames between clients and the warder.
 *
 * What comes from the warder is hostile. Each frame is checked (guest_check_from_warder)
 * and belongs to a channel that exists, or the sandbox is ended. Output is paid back to
 * the warder only when every attached client has taken it, so a client that stops reading
 * stops the command, and nothing piles up here.
 */
#include "sandbox/keeper-relay.h"
#include "sandbox/keeper-audit.h"
#include "sandbox/keeper-ports.h"
#include "sandbox/keeper-priv.h"
#include "sandbox/keeper-serve.h"
#include "sandbox/keeper-snapshot.h"
#include "sandbox/keeper-stats.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"

#include <signal.h>
#include <sys/wait.h>

/* A client may lag this far behind before the command is held up. */
#define BOOT_NS    (60 * NS_PER_SEC) /* a guest's kernel takes milliseconds */
#define CLIENT_LAG ((size_t)512 << 10)

/* So much may wait for the warder before ports' connections are held up. */
#define WARDER_LAG ((size_t)1 << 20)

struct channel *relay_find(struct keeper *k, uint16_t id)
{
	for (struct channel *ch = k->channels; ch; ch = ch->next)
		if (ch->id == id)
			return ch;
	return NULL;
}

uint16_t relay_new_id(struct keeper *k)
{
	do {
		if (++k->next_channel <= MAIN_CHANNEL)
			k->next_channel = MAIN_CHANNEL + 1;
	} while (relay_find(k, k->next_channel));
	return k->next_channel;
}

bool relay_has_commands(const struct keeper *k)
{
	for (const struct channel *ch = k->channels; ch; ch = ch->next)
		if (!ch->port)
			return true;
	return false;
}

void relay_remove(struct keeper *k, struct channel *gone)
{
	for (struct channel **at = &k->channels; *at; at = &(*at)->next)
		if (*at == gone) {
			*at = gone->next;
			break;
		}
	free(gone->error);
	free(gone);
}

void relay_flush(struct keeper *k)
{
	if (wire_flush(&k->guest) < 0)
		return; /* the end of the stream shows on the reading side */
	(void)loop_source_events(k->guest_src,
		EPOLLIN | (wire_pending(&k->guest) ? (uint32_t)EPOLLOUT : 0));
}

bool relay_congested(const struct keeper *k)
{
	return wire_pending(&k->guest) > WARDER_LAG;
}

void relay_send(struct keeper *k, const struct wire_frame *f)
{
	if (wire_send(&k->guest, f) < 0)
		keeper_end(k, "the warder does not listen", EXIT_STATUS_BRIG);
	else
		relay_flush(k);
}

static void credit(struct keeper *k, uint16_t channel, uint32_t n)
{
	if (n == 0)
		return;
	(void)guest_send_u32(&k->guest, channel, GUEST_CREDIT, n);
	relay_flush(k);
}

void relay_pay(struct keeper *k, struct channel *ch)
{
	uint32_t n = ch->unpaid;

	for (struct client *c = k->clients; c; c = c->next)
		if (c->channel == ch->id && wire_pending(&c->wire) > CLIENT_LAG)
			return;
	ch->unpaid = 0;
	credit(k, ch->id, guest_window_passed(&ch->out, n));
}

static void to_clients(
	struct keeper *k, const struct channel *ch, const struct wire_frame *f)
{
	struct client *next;

	for (struct client *c = k->clients; c; c = next) {
		next = c->next;
		if (c->channel != ch->id)
			continue;
		if (wire_send(&c->wire, f) < 0)
			serve_drop(c);
		else
			serve_flush(c);
	}
}

static int data_from_warder(
	struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	int r = guest_window_spend(&ch->out, f->len);

	if (r < 0)
		return r;
	if (ch->id == MAIN_CHANNEL)
		log_write(&k->log, f->flags == GUEST_STDERR ? "stderr" : "stdout",
			f->data, f->len);
	to_clients(k, ch, f);
	ch->unpaid += f->len;
	relay_pay(k, ch);
	return 0;
}

static bool is_last(const struct keeper *k, const struct channel *only)
{
	for (const struct channel *ch = k->channels; ch; ch = ch->next)
		if (!ch->port && ch != only)
			return false;
	return true;
}

/* Everything has come: tell who is attached, and end the sandbox if this was what it ran
 * for. */
static void channel_done(struct keeper *k, struct channel *ch)
{
	struct client *next;

	/* the sandbox was started for this command: whoever waits hears of it when all is
	 * down */
	if (ch->id != MAIN_CHANNEL && !k->main_wanted && is_last(k, ch)) {
		if (!k->ending)
			keeper_end(k, "exited", ch->status);
		return;
	}
	for (struct client *c = k->clients; c; c = next) {
		next = c->next;
		/* the sandbox's end follows the main command's: they hear of both at once
		 */
		if (c->channel == ch->id && ch->id != MAIN_CHANNEL)
			serve_bye(c, ch);
	}
	if (ch->id == MAIN_CHANNEL) {
		if (!k->ending)
			keeper_end(k, ch->failed ? "not started" : "exited", ch->status);
		return;
	}
	relay_remove(k, ch);
	keeper_maybe_idle(k);
}

static uint64_t shell_status(int status)
{
	if (WIFSIGNALED(status))
		return 128U + (unsigned)WTERMSIG(status);
	return (unsigned)WEXITSTATUS(status);
}

static int exited(struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	struct guest_exited x;
	int r = guest_exited_decode(f, &x);

	if (r < 0 || ch->exited)
		return -EPROTO;
	ch->exited = true;
	ch->status = shell_status(x.status);
	to_clients(k, ch, f);
	if (ch->eofs >= 2)
		channel_done(k, ch);
	return 0;
}

static int failed(struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	struct guest_failed x;
	int r = guest_failed_decode(f, &x);

	if (r < 0 || ch->started)
		return -EPROTO;
	ch->failed = true;
	ch->status = (uint64_t)guest_failed_status(&x);
	ch->error = str_printf("%s: %s", x.what, strerrordesc_np(x.code));
	ch->code = x.code;
	to_clients(k, ch, f);
	channel_done(k, ch);
	return 0;
}

int relay_now_started(struct keeper *k, struct channel *ch)
{
	struct client *next;

	ch->started = true;
	for (struct client *c = k->clients; c; c = next) {
		next = c->next;
		if (c->channel != ch->id || (c->verb != CONTROL_START && !ch->detached))
			continue;
		c->channel = 0;
		serve_started(c);
	}
	return 0;
}

static int started(struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	if (ch->started)
		return -EPROTO;
	to_clients(k, ch, f);
	return relay_now_started(k, ch);
}

static int credit_from_warder(
	struct keeper *k, struct channel *ch, const struct wire_frame *f)
{
	uint32_t n;
	int r = guest_u32_decode(f, &n);

	if (r == 0)
		r = guest_window_grow(&ch->in, n);
	if (r < 0)
		return r;
	for (struct client *c = k->clients; c; c = c->next)
		if (c->channel == ch->id && c->owns_stdin) {
			(void)wire_send(&c->wire, f);
			serve_flush(c);
			break;
		}
	return 0;
}

static int channel_frame(struct keeper *k, const struct wire_frame *f)
{
	struct channel *ch = relay_find(k, f->channel);

	if (f->type == GUEST_KEPT)
		return snapshot_adopt(k, f);
	if (!ch)
		return f->type == GUEST_CREDIT || f->type == GUEST_EOF ? 0 : -EPROTO;
	if (ch->port)
		return conn_frame(k, ch, f);
	switch (f->type) {
	case GUEST_DATA: return data_from_warder(k, ch, f);
	case GUEST_STARTED: return started(k, ch, f);
	case GUEST_FAILED: return failed(k, ch, f);
	case GUEST_EXITED: return exited(k, ch, f);
	case GUEST_CREDIT: return credit_from_warder(k, ch, f);
	case GUEST_EOF:
		if (f->flags == GUEST_STDIN) {
			to_clients(k, ch, f);
			return 0;
		}
		to_clients(k, ch, f);
		if (++ch->eofs >= 2 && ch->exited)
			channel_done(k, ch);
		return 0;
	default: return -EPROTO;
	}
}

static int frame(struct keeper *k, const struct wire_frame *f)
{
	uint32_t a, b;
	int r = guest_check_from_warder(f);

	if (r < 0 || f->channel)
		return r < 0 ? r : channel_frame(k, f);
	switch (f->type) {
	case GUEST_READY:
		r = guest_pair_decode(f, &a, &b);
		if (k->booting)
			loop_timer_disarm(k->booting);
		if (r < 0 || a != GUEST_VERSION)
			return -EPROTO;
		return snapshot_ready(k);
	case GUEST_DONE:
		r = guest_pair_decode(f, &a, &b);
		return r < 0 ? r : snapshot_done(k, a, b);
	case GUEST_STATS: return stats_from_guest(k, f);
	default: return 0;
	}
}

static void readable(struct loop_source *src, uint32_t events, void *data)
{
	struct keeper *k = data;
	struct wire_frame f;
	int r = 1;

	(void)src;
	if (events & EPOLLOUT) {
		relay_flush(k);
		if (!relay_congested(k))
			ports_resume(k);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	/* a few at a time, so that clients are served between */
	for (int i = 0; i < 16 && r > 0 && !k->ending; i++) {
		r = wire_read(&k->guest);
		if (r <= 0 && r != -ENOBUFS)
			break;
		r = 1;
		while (!k->ending && (r = wire_next(&k->guest, &f)) > 0) {
			r = frame(k, &f);
			if (r < 0)
				break;
		}
		if (r == 0)
			r = 1;
	}
	if (k->ending || r > 0 || r == -EAGAIN)
		return;
	keeper_end(k,
		r == 0 || r == -ECONNRESET || r == -EPIPE
			? GUEST_DIED
			: "the warder broke the protocol",
		137);
}

static void boot_too_long(struct loop_source *src, void *data)
{
	struct keeper *k = data;

	(void)src;
	keeper_end(k, "the guest's kernel does not start", 137);
}

int relay_start(struct keeper *k, struct err *e)
{
	int r = 0;

	wire_init(&k->guest, fcntl(k->run.stream, F_DUPFD_CLOEXEC, 3));
	if (k->guest.fd < 0)
		return err_sys(e, "watch the warder");
	if (!k->wall->host_kernel) {
		r = loop_add_timer(k->loop, boot_too_long, k, &k->booting, e);
		if (r < 0)
			return r;
		loop_timer_arm(k->booting, BOOT_NS);
	}
	return loop_add_fd(k->loop, k->guest.fd, EPOLLIN, readable, k, &k->guest_src, e);
}

struct channel *relay_exec(
	struct keeper *k, const struct control_request *q, uint16_t id, struct err *e)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	auto_buf struct buf encoded = { 0 };
	char own[32];
	struct guest_exec x = { .rows = (uint16_t)q->rows,
		.cols = (uint16_t)q->cols,
		.mask = GUEST_UMASK_DEFAULT,
		.user = q->user,
		.cwd = q->cwd ? q->cwd : "",
		.argv = q->argv.v,
		.env = q->env.v };

	if (!ch) {
		(void)err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	(void)snprintf(own, sizeof(own), "%u:%u", k->ids.work_uid, k->ids.work_gid);
	if (!x.user || !*x.user)
		x.user = own;
	else
		k->other_users = true;
	x.flags = (q->tty ? GUEST_EXEC_TTY : 0) | (q->stdin_open ? GUEST_EXEC_STDIN : 0) |
		(q->builtin ? GUEST_EXEC_BUILTIN : 0);
	*ch = (struct channel){ .id = id,
		.tty = q->tty,
		.detached = q->detach,
		.in = GUEST_WINDOW_INIT,
		.out = GUEST_WINDOW_INIT };
	if (guest_exec_encode(&x, &encoded, e) < 0 ||
		guest_exec_send(&k->guest, id, &encoded) < 0) {
		if (e && !e->code)
			(void)err_set(e, ENOBUFS, "the command is too long");
		free(ch);
		return NULL;
	}
	ch->next = k->channels;
	k->channels = ch;
	relay_flush(k);
	keeper_audit_exec(k, q, id);
	return ch;
}

int relay_main(struct keeper *k, const struct control_request *q, struct err *e)
{
	const struct record *rec = &k->sandbox.rec;
	/* borrowed from the record; nothing of it is freed here */
	struct control_request own = { .argv = rec->argv,
		.env = rec->env,
		.user = rec->user,
		.cwd = rec->cwd,
		.tty = rec->tty,
		.stdin_open = rec->stdin_open,
		.rows = q->rows,
		.cols = q->cols };

	if (relay_find(k, MAIN_CHANNEL))
		return err_set(
			e, EALREADY, "sandbox '%s' runs its command already", rec->name);
	k->main_wanted = true;
	if (!snapshot_main(k) && !relay_exec(k, &own, MAIN_CHANNEL, e))
		return -e->code;
	k->state.main = true;
	if (rec->timeout)
		loop_timer_arm(k->timeout, rec->timeout);
	return 0;
}

void relay_attach(struct client *c, struct channel *ch)
{
	c->channel = ch->id;
	if (c->verb == CONTROL_START || ch->detached)
		return;
	/* the last to come has the keyboard */
	for (struct client *other = c->k->clients; other; other = other->next)
		if (other->channel == ch->id)
			other->owns_stdin = false;
	c->owns_stdin = true;
	if (ch->in.left) {
		(void)guest_send_u32(&c->wire, ch->id, GUEST_CREDIT, ch->in.left);
		serve_flush(c);
	}
}

void relay_from_client(struct client *c, const struct wire_frame *f)
{
	struct keeper *k = c->k;
	struct channel *ch = relay_find(k, c->channel);
	struct wire_frame on = *f;

	if (!ch || ch->exited || ch->failed)
		return;
	on.channel = ch->id;
	switch (f->type) {
	case GUEST_DATA:
		if (!c->owns_stdin)
			return;
		if (guest_window_spend(&ch->in, f->len) < 0) {
			serve_drop(c);
			return;
		}
		break;
	case GUEST_EOF:
		if (!c->owns_stdin)
			return;
		break;
	case GUEST_SIGNAL:
	case GUEST_WINSIZE: break;
	case CONTROL_DETACH: ch->runs_on = true; return;
	default: serve_drop(c); return;
	}
	relay_send(k, &on);
}

void relay_client_gone(struct client *c)
{
	struct keeper *k = c->k;
	struct channel *ch = c->channel ? relay_find(k, c->channel) : NULL;

	c->channel = 0;
	if (!ch)
		return;
	/* a command that was run for this client alone loses its terminal */
	if (ch->id != MAIN_CHANNEL && !ch->detached && !ch->runs_on && !ch->exited &&
		!k->ending)
		(void)guest_send_u32(&k->guest, ch->id, GUEST_SIGNAL, SIGHUP);
	if (ch->id != MAIN_CHANNEL && !ch->runs_on && !k->ending) {
		struct wire_frame eof = {
			.channel = ch->id, .type = GUEST_EOF, .flags = GUEST_STDIN
		};

		(void)wire_send(&k->guest, &eof);
	}
	relay_pay(k, ch);
	if (!k->ending)
		relay_flush(k);
}
