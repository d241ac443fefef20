/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/http1-write.h"

#include "base/str.h"
#include "gate/front/http1-body.h"

#include <inttypes.h>

const char *http1_status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} table[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 103, "Early Hints" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Content Too Large" },
		{ 416, "Range Not Satisfiable" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			return table[i].text;
	return "Status";
}

/* RFC 9112 section 6.3, from the sender's side. */
enum http1_framing http1_framing_of(const struct http1_reply *r)
{
	unsigned status = r->head->status;

	if (r->to_head || status < 200 || status == 204 || status == 304)
		return HTTP1_NO_BODY;
	if (r->head->length >= 0)
		return HTTP1_LENGTH;
	return r->minor == 0 ? HTTP1_UNTIL_CLOSE : HTTP1_CHUNKED;
}

static int write_framing(const struct http1_reply *r, struct buf *out)
{
	enum http1_framing f = http1_framing_of(r);
	unsigned status = r->head->status;

	if (status < 200 || status == 204)
		return 0;
	if (r->head->length >= 0 && (f == HTTP1_LENGTH || r->to_head))
		return buf_addf(out, "content-length: %" PRId64 "\r\n", r->head->length);
	if (f == HTTP1_CHUNKED)
		return buf_add_str(out, "transfer-encoding: chunked\r\n");
	return 0;
}

static int write_connection(const struct http1_reply *r, struct buf *out)
{
	if (r->head->status == 101)
		return buf_addf(
			out, "connection: Upgrade\r\nupgrade: %s\r\n", r->head->upgrade);
	if (r->head->status < 200)
		return 0;
	if (!r->keep)
		return buf_add_str(out, "connection: close\r\n");
	return r->minor == 0 ? buf_add_str(out, "connection: keep-alive\r\n") : 0;
}

int http1_write_head(const struct http1_reply *r, struct buf *out)
{
	const struct exchange_headers *h = &r->head->headers;
	int res;

	res = buf_addf(out, "HTTP/1.1 %u %s\r\n", r->head->status,
		http1_status_text(r->head->status));
	for (size_t i = 0; res == 0 && i < h->n; i++) {
		res = buf_add_str(out, h->v[i].name);
		res = res == 0 ? buf_add(out, ": ", 2) : res;
		res = res == 0 ? buf_add_str(out, h->v[i].value) : res;
		res = res == 0 ? buf_add(out, "\r\n", 2) : res;
	}
	res = res == 0 ? write_framing(r, out) : res;
	res = res == 0 ? write_connection(r, out) : res;
	return res == 0 ? buf_add(out, "\r\n", 2) : res;
}

int http1_write_last(const struct exchange_headers *trailers, struct buf *out)
{
	int r = buf_add(out, "0\r\n", 3);

	for (size_t i = 0; r == 0 && trailers && i < trailers->n; i++)
		if (http1_trailer_is_sane(trailers->v[i].name))
			r = buf_addf(out, "%s: %s\r\n", trailers->v[i].name,
				trailers->v[i].value);
	return r == 0 ? buf_add(out, "\r\n", 2) : r;
}
