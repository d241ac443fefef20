/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front-http2.h - HTTP/2 with the sandbox (RFC 9113), on nghttp2's session.
 */
#ifndef BRIG_GATE_FRONT_HTTP2_H
#define BRIG_GATE_FRONT_HTTP2_H

#include "gate/front/front-impl.h"
#include "gate/front/request.h"

#include <nghttp2/nghttp2.h>

#define HTTP2_STREAMS_MAX 128U
#define HTTP2_WINDOW      (1 << 20) /* of a connection: what can be in flight */
#define HTTP2_STREAM_WINDOW \
	(512 << 10)                  /* so that one upload doesn't hold up the others */
#define HTTP2_HEAD_MAX   65536U      /* bytes of a header list (SETTINGS) */
#define HTTP2_STREAM_OUT (64U << 10) /* bytes kept for a client that doesn't read */
#define HTTP2_OUT        (1U << 20)  /* the same over all streams */
#define HTTP2_BURST      1000U       /* frames that carry nothing, at once */
#define HTTP2_RATE       100U        /* and a second */

struct http2_stream;

struct front_http2 {
	nghttp2_session *session;
	struct http2_stream *first;
	size_t n, buffered; /* streams; bytes kept for the client */
	unsigned budget;    /* for frames that carry nothing */
	uint64_t budget_at; /* when it was last filled up; ns */
	bool ended;
};

struct http2_stream {
	struct front *f;
	struct http2_stream *next, *prev;
	int32_t id;
	struct request *q; /* NULL: not yet, or no more */
	/* the request's head, until it is whole */
	char *method, *scheme, *path, *authority, *host, *protocol;
	struct buf cookie; /* its crumbs (RFC 9113 section 8.2.3) */
	struct exchange_headers headers, trailers;
	size_t head_bytes, fields;
	int64_t length;
	bool te, expect, whole;
	/* its body */
	struct buf in;     /* what came before the verdict */
	size_t unconsumed; /* bytes that the windows are still short of */
	bool in_done, raw;
	/* the response */
	struct buf out;
	size_t out_at;
	struct exchange_headers last; /* trailers */
	bool out_done, deferred, no_body;
};

struct http2_stream *http2_stream_new(struct front *f, int32_t id);
void http2_stream_free(struct http2_stream *s);

/* A header of the request, or of its trailers. 0; -E2BIG, -ENOMEM, -EINVAL. */
int http2_stream_header(struct http2_stream *s, const char *name, const char *value);

void http2_stream_start(struct http2_stream *s, bool last); /* its head is whole */
void http2_stream_data(struct http2_stream *s, const void *data, size_t len);
void http2_stream_end(struct http2_stream *s);

/* What nghttp2 reads the response's body with. */
ssize_t http2_stream_read(nghttp2_session *session, int32_t id, uint8_t *into, size_t len,
	uint32_t *flags, nghttp2_data_source *source, void *data);

#endif
