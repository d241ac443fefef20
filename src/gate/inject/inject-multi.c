/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-multi.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

#define POOL        32U /* handles kept for the next request */
#define KEPT_MAX    64L /* idle connections */
#define KEPT_S      50L /* servers close theirs after 60 or 75 s: be there first */
#define RECV_BUFFER 65536L

struct inject_multi {
	CURLM *multi;
	CURLSH *share; /* TLS sessions, to be resumed */
	struct loop *loop;
	struct loop_source *timer;
	inject_settle_cb *settle;
	void *data;
	CURL *pool[POOL];
	size_t pool_n;
	bool shut;
};

struct watch {
	struct inject_multi *m;
	struct loop_source *src;
};

struct done {
	inject_done_cb *cb;
	void *data;
};

static void report(struct inject_multi *m)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(m->multi, &left))) {
		CURLcode result = msg->data.result;
		struct done *d = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&d);
		if (d)
			d->cb(result, d->data);
	}
}

static void act(struct inject_multi *m, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(m->multi, fd, what, &running);
	report(m);
	m->settle(m->data);
}

static void socket_ready(struct loop_source *src, uint32_t events, void *data)
{
	struct watch *w = data;
	int what = 0;

	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	act(w->m, loop_source_fd(src), what);
}

static void timer_due(struct loop_source *src, void *data)
{
	(void)src;
	act(data, CURL_SOCKET_TIMEOUT, 0);
}

static struct watch *watch_new(struct inject_multi *m, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->m = m;
	if (loop_add_fd(m->loop, fd, 0, socket_ready, w, &w->src, NULL) < 0) {
		free(w);
		return NULL;
	}
	(void)curl_multi_assign(m->multi, fd, w);
	return w;
}

static int watch_socket(CURL *c, curl_socket_t fd, int what, void *data, void *of_socket)
{
	struct inject_multi *m = data;
	struct watch *w = of_socket;
	uint32_t events = 0;

	(void)c;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			loop_source_free(w->src);
		free(w);
		(void)curl_multi_assign(m->multi, fd, NULL);
		return 0;
	}
	if (!w)
		w = watch_new(m, fd);
	if (!w)
		return -1;
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	return loop_source_events(w->src, events) < 0 ? -1 : 0;
}

static int set_timer(CURLM *multi, long ms, void *data)
{
	struct inject_multi *m = data;

	(void)multi;
	if (m->shut)
		return 0;
	if (ms < 0)
		loop_timer_disarm(m->timer);
	else
		loop_timer_arm(m->timer, (uint64_t)ms * NS_PER_MS);
	return 0;
}

static void set_multi(struct inject_multi *m)
{
	(void)curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(void)curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m);
	(void)curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(void)curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m);
	(void)curl_multi_setopt(m->multi, CURLMOPT_MAXCONNECTS, KEPT_MAX);
	(void)curl_multi_setopt(m->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	(void)curl_share_setopt(m->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

int inject_multi_new(struct loop *l, inject_settle_cb *settle, void *data,
	struct inject_multi **ret, struct err *e)
{
	struct inject_multi *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	m->loop = l;
	m->settle = settle;
	m->data = data;
	m->multi = curl_multi_init();
	m->share = curl_share_init();
	r = loop_add_timer(l, timer_due, m, &m->timer, e);
	if (r == 0 && (!m->multi || !m->share))
		r = err_set(e, ENOMEM, "libcurl: out of memory");
	if (r < 0) {
		inject_multi_free(m);
		return r;
	}
	set_multi(m);
	*ret = m;
	return 0;
}

void inject_multi_free(struct inject_multi *m)
{
	if (!m)
		return;
	m->shut = true;
	while (m->pool_n)
		curl_easy_cleanup(m->pool[--m->pool_n]);
	if (m->multi)
		(void)curl_multi_cleanup(m->multi);
	if (m->share)
		(void)curl_share_cleanup(m->share);
	loop_source_free(m->timer);
	free(m);
}

/* One store for all connections: to load a bundle for each would take milliseconds. */
static CURLcode use_trust(CURL *c, void *ctx, void *trust)
{
	(void)c;
	SSL_CTX_set1_cert_store(ctx, trust);
	return CURLE_OK;
}

static void set_common(const struct inject_multi *m, CURL *c, X509_STORE *trust)
{
	(void)curl_easy_setopt(c, CURLOPT_SHARE, m->share);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, KEPT_S);
	(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE, RECV_BUFFER);
	(void)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* an empty string, so that no variable of the environment is looked at */
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(c, CURLOPT_PROXY_CAINFO, NULL);
	(void)curl_easy_setopt(c, CURLOPT_PROXY_CAPATH, NULL);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, use_trust);
	(void)curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, trust);
}

CURL *inject_multi_take(struct inject_multi *m, X509_STORE *trust)
{
	CURL *c = m->pool_n ? m->pool[--m->pool_n] : curl_easy_init();

	if (c)
		set_common(m, c, trust);
	return c;
}

void inject_multi_give(struct inject_multi *m, CURL *c)
{
	if (!c)
		return;
	if (m->pool_n == POOL) {
		curl_easy_cleanup(c);
		return;
	}
	curl_easy_reset(c);
	(void)curl_easy_setopt(c, CURLOPT_SHARE, NULL);
	m->pool[m->pool_n++] = c;
}

int inject_multi_add(struct inject_multi *m, CURL *c, inject_done_cb *done, void *data)
{
	struct done *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct done){ done, data };
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, d);
	if (curl_multi_add_handle(m->multi, c) == CURLM_OK)
		return 0;
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, NULL);
	free(d);
	return -ENOMEM;
}

void inject_multi_remove(struct inject_multi *m, CURL *c)
{
	struct done *d = NULL;

	(void)curl_easy_getinfo(c, CURLINFO_PRIVATE, (char **)&d);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, NULL);
	(void)curl_multi_remove_handle(m->multi, c);
	free(d);
}
