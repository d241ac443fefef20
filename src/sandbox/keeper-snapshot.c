/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/keeper-snapshot.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/loop.h"
#include "sandbox/keeper-relay.h"
#include "sandbox/keeper-serve.h"
#include "sandbox/snapshot.h"

#include <signal.h>
#include <string.h>
#include <sys/random.h>

/* What programs have written goes to files first, which may be slow ones. */
#define SUSPEND_NS (60 * NS_PER_SEC)

struct keeping {
	struct client *client;
	struct loop_source *late;
	struct wall_snapshot kept; /* -1, -1: the warder isn't done yet */
	bool handed;               /* the client has them */
	uint64_t stopped_ns;
};

/* --- keeping --------------------------------------------------------------------------------- */

int snapshot_check_idle(const struct keeper *k, struct err *e)
{
	/* nothing runs in a copy before it is itself: what is begun now would */
	if (k->restoring)
		return err_set(
			e, EBUSY, "sandbox '%s' is just being restored", k->sandbox.name);
	return k->keeping ? err_set(e, EBUSY, "sandbox '%s' is being kept at this moment",
				    k->sandbox.name)
			  : 0;
}

/* All goes on, whatever had been done. */
static uint64_t end(struct keeper *k)
{
	struct keeping *g = k->keeping;
	uint64_t stood = 0;

	if (g->kept.state >= 0) {
		(void)k->wall->resume(&k->run, NULL);
		stood = clock_mono_ns() - g->stopped_ns;
		(void)close(g->kept.state);
		(void)close(g->kept.memory);
	}
	loop_source_free(g->late);
	free(g);
	k->keeping = NULL;
	if (!k->ending) {
		(void)guest_send_pair(&k->guest, GUEST_THAW, 0, 0);
		relay_flush(k);
	}
	return stood;
}

static void fail(struct keeper *k, const struct err *why)
{
	struct client *c = k->keeping->client;

	(void)end(k);
	serve_error(c, why);
}

static void too_late(struct loop_source *src, void *data)
{
	struct keeper *k = data;
	struct err e = { 0 };

	(void)src;
	(void)err_set(&e, ETIMEDOUT, "the sandbox doesn't stop: its warder is silent");
	fail(k, &e);
}

int snapshot_ask(struct client *c, struct err *e)
{
	struct keeper *k = c->k;
	struct keeping *g;
	int r;

	if (!k->wall->snapshot) {
		(void)err_set(e, EOPNOTSUPP,
			"the %s wall has no machine that could be kept", k->wall->name);
		err_hint(e, "--wall microvm has one");
		return -EOPNOTSUPP;
	}
	if (k->paused)
		return err_set(e, EBUSY, "sandbox '%s' is paused", k->sandbox.name);
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_set(e, ENOMEM, "out of memory");
	*g = (struct keeping){ .client = c, .kept = { -1, -1, 0 } };
	r = loop_add_timer(k->loop, too_late, k, &g->late, e);
	if (r < 0) {
		free(g);
		return r;
	}
	loop_timer_arm(g->late, SUSPEND_NS);
	k->keeping = g;
	r = guest_send_pair(&k->guest, GUEST_SUSPEND, 0, 0);
	relay_flush(k);
	return r < 0 ? err_set(e, -r, "tell the warder") : 0;
}

static void suspended(struct keeper *k, uint32_t code)
{
	struct keeping *g = k->keeping;
	struct err e = { 0 };

	loop_timer_disarm(g->late);
	if (code)
		(void)err_set(&e, (int)code, "the warder can't stop its processes: %s",
			err_text((int)code));
	g->stopped_ns = clock_mono_ns();
	if (!code)
		(void)k->wall->snapshot(&k->run, &g->kept, &e);
	if (e.code)
		fail(k, &e);
	else
		/* a copy's keeper numbers its channels from here on */
		serve_reply(g->client,
			&(struct control_reply){ .ok = true, .status = k->next_channel });
}

void snapshot_next(struct client *c)
{
	struct keeping *g = c->k->keeping;
	uint64_t stood;

	if (!g || g->client != c || g->kept.state < 0)
		return;
	if (!g->handed) {
		const int fds[] = { g->kept.state, g->kept.memory };

		g->handed = true;
		if (control_send_fds(c->wire.fd, fds, 2) >= 0)
			return;
	}
	stood = end(c->k);
	serve_answer(c, &(struct control_reply){ .ok = true, .status = stood / 1000 });
}

void snapshot_gone(struct client *c)
{
	if (c->k->keeping && c->k->keeping->client == c)
		(void)end(c->k);
}

/* --- going on -------------------------------------------------------------------------------- */

