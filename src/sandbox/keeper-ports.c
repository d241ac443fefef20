/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-ports.c - published ports: what listens on the host for a server inside.
 *
 * Theory of operation. The ports of the record are bound before the keeper's promise;
 * after it there is no making of sockets, so for a port that is published later the
 * command line binds, and hands the sockets over. Each connection is carried by a channel
 * of its own (keeper-conn.c): nothing routes into the sandbox, and any wall that has a
 * warder has ports.
 */
#include "sandbox/keeper-ports.h"
#include "sandbox/keeper-audit.h"
#include "sandbox/keeper-priv.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "sandbox/port.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define PORTS_MAX    64
#define ACCEPT_BURST 16
#define PAUSE_NS     (200 * NS_PER_MS) /* when there are no descriptors left */

struct port {
	struct port *next;
	struct keeper *k;
	struct port_spec spec; /* as it was asked for */
	struct port_sockets sockets;
	struct loop_source *src[PORT_SOCKETS_MAX];
};

struct ports {
	struct port *first;
	size_t n;
	struct port_conns conns;
	struct loop_source *pause;
};

struct port_conns *ports_conns(const struct keeper *k)
{
	return &k->ports->conns;
}

static void listen_events(struct ports *all, uint32_t events)
{
	for (struct port *p = all->first; p; p = p->next)
		for (size_t i = 0; i < p->sockets.n; i++)
			(void)loop_source_events(p->src[i], events);
}

static void pause_over(struct loop_source *timer, void *data)
{
	(void)timer;
	listen_events(data, EPOLLIN);
}

static void someone_came(struct loop_source *src, uint32_t events, void *data)
{
	const struct port *p = data;
	struct keeper *k = p->k;
	int on = 1;

	(void)events;
	for (int i = 0; i < ACCEPT_BURST && !k->ending; i++) {
		int fd = accept4(
			loop_source_fd(src), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
			listen_events(k->ports, 0);
			loop_timer_arm(k->ports->pause, PAUSE_NS);
			return;
		}
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0)
			continue;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		conn_accept(k, fd, (uint16_t)p->spec.guest);
	}
}

static void port_free(struct port *p)
{
	for (size_t i = 0; i < PORT_SOCKETS_MAX; i++)
		loop_source_free(p->src[i]);
	port_sockets_close(&p->sockets);
	port_clear(&p->spec);
	free(p);
}

static int ports_new(struct keeper *k, struct err *e)
{
	int r;

	if (k->ports)
		return 0;
	k->ports = calloc(1, sizeof(*k->ports));
	if (!k->ports)
		return err_set(e, ENOMEM, "out of memory");
	r = loop_add_timer(k->loop, pause_over, k->ports, &k->ports->pause, e);
	if (r < 0)
		free(take_ptr(&k->ports));
	return r;
}

/* Takes the sockets over, whatever comes of it. */
static int add_port(struct keeper *k, const struct port_spec *spec,
	struct port_sockets *sockets, struct err *e)
{
	struct port *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p || (spec->ip && str_set(&p->spec.ip, spec->ip) < 0)) {
		free(p);
		port_sockets_close(sockets);
		return err_set(e, ENOMEM, "out of memory");
	}
	p->k = k;
	p->spec.host = spec->host;
	p->spec.guest = spec->guest;
	p->sockets = *sockets;
	sockets->n = 0;
	for (size_t i = 0; i < p->sockets.n && r == 0; i++)
		r = loop_add_fd(k->loop, p->sockets.fd[i], EPOLLIN, someone_came, p,
			&p->src[i], e);
	if (r < 0) {
		port_free(p);
		return r;
	}
	p->next = k->ports->first;
	k->ports->first = p;
	k->ports->n++;
	return 0;
}

int ports_up(struct keeper *k, struct err *e)
{
	const struct json_list *wanted = &k->sandbox.rec.ports;
	int r = wanted->n ? port_check_wall(k->wall, e) : 0;

	if (r == 0)
		r = ports_new(k, e);
	for (size_t i = 0; i < wanted->n && r == 0; i++) {
		struct port_sockets sockets = { 0 };

		r = port_listen(port_at(wanted, i), &sockets, e);
		if (r == 0)
			r = add_port(k, port_at(wanted, i), &sockets, e);
	}
	if (r < 0)
		ports_down(k);
	return r;
}

void ports_down(struct keeper *k)
{
	struct port *next;

	if (!k->ports)
		return;
	conn_close_all(k);
	for (struct port *p = k->ports->first; p; p = next) {
		next = p->next;
		port_free(p);
	}
	loop_source_free(k->ports->pause);
	free(take_ptr(&k->ports));
}

void ports_resume(struct keeper *k)
{
	if (k->ports)
		conn_resume_all(k);
}

/*
 * Should:  take what listens, and all of it at one port.
 * Mustn't: take a socket of another kind, on which accepting would fail for ever or
 *          lead elsewhere.
 */
static int check_sockets(struct port_sockets *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		int port = port_of_listener(s->fd[i]);

		if (port <= 0 || (i && port != s->host))
			return err_set(e, EINVAL, "that is no socket to publish");
		s->host = (uint16_t)port;
		if (fcntl(s->fd[i], F_SETFL, O_NONBLOCK | O_RDWR) < 0)
			return err_sys(e, "prepare a socket");
	}
	return 0;
}

int ports_publish(struct keeper *k, const struct port_spec *spec, int sock, struct err *e)
{
	struct port_sockets sockets = { 0 };
	int r = control_take_fds(sock, sockets.fd, PORT_SOCKETS_MAX);

	if (r == -EAGAIN)
		return r;
	if (r <= 0)
		return err_set(e, EPROTO, "no sockets came to publish the port with");
	sockets.n = (size_t)r;
	r = check_sockets(&sockets, e);
	if (r == 0 && (!k->ports || k->ports->n >= PORTS_MAX))
		r = err_set(e, EMFILE, "a sandbox can't publish more than %d ports",
			PORTS_MAX);
	if (r < 0) {
		port_sockets_close(&sockets);
		return r;
	}
	r = add_port(k, spec, &sockets, e);
	if (r == 0)
		keeper_audit_port(k, "publish", spec);
	return r;
}

/* What was asked for, or as it came out. */
static bool is_meant(const struct port *p, const struct port_spec *want)
{
	const struct port_spec real = { p->spec.ip, p->sockets.host, p->spec.guest };

	return port_matches(&p->spec, want) || port_matches(&real, want);
}

int ports_unpublish(struct keeper *k, const struct port_spec *want,
	struct json_list *ret_gone, struct err *e)
{
	auto_free char *shown = port_text(want);
	struct port **at = k->ports ? &k->ports->first : NULL;
	int r = 0;

	while (at && *at && r == 0) {
		struct port *p = *at;

		if (!is_meant(p, want)) {
			at = &p->next;
			continue;
		}
		r = port_list_add(ret_gone, &p->spec, e);
		*at = p->next;
		k->ports->n--;
		keeper_audit_port(k, "unpublish", &p->spec);
		port_free(p);
	}
	if (r == 0 && !ret_gone->n)
		return err_set(
			e, ENOENT, "port %s is not published", shown ? shown : "?");
	return r == -EEXIST ? 0 : r;
}

int ports_list(const struct keeper *k, bool chosen, struct json_list *ret)
{
	int r = 0;

	for (struct port *p = k->ports ? k->ports->first : NULL; p && r == 0;
		p = p->next) {
		const struct port_spec real = { p->spec.ip, p->sockets.host,
			p->spec.guest };

		if (!chosen || !p->spec.host)
			r = port_list_add(ret, &real, NULL);
	}
	return r;
}
