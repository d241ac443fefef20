/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-transfer.h"

#include "base/err.h"
#include "base/str.h"
#include "gate/inject/inject-head.h"
#include "gate/inject/inject-multi.h"
#include "gate/inject/inject-proxy.h"
#include "gate/inject/inject-serve.h"
#include "gate/inject/inject-where.h"
#include "gate/inject/inject.h"

#include <openssl/crypto.h>

/*
 * Theory of operation. The request goes out as the gate gave it: method and target
 * verbatim, its headers and none of libcurl's own but Host and the framing. libcurl pulls
 * the body and pushes the response through the serve; where that has nothing, or no room,
 * the direction is paused and the serve's call wakes it up. Errors within a call-back are
 * kept in 'why' and reported when libcurl has given the transfer up.
 */
struct transfer {
	struct inject_job job; /* first: a job is cast to it */
	struct inject_serve *x;
	CURL *easy;
	struct curl_slist *headers, *to;
	size_t addr;
	struct inject_head head;
	bool up_paused, down_paused;
	bool trailers;  /* they are announced, and may be sent */
	struct err why; /* code 0: libcurl's own words */
	char detail[CURL_ERROR_SIZE];
};

static void free_headers(struct curl_slist *l)
{
	for (struct curl_slist *p = l; p; p = p->next)
		OPENSSL_cleanse(p->data, strlen(p->data));
	curl_slist_free_all(l);
}

static void transfer_free(struct transfer *t)
{
	struct inject_multi *m = t->x->in->multi;

	if (t->easy) {
		inject_multi_remove(m, t->easy);
		/* libcurl 7.88 doesn't forget, on the next use of a handle, that it was
		 * sending trailers, and then writes before its buffer's beginning */
		if (t->trailers)
			curl_easy_cleanup(t->easy);
		else
			inject_multi_give(m, t->easy);
	}
	free_headers(t->headers);
	curl_slist_free_all(t->to);
	inject_head_clear(&t->head);
	free(t);
}

static int unpause(struct transfer *t)
{
	int mask = (t->up_paused ? CURLPAUSE_SEND : 0) |
		(t->down_paused ? CURLPAUSE_RECV : 0);

	return curl_easy_pause(t->easy, mask) == CURLE_OK ? 0 : -EIO;
}

static void more(struct inject_job *j)
{
	struct transfer *t = (struct transfer *)j;

	if (!t->up_paused)
		return;
	t->up_paused = false;
	(void)unpause(t);
}

static void room(struct inject_job *j)
{
	struct transfer *t = (struct transfer *)j;

	if (!t->down_paused)
		return;
	t->down_paused = false;
	(void)unpause(t);
}

static void cancel(struct inject_job *j)
{
	transfer_free((struct transfer *)j);
}

static size_t read_body(char *into, size_t size, size_t n, void *data)
{
	struct transfer *t = data;
	ssize_t got = inject_serve_pull(t->x, into, size * n);

	if (got >= 0)
		return (size_t)got;
	if (got == -EAGAIN) {
		t->up_paused = true;
		return CURL_READFUNC_PAUSE;
	}
	(void)err_set(&t->why, (int)-got, "the request broke off");
	return CURL_READFUNC_ABORT;
}

/* A kept connection that the server has just closed: the request goes out once more. */
static int seek_body(void *data, curl_off_t at, int whence)
{
	struct transfer *t = data;

	if (at != 0 || whence != SEEK_SET || t->trailers || !inject_serve_rewind(t->x))
		return CURL_SEEKFUNC_CANTSEEK;
	return CURL_SEEKFUNC_OK;
}

static int pass_head(struct transfer *t)
{
	struct exchange_response *p = &t->head.response;
	int r;

	if (p->status == 101)
		return err_set(&t->why, EPROTO, "an answer with an upgrade unasked for");
	/* 100 is between libcurl and the server: Expect wasn't the client's */
	r = p->status == 100 ? 0 : inject_serve_push_head(t->x, p);
	if (r == -EBADMSG)
		return err_set(&t->why, EPROTO,
			"an encoded answer to a request with a secret in it");
	if (r < 0)
		return err_set(&t->why, -r, "an answer whose head can't be passed on");
	/* libcurl sends no more after an error, but a pause would keep it waiting for more */
	if (p->status >= 300 && t->up_paused) {
		t->up_paused = false;
		(void)unpause(t);
	}
	inject_head_next(&t->head);
	return 0;
}

