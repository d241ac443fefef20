/* SPDX-License-Identifier: Apache-2.0 */
/* The injector as a whole, between a gate and servers that are real. */
#include "gate/inject/inject-rig.h"

#include "base/err.h"
#include "base/parcel.h"
#include "base/str.h"
#include "base/test.h"
#include "gate/roles.h"

#include <poll.h>
#include <sys/socket.h>

TEST(a_request_goes_out_as_it_was_given)
{
	struct rig r = rig_start("{}");
	struct wire w = rig_exchange(&r);
	struct exchange_request q = rig_request(&r, "h1", "/echo?a=%2e/../b");
	struct rig_reply p;
	auto_free char *want = NULL;

	expect(exchange_header_add(&q.headers, "x-one", "1") == 0);
	expect(exchange_header_add(&q.headers, "x-empty", "") == 0);
	expect(exchange_header_add(&q.headers, "x-one", "2") == 0);
	rig_ask(&w, &q, NULL, &p);
	expect(p.head.status == 200);
	want = str_printf("GET /echo?a=%%2e/../b HTTP/1.1\nHost: api.example.test:%u\n"
			  "x-one: 1\nx-empty: \nx-one: 2\nbody 0 ",
		rig_port(&r, "h1"));
	expect_str(p.body.data, want);
	expect(p.head.length == (int64_t)p.body.len);
	/* several of a name stay several; what belongs to the connection is gone */
	expect(p.head.headers.n == 3);
	expect_str(p.head.headers.v[0].value, "a=1");
	expect_str(p.head.headers.v[1].value, "b=2");
	rig_reply_clear(&p);
	q = rig_request(&r, "h1", "/echo");
	rig_set(&q.method, "PROPFIND");
	rig_ask(&w, &q, "hello", &p);
	expect(str_starts(p.body.data, "PROPFIND /echo HTTP/1.1\n"));
	expect(strstr(p.body.data, "Content-Length: 5\n"));
	expect(strstr(p.body.data, "body 5 "));
	expect(!strstr(p.body.data, "Expect") && !strstr(p.body.data, "Accept"));
	rig_reply_clear(&p);
	q = rig_request(&r, "clear", "/echo");
	rig_set(&q.method, "POST");
	rig_ask(&w, &q, NULL, &p);
	expect(strstr(p.body.data, "Content-Length: 0\n"));
	rig_reply_clear(&p);
	wire_clear(&w);
	rig_stop(&r);
}

TEST(kept_connections_are_used_again)
{
	static const char *const ports[] = { "h1", "h2", "clear" };
	struct rig r = rig_start("{}");

	for (size_t i = 0; i < 3; i++) {
		auto_free char *first = NULL;

		for (int k = 0; k < 6; k++) {
			struct exchange_request q = rig_request(&r, ports[i], "/count");
			struct rig_reply p;

			rig_ask_once(&r, &q, &p);
			expect(p.head.status == 200);
			if (k == 0)
				first = buf_take(&p.body);
			else
				expect_str(p.body.data, first);
			rig_reply_clear(&p);
		}
	}
	rig_stop(&r);
}

TEST(heads_of_every_kind_come_through)
{
	struct rig r = rig_start("{}");
	struct wire w = rig_exchange(&r);
	struct exchange_request q = rig_request(&r, "h1", "/hints");
	struct rig_reply p;

	rig_ask(&w, &q, NULL, &p);
	expect(p.hints && p.head.status == 200 && p.body.len == 4);
	rig_reply_clear(&p);
	q = rig_request(&r, "h1", "/head");
	rig_set(&q.method, "HEAD");
	rig_ask(&w, &q, NULL, &p);
	expect(p.head.status == 200 && p.head.length == 1234 && p.body.len == 0);
	rig_reply_clear(&p);
	q = rig_request(&r, "h1", "/none");
	rig_ask(&w, &q, NULL, &p);
	expect(p.head.status == 204 && p.body.len == 0);
	rig_reply_clear(&p);
	q = rig_request(&r, "h2", "/hello");
	rig_ask(&w, &q, NULL, &p);
	expect(p.head.status == 200 && p.body.len == 2);
	rig_reply_clear(&p);
	wire_clear(&w);
	q = rig_request(&r, "h1", "/cut");
	rig_expect_failed(&r, &q, 502, "api.example.test");
	q = rig_request(&r, "h1", "/lengths");
	rig_expect_failed(&r, &q, 502, "length");
	rig_stop(&r);
}

