/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-serve.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "gate/exchange-check.h"
#include "gate/inject/inject-audit.h"
#include "gate/inject/inject-transfer.h"
#include "gate/inject/inject-upgrade.h"
#include "gate/inject/inject.h"

#include <sys/socket.h>

/*
 * Theory of operation. Back pressure has two ends. Upwards: a frame of DATA is parsed only
 * when the one before has been pulled, and the socket is only watched when a pull found
 * nothing, so what the gate has too much of stays in the socket. Downwards: a push is
 * refused while more than OUT_HIGH bytes are queued, and room() is called below OUT_LOW.
 * Memory per exchange is thus a frame, OUT_HIGH and what libcurl holds of one piece.
 */
#define OUT_HIGH   ((size_t)256 << 10)
#define OUT_LOW    ((size_t)64 << 10)
#define REPLAY_MAX ((size_t)64 << 10)
#define REASON_MAX 1024U
#define STILL_NS   (NS_PER_SEC / 2)

#define READS_MAX 16 /* of a socket in one go: others want their turn */

static void unsettle(struct inject_serve *x)
{
	struct injector *in = x->in;

	if (x->unsettled)
		return;
	x->unsettled = true;
	x->todo_prev = NULL;
	x->todo_next = in->todo;
	if (x->todo_next)
		x->todo_next->todo_prev = x;
	in->todo = x;
}

static void unlist(struct inject_serve *x)
{
	if (!x->unsettled)
		return;
	x->unsettled = false;
	if (x->todo_prev)
		x->todo_prev->todo_next = x->todo_next;
	else
		x->in->todo = x->todo_next;
	if (x->todo_next)
		x->todo_next->todo_prev = x->todo_prev;
}

static void breaks(struct inject_serve *x)
{
	x->broken = true;
	unsettle(x);
}

/* The request is over; the socket may bring another one. */
static void forget_request(struct inject_serve *x)
{
	if (x->placed.any)
		inject_wipe_request(&x->request);
	exchange_request_clear(&x->request);
	exchange_headers_clear(&x->trailers);
	inject_placed_clear(&x->placed);
	buf_clear(&x->replay);
	x->replay_at = 0;
	x->piece_len = 0;
	x->starving = x->full = x->answered = false;
	if (x->still)
		loop_timer_disarm(x->still);
}

void inject_serve_free(struct inject_serve *x)
{
	struct injector *in = x->in;

	if (x->job)
		x->job->cancel(x->job);
	forget_request(x);
	unlist(x);
	loop_source_free(x->src);
	loop_source_free(x->still);
	wire_clear(&x->wire);
	if (x->prev)
		x->prev->next = x->next;
	else
		in->serves = x->next;
	if (x->next)
		x->next->prev = x->prev;
	in->serves_n--;
	free(x);
}

/* Bytes of upstream go into a sentence for people: no secrets, no control bytes. */
static void tidy(struct inject_serve *x, char *text)
{
	inject_mask_text(x->placed.mask, text);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	if (strlen(text) > REASON_MAX)
		text[REASON_MAX] = '\0';
	for (size_t n = strlen(text); n && text[n - 1] == ' ';)
		text[--n] = '\0';
}

void inject_serve_fail(
	struct inject_serve *x, uint16_t status, bool refused, const char *reason)
{
	auto_buf struct buf b = { 0 };
	auto_free char *text = strdup(reason + strspn(reason, " "));
	struct exchange_failure f = { status, text, refused };
	struct wire_frame frame = { .type = EXCHANGE_FAILED };

	if (!text) {
		breaks(x);
		return;
	}
	tidy(x, text);
	if (exchange_failure_encode(&f, &b) < 0) {
		breaks(x);
		return;
	}
	frame.data = b.data;
	frame.len = (uint32_t)b.len;
	if (wire_send(&x->wire, &frame) < 0)
		breaks(x);
	x->state = INJECT_SERVE_CLOSING;
	unsettle(x);
}

static int send_frame(
	struct inject_serve *x, enum exchange_type type, const void *data, size_t len)
{
	const struct wire_frame f = {
		.type = (uint8_t)type, .data = data, .len = (uint32_t)len
	};
	int r = wire_send(&x->wire, &f);

	if (r < 0)
		breaks(x);
	unsettle(x);
	return r;
}

static void mask_headers(struct inject_serve *x, struct exchange_headers *h)
{
	for (size_t i = 0; inject_mask_active(x->placed.mask) && i < h->n; i++)
		inject_mask_text(x->placed.mask, h->v[i].value);
}