static size_t take_head(char *line, size_t size, size_t n, void *data)
{
	struct transfer *t = data;
	int r = inject_head_line(&t->head, line, size * n, &t->why);

	if (r == 0 && t->head.state == INJECT_HEAD_WHOLE)
		r = pass_head(t);
	return r < 0 ? 0 : size * n;
}

static size_t take_body(char *piece, size_t size, size_t n, void *data)
{
	struct transfer *t = data;
	int r;

	if (t->head.state != INJECT_HEAD_TRAILERS) {
		(void)err_set(&t->why, EPROTO, "an answer in disorder");
		return 0;
	}
	r = inject_serve_push(t->x, piece, size * n);
	if (r == -EAGAIN) {
		t->down_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (r < 0)
		(void)err_set(&t->why, -r, "an answer that can't be passed on");
	return r < 0 ? 0 : size * n;
}

/* Called once the body has ended: the gate's END brought them (h1 only: libcurl has no
 * trailers of requests in h2, and a sender may leave them out, RFC 9110 section 6.5.1). */
static int give_trailers(struct curl_slist **ret, void *data)
{
	struct transfer *t = data;

	for (size_t i = 0; i < t->x->trailers.n; i++) {
		auto_free char *line = str_printf(
			"%s: %s", t->x->trailers.v[i].name, t->x->trailers.v[i].value);
		struct curl_slist *l = line ? curl_slist_append(*ret, line) : NULL;

		if (!l)
			return CURL_TRAILERFUNC_ABORT;
		*ret = l;
	}
	return CURL_TRAILERFUNC_OK;
}

static void fail(struct transfer *t, CURLcode result)
{
	struct inject_serve *x = t->x;
	unsigned status = 502;
	auto_free char *text = t->why.code
		? str_printf("'%s': %s", x->request.host, t->why.msg)
		: inject_why(t->easy, result, x->request.host, t->detail, &status);

	if (x->state == INJECT_SERVE_RUNNING && !x->broken)
		inject_serve_fail(
			x, (uint16_t)status, false, text ? text : "out of memory");
}

static int connect_again(struct transfer *t);

static void done(CURLcode result, void *data)
{
	struct transfer *t = data;
	struct inject_serve *x = t->x;
	int r = 0;

	if (result != CURLE_OK && !t->why.code && inject_may_retry(t->easy, result) &&
		connect_again(t) == 0)
		return;
	if (result == CURLE_OK && t->head.state != INJECT_HEAD_TRAILERS)
		r = err_set(&t->why, EPROTO, "no answer");
	if (r == 0 && result == CURLE_OK && x->request.addrs_n)
		inject_where_note(x->in->where, x->request.host, x->request.port,
			&x->request.addrs[t->addr]);
	if (r == 0 && result == CURLE_OK)
		r = inject_serve_push_end(x, &t->head.response.headers);
	if (r < 0 || result != CURLE_OK)
		fail(t, result);
	transfer_free(t);
	inject_serve_job_over(x);
}

static int connect_again(struct transfer *t)
{
	struct curl_slist *to = NULL;
	struct exchange_request *q = &t->x->request;
	struct err e = { 0 };

	if (t->addr + 1 >= q->addrs_n ||
		inject_proxy_for(t->x->in->proxy, q->tls, q->host, q->addrs, q->addrs_n))
		return -EHOSTUNREACH;
	inject_multi_remove(t->x->in->multi, t->easy);
	t->addr++;
	t->detail[0] = '\0';
	if (inject_route(t->x->in, t->easy, q, t->addr, &to, &e) < 0)
		return -EHOSTUNREACH;
	curl_slist_free_all(t->to);
	t->to = to;
	return inject_multi_add(t->x->in->multi, t->easy, done, t);
}

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	auto_free char *line =
		*value ? str_printf("%s: %s", name, value) : str_printf("%s;", name);
	struct curl_slist *l = line ? curl_slist_append(*list, line) : NULL;

	if (line)
		OPENSSL_cleanse(line, strlen(line));
	if (!l)
		return -ENOMEM;
	*list = l;
	return 0;
}

