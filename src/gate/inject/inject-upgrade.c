/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-upgrade.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"
#include "gate/inject/inject-code.h"
#include "gate/inject/inject-head.h"
#include "gate/inject/inject-multi.h"
#include "gate/inject/inject-serve.h"
#include "gate/inject/inject-transfer.h"
#include "gate/inject/inject.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/socket.h>

#define PIECE     16384U
#define LINE_MAX_ 16384U
#define LINGER_S  10ULL /* for the server's last words, once the gate has said END */
#define HEAD_S    60ULL /* for the answer */

/* RFC 6455 section 1.3 */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum state {
	CONNECTING, /* → ASKING: libcurl has a connection */
	ASKING,     /* the request goes out, the head comes in; → RELAYING: 101 */
	RELAYING,   /* bytes go both ways */
	REFUSED,    /* another status than 101: the body, as far as its length is known */
};

struct upgrade {
	struct inject_job job; /* first: a job is cast to it */
	struct inject_serve *x;
	CURL *easy;
	struct curl_slist *to;
	size_t addr;
	enum state state;
	struct loop_source *src, *timer;
	struct inject_head head;
	struct buf out, in; /* not yet sent; a line of the head that isn't whole */
	size_t out_at;
	int64_t body; /* REFUSED: bytes that are still to come */
	char accept
		[32]; /* what a server must answer to a key of ours; "": to the client's */
	bool up_over;  /* the gate said END */
	bool extended; /* the client asked by CONNECT */
	bool full, over;
	bool again; /* the timer is there to go on reading */
	char detail[CURL_ERROR_SIZE];
};

static void wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	buf_clear(b);
}

static void upgrade_free(struct upgrade *u)
{
	struct inject_multi *m = u->x->in->multi;

	loop_source_free(u->src);
	loop_source_free(u->timer);
	if (u->easy) {
		inject_multi_remove(m, u->easy);
		inject_multi_give(m, u->easy);
	}
	curl_slist_free_all(u->to);
	inject_head_clear(&u->head);
	wipe(&u->out);
	wipe(&u->in);
	free(u);
}

static void cancel(struct inject_job *j)
{
	upgrade_free((struct upgrade *)j);
}

/* Once only, and the last thing that is done with 'u'. */
static void end(struct upgrade *u, const char *why, unsigned status)
{
	struct inject_serve *x = u->x;
	auto_free char *text = why ? str_printf("'%s': %s", x->request.host, why) : NULL;
	struct exchange_headers none = { 0 };

	if (why && x->state == INJECT_SERVE_RUNNING && !x->broken)
		inject_serve_fail(x, (uint16_t)status, false, text ? text : why);
	else if (!why)
		(void)inject_serve_push_end(x, &none);
	upgrade_free(u);
	inject_serve_job_over(x);
}

/* Send what is queued. 0 (look at out) or -errno. */
static int send_out(struct upgrade *u)
{
	while (u->out_at < u->out.len) {
		size_t n = 0;
		CURLcode c = curl_easy_send(
			u->easy, u->out.data + u->out_at, u->out.len - u->out_at, &n);

		if (c == CURLE_AGAIN)
			return 0;
		if (c != CURLE_OK)
			return -EPIPE;
		u->out_at += n;
	}
	OPENSSL_cleanse(u->out.data, u->out.len);
	u->out.len = u->out_at = 0;
	return 0;
}

/* From the gate to the server: one piece at a time, so that nothing piles up. */
static int pump_up(struct upgrade *u)
{
	int r = send_out(u);

	while (r == 0 && u->state == RELAYING && u->out_at == u->out.len && !u->up_over) {
		ssize_t n;

		r = buf_reserve(&u->out, PIECE);
		if (r < 0)
			return r;
		n = inject_serve_pull(u->x, u->out.data, PIECE);
		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return (int)n;
		u->up_over = n == 0;
		u->out.len = (size_t)n;
		r = send_out(u);
	}
	if (r == 0 && u->up_over && u->out_at == u->out.len && !u->over) {
		u->over = true;
		(void)shutdown(loop_source_fd(u->src), SHUT_WR);
		loop_timer_arm(u->timer, LINGER_S * NS_PER_SEC);
	}
	return r;
}

