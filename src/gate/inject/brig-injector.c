/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brig-injector.c - puts secrets into what the gate has judged, and speaks with the world.
 *
 * One of the three roles of a sandbox's network (gate, injector, vault). It holds secrets
 * and parses what upstream servers send; it never sees a byte of the sandbox but as a
 * request in canonical form. Started by the keeper with its sockets open (roles.h); it
 * ends when any of them does.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/str.h"
#include "gate/inject/inject-audit.h"
#include "gate/inject/inject-dial.h"
#include "gate/inject/inject-multi.h"
#include "gate/inject/inject-proxy.h"
#include "gate/inject/inject-serve.h"
#include "gate/inject/inject-trust.h"
#include "gate/inject/inject-where.h"
#include "gate/inject/inject.h"
#include "gate/roles.h"
#include "linux/promise.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define CONFIG_MAX   ((size_t)1 << 20)
#define CONFIG_MS    10000
#define SECRETS_MS   5000ULL /* how long requests wait for the first set of secrets */
#define PARCELS_A_GO 32

static int complain(const struct err *e)
{
	auto_free char *msg = str_escape(e->msg);

	(void)fprintf(stderr, "brig-injector: %s\n", msg ? msg : "out of memory");
	return 1;
}

/* No other process of the user may look into this one, and no file either. */
static int close_up(struct err *e)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit files;

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(e, "forbid core dumps");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	for (int fd = ROLE_FD_KEEPER; fd <= INJECTOR_FD_GATE; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)close_range(INJECTOR_FD_GATE + 1, ~0U, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	/* SSLKEYLOGFILE, OPENSSL_CONF, http_proxy, ...: nothing of that is for us */
	(void)clearenv();
	return 0;
}

/* All that libraries load or read once is loaded and read before the promise. */
static int warm_up(struct err *e)
{
	unsigned char some[16];
	SSL_CTX *ctx;

	tzset(); /* libcurl asks for the local time, and that is in a file */

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, EIO, "libcurl doesn't start");
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || RAND_bytes(some, sizeof(some)) != 1)
		return err_set(e, EIO, "OpenSSL doesn't start");
	SSL_CTX_free(ctx);
	return 0;
}

static int read_config(const struct parcel *p, struct json **ret, struct err *e)
{
	auto_buf struct buf b = { 0 };
	int r;

	if (p->type != ROLE_CONFIG || p->fds_n < 1)
		return err_set(e, EPROTO, "keeper: no configuration");
	r = parcel_read_memfd(p->fds[0], CONFIG_MAX, &b, e);
	return r < 0 ? r : json_parse(b.data, b.len, "configuration", ret, e);
}

static int use_config(struct injector *in, const struct parcel *p, struct err *e)
{
	auto_json struct json *j = NULL;
	struct inject_proxy *proxy = NULL;
	X509_STORE *trust = NULL;
	int r = read_config(p, &j, e);

	if (r == 0 && p->fds_n > 1)
		r = inject_trust_load(p->fds[1], &trust, e);
	else if (r == 0 && !in->trust)
		r = err_set(e, EPROTO, "keeper: no bundle of CA certificates");
	if (r == 0)
		r = inject_proxy_new(json_get(j, "proxy"), in->proxy, &proxy, e);
	if (r < 0) {
		X509_STORE_free(trust);
		return r;
	}
	inject_proxy_free(in->proxy);
	in->proxy = proxy;
	if (trust) {
		X509_STORE_free(in->trust);
		in->trust = trust;
	}
	return 0;
}

static int first_config(struct injector *in, struct err *e)
{
	struct pollfd pfd = { .fd = in->keeper, .events = POLLIN };
	struct parcel p;
	int r = poll(&pfd, 1, CONFIG_MS);

	if (r <= 0)
		return err_set(
			e, ETIMEDOUT, "no configuration within %d s", CONFIG_MS / 1000);
	r = parcel_recv(in->keeper, &p);
	if (r <= 0)
		return err_set(e, EPIPE, "the keeper is gone");
	r = use_config(in, &p, e);
	parcel_close_fds(&p);
	return r;
}

static void stop(struct injector *in, const struct err *e)
{
	if (e)
		(void)complain(e);
	loop_quit(in->loop, e ? 1 : 0);
}

/* The next parcel of a peer. False when there is none now, or it was the last one. */
static bool next(struct injector *in, int fd, const char *who, struct parcel *p)
{
	struct err e = { 0 };
	int r = parcel_recv(fd, p);

	if (r > 0)
		return true;
	if (r == 0) {
		stop(in, NULL);
	} else if (r != -EAGAIN) {
		(void)err_set(&e, -r, "%s: a message that is none", who);
		stop(in, &e);
	}
	return false;
}

static void from_keeper(struct loop_source *src, uint32_t events, void *data)
{
	struct injector *in = data;
	struct err e = { 0 };
	struct parcel p;
	int r;

	(void)src;
	(void)events;
	if (!next(in, in->keeper, "keeper", &p))
		return;
	r = use_config(in, &p, &e);
	parcel_close_fds(&p);
	if (r == 0)
		(void)parcel_send(in->keeper, ROLE_READY, NULL, 0);
	else
		(void)parcel_send(in->keeper, ROLE_REFUSED, e.msg, strlen(e.msg));
}