int snapshot_open(struct keeper *k, struct wall_snapshot *ret, struct err *e)
{
	auto_fd int state = -1, memory = -1;
	auto_buf struct buf text = { 0 };
	unsigned long long channel = 0, copied = 0;
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;

	state = openat(k->sandbox.dir, SNAPSHOT_FROM "/state", flags);
	if (state < 0 && errno == ENOENT)
		return 0;
	memory = openat(k->sandbox.dir, SNAPSHOT_FROM "/memory", flags);
	if (state < 0 || memory < 0)
		return err_sys(e, "open what '%s' is to go on from", k->sandbox.name);
	if (!k->wall->snapshot)
		return err_set(e, EOPNOTSUPP, "the %s wall can't go on from a snapshot",
			k->wall->name);
	if (file_read(k->sandbox.dir, SNAPSHOT_FROM "/terms", 64, &text, e) < 0)
		return -e->code;
	if (!text.data || sscanf(text.data, "%llu %llu", &channel, &copied) != 2)
		return err_set(e, EBADMSG, "what '%s' is to go on from is damaged",
			k->sandbox.name);
	/* those of before are there, and belong to nobody */
	k->next_channel = (uint16_t)channel;
	k->restoring = true;
	*ret = (struct wall_snapshot){ take_fd(&state), take_fd(&memory),
		(int64_t)copied };
	return 1;
}

int snapshot_ready(struct keeper *k)
{
	struct guest_identity id = { .real_ns = clock_real_ns() };
	uint8_t body[GUEST_BODY_MAX];
	const struct record *rec = &k->sandbox.rec;

	if (!k->restoring)
		return 0;
	(void)snprintf(id.hostname, sizeof(id.hostname), "%s", rec->hostname);
	(void)snprintf(id.machine_id, sizeof(id.machine_id), "%s", rec->id);
	if (getrandom(id.entropy, sizeof(id.entropy), 0) != (ssize_t)sizeof(id.entropy))
		return -EIO;
	(void)guest_send_body(
		&k->guest, 0, GUEST_IDENTITY, body, guest_identity_encode(&id, body));
	explicit_bzero(&id, sizeof(id));
	explicit_bzero(body, sizeof(body));
	relay_flush(k);
	return 0;
}

static void restored(struct keeper *k, uint32_t code)
{
	struct channel *ch;
	struct err e = { 0 };

	(void)snapshot_drop_from(k->sandbox.dir, NULL);
	k->restoring = false;
	if (code) {
		(void)strv_addf(&k->notes, "the copy can't become '%s': %s",
			k->sandbox.name, err_text((int)code));
		keeper_end(k, "the copy could not be given its names and its clock", 137);
		return;
	}
	ch = relay_find(k, MAIN_CHANNEL);
	if (ch && ch->started)
		(void)relay_now_started(k, ch);
	if (!ch || ch->started || ch->failed)
		return;
	/* it had none then: it is started like any other */
	relay_remove(k, ch);
	if (relay_main(k, &(struct control_request){ 0 }, &e) < 0)
		keeper_end(k, "its command can't be started", EXIT_STATUS_BRIG);
}

int snapshot_done(struct keeper *k, uint32_t type, uint32_t code)
{
	if (code > 4095)
		return -EPROTO;
	if (type == GUEST_SUSPEND && k->keeping && k->keeping->kept.state < 0)
		suspended(k, code);
	else if (type == GUEST_IDENTITY && k->restoring)
		restored(k, code);
	return 0;
}

struct channel *snapshot_main(struct keeper *k)
{
	struct channel *ch;

	if (!k->restoring)
		return NULL;
	ch = calloc(1, sizeof(*ch));
	if (!ch)
		return NULL;
	*ch = (struct channel){
		.id = MAIN_CHANNEL, .in = GUEST_WINDOW_INIT, .out = GUEST_WINDOW_INIT
	};
	ch->next = k->channels;
	k->channels = ch;
	k->main_wanted = true;
	k->state.main = true;
	return ch;
}

/* Of an exec whose client was the other machine's: as if that had gone away. */
static void leave(struct keeper *k, uint16_t id)
{
	const struct wire_frame eof = {
		.channel = id, .type = GUEST_EOF, .flags = GUEST_STDIN
	};

	(void)guest_send_u32(&k->guest, id, GUEST_SIGNAL, SIGHUP);
	(void)wire_send(&k->guest, &eof);
}

int snapshot_adopt(struct keeper *k, const struct wire_frame *f)
{
	struct channel *ch = relay_find(k, f->channel);
	struct guest_kept kept;
	int r = guest_kept_decode(f, &kept);

	if (r < 0 || !k->restoring || (ch && (ch->started || ch->port)))
		return -EPROTO;
	if (!ch && f->channel == MAIN_CHANNEL)
		ch = snapshot_main(k);
	if (!ch) {
		ch = calloc(1, sizeof(*ch));
		if (!ch)
			return -ENOMEM;
		*ch = (struct channel){
			.id = f->channel, .detached = true, .runs_on = true
		};
		ch->next = k->channels;
		k->channels = ch;
	}
	ch->tty = kept.flags & GUEST_KEPT_TTY;
	ch->exited = kept.flags & GUEST_KEPT_EXITED;
	ch->eofs = !(kept.flags & GUEST_KEPT_STDOUT) + !(kept.flags & GUEST_KEPT_STDERR);
	ch->in = (struct guest_window){ .left = kept.in_left };
	ch->out = (struct guest_window){ .left = kept.out_left };
	ch->unpaid = GUEST_WINDOW - kept.out_left;
	if (ch->id != MAIN_CHANNEL)
		leave(k, ch->id);
	relay_pay(k, ch);
	/* who waits for it is told when it runs */
	ch->started = true;
	return 0;
}