int inject_serve_push_head(struct inject_serve *x, struct exchange_response *p)
{
	auto_buf struct buf b = { 0 };
	const char *encoding = exchange_header_get(&p->headers, "content-encoding");
	int r;

	/* It was asked not to. What can't be looked into can't be masked. */
	if (inject_mask_active(x->placed.mask) && p->status >= 200 && encoding &&
		strcmp(encoding, "identity") != 0)
		return -EBADMSG;
	mask_headers(x, &p->headers);
	r = exchange_response_encode(p, &b);
	if (r < 0)
		return r;
	if (p->status >= 200 || p->status == 101) {
		x->answered = true;
		x->replayable = false;
		buf_clear(&x->replay);
		x->replay_at = 0;
	}
	return send_frame(x, EXCHANGE_RESPONSE, b.data, b.len);
}

static int send_data(struct inject_serve *x, const uint8_t *data, size_t len)
{
	int r = 0;

	while (r == 0 && len) {
		size_t n = len < WIRE_PAYLOAD_MAX ? len : WIRE_PAYLOAD_MAX;

		r = send_frame(x, EXCHANGE_DATA, data, n);
		data += n;
		len -= n;
	}
	return r;
}

/*
 * A message on a WebSocket may end with what a secret begins with, and its sender may wait
 * for an answer before saying more.
 *
 * Should:  let it go when the server has been silent for longer than a round trip.
 * Mustn't: do so while it is the reader who holds the server up: a sandbox could cut a
 *          secret in two that way.
 */
static void server_is_still(struct loop_source *src, void *data)
{
	struct inject_serve *x = data;
	struct injector *in = x->in;
	auto_buf struct buf b = { 0 };

	if (x->state != INJECT_SERVE_RUNNING || !x->placed.mask)
		return;
	if (x->full || wire_pending(&x->wire)) {
		loop_timer_arm(src, STILL_NS);
		return;
	}
	if (inject_mask_end(x->placed.mask, &b) < 0 ||
		send_data(x, (const uint8_t *)b.data, b.len) < 0)
		breaks(x);
	inject_serve_settle_all(in);
}

static int wait_for_more(struct inject_serve *x)
{
	if (!inject_mask_held(x->placed.mask)) {
		if (x->still)
			loop_timer_disarm(x->still);
		return 0;
	}
	if (!x->still &&
		loop_add_timer(x->in->loop, server_is_still, x, &x->still, NULL) < 0)
		return -ENOMEM;
	loop_timer_arm(x->still, STILL_NS);
	return 0;
}

int inject_serve_push(struct inject_serve *x, const void *data, size_t len)
{
	auto_buf struct buf b = { 0 };
	int r;

	if (x->broken)
		return -EPIPE;
	if (wire_pending(&x->wire) > OUT_HIGH && wire_flush(&x->wire) < 0) {
		breaks(x);
		return -EPIPE;
	}
	if (wire_pending(&x->wire) > OUT_HIGH) {
		x->full = true;
		unsettle(x);
		return -EAGAIN;
	}
	if (!inject_mask_active(x->placed.mask))
		return send_data(x, data, len);
	r = inject_mask_feed(x->placed.mask, data, len, &b);
	if (r == 0)
		r = send_data(x, (const uint8_t *)b.data, b.len);
	return r < 0 ? r : wait_for_more(x);
}

int inject_serve_push_end(struct inject_serve *x, struct exchange_headers *trailers)
{
	auto_buf struct buf rest = { 0 }, b = { 0 };
	int r = 0;

	if (inject_mask_active(x->placed.mask)) {
		r = inject_mask_end(x->placed.mask, &rest);
		if (r == 0)
			r = send_data(x, (const uint8_t *)rest.data, rest.len);
		mask_headers(x, trailers);
	}
	if (r == 0)
		r = exchange_headers_encode(trailers, &b);
	return r < 0 ? r : send_frame(x, EXCHANGE_END, b.data ? b.data : "", b.len);
}

void inject_serve_job_over(struct inject_serve *x)
{
	x->job = NULL;
	if (x->state == INJECT_SERVE_RUNNING) {
		x->state = x->ended ? INJECT_SERVE_IDLE : INJECT_SERVE_DRAINING;
		x->piece_len = 0;
		forget_request(x);
	}
	unsettle(x);
}

static int take_end(struct inject_serve *x, const struct wire_frame *f)
{
	struct err e = { 0 };

	if (x->left > 0 || exchange_headers_decode(f->data, f->len, &x->trailers, &e) < 0)
		return -EPROTO;
	x->ended = true;
	if (inject_place_trailers(&x->placed, &x->trailers, &e) < 0) {
		inject_audit_secret(x->in->audit,
			x->placed.refused ? x->placed.refused->name : "?",
			x->request.host, e.msg);
		inject_serve_fail(x, 403, true, e.msg);
		return -EACCES;
	}
	return 0;
}

