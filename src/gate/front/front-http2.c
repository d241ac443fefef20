/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-http2.h"

#include "base/clock.h"
#include "base/err.h"

#include <string.h>

/*
 * Theory of operation. nghttp2 takes the frames apart, keeps HPACK's state and checks what
 * RFC 9113 lets a client send; here its events become streams (front-http2-stream.c).
 * Windows are opened only for what the injector has taken, so the client's windows are the
 * back pressure. What costs the client nothing and the gate something (resets, pings,
 * settings, empty frames) is paid from a budget that fills up slowly.
 */
static struct http2_stream *stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static void pay(struct front *f)
{
	struct front_http2 *h = f->state;
	uint64_t now = clock_mono_ns();
	uint64_t earned = (now - h->budget_at) / (NS_PER_SEC / HTTP2_RATE);

	if (earned) {
		h->budget_at = now;
		h->budget = earned > HTTP2_BURST - h->budget
			? HTTP2_BURST
			: h->budget + (unsigned)earned;
	}
	if (h->budget) {
		h->budget--;
		return;
	}
	if (h->ended)
		return;
	h->ended = true; /* from now on nghttp2 looks at nothing that comes */
	front_refused(f, 0, "HTTP/2: too many frames that carry nothing");
	(void)nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	struct front *f = data;

	if (frame->hd.type != NGHTTP2_HEADERS ||
		frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct http2_stream *s = http2_stream_new(f, frame->hd.stream_id);

	if (!s)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (nghttp2_session_set_stream_user_data(session, s->id, s) != 0) {
		http2_stream_free(s);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

/* Both are ended by a NUL that is not counted (nghttp2.h); one within makes them shorter. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
	const uint8_t *name, size_t namelen, const uint8_t *value, size_t valuelen,
	uint8_t flags, void *data)
{
	struct http2_stream *s = stream_of(session, frame->hd.stream_id);

	(void)flags, (void)data;
	if (!s || strlen((const char *)name) != namelen ||
		strlen((const char *)value) != valuelen ||
		http2_stream_header(s, (const char *)name, (const char *)value) < 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return 0;
}

/* What is malformed is not passed over but ends the request. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
	const uint8_t *name, size_t namelen, const uint8_t *value, size_t valuelen,
	uint8_t flags, void *data)
{
	(void)session, (void)frame, (void)name, (void)namelen, (void)value;
	(void)valuelen, (void)flags, (void)data;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	struct front *f = data;
	struct http2_stream *s = stream_of(session, frame->hd.stream_id);
	bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (s && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			http2_stream_start(s, last);
		break;
	case NGHTTP2_DATA:
		if (!last && frame->hd.length == frame->data.padlen)
			pay(f);
		break;
	case NGHTTP2_WINDOW_UPDATE: return 0;
	default: pay(f); return 0;
	}
	if (s && last)
		http2_stream_end(s);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
	const uint8_t *bytes, size_t len, void *data)
{
	struct http2_stream *s = stream_of(session, id);

	(void)flags;
	front_progress(data);
	if (s)
		http2_stream_data(s, bytes, len);
	else
		(void)nghttp2_session_consume(session, id, len);
	return 0;
}

static int on_stream_close(
	nghttp2_session *session, int32_t id, uint32_t code, void *data)
{
	struct http2_stream *s = stream_of(session, id);

	if (code != NGHTTP2_NO_ERROR)
		pay(data); /* whoever made whom reset it */
	if (s && s->unconsumed)
		(void)nghttp2_session_consume_connection(session, s->unconsumed);
	http2_stream_free(s);
	return 0;
}

/* The response is out, the request isn't whole: its rest is not wanted (section 8.1). */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
	bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	(void)data;
	if (last &&
		(frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)) {
		struct http2_stream *s = stream_of(session, frame->hd.stream_id);

		if (s && !s->in_done)
			(void)nghttp2_submit_rst_stream(
				session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR);
	}
	return 0;
}

static int new_session(struct front *f, nghttp2_session **ret)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *opt = NULL;
	int r = NGHTTP2_ERR_NOMEM;

	if (nghttp2_session_callbacks_new(&cb) == 0 && nghttp2_option_new(&opt) == 0) {
		nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_invalid_header_callback(
			cb, on_invalid_header);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
		nghttp2_session_callbacks_set_on_stream_close_callback(
			cb, on_stream_close);
		nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
		nghttp2_option_set_no_auto_window_update(opt, 1);
		nghttp2_option_set_no_closed_streams(opt, 1);
		nghttp2_option_set_max_settings(opt, 32);
		r = nghttp2_session_server_new2(ret, cb, f, opt);
	}
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(opt);
	return r;
}

static int start(struct front *f, struct err *e)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEAD_MAX },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};
	struct front_http2 *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(e, ENOMEM, "out of memory");
	f->state = h;
	h->budget = HTTP2_BURST;
	h->budget_at = clock_mono_ns();
	if (new_session(f, &h->session) != 0 ||
		nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
			sizeof(settings) / sizeof(settings[0])) != 0 ||
		nghttp2_session_set_local_window_size(
			h->session, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW) != 0)
		return err_set(e, ENOMEM, "HTTP/2: out of memory");
	return 0;
}

static void input(struct front *f)
{
	struct front_http2 *h = f->state;
	ssize_t n;

	if (!f->in.len)
		return;
	n = nghttp2_session_mem_recv(h->session, (uint8_t *)f->in.data, f->in.len);
	f->in.len = 0;
	if (n < 0)
		front_kill(f);
}

static void output(struct front *f)
{
	struct front_http2 *h = f->state;
	const uint8_t *data;
	ssize_t n = 1;

	while (n > 0 && !f->dead && front_pending(f) < FRONT_OUT_HIGH) {
		n = nghttp2_session_mem_send(h->session, &data);
		if (n > 0)
			front_write(f, data, (size_t)n);
	}
	if (n < 0)
		front_kill(f);
	else if (n == 0 && !nghttp2_session_want_read(h->session) &&
		!nghttp2_session_want_write(h->session))
		front_close(f);
}

static void eof(struct front *f)
{
	front_kill(f); /* nobody is left to answer to */
}

static void drained(struct front *f)
{
	(void)f; /* output() is asked anyway */
}

static bool wants(const struct front *f)
{
	(void)f;
	return true; /* windows say how much comes */
}

static unsigned limit(const struct front *f)
{
	const struct front_http2 *h = f->state;

	return h->n ? 0 : FRONT_IDLE_S;
}

static void end(struct front *f, const char *why)
{
	struct front_http2 *h = f->state;

	(void)why;
	if (nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR) != 0)
		front_kill(f);
}

static void free_state(struct front *f)
{
	struct front_http2 *h = f->state;

	if (!h)
		return;
	while (h->first)
		http2_stream_free(h->first);
	nghttp2_session_del(h->session);
	free(h);
}

const struct front_proto front_http2 = { start, input, eof, output, drained, wants, limit,
	end, free_state };
