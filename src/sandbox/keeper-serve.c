/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-serve.c - clients of the control socket, and what they ask for.
 */
#include "sandbox/keeper-serve.h"
#include "sandbox/keeper-ports.h"
#include "sandbox/keeper-priv.h"
#include "sandbox/keeper-relay.h"
#include "sandbox/keeper-reload.h"
#include "sandbox/keeper-snapshot.h"
#include "sandbox/keeper-stats.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "sandbox/port.h"

#include <signal.h>
#include <sys/socket.h>

#define CLIENTS_MAX 256
#define FREEZE_MS   5000

static void client_ready(struct loop_source *src, uint32_t events, void *data);

struct client *serve_add(struct keeper *k, int fd, struct err *e)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		(void)close(fd);
		(void)err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	c->k = k;
	c->verb = -1;
	wire_init(&c->wire, fd);
	if (loop_add_fd(k->loop, fd, EPOLLIN, client_ready, c, &c->src, e) < 0) {
		wire_clear(&c->wire);
		free(c);
		return NULL;
	}
	c->next = k->clients;
	k->clients = c;
	return c;
}

static void forget_publish(struct client *c)
{
	if (c->publish)
		port_clear(c->publish);
	free(c->publish);
	c->publish = NULL;
}

void serve_drop(struct client *c)
{
	struct keeper *k = c->k;

	for (struct client **at = &k->clients; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	relay_client_gone(c);
	snapshot_gone(c);
	loop_source_free(c->src);
	wire_clear(&c->wire);
	buf_clear(&c->request);
	free(c->what);
	forget_publish(c);
	free(c);
	keeper_maybe_idle(k);
}

/* Write what it takes; a client that is told to go goes when it has all. */
void serve_flush(struct client *c)
{
	struct channel *ch;

	if (wire_flush(&c->wire) < 0) {
		/* not dropped here: callers walk the list of clients */
		c->closing = true;
		(void)loop_source_events(c->src, EPOLLIN);
		(void)shutdown(c->wire.fd, SHUT_RDWR);
		return;
	}
	if (wire_pending(&c->wire)) {
		(void)loop_source_events(c->src, EPOLLIN | EPOLLOUT);
		return;
	}
	(void)loop_source_events(c->src, EPOLLIN);
	if (c->closing)
		(void)shutdown(c->wire.fd, SHUT_WR);
	ch = c->channel ? relay_find(c->k, c->channel) : NULL;
	if (ch && ch->unpaid)
		relay_pay(c->k, ch);
}

void serve_reply(struct client *c, const struct control_reply *r)
{
	if (control_send(&c->wire, CONTROL_REPLY, &control_reply_schema, r) < 0)
		c->closing = true;
	serve_flush(c);
}

void serve_error(struct client *c, const struct err *e)
{
	struct err copy = *e;

	serve_reply(c,
		&(struct control_reply){ .code = (unsigned)copy.code,
			.error = copy.msg,
			.hint = copy.hint[0] ? copy.hint : NULL });
	c->channel = 0;
	c->closing = true;
	serve_flush(c);
}

/* Who asked for no more than a start gets one answer, and this start came to nothing. */
static void send_failure(struct client *c, const struct channel *ch)
{
	auto_free char *early = ch->failed
		? NULL
		: str_printf("its command had not yet run: %s", c->k->reason);
	struct control_reply r = { .code = (unsigned)(ch->code ? ch->code : ECANCELED),
		.status = ch->failed ? ch->status : 0,
		.error = ch->failed ? ch->error : early };

	(void)control_send(&c->wire, CONTROL_REPLY, &control_reply_schema, &r);
}

void serve_bye(struct client *c, const struct channel *ch)
{
	struct keeper *k = c->k;
	bool main = ch->id == MAIN_CHANNEL;
	struct control_bye bye = { .status = ch->status,
		.reason = (char *)(uintptr_t)(main ? k->reason : "exited"),
		.error = ch->error };

	if (main)
		bye.notes = k->notes;
	if (c->verb == CONTROL_START || ch->detached)
		send_failure(c, ch);
	else
		(void)control_send(&c->wire, CONTROL_BYE, &control_bye_schema, &bye);
	c->channel = 0;
	c->closing = true;
	serve_flush(c);
}

void serve_end_all(struct keeper *k)
{
	for (struct client *c = k->clients; c; c = c->next) {
		struct channel *ch = c->channel ? relay_find(k, c->channel) : NULL;

		if (c->closing)
			continue;
		if (ch && ch->id == MAIN_CHANNEL) {
			struct channel shown = *ch;

			shown.status = k->status;
			serve_bye(c, &shown);
		} else if (ch) {
			/* an exec that the sandbox's end took along */
			struct channel shown = *ch;

			if (!ch->exited && !ch->failed)
				shown.status = 137;
			serve_bye(c, &shown);
		} else if (c->wait_end) {
			serve_reply(c,
				&(struct control_reply){
					.ok = true, .status = k->status });
		} else {
			/* it waits for an answer that will not come */
			c->closing = true;
			serve_flush(c);
		}
		c->closing = true;
	}
}

void serve_answer(struct client *c, const struct control_reply *r)
{
	serve_reply(c, r);
	c->closing = true;
	serve_flush(c);
}

/* "Done", and the ports there are; or only those that the person doesn't know yet. */
static void reply_ports(struct client *c, bool chosen)
{
	struct control_reply r = { .ok = true };

	(void)ports_list(c->k, chosen, &r.ports);
	serve_reply(c, &r);
	json_struct_clear(&control_reply_schema, &r);
}

void serve_started(struct client *c)
{
	reply_ports(c, true);
	c->closing = true;
	serve_flush(c);
}

/* Sockets to listen on can't be made here any more (promise): the client brings them. */
static int publish(struct client *c, const struct control_request *q, struct err *e)
{
	int r = port_check_wall(c->k->wall, e);

	if (r < 0)
		return r;
	c->publish = calloc(1, sizeof(*c->publish));
	if (!c->publish)
		return err_set(e, ENOMEM, "out of memory");
	r = port_parse(q->port ? q->port : "", c->publish, e);
	if (r == 0)
		serve_reply(c, &(struct control_reply){ .ok = true });
	return r;
}

static void publish_sockets(struct client *c)
{
	struct err e = { 0 };
	int r = ports_publish(c->k, c->publish, c->wire.fd, &e);

	if (r == -EAGAIN)
		return;
	forget_publish(c);
	if (r < 0)
		serve_error(c, &e);
	else
		serve_answer(c, &(struct control_reply){ .ok = true });
}

static int unpublish(struct client *c, const struct control_request *q, struct err *e)
{
	struct control_reply reply = { .ok = true };
	struct port_spec want = { 0 };
	int r = port_parse(q->port ? q->port : "", &want, e);

	if (r == 0)
		r = ports_unpublish(c->k, &want, &reply.ports, e);
	if (r == 0)
		serve_answer(c, &reply);
	port_clear(&want);
	json_struct_clear(&control_reply_schema, &reply);
	return r;
}

/*
 * A monitor stops its machine between two instructions, and says to its guest's clock, when it
 * goes on, that time has passed. The group is frozen as well: that takes no word for it.
 */
static int pause_wall(struct keeper *k, bool on, struct err *e)
{
	int r = 0;

	if (!on && k->has_cgroup)
		r = cgroup_thaw(&k->cgroup, e);
	if (r == 0)
		r = on ? k->wall->pause(&k->run, e) : k->wall->resume(&k->run, e);
	if (r == 0 && on && k->has_cgroup) {
		r = cgroup_freeze(&k->cgroup, FREEZE_MS, e);
		if (r < 0)
			(void)k->wall->resume(&k->run, NULL);
	}
	return r;
}

static int set_paused(struct keeper *k, bool on, struct err *e)
{
	int r;

	if (on == k->paused)
		return err_set(e, EALREADY, "sandbox '%s' is %s", k->sandbox.name,
			on ? "paused already" : "not paused");
	if (k->wall->pause)
		r = pause_wall(k, on, e);
	else if (k->has_cgroup)
		r = on ? cgroup_freeze(&k->cgroup, FREEZE_MS, e)
		       : cgroup_thaw(&k->cgroup, e);
	else if (!k->wall->own_pids)
		return err_set(e, EOPNOTSUPP,
			"the %s wall can't pause without a control group: its processes "
			"are "
			"the host's",
			k->wall->name);
	else
		r = guest_send_pair(&k->guest, on ? GUEST_FREEZE : GUEST_THAW, 0, 0);
	if (r < 0)
		return e && e->code ? r : err_set(e, -r, "tell the warder");
	relay_flush(k);
	k->paused = k->state.paused = on;
	return sandbox_write_run(&k->sandbox, &k->state, e);
}

static int run_exec(struct client *c, const struct control_request *q, struct err *e)
{
	struct keeper *k = c->k;
	struct channel *ch;

	if (q->argv.n == 0)
		return err_set(e, EINVAL, "no command");
	ch = relay_exec(k, q, relay_new_id(k), e);
	if (!ch)
		return -e->code;
	if (!q->detach)
		serve_reply(c, &(struct control_reply){ .ok = true });
	relay_attach(c, ch);
	return 0;
}

static int attach_main(struct client *c, const struct control_request *q, struct err *e)
{
	struct keeper *k = c->k;
	struct channel *ch = relay_find(k, MAIN_CHANNEL);

	if (!ch || ch->exited)
		return err_set(
			e, ESRCH, "sandbox '%s' runs no main command", k->sandbox.name);
	serve_reply(c, &(struct control_reply){ .ok = true });
	relay_attach(c, ch);
	if (ch->tty && q->rows && q->cols) {
		/* a size that differs and then the real one: programs draw their screen
		 * anew */
		(void)guest_send_winsize(&k->guest, ch->id,
			(uint16_t)(q->rows > 1 ? q->rows - 1 : 2), (uint16_t)q->cols);
		(void)guest_send_winsize(
			&k->guest, ch->id, (uint16_t)q->rows, (uint16_t)q->cols);
		relay_flush(k);
	}
	return 0;
}

static int run_main(struct client *c, const struct control_request *q, struct err *e)
{
	int r = relay_main(c->k, q, e);

	if (r < 0)
		return r;
	if (c->verb == CONTROL_RUN)
		reply_ports(c, true);
	relay_attach(c, relay_find(c->k, MAIN_CHANNEL));
	return 0;
}

static int kill_main(struct keeper *k, const struct control_request *q, struct err *e)
{
	if (!relay_find(k, MAIN_CHANNEL))
		return err_set(
			e, ESRCH, "sandbox '%s' runs no main command", k->sandbox.name);
	if (q->signal < 1 || q->signal > 64)
		return err_set(
			e, EINVAL, "%llu is no signal", (unsigned long long)q->signal);
	/* a paused sandbox takes KILL, and nothing else until it runs again */
	if (k->paused && q->signal == SIGKILL && set_paused(k, false, e) < 0)
		return -e->code;
	(void)guest_send_u32(&k->guest, MAIN_CHANNEL, GUEST_SIGNAL, (uint32_t)q->signal);
	relay_flush(k);
	return 0;
}

/* What may be asked while the machine is kept, or while another one becomes it. */
static bool goes_with_keeping(const struct keeper *k, int verb)
{
	if (verb == CONTROL_START || verb == CONTROL_RUN)
		return k->restoring;
	return verb == CONTROL_STATS || verb == CONTROL_PING || verb == CONTROL_WAIT ||
		verb == CONTROL_STOP;
}

static int request(struct client *c, const struct control_request *q, struct err *e)
{
	struct keeper *k = c->k;
	int r = 0;

	c->verb = q->verb;
	if (k->ending && q->verb != CONTROL_WAIT && q->verb != CONTROL_STOP)
		return err_set(e, ESHUTDOWN, "sandbox '%s' is ending", k->sandbox.name);
	if (k->paused && (q->verb == CONTROL_EXEC || q->verb == CONTROL_START)) {
		err_hint(e, "brig resume %s", k->sandbox.name);
		return err_set(e, EBUSY, "sandbox '%s' is paused", k->sandbox.name);
	}
	if (!goes_with_keeping(k, q->verb) && (r = snapshot_check_idle(k, e)) < 0)
		return r;
	switch ((enum control_verb)q->verb) {
	case CONTROL_RUN:
	case CONTROL_START: return run_main(c, q, e);
	case CONTROL_ATTACH: return attach_main(c, q, e);
	case CONTROL_EXEC: return run_exec(c, q, e);
	case CONTROL_STOP:
		c->wait_end = true;
		if (k->paused && (r = set_paused(k, false, e)) < 0)
			return r;
		keeper_stop(
			k, "stopped", q->grace_ns, q->signal ? (int)q->signal : SIGTERM);
		return 0;
	case CONTROL_WAIT: c->wait_end = true; return 0;
	case CONTROL_STATS: return stats_ask(c, e);
	case CONTROL_KILL: r = kill_main(k, q, e); break;
	case CONTROL_PAUSE: r = set_paused(k, true, e); break;
	case CONTROL_RESUME: r = set_paused(k, false, e); break;
	case CONTROL_PING: break;
	case CONTROL_PUBLISH: return publish(c, q, e);
	case CONTROL_UNPUBLISH: return unpublish(c, q, e);
	case CONTROL_PORTS:
		reply_ports(c, false);
		c->closing = true;
		serve_flush(c);
		return 0;
	case CONTROL_RELOAD: return reload_ask(c, q, e);
	case CONTROL_SNAPSHOT: return snapshot_ask(c, e);
	}
	if (r < 0)
		return r;
	serve_reply(c, &(struct control_reply){ .ok = true });
	c->closing = true;
	serve_flush(c);
	return 0;
}

/* Returns false when the client is gone. */
static bool client_frame(struct client *c, const struct wire_frame *f)
{
	struct control_request q = { 0 };
	struct err e = { 0 };
	int r;

	/* it has had its answer, which is that the sandbox does not run */
	if (c->closing)
		return true;
	if (c->verb >= 0) {
		struct keeper *k = c->k;

		if (c->verb == CONTROL_SNAPSHOT && f->type == CONTROL_DETACH)
			snapshot_next(c);
		else
			relay_from_client(c, f);
		for (struct client *at = k->clients; at; at = at->next)
			if (at == c)
				return true;
		return false;
	}
	if (f->type != CONTROL_REQUEST) {
		serve_drop(c);
		return false;
	}
	r = control_take(f, &c->request, &control_request_schema, &q, &e);
	if (r > 0) {
		r = request(c, &q, &e);
		json_struct_clear(&control_request_schema, &q);
	}
	if (r < 0)
		serve_error(c, &e);
	return true;
}

static void client_ready(struct loop_source *src, uint32_t events, void *data)
{
	struct client *c = data;
	struct wire_frame f;
	int r;

	(void)src;
	if (events & EPOLLOUT)
		serve_flush(c);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (c->publish && !c->closing) {
		publish_sockets(c);
		return;
	}
	r = wire_read(&c->wire);
	if (r == -EAGAIN)
		return;
	if (r <= 0 && r != -ENOBUFS) {
		serve_drop(c);
		return;
	}
	while ((r = wire_next(&c->wire, &f)) > 0)
		if (!client_frame(c, &f))
			return;
	if (r < 0)
		serve_drop(c);
}

static void accept_client(struct loop_source *src, uint32_t events, void *data)
{
	struct keeper *k = data;
	int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
	size_t n = 0;

	(void)src;
	(void)events;
	if (fd < 0)
		return;
	for (struct client *c = k->clients; c; c = c->next)
		n++;
	if (n >= CLIENTS_MAX || !control_peer_allowed(fd)) {
		(void)close(fd);
		return;
	}
	(void)serve_add(k, fd, NULL);
}

int serve_listen(struct keeper *k, struct err *e)
{
	k->listener = control_listen(k->sandbox.name, e);
	if (k->listener < 0)
		return k->listener;
	return loop_add_fd(
		k->loop, k->listener, EPOLLIN, accept_client, k, &k->listen_src, e);
}
