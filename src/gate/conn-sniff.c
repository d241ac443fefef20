/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn-sniff.c - what a connection is, by its first bytes, and what the policy says of that.
 */
#include "gate/conn-priv.h"

#include "base/loop.h"
#include "gate/front/front.h"
#include "gate/hello.h"

#include <ctype.h>
#include <string.h>
#include <sys/socket.h>

#define PEEK_MAX   HELLO_MAX
#define METHOD_LEN 256 /* with what comes before; there is none as long */
#define TOKEN_MARKS \
	"!#$%&'*+-.^_`|~" /* beside letters and digits: RFC 9110 section 5.6.2 */

static unsigned char peeked[PEEK_MAX];

static bool try_name(const char *name, void *data)
{
	struct conn_choice *ch = data;
	struct policy_query q;
	struct policy_verdict v;

	if (ch->want && strcmp(name, ch->want) != 0)
		return false;
	flow_query(&ch->c->flow, &q);
	q.name = name;
	q.proto = ch->proto;
	policy_judge(ch->c->g->policy, &q, &v);
	if (!ch->pinned || (v.allow && !ch->best.allow) ||
		(v.allow && v.raw && !ch->best.raw)) {
		ch->best = v;
		(void)snprintf(ch->name, sizeof(ch->name), "%s", name);
	}
	ch->pinned = true;
	return v.allow && v.raw;
}

/*
 * The best verdict that the connection can have as 'proto', by the names its address was
 * an answer for ('want' only), or else by the address alone.
 */
void conn_judge(struct conn *c, enum policy_proto proto, const char *want,
	struct conn_choice *ret)
{
	struct policy_query q;

	*ret = (struct conn_choice){ .c = c, .want = want, .proto = proto };
	if (c->fixed_name && c->flow.name[0]) {
		(void)try_name(c->flow.name, ret);
		return;
	}
	(void)pins_names(c->g->pins, &c->dst, conn_now(), try_name, ret);
	if (ret->pinned && ret->best.allow)
		return;
	flow_query(&c->flow, &q);
	q.name = NULL;
	q.proto = proto;
	if (!ret->pinned) {
		policy_judge(c->g->policy, &q, &ret->best);
	} else {
		struct policy_verdict v;

		policy_judge(c->g->policy, &q, &v);
		/* a rule for the address itself; a denial of the name still holds */
		if (v.allow && !ret->best.rule) {
			ret->best = v;
			ret->name[0] = '\0';
		}
	}
}

void conn_set_name(struct conn *c, const struct conn_choice *ch)
{
	if (!c->fixed_name)
		(void)snprintf(c->flow.name, sizeof(c->flow.name), "%s", ch->name);
}

/* It is known what it is: to its upstream, once that is there. */
static void settle(struct conn *c)
{
	c->settled = true;
	/* what the client has said stays in its socket, and is not to wake us over and over;
	 * that it has gone still does */
	if (loop_source_events(c->src, EPOLLHUP) < 0)
		conn_drop(c);
	else if (c->upstream >= 0)
		conn_join(c);
	else
		conn_connect_upstream(c);
}

static void hand_to_front(struct conn *c, bool tls)
{
	struct gate *g = c->g;
	struct flow flow = c->flow;
	struct front_spec s = { .tls = tls, .port = flow.port };
	struct address dst = c->dst;
	bool by_name = flow.name[0] && (tls || c->fixed_name);

	s.name = by_name ? flow.name : NULL;
	s.dst = c->dst_known ? &dst : NULL;
	s.fd = conn_release(c);
	(void)front_start(g, &s, NULL);
}

