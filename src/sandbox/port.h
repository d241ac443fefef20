/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - a published port: what was asked for, and the sockets that listen for it.
 *
 * Without an address it is the host's loopback, 127.0.0.1 and, where there is one, ::1;
 * whoever wants it seen from elsewhere says 0.0.0.0 or [::]. TCP only.
 */
#ifndef BRIG_SANDBOX_PORT_H
#define BRIG_SANDBOX_PORT_H

#include "base/json.h"

struct err;
struct strv;
struct wall;

struct port_spec {
	char *ip;      /* canonical text; NULL: loopback */
	uint64_t host; /* 0: any that is free */
	uint64_t guest;
};

extern const struct json_schema port_spec_schema;

/* "[IP:]HOST:GUEST", "IP::GUEST" or "GUEST"; an IPv6 address in brackets. */
int port_parse(const char *text, struct port_spec *ret, struct err *e);
void port_clear(struct port_spec *p);

/* "127.0.0.1:8080:80", as port_parse() reads it. Caller frees. */
char *port_text(const struct port_spec *p);

/* Add those of 'texts' to a list of struct port_spec. -EEXIST for one that is there. */
int port_list_parse(const struct strv *texts, struct json_list *to, struct err *e);
int port_list_add(struct json_list *to, const struct port_spec *p, struct err *e);
/* Remove what 'want' means (port_matches()), or only what is the same; how many. */
size_t port_list_remove(struct json_list *from, const struct port_spec *want, bool same);
struct port_spec *port_at(const struct json_list *l, size_t i);

/* Does "unpublish WANT" mean 'p'? What WANT leaves out fits all. */
bool port_matches(const struct port_spec *p, const struct port_spec *want);

/* A wall that shares the host's network has nothing to publish: -EOPNOTSUPP. */
int port_check_wall(const struct wall *wall, struct err *e);

#define PORT_SOCKETS_MAX 2
struct port_sockets {
	int fd[PORT_SOCKETS_MAX]; /* close-on-exec, non-blocking, listening */
	size_t n;
	uint16_t host;
};

/* Bind and listen. A free port is the same one for both loopback addresses. */
int port_listen(const struct port_spec *p, struct port_sockets *ret, struct err *e);
void port_sockets_close(struct port_sockets *s);

/* The port of a TCP socket that listens; -EINVAL for anything else. */
int port_of_listener(int fd);

#endif
