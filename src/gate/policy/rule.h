/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h - one rule of a network policy: a line of text, and what it means.
 *
 *	allow|deny TARGET [METHOD[,METHOD...]]        # comment
 *
 *	TARGET	api.example.com		allow: the name, for HTTP and TLS on ports 80 and 443
 *					deny: the name, every port and protocol
 *		*.example.com		one label more; **.example.com: any depth (not itself)
 *		github.com:22		that port, any protocol over TCP (also 1000-2000)
 *		10.1.0.0/16:5432	an address or network, [2001:db8::1]:443
 *		public			every public address, every port ("public:443")
 *		tls://name[:PORT]	TLS only, passed through       (443)
 *		https://name/PATH	HTTP in TLS, by path: TLS is opened   (443)
 *		http://name/PATH	HTTP in clear, by path         (80)
 *		tcp://name:PORT		as name:PORT
 *		host.brig.internal:PORT	the host's loopback; no wildcard reaches it
 *
 * A path pattern is matched on the normalised path (policy.h): '*' stands for anything but
 * '/', '**' for anything; without one every path. With methods or a path a rule is about
 * requests, not connections. Deny beats allow, whatever their order. A rule for a name
 * doesn't make it lead to a private address: that takes a rule for the address.
 */
#ifndef BRIG_GATE_RULE_H
#define BRIG_GATE_RULE_H

#include "gate/policy/address.h"
#include "gate/policy/name.h"

struct buf;
struct err;

#define RULE_TEXT_MAX 1024
#define RULE_PATH_MAX 512

enum rule_action { RULE_ALLOW, RULE_DENY };
enum rule_target { RULE_NAME, RULE_RANGE, RULE_PUBLIC };
enum rule_proto { RULE_ANY, RULE_WEB, RULE_TLS, RULE_HTTP, RULE_HTTPS };

/* Methods as a set; others than the registered ones are matched by name only in "any". */
enum rule_method {
	METHOD_GET = 1,
	METHOD_HEAD = 2,
	METHOD_POST = 4,
	METHOD_PUT = 8,
	METHOD_DELETE = 16,
	METHOD_PATCH = 32,
	METHOD_OPTIONS = 64,
	METHOD_CONNECT = 128,
	METHOD_TRACE = 256,
	METHOD_OTHER = 512,
	METHOD_ANY = 1023,
};

struct rule {
	enum rule_action action;
	enum rule_target target;
	enum rule_proto proto;
	uint16_t port_from, port_to; /* 0-65535 for any; RULE_WEB without: 80 and 443 */
	unsigned methods;            /* METHOD_ANY without */
	struct address_range range;
	char *name;    /* pattern, normalised; RULE_NAME only */
	char *path;    /* pattern; NULL: any */
	char *text;    /* as it is printed: canonical */
	char *origin;  /* "global", "sandbox", "agent", "preset balanced" */
	char *comment; /* may be NULL */
};

/* Parse one line. The message quotes what is wrong and says what is right. */
int rule_parse(const char *line, const char *origin, struct rule *ret, struct err *e);
void rule_clear(struct rule *r);

/* Is it about requests: does TLS have to be opened to hold it? */
bool rule_is_request(const struct rule *r);
unsigned rule_method(const char *name); /* "GET" is METHOD_GET; unknown: METHOD_OTHER */
unsigned rule_method_loose(const char *name); /* "get" as well, as some servers take it */

/* Append the canonical text; 0 or -ENOMEM. */
int rule_print(const struct rule *r, struct buf *out);

#endif