static void found_tls(struct conn *c, const struct hello *h)
{
	struct conn_choice ch;

	c->flow.proto = PROTO_TLS;
	if (c->fixed_name && h->name[0] && c->flow.name[0] &&
		strcmp(h->name, c->flow.name) != 0) {
		conn_judge(c, PROTO_TLS, NULL, &ch);
		conn_deny(
			c, &ch.best, "the TLS server name is another than was asked for");
		return;
	}
	conn_judge(c, PROTO_TLS, h->name[0] ? h->name : NULL, &ch);
	/* a name that this address was never an answer for, and no rule for the address */
	if (!ch.best.allow && h->name[0] && !ch.pinned) {
		(void)snprintf(c->flow.name, sizeof(c->flow.name), "%s", h->name);
		conn_deny(c, &ch.best,
			ch.best.rule ? NULL
				     : "its address was not looked up by this name");
		return;
	}
	/* by a name that TLS doesn't say, only what is allowed by address or port may go */
	if (ch.best.allow && !h->name[0] && ch.name[0] && !c->raw) {
		conn_set_name(c, &ch);
		conn_deny(c, &ch.best, "TLS without a server name");
		return;
	}
	conn_set_name(c, &ch);
	if (ch.best.allow && !ch.name[0] && h->name[0]) {
		/* allowed by its address; what is denied by name stays denied */
		struct policy_query q;
		struct policy_verdict v;

		flow_query(&c->flow, &q);
		q.name = h->name;
		policy_judge(c->g->policy, &q, &v);
		if (v.allow ? v.open : v.rule && v.rule->action == RULE_DENY)
			ch.best = v;
		(void)snprintf(c->flow.name, sizeof(c->flow.name), "%s", h->name);
		/* what is opened for a name goes where that name was looked up to be */
		if (v.allow && v.open && !ch.pinned) {
			conn_deny(c, &v, "its address was not looked up by this name");
			return;
		}
	}
	if (!ch.best.allow) {
		conn_deny(c, &ch.best, NULL);
		return;
	}
	/* what an encrypted ClientHello hides can only be seen by opening it */
	if (ch.best.open || h->ech) {
		hand_to_front(c, true);
		return;
	}
	settle(c);
}

static void found_other(struct conn *c)
{
	struct conn_choice ch;

	c->flow.proto = PROTO_TCP;
	conn_judge(c, PROTO_TCP, NULL, &ch);
	conn_set_name(c, &ch);
	if (!ch.best.allow) {
		conn_deny(c, &ch.best, NULL);
		return;
	}
	settle(c);
}

/* Does it begin as a request does (RFC 9112 section 3), or as HTTP/2 with prior knowledge? */
static int looks_like_http(const unsigned char *data, size_t len)
{
	static const char *const methods[] = { "GET ", "HEAD ", "POST ", "PUT ",
		"DELETE ", "PATCH ", "OPTIONS ", "CONNECT ", "TRACE ", "PRI * HTTP/2.0",
		"PROPFIND ", "REPORT ", "MKCOL ", "COPY ", "MOVE ", "LOCK ", "UNLOCK " };

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		size_t n = strlen(methods[i]);

		if (len >= n ? memcmp(data, methods[i], n) == 0
			     : memcmp(data, methods[i], len) == 0)
			return len >= n ? 1 : 0;
	}
	return -1;
}

/*
 * Could a lenient server take it for a request all the same: blank lines or blanks first, any
 * word for a method? 1, 0 when it may become one, -1.
 */
static int resembles_http(const unsigned char *data, size_t len)
{
	size_t i = 0, word;

	while (i < len && strchr("\r\n\t ", data[i]) && data[i])
		i++;
	for (word = i; i < len && data[i]; i++)
		if (!isalnum(data[i]) && !strchr(TOKEN_MARKS, data[i]))
			break;
	if (i == len)
		return len >= METHOD_LEN; /* so long a one is for the parser to refuse */
	return i > word && (data[i] == ' ' || data[i] == '\t') ? 1 : -1;
}

/*
 * Is the first line that isn't blank that of a request, for any reader (RFC 9112 sections 2.2
 * and 3): a word, blanks, and behind others "HTTP/"? 1, 0 when it may become one, -1. Unlike
 * resembles_http() it takes no line of another protocol for one ("SSH-2.0-x y", "EHLO x"):
 * what has no version has no Host either.
 */
