/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: into requests, out of responses, and told of by name. */
#include "gate/inject/inject-rig.h"

#include "base/parcel.h"
#include "base/test.h"
#include "gate/roles.h"

#include <poll.h>

TEST(a_secret_goes_into_header_basic_and_query)
{
	static const char *const ports[] = { "h1", "h2" };
	struct rig r = rig_start("{}");
	struct wire w = rig_exchange(&r);

	for (size_t i = 0; i < 2; i++) {
		struct exchange_request q =
			rig_request(&r, ports[i], "/echo?key=" RIG_SENTINEL);
		struct rig_reply p;

		expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
		/* user:sentinel */
		expect(exchange_header_add(&q.headers, "authorization",
			       "Basic dXNlcjpzay1icmlnLXNlbnRpbmVsLTAwMDE=") == 0);
		rig_ask(&w, &q, "", &p);
		expect(p.head.status == 200);
		/* the server had the value: what it sent back of it is masked, in each form */
		expect(!memmem(p.body.data, p.body.len, "sentinel", 8));
		expect(!memmem(p.body.data, p.body.len, "secret", 6));
		expect(strstr(p.body.data, "x-api-key: *******************\n"));
		expect(strstr(p.body.data, "key=***********************"));
		expect(strstr(p.body.data, "authorization: Basic ****************"));
		expect(strstr(p.body.data, "identity"));
		expect_str(exchange_header_get(&p.head.headers, "x-key"),
			"*******************");
		rig_reply_clear(&p);
	}
	wire_clear(&w);
	rig_stop(&r);
}

TEST(the_server_gets_the_value_and_rotation_is_live)
{
	struct rig r = rig_start("{}");
	struct exchange_request q = rig_request(&r, "h1", "/upload");
	struct rig_reply p;

	/* short values are not masked, so that what was sent can be seen */
	rig_give_secret(&r, "one");
	(void)poll(NULL, 0, 100); /* it comes on another socket than the request */
	q = (exchange_request_clear(&q), rig_request(&r, "h1", "/echo"));
	expect(exchange_header_add(&q.headers, "x-api-key", "Bearer " RIG_SENTINEL) == 0);
	rig_ask_once(&r, &q, &p);
	expect(strstr(p.body.data, "x-api-key: Bearer one\n"));
	rig_reply_clear(&p);
	rig_give_secret(&r, "two");
	(void)poll(NULL, 0, 100);
	q = rig_request(&r, "h2", "/key");
	expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
	rig_ask_once(&r, &q, &p);
	expect_str(p.body.data, "HTTP/2.0 two");
	expect_str(exchange_header_get(&p.head.headers, "x-key"), "two");
	rig_reply_clear(&p);
	rig_stop(&r);
}

TEST(a_secret_is_refused_where_it_has_no_business)
{
	struct rig r = rig_start("{}");
	struct exchange_request q = rig_request(&r, "h1", "/");

	rig_set(&q.host, "localhost.evil");
	expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
	rig_expect_failed(&r, &q, 403, "not for the host 'localhost.evil'");
	q = rig_request(&r, "clear", "/?" RIG_SENTINEL);
	rig_expect_failed(&r, &q, 403, "without TLS");
	q = rig_request(&r, "h1", "/" RIG_SENTINEL);
	rig_expect_failed(&r, &q, 403, "into a path");
	/* a server that can't prove who it is gets nothing */
	q = rig_request(&r, "bad", "/?" RIG_SENTINEL);
	rig_expect_failed(
		&r, &q, 502, "certificate of 'api.example.test' is not trusted");
	rig_stop(&r);
}

TEST(the_keeper_is_told_of_secrets_by_name)
{
	struct rig r = rig_start("{}");
	static struct parcel p;

	for (int i = 0; i < 5; i++) {
		struct exchange_request q = rig_request(&r, "h1", "/");

		rig_set(&q.host, i < 3 ? "evil.test" : "api.example.test");
		expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
		struct rig_reply reply;

		rig_ask_once(&r, &q, &reply);
		rig_reply_clear(&reply);
	}
	rig_recv(r.keeper, &p);
	expect(p.type == ROLE_EVENTS);
	expect_str(p.data,
		"{\"type\":\"secret\",\"name\":\"test\",\"host\":\"evil.test\","
		"\"action\":"
		"\"refused\",\"reason\":\"the secret 'test' is not for the host "
		"'evil.test'\",\"count\":3}\n");
	rig_recv(r.keeper, &p);
	expect_str(p.data,
		"{\"type\":\"secret\",\"name\":\"test\",\"host\":"
		"\"api.example.test\",\"action\":\"used\",\"count\":2}\n");
	rig_stop(&r);
}

TEST(a_secret_is_masked_over_the_borders_of_pieces)
{
	struct rig r = rig_start("{}");
	struct exchange_request q = rig_request(&r, "h1", "/split");
	struct rig_reply p;

	expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
	rig_ask_once(&r, &q, &p);
	expect_str(p.body.data, "a*******************zreal");
	rig_reply_clear(&p);
	q = rig_request(&r, "h1", "/trailers");
	expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
	rig_ask_once(&r, &q, &p);
	expect_str(exchange_header_get(&p.trailers, "x-sum"), "6");
	expect_str(exchange_header_get(&p.trailers, "x-key"), "*******************");
	rig_reply_clear(&p);
	q = rig_request(&r, "h1", "/gzip");
	expect(exchange_header_add(&q.headers, "x-api-key", RIG_SENTINEL) == 0);
	rig_expect_failed(&r, &q, 502, "encoded answer");
	rig_stop(&r);
}

TEST(request_trailers_go_up_but_never_with_a_secret)
{
	struct rig r = rig_start("{}");
	struct wire w = rig_exchange(&r);
	struct exchange_request q = rig_request(&r, "h1", "/echo");
	struct exchange_headers t = { 0 };
	auto_buf struct buf b = { 0 };
	struct rig_reply p;

	rig_set(&q.method, "POST");
	q.length = EXCHANGE_LENGTH_UNKNOWN;
	expect(exchange_header_add(&q.headers, "trailer", "x-sum") == 0);
	expect(exchange_header_add(&t, "x-sum", "12") == 0);
	expect(exchange_headers_encode(&t, &b) == 0);
	rig_send_request(&w, &q);
	rig_send(&w, EXCHANGE_DATA, "abc", 3);
	rig_send(&w, EXCHANGE_END, b.data, b.len);
	rig_read_reply(&w, &p);
	expect(strstr(p.body.data, "body 3 x-sum: 12"));
	rig_reply_clear(&p);
	buf_clear(&b);
	expect(exchange_header_add(&t, "x-key", RIG_SENTINEL) == 0);
	expect(exchange_headers_encode(&t, &b) == 0);
	rig_send_request(&w, &q);
	rig_send(&w, EXCHANGE_DATA, "abc", 3);
	rig_send(&w, EXCHANGE_END, b.data, b.len);
	rig_read_reply(&w, &p);
	expect(p.failure.status == 403 && p.failure.refused);
	rig_reply_clear(&p);
	exchange_headers_clear(&t);
	exchange_request_clear(&q);
	wire_clear(&w);
	rig_stop(&r);
}