static bool is_accepted(struct upgrade *u)
{
	const char *got =
		exchange_header_get(&u->head.response.headers, "sec-websocket-accept");

	return !*u->accept || (got && strcmp(got, u->accept) == 0);
}

static void drop_accept(struct exchange_headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->v[i].name, "sec-websocket-accept") == 0) {
			free(h->v[i].name);
			free(h->v[i].value);
			h->v[i] = h->v[--h->n];
			return;
		}
}

static int switched(struct upgrade *u, const char **why)
{
	struct exchange_response *p = &u->head.response;

	if (!str_eq(p->upgrade, u->x->request.upgrade) || !is_accepted(u)) {
		*why = "the server's answer to the upgrade is none";
		return -EPROTO;
	}
	p->length = EXCHANGE_LENGTH_UNKNOWN;
	if (u->extended) {
		p->status = 200;
		free(take_ptr(&p->upgrade));
		drop_accept(&p->headers);
	}
	if (inject_serve_push_head(u->x, p) < 0)
		return -EIO;
	loop_timer_disarm(u->timer);
	u->state = RELAYING;
	return 0;
}

/*
 * No upgrade, but an answer. A body in chunks is left out: its length is what the framing
 * here knows, and the status is what the client needs.
 */
static int refused(struct upgrade *u)
{
	struct exchange_response *p = &u->head.response;

	if (p->status == 204 || p->status == 304 || u->head.chunked || p->length < 0)
		p->length = 0;
	u->body = p->length;
	u->state = REFUSED;
	return inject_serve_push_head(u->x, p) < 0 ? -EIO : 0;
}

/* Lines of the head in 'in', which may hold bytes beyond it. */
static int take_head(struct upgrade *u, const char **why)
{
	struct err e = { 0 };
	size_t at = 0;
	char *nl = NULL;
	int r = 0;

	while (r == 0 && u->state == ASKING && at < u->in.len &&
		(nl = memchr(u->in.data + at, '\n', u->in.len - at))) {
		size_t len = (size_t)(nl - u->in.data) + 1 - at;

		r = inject_head_line(&u->head, u->in.data + at, len, &e);
		at += len;
		if (r < 0 || u->head.state != INJECT_HEAD_WHOLE)
			continue;
		if (u->head.response.status == 101)
			r = switched(u, why);
		else if (u->head.response.status >= 200)
			r = refused(u);
		if (u->state == ASKING)
			inject_head_next(&u->head);
	}
	buf_drop(&u->in, at);
	if (r == 0 && u->state == ASKING && u->in.len > LINE_MAX_)
		r = -EPROTO;
	if (r < 0 && !*why)
		*why = "an answer that is no HTTP";
	return r;
}

/* What has come of the body or the stream is in 'in'. -EAGAIN: no room for it now. */
static int pass_in(struct upgrade *u)
{
	size_t n = u->in.len;
	int r;

	if (u->state == REFUSED && (int64_t)n > u->body)
		n = (size_t)u->body;
	r = n ? inject_serve_push(u->x, u->in.data, n) : 0;
	if (r < 0)
		return r;
	u->body -= u->state == REFUSED ? (int64_t)n : 0;
	u->in.len = 0;
	return u->state == REFUSED && u->body == 0 ? 1 : 0;
}

