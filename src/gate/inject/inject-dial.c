/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-dial.h"

#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/str.h"
#include "gate/exchange.h"
#include "gate/inject/inject-multi.h"
#include "gate/inject/inject-proxy.h"
#include "gate/inject/inject-transfer.h"
#include "gate/inject/inject.h"
#include "gate/roles.h"

#include <fcntl.h>

struct inject_dial {
	struct injector *in;
	struct inject_dial *next, *prev;
	uint64_t id;
	struct exchange_request q; /* only where to */
	CURL *easy;
	struct curl_slist *to;
	size_t addr;
	int fd;      /* the connection, once there is one */
	char *error; /* or why there is none */
	char detail[CURL_ERROR_SIZE];
};

static void drop_easy(struct inject_dial *d)
{
	if (!d->easy)
		return;
	inject_multi_remove(d->in->multi, d->easy);
	inject_multi_give(d->in->multi, d->easy);
	d->easy = NULL;
}

static void dial_free(struct inject_dial *d)
{
	drop_easy(d);
	if (d->fd >= 0)
		(void)close(d->fd);
	if (d->prev)
		d->prev->next = d->next;
	else
		d->in->dials = d->next;
	if (d->next)
		d->next->prev = d->prev;
	d->in->dials_n--;
	curl_slist_free_all(d->to);
	exchange_request_clear(&d->q);
	free(d->error);
	free(d);
}

void inject_dial_free_all(struct injector *in)
{
	while (in->dials)
		dial_free(in->dials);
}

static int write_answer(const struct inject_dial *d, struct buf *out)
{
	auto_json struct json *j = json_new_object();
	int r = j ? json_add(j, "id", json_new_uint(d->id)) : -ENOMEM;

	if (r == 0 && d->error)
		r = json_add_str(j, "error", d->error);
	return r == 0 ? json_print(j, false, out) : r;
}

/* Frees 'd' unless the gate doesn't keep up. */
static void answer(struct inject_dial *d)
{
	struct parcel p = { .type = INJECTOR_DIALED };
	auto_buf struct buf b = { 0 };
	int r = write_answer(d, &b);

	p.data = b.data;
	p.len = b.len;
	if (d->fd >= 0)
		p.fds[p.fds_n++] = d->fd;
	if (r == 0)
		r = parcel_send_fds(d->in->gate, &p);
	if (r == -EAGAIN)
		(void)loop_source_events(
			d->in->gate_src, EPOLLOUT); /* no more till then */
	else
		dial_free(d);
}

void inject_dial_flush(struct injector *in)
{
	(void)loop_source_events(in->gate_src, EPOLLIN);
	for (struct inject_dial *d = in->dials, *next; d; d = next) {
		next = d->next;
		if (d->fd >= 0 || d->error)
			answer(d);
	}
}

static void done(CURLcode result, void *data);

static int connect_again(struct inject_dial *d)
{
	struct curl_slist *to = NULL;
	struct err e = { 0 };

	if (d->addr + 1 >= d->q.addrs_n)
		return -EHOSTUNREACH;
	inject_multi_remove(d->in->multi, d->easy);
	d->addr++;
	if (inject_route(d->in, d->easy, &d->q, d->addr, &to, &e) < 0)
		return -EHOSTUNREACH;
	curl_slist_free_all(d->to);
	d->to = to;
	return inject_multi_add(d->in->multi, d->easy, done, d);
}

/* The duplicate lives on when libcurl closes its own. */
static void done(CURLcode result, void *data)
{
	struct inject_dial *d = data;
	curl_socket_t fd = CURL_SOCKET_BAD;
	unsigned status;

	if (result != CURLE_OK && inject_may_retry(d->easy, result) &&
		connect_again(d) == 0)
		return;
	if (result == CURLE_OK)
		(void)curl_easy_getinfo(d->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd != CURL_SOCKET_BAD)
		d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (d->fd < 0)
		d->error = inject_why(d->easy, result, d->q.host, d->detail, &status);
	for (char *p = d->error; p && *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = ' ';
	drop_easy(d);
	answer(d);
}

static int read_where(struct inject_dial *d, const struct json *j)
{
	const struct json *addrs = json_get(j, "addrs");
	const char *host = json_get_str(j, "host");
	uint64_t port = json_get_uint(j, "port");
	char name[NAME_MAX_LEN + 1];
	struct address a;

	if (!host || !port || port > UINT16_MAX || json_len(addrs) > EXCHANGE_ADDRS_MAX)
		return -EPROTO;
	if ((name_normalise(host, strlen(host), name) < 0 || strcmp(name, host) != 0) &&
		address_parse(host, &a) < 0)
		return -EPROTO;
	for (size_t i = 0; i < json_len(addrs); i++) {
		const char *text = json_str(json_at(addrs, i));

		if (!text || address_parse(text, &d->q.addrs[d->q.addrs_n++]) < 0)
			return -EPROTO;
	}
	d->id = json_get_uint(j, "id");
	d->q.port = (uint16_t)port;
	d->q.host = strdup(host);
	return d->q.host ? 0 : -ENOMEM;
}

/* 'tls' picks https_proxy, which is what others use for connections they don't look into;
 * the URL is http, so that libcurl speaks no TLS on it. */
static int start(struct inject_dial *d, struct err *e)
{
	auto_free char *url = NULL;
	const char *proxy;
	int r;

	url = inject_url(&d->q);
	d->q.tls = true;
	proxy = inject_proxy_for(d->in->proxy, true, d->q.host, d->q.addrs, d->q.addrs_n);
	if (proxy && str_starts(proxy, "https:"))
		return err_set(e, EPROTONOSUPPORT,
			"a proxy that is spoken to by TLS can't carry connections that "
			"aren't opened");
	d->easy = inject_multi_take(d->in->multi, d->in->trust);
	if (!url || !d->easy)
		return err_set(e, ENOMEM, "out of memory");
	r = inject_route(d->in, d->easy, &d->q, 0, &d->to, e);
	if (r < 0)
		return r;
	(void)curl_easy_setopt(d->easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(d->easy, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(d->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	(void)curl_easy_setopt(d->easy, CURLOPT_FRESH_CONNECT, 1L);
	(void)curl_easy_setopt(d->easy, CURLOPT_ERRORBUFFER, d->detail);
	return inject_multi_add(d->in->multi, d->easy, done, d) < 0
		? err_set(e, ENOMEM, "out of memory")
		: 0;
}

static struct inject_dial *dial_new(struct injector *in)
{
	struct inject_dial *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->in = in;
	d->fd = -1;
	d->next = in->dials;
	if (d->next)
		d->next->prev = d;
	in->dials = d;
	in->dials_n++;
	return d;
}

int inject_dial_parcel(struct injector *in, const struct parcel *p, struct err *e)
{
	auto_json struct json *j = NULL;
	struct inject_dial *d;
	struct err why = { 0 };
	int r = json_parse(p->data, p->len, "gate", &j, e);

	if (r < 0)
		return -EPROTO;
	d = dial_new(in);
	if (!d)
		return err_set(e, ENOMEM, "out of memory");
	if (read_where(d, j) < 0) {
		dial_free(d);
		return err_set(e, EPROTO, "gate: a dial to nowhere");
	}
	r = in->dials_n > INJECT_DIALS_MAX
		? err_set(&why, EBUSY, "too many connections are being made")
		: start(d, &why);
	if (r == 0)
		return 0;
	d->error = strdup(why.msg);
	if (d->error)
		answer(d);
	else
		dial_free(d);
	return 0;
}