static int take_data(struct inject_serve *x, const struct wire_frame *f)
{
	if (x->left >= 0 && f->len > x->left)
		return -EPROTO;
	if (x->left >= 0)
		x->left -= f->len;
	x->piece = f->data;
	x->piece_len = f->len;
	return 0;
}

/* A frame of the request's body. 0, -EAGAIN, -EPROTO. */
static int next_frame(struct inject_serve *x, int *reads)
{
	struct wire_frame f;
	int r;

	while ((r = wire_next(&x->wire, &f)) == 0) {
		r = (*reads)++ < READS_MAX ? wire_read(&x->wire) : -EAGAIN;
		if (r <= 0)
			return r == -EAGAIN ? r : -EPROTO;
	}
	if (r < 0 || f.channel || f.flags || x->ended)
		return -EPROTO;
	if (f.type == EXCHANGE_DATA)
		return take_data(x, &f);
	return f.type == EXCHANGE_END ? take_end(x, &f) : -EPROTO;
}

static void remember(struct inject_serve *x, const void *data, size_t len)
{
	if (!x->replayable)
		return;
	if (len > REPLAY_MAX - x->replay.len || buf_add(&x->replay, data, len) < 0) {
		x->replayable = false;
		buf_clear(&x->replay);
	}
	x->replay_at = x->replay.len;
}

bool inject_serve_rewind(struct inject_serve *x)
{
	if (!x->replayable)
		return false;
	x->replay_at = 0;
	return true;
}

ssize_t inject_serve_pull(struct inject_serve *x, void *into, size_t len)
{
	int r = 0, reads = 0;

	if (x->replay_at < x->replay.len) {
		len = len < x->replay.len - x->replay_at ? len
							 : x->replay.len - x->replay_at;
		memcpy(into, x->replay.data + x->replay_at, len);
		x->replay_at += len;
		return (ssize_t)len;
	}
	while (r == 0 && !x->piece_len && !x->ended)
		r = next_frame(x, &reads);
	if (r == -EAGAIN)
		x->starving = true;
	else if (r < 0 && r != -EACCES)
		breaks(x);
	unsettle(x);
	if (r < 0)
		return r;
	len = len < x->piece_len ? len : x->piece_len;
	if (len)
		memcpy(into, x->piece, len);
	remember(x, into, len);
	x->piece += len;
	x->piece_len -= len;
	return (ssize_t)len;
}

static void refuse_placing(struct inject_serve *x, int r, const struct err *e)
{
	if (x->placed.refused)
		inject_audit_secret(
			x->in->audit, x->placed.refused->name, x->request.host, e->msg);
	inject_serve_fail(x, r == -EACCES ? 403 : 502, r == -EACCES, e->msg);
}

static void tell_used(struct inject_serve *x)
{
	for (size_t i = 0; x->placed.any && i < x->placed.set->n; i++)
		if (x->placed.put[i])
			inject_audit_secret(x->in->audit, x->placed.set->v[i].name,
				x->request.host, NULL);
}

static void begin(struct inject_serve *x)
{
	struct err e = { 0 };
	int r;

	x->state = INJECT_SERVE_RUNNING;
	r = inject_place(x->in->secrets.now, &x->request, &x->placed, &e);
	if (r < 0) {
		refuse_placing(x, r, &e);
		return;
	}
	tell_used(x);
	r = x->request.upgrade ? inject_upgrade_start(x, &e)
			       : inject_transfer_start(x, &e);
	if (r < 0)
		inject_serve_fail(x, r == -EINVAL ? 400 : 502, r == -EINVAL, e.msg);
}

static int take_request(struct inject_serve *x, const struct wire_frame *f)
{
	struct err e = { 0 };
	int r = exchange_request_decode(f->data, f->len, &x->request, &e);

	if (r < 0)
		return r;
	x->left = x->request.upgrade ? EXCHANGE_LENGTH_UNKNOWN : x->request.length;
	x->ended = false;
	x->replayable = x->left != 0;
	if (x->in->ready)
		begin(x);
	else
		x->state = INJECT_SERVE_WAITING;
	return 0;
}

static int drain(struct inject_serve *x, const struct wire_frame *f)
{
	if (f->type == EXCHANGE_END) {
		x->state = INJECT_SERVE_IDLE;
		return 0;
	}
	return f->type == EXCHANGE_DATA ? 0 : -EPROTO;
}

