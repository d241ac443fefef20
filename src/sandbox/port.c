/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/port.h"

#include "base/err.h"
#include "base/str.h"
#include "wall/wall.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define BACKLOG    128
#define FREE_TRIES 16 /* for a port that is free for both loopback addresses */

static const struct json_field port_fields[] = {
	JSON_FIELD(struct port_spec, "ip", JSON_STR, ip),
	JSON_FIELD(struct port_spec, "host", JSON_UINT, host, .flags = JSON_REQUIRED),
	JSON_FIELD(struct port_spec, "guest", JSON_UINT, guest, .flags = JSON_REQUIRED),
	{ 0 },
};
const struct json_schema port_spec_schema = { "port", sizeof(struct port_spec),
	port_fields };

void port_clear(struct port_spec *p)
{
	free(p->ip);
	*p = (struct port_spec){ 0 };
}

static int bad(const char *text, const char *why, struct err *e)
{
	auto_free char *shown = str_escape(text);

	(void)err_set(e, EINVAL, "port '%.80s': %s", shown ? shown : "?", why);
	err_hint(e,
		"write [IP:]HOST:GUEST, as 8080:80 or 0.0.0.0:8080:80; GUEST alone "
		"takes any free port of the host's");
	return -EINVAL;
}

/* 1-65535, or with 'any' also "" and 0. */
static bool number(const char *text, bool any, uint64_t *ret)
{
	*ret = 0;
	if (!*text)
		return any;
	return str_to_uint(text, 65535, "port", ret, NULL) == 0 && (any || *ret > 0);
}

/* An address in its one canonical form; "localhost" is the default. */
static bool address(const char *text, char **ret)
{
	unsigned char raw[sizeof(struct in6_addr)];
	char canon[INET6_ADDRSTRLEN];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (strcmp(text, "localhost") == 0)
		return true;
	if (inet_pton(family, text, raw) != 1 ||
		!inet_ntop(family, raw, canon, sizeof(canon)))
		return false;
	*ret = strdup(canon);
	return *ret;
}

/* Cut "IP:" off the front. The rest, or NULL when there is none. */
static char *cut_ip(char *text, char **ret_ip)
{
	char *first = strchr(text, ':'), *end;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || end[1] != ':')
			return NULL;
		*end = '\0';
		*ret_ip = text + 1;
		return end + 2;
	}
	if (!first || !strchr(first + 1, ':'))
		return text;
	*first = '\0';
	*ret_ip = text;
	return first + 1;
}

int port_parse(const char *text, struct port_spec *ret, struct err *e)
{
	auto_free char *copy = strdup(text);
	char *ip = NULL, *rest, *colon, *protocol;
	struct port_spec p = { 0 };

	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	protocol = strchr(copy, '/');
	if (protocol && strcmp(protocol, "/tcp") != 0)
		return bad(text, "only TCP can be published", e);
	if (protocol)
		*protocol = '\0';
	rest = cut_ip(copy, &ip);
	colon = rest ? strchr(rest, ':') : NULL;
	if (!rest || (ip && !colon))
		return bad(text, "that is no port", e);
	if (colon)
		*colon++ = '\0';
	if (!number(colon ? colon : rest, false, &p.guest) ||
		(colon && !number(rest, true, &p.host)))
		return bad(text, "a port is a number from 1 to 65535", e);
	if (ip && !address(ip, &p.ip))
		return bad(text, "that is no address of the host's", e);
	*ret = p;
	return 0;
}

char *port_text(const struct port_spec *p)
{
	bool v6 = p->ip && strchr(p->ip, ':');

	return str_printf("%s%s%s%s%llu:%llu", v6 ? "[" : "", p->ip ? p->ip : "",
		v6 ? "]" : "", p->ip ? ":" : "", (unsigned long long)p->host,
		(unsigned long long)p->guest);
}

struct port_spec *port_at(const struct json_list *l, size_t i)
{
	return i < l->n ? (struct port_spec *)l->items + i : NULL;
}

int port_list_add(struct json_list *to, const struct port_spec *p, struct err *e)
{
	struct port_spec *new;

	for (size_t i = 0; i < to->n; i++) {
		const struct port_spec *o = port_at(to, i);

		if (str_eq(o->ip, p->ip) && o->host == p->host &&
			(p->host || o->guest == p->guest)) {
			auto_free char *shown = port_text(o);

			return err_set(e, EEXIST, "port %s is published already",
				shown ? shown : "?");
		}
	}
	new = json_list_add(to, &port_spec_schema);
	if (!new || (p->ip && str_set(&new->ip, p->ip) < 0))
		return err_set(e, ENOMEM, "out of memory");
	new->host = p->host;
	new->guest = p->guest;
	return 0;
}