static void from_vault(struct loop_source *src, uint32_t events, void *data)
{
	struct injector *in = data;
	struct err e = { 0 };
	struct parcel p;
	int r = 0;

	(void)src;
	(void)events;
	for (int i = 0; r >= 0 && i < PARCELS_A_GO && next(in, in->vault, "vault", &p);
		i++) {
		parcel_close_fds(&p);
		r = inject_secrets_parcel(&in->secrets, &p, &e);
		if (r > 0 && !in->ready) {
			in->ready = true;
			inject_serve_resume(in);
		}
	}
	if (r < 0)
		stop(in, &e);
}

static int take_exchange(struct injector *in, struct parcel *p, struct err *e)
{
	if (p->fds_n != 1)
		return err_set(e, EPROTO, "gate: an exchange without its socket");
	/* the gate sees its end close */
	if (in->serves_n >= INJECT_EXCHANGES_MAX)
		return 0;
	(void)inject_serve_new(in, take_fd(&p->fds[0]), NULL);
	return 0;
}

static void from_gate(struct loop_source *src, uint32_t events, void *data)
{
	struct injector *in = data;
	struct err e = { 0 };
	struct parcel p;
	int r = 0;

	if (events & EPOLLOUT)
		inject_dial_flush(in);
	for (int i = 0; r == 0 && i < PARCELS_A_GO &&
		(loop_source_watched(src) & EPOLLIN) && next(in, in->gate, "gate", &p);
		i++) {
		if (p.type == GATE_EXCHANGE)
			r = take_exchange(in, &p, &e);
		else if (p.type == GATE_DIAL)
			r = inject_dial_parcel(in, &p, &e);
		else
			r = err_set(
				&e, EPROTO, "gate: message %u is none of its", p.type);
		parcel_close_fds(&p);
	}
	if (r < 0)
		stop(in, &e);
}

static void settle(void *data)
{
	inject_serve_settle_all(data);
}

/* The vault says nothing: requests go as they are; a sentinel harms nobody. */
static void too_late(struct loop_source *src, void *data)
{
	struct injector *in = data;

	(void)src;
	if (in->ready)
		return;
	in->ready = true;
	inject_serve_resume(in);
}

static int listen_to_peers(struct injector *in, struct err *e)
{
	struct loop_source *timer;
	int r = loop_add_fd(in->loop, in->keeper, EPOLLIN, from_keeper, in, NULL, e);

	if (r == 0 && in->vault >= 0)
		r = loop_add_fd(in->loop, in->vault, EPOLLIN, from_vault, in, NULL, e);
	if (r == 0)
		r = loop_add_fd(
			in->loop, in->gate, EPOLLIN, from_gate, in, &in->gate_src, e);
	if (r == 0)
		r = loop_add_timer(in->loop, too_late, in, &timer, e);
	if (r == 0)
		loop_timer_arm(timer, SECRETS_MS * NS_PER_MS);
	return r;
}

static int set_up(struct injector *in, struct err *e)
{
	int r = close_up(e);

	if (r == 0)
		r = warm_up(e);
	if (r == 0)
		r = first_config(in, e);
	if (r == 0)
		r = loop_new(&in->loop, e);
	if (r == 0)
		r = inject_multi_new(in->loop, settle, in, &in->multi, e);
	if (r == 0)
		r = inject_audit_new(in->loop, in->keeper, &in->audit, e);
	if (r == 0 && !(in->where = inject_where_new()))
		r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = listen_to_peers(in, e);
	if (r == 0)
		r = promise(PROMISE_INJECTOR, e);
	if (r == 0)
		r = parcel_send(in->keeper, ROLE_READY, NULL, 0) < 0
			? err_set(e, EPIPE, "the keeper is gone")
			: 0;
	return r;
}

static void tear_down(struct injector *in)
{
	while (in->serves)
		inject_serve_free(in->serves);
	inject_dial_free_all(in);
	inject_multi_free(in->multi);
	inject_audit_free(in->audit);
	inject_secrets_feed_clear(&in->secrets);
	inject_proxy_free(in->proxy);
	inject_where_free(in->where);
	X509_STORE_free(in->trust);
	loop_free(in->loop);
	curl_global_cleanup();
}

int main(void)
{
	struct injector in = {
		.keeper = ROLE_FD_KEEPER,
		.vault = fcntl(INJECTOR_FD_VAULT, F_GETFD) < 0 ? -1 : INJECTOR_FD_VAULT,
		.gate = INJECTOR_FD_GATE,
	};
	struct err e = { 0 };
	int r;

	in.ready = in.vault < 0;
	r = set_up(&in, &e);
	if (r < 0 && in.keeper >= 0)
		(void)parcel_send(in.keeper, ROLE_REFUSED, e.msg, strlen(e.msg));
	r = r < 0 ? complain(&e) : loop_run(in.loop);
	tear_down(&in);
	return r ? 1 : 0;
}