/* Frames outside of a running request. */
static int take_frames(struct inject_serve *x)
{
	int reads = 0;

	while (x->state == INJECT_SERVE_IDLE || x->state == INJECT_SERVE_DRAINING) {
		struct wire_frame f;
		int r = wire_next(&x->wire, &f);

		if (r == 0) {
			r = reads++ < READS_MAX ? wire_read(&x->wire) : -EAGAIN;
			if (r <= 0)
				return r ? r : -EPIPE;
			continue;
		}
		if (r < 0 || f.channel || f.flags)
			return -EPROTO;
		if (x->state == INJECT_SERVE_DRAINING)
			r = drain(x, &f);
		else
			r = f.type == EXCHANGE_REQUEST ? take_request(x, &f) : -EPROTO;
		if (r < 0)
			return r;
	}
	return -EAGAIN;
}

/* A request without a body has an end all the same; a job that doesn't pull misses it. */
static void look_for_end(struct inject_serve *x)
{
	uint8_t none;

	if (x->state == INJECT_SERVE_RUNNING && x->left == 0 && !x->ended &&
		!x->piece_len && !x->request.upgrade)
		(void)inject_serve_pull(x, &none, 0);
}

/* Where nothing may come, something did: RESET, or a protocol that isn't ours. */
static void take_input(struct inject_serve *x)
{
	if (x->state == INJECT_SERVE_RUNNING && !x->ended) {
		x->starving = false;
		look_for_end(x);
		if (!x->broken && x->job)
			x->job->more(x->job);
	} else if (x->state == INJECT_SERVE_RUNNING) {
		breaks(x);
	}
}

static uint32_t wanted(const struct inject_serve *x)
{
	uint32_t events = EPOLLRDHUP;

	/* room() may have filled the queue, and the flush after it emptied it again */
	if (wire_pending(&x->wire) || x->full)
		events |= EPOLLOUT;
	if (x->state == INJECT_SERVE_IDLE || x->state == INJECT_SERVE_DRAINING ||
		(x->state == INJECT_SERVE_RUNNING && (x->starving || x->ended)))
		events |= EPOLLIN;
	return events;
}

static void settle(struct inject_serve *x)
{
	unlist(x);
	if (!x->broken && wire_flush(&x->wire) < 0)
		x->broken = true;
	if (!x->broken &&
		(x->state == INJECT_SERVE_IDLE || x->state == INJECT_SERVE_DRAINING)) {
		int r = take_frames(x);

		if (r < 0 && r != -EAGAIN)
			x->broken = true;
		look_for_end(x);
	}
	if (!x->broken && x->full && wire_pending(&x->wire) < OUT_LOW) {
		x->full = false;
		if (x->job)
			x->job->room(x->job);
	}
	if (!x->broken && wire_flush(&x->wire) < 0)
		x->broken = true;
	if (x->broken) {
		inject_serve_free(x);
		return;
	}
	/* Not closed while the gate may be writing: it is to read why, not to get EPIPE. */
	if (x->state == INJECT_SERVE_CLOSING && wire_pending(&x->wire) == 0)
		(void)shutdown(x->wire.fd, SHUT_WR);
	if (x->state == INJECT_SERVE_IDLE)
		wire_trim(&x->wire);
	if (loop_source_events(x->src, wanted(x)) < 0)
		inject_serve_free(x);
}

void inject_serve_settle_all(struct injector *in)
{
	while (in->todo)
		settle(in->todo);
}

static void ready(struct loop_source *src, uint32_t events, void *data)
{
	struct inject_serve *x = data;

	(void)src;
	/* a gate that is gone, or says no more, has no use for the answer either */
	if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		breaks(x);
	else if (events & EPOLLIN)
		take_input(x);
	settle(x);
}

int inject_serve_new(struct injector *in, int fd, struct err *e)
{
	struct inject_serve *x = calloc(1, sizeof(*x));
	int r;

	if (!x) {
		(void)close(fd);
		return err_set(e, ENOMEM, "out of memory");
	}
	x->in = in;
	wire_init(&x->wire, fd);
	r = loop_add_fd(in->loop, fd, EPOLLIN | EPOLLRDHUP, ready, x, &x->src, e);
	if (r < 0) {
		wire_clear(&x->wire);
		free(x);
		return r;
	}
	x->next = in->serves;
	if (x->next)
		x->next->prev = x;
	in->serves = x;
	in->serves_n++;
	return 0;
}

void inject_serve_resume(struct injector *in)
{
	for (struct inject_serve *x = in->serves; x; x = x->next) {
		if (x->state != INJECT_SERVE_WAITING)
			continue;
		begin(x);
		look_for_end(x);
		unsettle(x);
	}
	inject_serve_settle_all(in);
}