int port_list_parse(const struct strv *texts, struct json_list *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < texts->n && r == 0; i++) {
		struct port_spec p = { 0 };

		r = port_parse(texts->v[i], &p, e);
		if (r == 0)
			r = port_list_add(to, &p, e);
		port_clear(&p);
	}
	return r;
}

bool port_matches(const struct port_spec *p, const struct port_spec *want)
{
	return p->guest == want->guest && (!want->host || want->host == p->host) &&
		(!want->ip || str_eq(want->ip, p->ip));
}

static bool is_same(const struct port_spec *a, const struct port_spec *b)
{
	return a->guest == b->guest && a->host == b->host && str_eq(a->ip, b->ip);
}

size_t port_list_remove(struct json_list *from, const struct port_spec *want, bool same)
{
	size_t kept = 0, n = from->n;

	for (size_t i = 0; i < n; i++) {
		struct port_spec *p = port_at(from, i);

		if (same ? is_same(p, want) : port_matches(p, want))
			port_clear(p);
		else
			((struct port_spec *)from->items)[kept++] = *p;
	}
	from->n = kept;
	return n - kept;
}

int port_check_wall(const struct wall *wall, struct err *e)
{
	if (wall->own_net)
		return 0;
	(void)err_set(e, EOPNOTSUPP,
		"the %s wall shares the host's network: there is nothing to publish",
		wall->name);
	err_hint(e, "a server inside is reached at its own port; or take another --wall");
	return -EOPNOTSUPP;
}

void port_sockets_close(struct port_sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		(void)close(s->fd[i]);
	s->n = 0;
}

/* 0, or -errno; nothing is said, as some failures are no failures for the caller. */
static int listen_at(const char *ip, uint16_t port, int *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool six = strchr(ip, ':');
	const struct sockaddr *at = six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	auto_fd int fd = socket(
		six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (inet_pton(six ? AF_INET6 : AF_INET, ip,
		    six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
		return -EINVAL;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (six)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, at, six ? sizeof(v6) : sizeof(v4)) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret = take_fd(&fd);
	return 0;
}

static int add_socket(struct port_sockets *s, const char *ip, uint16_t port)
{
	int r = listen_at(ip, port, &s->fd[s->n]);

	if (r < 0)
		return r;
	s->n++;
	s->host = (uint16_t)port_of_listener(s->fd[0]);
	return 0;
}

static int listen_loopback(uint16_t port, struct port_sockets *s)
{
	int r = -EADDRINUSE;

	for (int i = 0; i < (port ? 1 : FREE_TRIES) && r == -EADDRINUSE; i++) {
		r = add_socket(s, "127.0.0.1", port);
		if (r < 0)
			return r;
		r = add_socket(s, "::1", s->host);
		/* a machine without IPv6 */
		if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
			return 0;
		if (r < 0)
			port_sockets_close(s);
	}
	return r;
}

int port_listen(const struct port_spec *p, struct port_sockets *ret, struct err *e)
{
	auto_free char *shown = port_text(p);
	struct port_sockets s = { 0 };
	int r = p->ip ? add_socket(&s, p->ip, (uint16_t)p->host)
		      : listen_loopback((uint16_t)p->host, &s);

	if (r == 0) {
		*ret = s;
		return 0;
	}
	(void)err_set(e, -r, "publish port %s: %s", shown ? shown : "?", err_text(-r));
	if (r == -EADDRINUSE)
		err_hint(e,
			"another program listens there (ss -ltnp shows which); GUEST "
			"alone takes a free port");
	if (r == -EACCES)
		err_hint(e,
			"ports below net.ipv4.ip_unprivileged_port_start are root's: "
			"take a higher one");
	return r;
}

int port_of_listener(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };
	socklen_t len = sizeof(at), size = sizeof(int);
	int type = 0, listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 ||
		getsockname(fd, &at.any, &len) < 0)
		return -EINVAL;
	if (type != SOCK_STREAM || !listens ||
		(at.any.sa_family != AF_INET && at.any.sa_family != AF_INET6))
		return -EINVAL;
	return ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
}