/* 0: nothing more now; 1: over; -errno with the reason. */
static int pump_down(struct upgrade *u, const char **why)
{
	for (unsigned i = 0; i < 16; i++) {
		size_t n = 0;
		CURLcode c;
		int r = 0;

		if (u->in.len && u->state == ASKING)
			r = take_head(u, why);
		if (r == 0 && u->state != ASKING && (u->in.len || u->state == REFUSED))
			r = pass_in(u);
		u->full = r == -EAGAIN;
		if (r)
			return u->full ? 0 : r;
		r = buf_reserve(&u->in, PIECE);
		if (r < 0)
			return r;
		c = curl_easy_recv(u->easy, u->in.data + u->in.len, PIECE, &n);
		if (c == CURLE_AGAIN)
			return 0;
		if (c != CURLE_OK || n == 0) {
			*why = u->state == RELAYING ? NULL : "the connection was closed";
			return u->state == RELAYING ? 1 : -EPIPE;
		}
		u->in.len += n;
	}
	/* others want their turn; what TLS has read ahead would wake nobody */
	u->again = true;
	loop_timer_arm(u->timer, 0);
	return 0;
}

static void watch(struct upgrade *u)
{
	uint32_t events = EPOLLRDHUP;

	if (u->out_at < u->out.len)
		events |= EPOLLOUT;
	if (!u->full)
		events |= EPOLLIN;
	/* a hang-up that can't be acted on yet would only spin */
	if (u->full && !(events & EPOLLOUT))
		events = 0;
	if (u->src)
		(void)loop_source_events(u->src, events);
}

static void pump(struct upgrade *u)
{
	const char *why = NULL;
	bool asking = u->state == ASKING;
	int r = pump_up(u);

	if (r < 0 && u->state == RELAYING)
		r = 1; /* the server takes no more: what it said is over as well */
	else if (r == 0)
		r = pump_down(u, &why);
	if (r == 0 && asking && u->state == RELAYING)
		r = pump_up(u); /* what the gate has sent in the meantime */
	if (r == 0)
		watch(u);
	else
		end(u, r > 0 ? NULL : why ? why : "the connection broke", 502);
}

static void ready(struct loop_source *src, uint32_t events, void *data)
{
	struct upgrade *u = data;
	struct injector *in = u->x->in;

	(void)src;
	(void)events;
	pump(u);
	inject_serve_settle_all(in);
}

static void more(struct inject_job *j)
{
	struct upgrade *u = (struct upgrade *)j;

	if (u->state == RELAYING)
		pump(u);
}

static void room(struct inject_job *j)
{
	struct upgrade *u = (struct upgrade *)j;

	if (u->src)
		pump(u);
}

/* Either there is more to read in a buffer, or patience has an end. */
static void due(struct loop_source *src, void *data)
{
	struct upgrade *u = data;
	struct injector *in = u->x->in;

	(void)src;
	if (u->again) {
		u->again = false;
		if (u->over)
			loop_timer_arm(u->timer, LINGER_S * NS_PER_SEC);
		pump(u);
	} else if (u->over)
		end(u, NULL, 0);
	else
		end(u, "no answer to the request for an upgrade", 504);
	inject_serve_settle_all(in);
}

/* The key is only there so that a cache can't have answered (RFC 6455 section 4.1). */
static int make_key(struct upgrade *u)
{
	auto_buf struct buf key = { 0 }, answer = { 0 };
	unsigned char nonce[16], digest[SHA_DIGEST_LENGTH];
	unsigned len = 0;

	if (RAND_bytes(nonce, sizeof(nonce)) != 1 ||
		inject_base64_encode(nonce, sizeof(nonce), &key) < 0 ||
		buf_addf(&u->out, "sec-websocket-key: %s\r\n", key.data) < 0 ||
		buf_add_str(&key, GUID) < 0 ||
		EVP_Digest(key.data, key.len, digest, &len, EVP_sha1(), NULL) != 1 ||
		inject_base64_encode(digest, sizeof(digest), &answer) < 0)
		return -ENOMEM;
	(void)snprintf(u->accept, sizeof(u->accept), "%s", answer.data);
	return 0;
}