static int has_request_line(const unsigned char *data, size_t len)
{
	static const char blanks[] = " \t\v\f\r"; /* between words, by section 3 */
	size_t i = 0, word;

	while (i < len && data[i] && strchr("\n \t\v\f\r", data[i]))
		i++;
	word = i;
	while (i < len && data[i] && (isalnum(data[i]) || strchr(TOKEN_MARKS, data[i])))
		i++;
	if (i < len && (i == word || !data[i] || !strchr(blanks, data[i])))
		return -1;
	for (; i < len && data[i] != '\n'; i++) {
		bool blank = data[i] && strchr(blanks, data[i]);

		if ((data[i] < ' ' && !blank) || data[i] == 0x7f)
			return -1;
		if (blank && len - i > 5 &&
			strncasecmp((const char *)data + i + 1, "HTTP/", 5) == 0)
			return 1;
	}
	/* too long a line is for the parser to refuse */
	return i < len ? -1 : len >= PEEK_MAX;
}

/*
 * Any protocol may go there. Has HTTP in clear all the same to say whom it is for, as TLS
 * has? By a rule for a name, or where names are denied: other hosts may share the address.
 * This host's loopback is nobody else's.
 */
static bool names_matter(const struct conn *c, const struct conn_choice *ch)
{
	if (strcmp(ch->name, NAME_HOST) == 0)
		return false;
	return policy_denies_names(c->g->policy, c->flow.port) ||
		(ch->best.rule && ch->best.rule->target == RULE_NAME);
}

/* Is it HTTP in clear? 1, 0 when it may become that, -1. The more rules say, the less it takes. */
static int is_http(struct conn *c, const unsigned char *data, size_t len)
{
	struct conn_choice ch;
	int http = looks_like_http(data, len);

	if (http >= 0)
		return http;
	conn_judge(c, PROTO_UNKNOWN, NULL, &ch);
	if (!ch.best.allow)
		return -1;
	if (ch.best.depends)
		return resembles_http(data, len);
	return ch.best.raw && names_matter(c, &ch) ? has_request_line(data, len) : -1;
}

static void found_http(struct conn *c)
{
	struct conn_choice ch;

	c->flow.proto = PROTO_HTTP;
	conn_judge(c, PROTO_UNKNOWN, NULL, &ch);
	/* any protocol may go there, and no rule is about names or requests */
	if (ch.best.allow && ch.best.raw && !ch.best.open && !names_matter(c, &ch)) {
		found_other(c);
		return;
	}
	hand_to_front(c, false);
}

/*
 * Returns false when more has to come; 'last': no more will be seen.
 *
 * Mustn't: take the beginning of a ClientHello or of a request for some other protocol.
 *          That no more is seen doesn't mean that there is no more: a peek ends at urgent
 *          data (tcp(7)), and what is behind it would go out unseen.
 */
static bool classify(struct conn *c, size_t len, bool last)
{
	struct hello hello;
	enum hello_result result = hello_parse(peeked, len, &hello);
	int http;

	if (result == HELLO_MORE && !last)
		return false;
	switch (result) {
	case HELLO_DONE: found_tls(c, &hello); return true;
	case HELLO_MORE:
	case HELLO_BAD: {
		struct policy_verdict none = { 0 };

		c->flow.proto = PROTO_TLS;
		conn_deny(c, &none, "a malformed ClientHello");
		return true;
	}
	case HELLO_OTHER: break;
	}
	http = is_http(c, peeked, len);
	if (http == 0 && !last)
		return false;
	if (http >= 0)
		found_http(c);
	else
		found_other(c);
	return true;
}

void conn_client_speaks(struct loop_source *src, uint32_t events, void *data)
{
	struct conn *c = data;
	ssize_t n = recv(c->fd, peeked, sizeof(peeked), MSG_PEEK | MSG_DONTWAIT);
	bool last;
	int more;

	(void)src;
	/* only that it has gone wakes it then */
	if (c->settled) {
		conn_drop(c);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !(events & EPOLLHUP))
		return;
	if (n <= 0) {
		conn_drop(c);
		return;
	}
	/* nothing new and yet awake: it has ended, or is not going to say more */
	last = (size_t)n == c->seen || n == PEEK_MAX ||
		(events & (EPOLLHUP | EPOLLRDHUP));
	if (classify(c, (size_t)n, last))
		return;
	c->seen = (size_t)n;
	/* not to be woken for what has been seen */
	more = (int)n + 1;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &more, sizeof(more));
}