TEST(an_early_answer_ends_the_upload)
{
	struct rig r = rig_start("{}");
	struct wire w = rig_exchange(&r);
	struct exchange_request q = rig_request(&r, "h1", "/early");
	struct rig_reply p;

	rig_set(&q.method, "POST");
	q.length = 1000000;
	rig_send_request(&w, &q);
	rig_send(&w, EXCHANGE_DATA, "0123456789", 10);
	rig_read_reply(&w, &p);
	expect(p.head.status == 413);
	expect_str(p.body.data, "too large");
	rig_reply_clear(&p);
	/* the rest is thrown away, and the socket serves another request */
	rig_send(&w, EXCHANGE_DATA, "0123456789", 10);
	rig_send(&w, EXCHANGE_END, "", 0);
	exchange_request_clear(&q);
	q = rig_request(&r, "h1", "/");
	rig_ask(&w, &q, NULL, &p);
	expect(p.head.status == 200);
	rig_reply_clear(&p);
	wire_clear(&w);
	rig_stop(&r);
}

static void websocket(struct rig *r, const char *method, unsigned status)
{
	struct wire w = rig_exchange(r);
	struct exchange_request q = rig_request(r, "h1", "/ws");
	struct exchange_response head = { 0 };
	auto_buf struct buf got = { 0 };
	struct err e = { 0 };
	struct wire_frame f;

	rig_set(&q.method, method);
	rig_set(&q.host, "ws.example.test");
	rig_set(&q.upgrade, "websocket");
	if (status == 101)
		expect(exchange_header_add(&q.headers, "sec-websocket-key",
			       "dGhlIHNhbXBsZSBub25jZQ==") == 0);
	expect(exchange_header_add(&q.headers, "authorization", "Bearer " RIG_SENTINEL) ==
		0);
	rig_send_request(&w, &q);
	expect(rig_next(&w, &f) && f.type == EXCHANGE_RESPONSE);
	expect(exchange_response_decode(f.data, f.len, &head, &e) == 0);
	expect(head.status == status);
	expect_str(exchange_header_get(&head.headers, "x-key"),
		"Bearer *******************");
	if (status == 101) {
		expect_str(head.upgrade, "websocket");
		expect_str(exchange_header_get(&head.headers, "sec-websocket-accept"),
			"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	}
	rig_send(&w, EXCHANGE_DATA, " there", 6);
	while (got.len < 11) {
		expect(rig_next(&w, &f) && f.type == EXCHANGE_DATA);
		expect(buf_add(&got, f.data, f.len) == 0);
	}
	expect_str(got.data, "hello there");
	rig_send(&w, EXCHANGE_END, "", 0);
	expect(rig_next(&w, &f) && f.type == EXCHANGE_END);
	exchange_response_clear(&head);
	exchange_request_clear(&q);
	wire_clear(&w);
}

TEST(a_websocket_is_relayed)
{
	struct rig r = rig_start("{}");
	struct exchange_request q = rig_request(&r, "h1", "/nows");
	struct wire w = rig_exchange(&r);
	struct rig_reply p;

	websocket(&r, "GET", 101);
	websocket(&r, "CONNECT", 200);
	rig_set(&q.upgrade, "websocket");
	rig_ask(&w, &q, NULL, &p);
	expect(p.head.status == 403);
	expect_str(p.body.data, "not here");
	rig_reply_clear(&p);
	wire_clear(&w);
	rig_stop(&r);
}

TEST(a_dead_address_is_passed_over)
{
	struct rig r = rig_start("{}");
	struct rig_reply p;

	for (int i = 0; i < 2; i++) {
		struct exchange_request q = rig_request(&r, "h1", "/");

		/* nobody listens there */
		q.addrs_n = 2;
		q.addrs[1] = q.addrs[0];
		expect(address_parse("127.0.0.9", &q.addrs[0]) == 0);
		rig_ask_once(&r, &q, &p);
		expect(p.head.status == 200);
		rig_reply_clear(&p);
	}
	struct exchange_request q = rig_request(&r, "dead", "/");

	rig_expect_failed(
		&r, &q, 502, "connect to 'api.example.test': Connection refused");
	q = rig_request(&r, "h1", "/");
	q.addrs_n = 0;
	rig_expect_failed(&r, &q, 502, "no address is known");
	rig_stop(&r);
}

TEST(old_or_untrusted_tls_is_refused)
{
	struct rig r = rig_start("{}");
	struct exchange_request q = rig_request(&r, "bad", "/");

	rig_expect_failed(&r, &q, 502, "not trusted");
	q = rig_request(&r, "old", "/");
	rig_expect_failed(&r, &q, 502, "TLS with 'api.example.test'");
	q = rig_request(&r, "h1", "/");
	rig_set(&q.host, "other.example.test");
	rig_expect_failed(&r, &q, 502, "other.example.test");
	rig_stop(&r);
}

TEST(a_connection_that_a_server_closed_is_made_anew)
{
	struct rig r = rig_start("{}");
	struct wire w = rig_exchange(&r);
	struct rig_reply p;

	for (int i = 0; i < 4; i++) {
		struct exchange_request q = rig_request(&r, "h1", "/once");

		rig_set(&q.method, "POST");
		rig_ask(&w, &q, "some body", &p);
		expect(p.head.status == 200);
		rig_reply_clear(&p);
		(void)poll(NULL, 0, i * 100);
	}
	wire_clear(&w);
	rig_stop(&r);
}

static void expect_closed(struct rig *r, const void *data, size_t len, uint8_t type)
{
	struct wire w = rig_exchange(r);
	struct wire_frame f = { .type = type, .data = data, .len = (uint32_t)len };

	expect(wire_send(&w, &f) == 0 && wire_flush(&w) == 0);
	expect(!rig_next(&w, &f));
	wire_clear(&w);
}

TEST(a_gate_that_breaks_the_protocol_loses_its_socket)
{
	struct rig r = rig_start("{}");
	struct exchange_request q = rig_request(&r, "h1", "/upload");
	struct wire w = rig_exchange(&r);
	struct wire_frame f;
	struct rig_reply p;

	expect_closed(&r, "x", 1, EXCHANGE_DATA);
	expect_closed(&r, "", 0, EXCHANGE_END);
	expect_closed(&r, "junk", 4, EXCHANGE_REQUEST);
	expect_closed(&r, "junk", 4, 99);
	expect_closed(&r, "", 0, EXCHANGE_RESET);
	/* more than was announced */
	rig_set(&q.method, "POST");
	q.length = 2;
	rig_send_request(&w, &q);
	rig_send(&w, EXCHANGE_DATA, "abc", 3);
	expect(!rig_next(&w, &f));
	wire_clear(&w);
	/* less than was announced */
	w = rig_exchange(&r);
	rig_send_request(&w, &q);
	rig_send(&w, EXCHANGE_DATA, "a", 1);
	rig_send(&w, EXCHANGE_END, "", 0);
	expect(!rig_next(&w, &f));
	wire_clear(&w);
	/* a request within a request */
	w = rig_exchange(&r);
	rig_send_request(&w, &q);
	rig_send_request(&w, &q);
	expect(!rig_next(&w, &f));
	wire_clear(&w);
	exchange_request_clear(&q);
	/* and others go on */
	q = rig_request(&r, "h1", "/");
	rig_ask_once(&r, &q, &p);
	expect(p.head.status == 200);
	rig_reply_clear(&p);
	rig_stop(&r);
}

/* The proxy's port is known only once the servers run: configured a second time. */
static void use_proxy(struct rig *r, const char *no)
{
	static struct parcel p;
	struct err e = { 0 };
	auto_free char *text = str_printf("{\"proxy\":{\"all\":\"http://127.0.0.1:%u\","
					  "\"no\":\"%s\"}}",
		rig_port(r, "proxy"), no);
	auto_fd int fd = parcel_memfd("config", text, strlen(text), &e);

	p = (struct parcel){ .type = ROLE_CONFIG, .fds = { fd }, .fds_n = 1 };
	expect(fd >= 0 && parcel_send_fds(r->keeper, &p) == 0);
	rig_recv(r->keeper, &p);
	expect(p.type == ROLE_READY);
}

TEST(the_hosts_proxy_is_used)
{
	struct rig r = rig_start("{}");
	struct exchange_request q;
	struct rig_reply p;

	use_proxy(&r, "direct.test");
	q = rig_request(&r, "h1", "/echo");
	q.addrs_n = 0;
	rig_ask_once(&r, &q, &p);
	expect(p.head.status == 200);
	rig_reply_clear(&p);
	q = rig_request(&r, "h1", "/proxied");
	rig_ask_once(&r, &q, &p);
	expect(strstr(p.body.data, "CONNECT api.example.test:"));
	rig_reply_clear(&p);
	q = rig_request(&r, "clear", "/x?y");
	q.addrs_n = 0;
	rig_ask_once(&r, &q, &p);
	expect(str_starts(p.body.data, "http://api.example.test:"));
	expect(str_ends(p.body.data, "/x?y"));
	rig_reply_clear(&p);
	q = rig_request(&r, "clear", "/");
	q.addrs_n = 0;
	rig_set(&q.host, "a.direct.test");
	rig_expect_failed(&r, &q, 502, "no proxy leads there");
	rig_stop(&r);
}

static int dial(struct rig *r, const char *text, char error[256])
{
	static struct parcel p;
	const char *at;

	expect(parcel_send(r->gate, GATE_DIAL, text, strlen(text)) == 0);
	rig_recv(r->gate, &p);
	expect(p.type == INJECTOR_DIALED && strstr(p.data, "\"id\":7"));
	at = strstr(p.data, "\"error\":");
	(void)snprintf(error, 256, "%s", at ? at : "");
	return p.fds_n ? p.fds[0] : -1;
}

static void expect_http(int fd)
{
	static const char get[] = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
	char got[16] = { 0 };

	expect(fd >= 0 && send(fd, get, strlen(get), 0) == (ssize_t)strlen(get));
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	expect(poll(&pfd, 1, 5000) == 1 && recv(fd, got, 15, 0) == 15);
	expect_str(got, "HTTP/1.1 200 OK");
	(void)close(fd);
}

TEST(connections_are_dialled_for_the_gate)
{
	struct rig r = rig_start("{}");
	char error[256];
	auto_free char *direct = str_printf("{\"id\":7,\"host\":\"x.test\",\"port\":%u,"
					    "\"addrs\":[\"127.0.0.9\",\"127.0.0.1\"]}",
		rig_port(&r, "clear"));
	auto_free char *named = str_printf(
		"{\"id\":7,\"host\":\"x.test\",\"port\":%u}", rig_port(&r, "clear"));

	expect_http(dial(&r, direct, error));
	expect(dial(&r, named, error) < 0 && strstr(error, "no address is known"));
	use_proxy(&r, "");
	expect_http(dial(&r, named, error));
	rig_stop(&r);
}

TEST(a_lost_peer_ends_it)
{
	struct rig r = rig_start("{}");

	(void)close(r.vault);
	r.vault = -1;
	rig_stop(&r);
}