/* The gate's headers, and nothing of libcurl's own. */
static int make_headers(struct transfer *t)
{
	const struct exchange_request *q = &t->x->request;
	struct curl_slist *l = curl_slist_append(NULL, "Expect:");
	int r = l ? 0 : -ENOMEM;

	t->headers = l;
	if (r == 0 && !exchange_header_get(&q->headers, "accept"))
		r = curl_slist_append(l, "Accept:") ? 0 : -ENOMEM;
	if (r == 0 && !exchange_header_get(&q->headers, "content-type"))
		r = curl_slist_append(l, "Content-Type:") ? 0 : -ENOMEM;
	if (r == 0 && q->trailers)
		r = add_header(&t->headers, "te", "trailers");
	for (size_t i = 0; r == 0 && i < q->headers.n; i++) {
		const struct exchange_header *h = &q->headers.v[i];

		if (strcmp(h->name, "te") != 0 && strcmp(h->name, "expect") != 0)
			r = add_header(&t->headers, h->name, h->value);
	}
	return r;
}

static bool has_body(const struct exchange_request *q)
{
	static const char *const with[] = { "POST", "PUT", "PATCH" };

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		if (strcmp(q->method, with[i]) == 0)
			return true;
	return q->length != 0;
}

static void set_body(struct transfer *t)
{
	const struct exchange_request *q = &t->x->request;

	if (strcmp(q->method, "HEAD") == 0)
		(void)curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	if (!has_body(q))
		return;
	(void)curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->length);
	(void)curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, read_body);
	(void)curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, seek_body);
	(void)curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, 65536L);
	t->trailers = q->length < 0 && exchange_header_get(&q->headers, "trailer");
	if (t->trailers) {
		(void)curl_easy_setopt(t->easy, CURLOPT_TRAILERFUNCTION, give_trailers);
		(void)curl_easy_setopt(t->easy, CURLOPT_TRAILERDATA, t);
	}
}

/* An ordinary proxy is told in clear what is to be fetched (RFC 9112 section 3.2.2). */
static char *make_target(struct transfer *t)
{
	const struct exchange_request *q = &t->x->request;
	const char *proxy =
		inject_proxy_for(t->x->in->proxy, q->tls, q->host, q->addrs, q->addrs_n);
	auto_free char *url = inject_url(q);

	if (q->tls || !proxy || str_starts(proxy, "socks"))
		return strdup(q->target);
	if (url)
		url[strlen(url) - 1] = '\0';
	return url ? str_printf("%s%s", url, q->target[0] == '/' ? q->target : "") : NULL;
}

static int set_request(struct transfer *t)
{
	const struct exchange_request *q = &t->x->request;
	auto_free char *url = inject_url(q), *target = make_target(t);

	if (!url || !target || make_headers(t) < 0)
		return -ENOMEM;
	(void)curl_easy_setopt(t->easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(t->easy, CURLOPT_REQUEST_TARGET, target);
	(void)curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, q->method);
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
		q->tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_head);
	(void)curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->detail);
	set_body(t);
	return 0;
}

/* What 't' needs before it is added; it is freed by the caller on failure. */
static int prepare(struct transfer *t, struct err *e)
{
	struct inject_serve *x = t->x;
	int r;

	if (strcmp(x->request.method, "HEAD") == 0 && x->request.length != 0)
		return err_set(e, EINVAL, "HEAD with a body");
	t->easy = inject_multi_take(x->in->multi, x->in->trust);
	if (!t->easy)
		return err_set(e, ENOMEM, "out of memory");
	r = set_request(t);
	if (r < 0)
		return err_set(e, -r, "out of memory");
	inject_where_order(x->in->where, &x->request);
	r = inject_route(x->in, t->easy, &x->request, 0, &t->to, e);
	if (r == 0 && inject_multi_add(x->in->multi, t->easy, done, t) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

int inject_transfer_start(struct inject_serve *x, struct err *e)
{
	struct transfer *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, ENOMEM, "out of memory");
	t->job = (struct inject_job){ more, room, cancel };
	t->x = x;
	r = prepare(t, e);
	if (r < 0)
		transfer_free(t);
	else
		x->job = &t->job;
	return r;
}
