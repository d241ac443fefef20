/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brig-gate - the process through which every byte of a sandbox's network passes.
 *
 * Started by the keeper with everything open that it needs (roles.h); it opens no file and
 * executes nothing. It parses what a hostile sandbox sends, so it is given nothing worth
 * stealing: secrets are the injector's and the vault's, which see only what it has judged.
 */
#include "gate/gate-priv.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "gate/dns/dns.h"
#include "gate/front/front.h"
#include "gate/roles.h"
#include "linux/gatens.h"
#include "linux/promise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define CONFIG_WAIT_MS 10000
#define CONFIG_MAX     (32U << 20)
/* A connection takes two descriptors, an opened one three. */
#define FDS_A_CONN 3
#define FDS_SPARE  128
#define CONNS_MAX  20000U

static struct parcel parcel; /* of whoever speaks; one at a time */

static int set_limits(struct gate *g, struct err *e)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit files;

	/* its memory holds what the sandbox's users send and receive */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(e, "keep the memory private");
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(e, "look at the limit of descriptors");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(e, "raise the limit of descriptors");
	g->conns_max = files.rlim_cur > FDS_SPARE + FDS_A_CONN
		? (size_t)(files.rlim_cur - FDS_SPARE) / FDS_A_CONN
		: 1;
	if (g->conns_max > CONNS_MAX)
		g->conns_max = CONNS_MAX;
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int take_config(struct gate *g, const struct parcel *p, struct err *e)
{
	auto_buf struct buf text = { .max = CONFIG_MAX };
	int r = p->fds_n == 1 ? 0 : err_set(e, EPROTO, "no configuration came with it");

	if (r == 0)
		r = parcel_read_memfd(p->fds[0], CONFIG_MAX, &text, e);
	return r == 0 ? gate_config_apply(g, text.data, text.len, e) : r;
}

static int first_config(struct gate *g, struct err *e)
{
	struct pollfd pfd = { .fd = g->keeper, .events = POLLIN };
	int r;

	if (poll(&pfd, 1, CONFIG_WAIT_MS) != 1 || parcel_recv(g->keeper, &parcel) != 1)
		return err_set(e, ETIMEDOUT, "the keeper sent no configuration");
	r = parcel.type == ROLE_CONFIG ? take_config(g, &parcel, e)
				       : err_set(e, EPROTO, "no configuration first");
	parcel_close_fds(&parcel);
	return r;
}

static void recheck(struct gate *g)
{
	conn_recheck(g);
	pass_recheck(g);
	front_recheck(g);
}

static void from_keeper(struct loop_source *src, uint32_t events, void *data)
{
	struct gate *g = data;
	struct err e = { 0 };
	int r = parcel_recv(g->keeper, &parcel);

	(void)src;
	(void)events;
	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		loop_quit(g->loop, 0);
		return;
	}
	if (parcel.type == ROLE_CONFIG) {
		r = take_config(g, &parcel, &e);
		if (r == 0)
			recheck(g);
		(void)parcel_send(g->keeper, r == 0 ? ROLE_READY : ROLE_REFUSED, e.msg,
			r == 0 ? 0 : strlen(e.msg));
	}
	parcel_close_fds(&parcel);
}

static void from_vault(struct loop_source *src, uint32_t events, void *data)
{
	struct gate *g = data;
	int r = parcel_recv(g->vault, &parcel);

	(void)src;
	(void)events;
	if (r == -EAGAIN)
		return;
	if (r > 0)
		r = front_vault_parcel(g, &parcel) < 0 ? -EPROTO : 1;
	if (r <= 0)
		loop_quit(g->loop, 1); /* the keeper starts all of them anew */
	else
		parcel_close_fds(&parcel);
}

static void from_injector(struct loop_source *src, uint32_t events, void *data)
{
	struct gate *g = data;
	int r = parcel_recv(g->injector, &parcel);

	(void)src;
	(void)events;
	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		loop_quit(g->loop, 1);
		return;
	}
	if (parcel.type == INJECTOR_DIALED)
		dial_answer(g, &parcel);
	parcel_close_fds(&parcel);
}

/* A descriptor that came, or -1 where the keeper had none to give. */
static int given(int fd)
{
	if (fcntl(fd, F_GETFD) < 0)
		return -1;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static int set_up(struct gate *g, int fds[GATENS_FDS], struct err *e)
{
	int r = set_limits(g, e);

	if (r == 0)
		r = loop_new(&g->loop, e);
	if (r == 0)
		r = resolver_new(g->loop, &g->resolver, e);
	if (r == 0 && (r = pins_open(given(GATE_FD_PINS), &g->pins)) < 0)
		(void)err_set(e, -r, "open the table of names");
	if (r == 0)
		r = first_config(g, e);
	if (r == 0)
		r = gate_log_new(g, e);
	if (r == 0)
		r = front_shared_new(g, e);
	if (r == 0)
		r = dns_start(g, &fds[GATENS_UDP4], &g->dns, e);
	if (r == 0)
		r = loop_add_fd(g->loop, g->keeper, EPOLLIN, from_keeper, g, NULL, e);
	if (r == 0 && g->vault >= 0)
		r = loop_add_fd(g->loop, g->vault, EPOLLIN, from_vault, g, NULL, e);
	if (r == 0 && g->injector >= 0)
		r = loop_add_fd(g->loop, g->injector, EPOLLIN, from_injector, g, NULL, e);
	return r;
}

int main(void)
{
	struct gate g = { .keeper = given(ROLE_FD_KEEPER),
		.vault = given(GATE_FD_VAULT),
		.injector = given(GATE_FD_INJECTOR) };
	int fds[GATENS_FDS], r;
	struct err e = { 0 };

	for (int i = 0; i < GATENS_FDS; i++)
		fds[i] = given(GATE_FD_LISTEN + i);
	if (g.keeper < 0) {
		fprintf(stderr, "brig-gate is started by brig, not by hand\n");
		return 125;
	}
	r = set_up(&g, fds, &e);
	if (r == 0)
		r = promise(PROMISE_GATE, &e);
	/* nothing is accepted before nothing else can be done any more */
	if (r == 0)
		r = conn_listen(&g, fds, &e);
	if (r < 0) {
		fprintf(stderr, "brig-gate: %s\n", e.msg);
		(void)parcel_send(g.keeper, ROLE_REFUSED, e.msg, strlen(e.msg));
		return 125;
	}
	(void)parcel_send(g.keeper, ROLE_READY, NULL, 0);
	r = loop_run(g.loop);
	gate_log_flush(&g);
	_exit(r);
}