static int make_request(struct upgrade *u)
{
	const struct exchange_request *q = &u->x->request;
	bool v6 = strchr(q->host, ':') != NULL;
	int r = buf_addf(&u->out, "GET %s HTTP/1.1\r\nhost: %s%s%s", q->target,
		v6 ? "[" : "", q->host, v6 ? "]" : "");

	if (r == 0 && q->port != (q->tls ? 443 : 80))
		r = buf_addf(&u->out, ":%u", q->port);
	if (r == 0)
		r = buf_addf(&u->out, "\r\nconnection: Upgrade\r\nupgrade: %s\r\n",
			q->upgrade);
	for (size_t i = 0; r == 0 && i < q->headers.n; i++) {
		const struct exchange_header *h = &q->headers.v[i];

		if (u->extended && strcmp(h->name, "sec-websocket-key") == 0)
			continue;
		if (strcmp(h->name, "te") != 0 && strcmp(h->name, "expect") != 0)
			r = buf_addf(&u->out, "%s: %s\r\n", h->name, h->value);
	}
	if (r == 0 && u->extended)
		r = make_key(u);
	return r == 0 ? buf_add_str(&u->out, "\r\n") : r;
}

static void connected(CURLcode result, void *data);

static int connect_again(struct upgrade *u)
{
	struct inject_multi *m = u->x->in->multi;
	struct curl_slist *to = NULL;
	struct err e = { 0 };

	if (u->addr + 1 >= u->x->request.addrs_n)
		return -EHOSTUNREACH;
	inject_multi_remove(m, u->easy);
	u->addr++;
	if (inject_route(u->x->in, u->easy, &u->x->request, u->addr, &to, &e) < 0)
		return -EHOSTUNREACH;
	curl_slist_free_all(u->to);
	u->to = to;
	return inject_multi_add(m, u->easy, connected, u);
}

static void connected(CURLcode result, void *data)
{
	struct upgrade *u = data;
	curl_socket_t fd = CURL_SOCKET_BAD;
	unsigned status = 502;

	if (result != CURLE_OK && inject_may_retry(u->easy, result) &&
		connect_again(u) == 0)
		return;
	if (result == CURLE_OK)
		(void)curl_easy_getinfo(u->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD) {
		struct inject_serve *x = u->x;
		auto_free char *why =
			inject_why(u->easy, result, x->request.host, u->detail, &status);

		inject_serve_fail(x, (uint16_t)status, false, why ? why : "failed");
		upgrade_free(u);
		inject_serve_job_over(x);
		return;
	}
	u->state = ASKING;
	loop_timer_arm(u->timer, HEAD_S * NS_PER_SEC);
	if (loop_add_fd(u->x->in->loop, fd, EPOLLIN, ready, u, &u->src, NULL) < 0)
		end(u, "out of memory", 502);
	else
		pump(u);
}

static int prepare(struct upgrade *u, struct err *e)
{
	struct inject_serve *x = u->x;
	auto_free char *url = inject_url(&x->request);
	int r;

	u->easy = inject_multi_take(x->in->multi, x->in->trust);
	if (!url || !u->easy || make_request(u) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = loop_add_timer(x->in->loop, due, u, &u->timer, e);
	if (r == 0)
		r = inject_route(x->in, u->easy, &x->request, 0, &u->to, e);
	if (r < 0)
		return r;
	(void)curl_easy_setopt(u->easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(u->easy, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(u->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	(void)curl_easy_setopt(u->easy, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(
		u->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(u->easy, CURLOPT_ERRORBUFFER, u->detail);
	return inject_multi_add(x->in->multi, u->easy, connected, u) < 0
		? err_set(e, ENOMEM, "out of memory")
		: 0;
}

int inject_upgrade_start(struct inject_serve *x, struct err *e)
{
	struct upgrade *u;
	int r;

	if (!str_eq(x->request.upgrade, "websocket"))
		return err_set(e, EINVAL, "only WebSocket can be upgraded to");
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_set(e, ENOMEM, "out of memory");
	u->job = (struct inject_job){ more, room, cancel };
	u->x = x;
	u->extended = strcmp(x->request.method, "CONNECT") == 0;
	r = prepare(u, e);
	if (r < 0)
		upgrade_free(u);
	else
		x->job = &u->job;
	return r;
}
