/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "gate/front/front-http1.h"

#include <string.h>

/* A response's way back to an HTTP/1 client, as it comes. */

static void add_to_out(struct front *f, struct buf *b)
{
	front_write(f, b->data, b->len);
}

static void write_head(struct front *f, const struct http1_reply *r)
{
	auto_buf struct buf b = { 0 };

	if (http1_write_head(r, &b) < 0)
		front_kill(f);
	else
		add_to_out(f, &b);
}

void front_http1_reply(struct front *f, unsigned status, const char *text)
{
	struct front_http1 *h = f->state;
	auto_free char *body = str_printf("brig: %s\n", text);
	struct exchange_header type = { .name = (char[]){ "content-type" },
		.value = (char[]){ "text/plain; charset=utf-8" } };
	struct exchange_response p = { .status = (uint16_t)status,
		.headers = { &type, 1 } };

	if (!body) {
		front_kill(f);
		return;
	}
	p.length = (int64_t)strlen(body);
	write_head(f, &(struct http1_reply){ .head = &p, .minor = h->minor });
	front_write(f, body, strlen(body));
	front_close(f);
}

/* The body is not wanted any more, or waits for this. */
static void on_accepted(struct request *q)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct front_http1 *h = q->f->state;

	if (h->expect && !h->body_done && !q->f->in.len)
		front_write(q->f, text, sizeof(text) - 1);
	q->f->again = true;
}

static void start_raw(struct front *f)
{
	struct front_http1 *h = f->state;

	h->raw = f->half = true;
	h->keep = false;
	f->again = true;
}

static void on_head(struct request *q, const struct exchange_response *p)
{
	struct front *f = q->f;
	struct front_http1 *h = f->state;
	struct http1_reply r = { .head = p, .minor = h->minor, .to_head = h->to_head };

	if (p->status < 200 && p->status != 101) {
		if (h->minor == 1)
			write_head(f, &r);
		return;
	}
	if (p->status == 101) {
		start_raw(f);
	} else if (q->x.upgrade) {
		request_body_end(q, NULL); /* so it was an ordinary request after all */
		h->body_done = true;
	}
	h->framing = http1_framing_of(&r);
	/* a body that is still on its way would be read as the next request */
	h->keep = h->keep && h->body_done && h->framing != HTTP1_UNTIL_CLOSE;
	h->reply_left = p->length;
	r.keep = h->keep;
	write_head(f, &r);
}

static void write_piece(struct front *f, const void *data, size_t len)
{
	struct front_http1 *h = f->state;
	char size[24];

	if (h->framing != HTTP1_CHUNKED || !len) {
		front_write(f, data, len);
		return;
	}
	front_write(f, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", len));
	front_write(f, data, len);
	front_write(f, "\r\n", 2);
}

static void on_body(struct request *q, const void *data, size_t len)
{
	struct front *f = q->f;
	struct front_http1 *h = f->state;

	if (h->raw) {
		front_write(f, data, len);
	} else if (h->framing != HTTP1_NO_BODY) {
		/* More than was said would be taken for the next response. */
		if (h->framing == HTTP1_LENGTH && (uint64_t)h->reply_left < len) {
			len = (size_t)h->reply_left;
			h->keep = false;
		}
		h->reply_left -= (int64_t)len;
		write_piece(f, data, len);
	}
	if (f->full)
		request_pause(q, true);
}

/* What is upstream of it ends now, not when the client has read the rest. */
static void last_request(struct front *f)
{
	struct front_http1 *h = f->state;

	request_free(h->q);
	h->q = NULL;
	front_close(f);
}

static void next_request(struct front *f)
{
	struct front_http1 *h = f->state;

	if (!h->keep) {
		last_request(f);
		return;
	}
	request_free(h->q);
	http1_body_clear(&h->chunks);
	*h = (struct front_http1){ .minor = h->minor };
	front_progress(f);
	f->again = true;
}

static void on_end(struct request *q, const struct exchange_headers *trailers)
{
	struct front *f = q->f;
	struct front_http1 *h = f->state;
	auto_buf struct buf b = { 0 };

	/* less than was said: the client sees it cut off */
	if (h->raw || (h->framing == HTTP1_LENGTH && h->reply_left)) {
		last_request(f);
		return;
	}
	if (h->framing == HTTP1_CHUNKED) {
		if (http1_write_last(h->trailers ? trailers : NULL, &b) < 0)
			front_kill(f);
		else
			add_to_out(f, &b);
	}
	next_request(f);
}

static void on_reset(struct request *q)
{
	struct front_http1 *h = q->f->state;

	/* where the end of the connection is the end of the body, it mustn't look like one */
	if (h->framing == HTTP1_UNTIL_CLOSE)
		front_kill(q->f);
	else
		last_request(q->f);
}

static void on_room(struct request *q)
{
	q->f->again = true;
}

const struct request_ops front_http1_ops = { on_accepted, on_head, on_body, on_end,
	on_reset, on_room };
