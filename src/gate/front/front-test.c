/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-impl.h"

#include "base/test.h"
#include "gate/front/back.h"
#include "gate/front/front-lab.h"

#include <dirent.h>
#include <sys/socket.h>

#define RULES                                               \
	"allow http://a.example\nallow https://a.example\n" \
	"deny http://a.example/secret/**\n"                 \
	"allow b.example:1-65535\nallow nowhere.example\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a.example\r\n\r\n"

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	expect(d != NULL);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static void settle(struct lab *l)
{
	for (int i = 0; i < 20; i++)
		lab_turn(l);
}

/* One request on a connection of its own; the whole answer. */
static void ask(struct lab *l, int fd, const char *text, struct buf *b)
{
	lab_say(l, fd, text);
	expect(lab_hear(l, fd, "\r\n\r\n", b));
}

TEST(requests_follow_each_other_on_one_connection_and_one_exchange)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");

	for (int i = 0; i < 5; i++) {
		auto_buf struct buf b = { 0 };

		lab_say(l, fd,
			"GET /hello?q=1 HTTP/1.1\r\nHost: A.example\r\n"
			"Proxy-Authorization: x\r\nConnection: x-hop\r\n"
			"X-Hop: 1\r\nX-Mine: 2\r\n\r\n");
		expect(lab_hear(l, fd, "\r\n\r\nhello", &b));
		expect_str(b.data,
			"HTTP/1.1 200 OK\r\nx-lab: yes\r\n"
			"content-length: 5\r\n\r\nhello");
	}
	settle(l);
	expect(back_pool_idle(l->g.front->backs) == 1);
	expect(l->requests == 5 && l->ends == 5 && l->denials == 0);
	expect(l->status == 200 && l->down == 5);
	expect_str(l->host, "a.example");
	expect_str(l->target, "/hello?q=1");
	expect_str(l->seen, "x-mine: 2\n");
	expect(l->port == 80 && l->addrs_n == 1);
	(void)close(fd);
	settle(l);
	lab_free(l);
}

TEST(pipelined_requests_are_answered_in_order)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	lab_say(l, fd,
		GET("/hello") "\r\n" GET("/secret/a")
			GET("/trailers") "GET /hello HTTP/1.1\r\nHost: a.example\r\n"
					 "Connection: close\r\n\r\n" GET("/hello"));
	expect(lab_hear(l, fd, NULL, &b));
	expect(strncmp(b.data, "HTTP/1.1 200", 12) == 0);
	expect(strstr(b.data,
		       "hello"
		       "HTTP/1.1 403 Forbidden\r\n") != NULL);
	expect(strstr(b.data, "\r\n\r\n4\r\nbody\r\n0\r\n\r\nHTTP/1.1 200 OK") != NULL);
	expect(strstr(b.data, "connection: close\r\n\r\nhello") != NULL);
	expect(l->requests == 3);
	(void)close(fd);
	lab_free(l);
}

TEST(a_denial_says_which_rule_and_what_to_do)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	ask(l, fd, GET("/secret/'x"), &b);
	expect(lab_hear(l, fd, "'\n", &b));
	expect(strstr(b.data, "brig: denied: GET http://a.example/secret/'x: "));
	expect(strstr(b.data,
		"(rule: deny http://a.example/secret/**)\n"
		"remove the rule with: brig policy rm --sandbox ... 'deny "
		"http://a.example/secret/**'\n"));
	lab_rules(l, "allow b.example");
	(void)close(fd);
	fd = lab_clear(l, "9.9.9.1");
	b.len = 0;
	ask(l, fd, GET("/v1/$(x)/y"), &b);
	expect(lab_hear(l, fd, "'\n", &b));
	expect(strstr(b.data,
		"\nallow it with: brig policy allow --sandbox ... "
		"'http://a.example/v1/**'\n"));
	expect(l->requests == 0);
	(void)close(fd);
	lab_free(l);
}

/* What must never reach the injector; the status it is told. */
static const struct {
	const char *text, *status;
} tricks[] = {
	{ "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403" },
	{ "GET /hello HTTP/1.1\r\nHost: b.example\r\n\r\n", "403" },
	{ "GET /hello HTTP/1.1\r\nHost: 9.9.9.2\r\n\r\n", "403" },
	{ "GET /hello HTTP/1.1\r\nHost: 9.9.9.1\r\n\r\n", "403" },
	{ "GET /hello HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", "421" },
	{ "GET /hello HTTP/1.1\r\nHost: a%2eexample\r\n\r\n", "400" },
	{ "GET /hello HTTP/1.1\r\nHost: x@a.example\r\n\r\n", "400" },
	{ "GET /hello HTTP/1.1\r\nHost: a.example/\r\n\r\n", "400" },
	{ "GET /hello HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", "400" },
	{ "GET /hello HTTP/1.1\r\nHost:\r\n\r\n", "400" },
	{ "GET http://b.example/hello HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET https://a.example/hello HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET http://b.example/hello HTTP/1.1\r\nHost: b.example\r\n\r\n", "403" },
	{ "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "400" },
	{ "GET /%2e%2e/secret/a HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET /x%2fsecret HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET /x\\secret HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET /./secret/a HTTP/1.1\r\nHost: a.example\r\n\r\n", "403" },
	{ "GET //secret/a HTTP/1.1\r\nHost: a.example\r\n\r\n", "403" },
	{ "GET /%73ecret/a HTTP/1.1\r\nHost: a.example\r\n\r\n", "403" },
	{ "GET /x/../secret/a HTTP/1.1\r\nHost: a.example\r\n\r\n", "4" },
	{ "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"400" },
	{ "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
	  "Content-Length: 3\r\n\r\nabc",
		"400" },
	{ "GET / HTTP/1.1\nHost: a.example\n\n", "400" },
	{ "GET / HTTP/3.0\r\nHost: a.example\r\n\r\n", "505" },
};

TEST(tricks_in_clear_text_never_reach_the_injector)
{
	struct lab *l = lab_new(RULES);

	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		int fd = lab_clear(l, "9.9.9.1");
		auto_buf struct buf b = { 0 };

		ask(l, fd, tricks[i].text, &b);
		if (strncmp(b.data + 9, tricks[i].status, strlen(tricks[i].status)) != 0)
			fprintf(stderr, "%zu: %s", i, b.data);
		expect(strncmp(b.data + 9, tricks[i].status, strlen(tricks[i].status)) ==
			0);
		expect(l->requests == 0 && l->denials == i + 1);
		(void)close(fd);
	}
	settle(l);
	expect(l->g.conns == 0);
	lab_free(l);
}

TEST(a_path_of_two_meanings_passes_where_every_path_does)
{
	struct lab *l = lab_new("allow http://a.example\n");
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	ask(l, fd, GET("/hello/@scope%2fname"), &b);
	expect(strncmp(b.data + 9, "200", 3) == 0);
	expect_str(l->target, "/hello/@scope%2fname");
	(void)close(fd);
	lab_rules(l, "allow http://a.example/hello/**");
	fd = lab_clear(l, "9.9.9.1");
	b.len = 0;
	ask(l, fd, GET("/hello/@scope%2fname"), &b);
	expect(strncmp(b.data + 9, "400", 3) == 0 && l->requests == 1);
	(void)close(fd);
	lab_free(l);
}

TEST(a_body_comes_whole_or_the_request_is_reset)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	lab_say(l, fd,
		"POST /echo HTTP/1.1\r\nHost: a.example\r\n"
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	expect(lab_hear(l, fd, "abc", &b)); /* before the body has ended */
	lab_say(l, fd, "4;x\r\ndefg\r\n0\r\n\r\n");
	expect(lab_hear(l, fd, "defg\r\n0\r\n\r\n", &b));
	(void)close(fd);
	fd = lab_clear(l, "9.9.9.1");
	lab_say(l, fd,
		"POST /count HTTP/1.1\r\nHost: a.example\r\n"
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabcX");
	b.len = 0;
	expect(lab_hear(l, fd, NULL, &b));
	expect(strncmp(b.data + 9, "400", 3) == 0 && l->resets == 1);
	(void)close(fd);
	fd = lab_clear(l, "9.9.9.1");
	lab_say(l, fd,
		"POST /count HTTP/1.1\r\nHost: a.example\r\n"
		"Content-Length: 10\r\n\r\nabc");
	settle(l);
	(void)close(fd);
	settle(l);
	expect(l->resets == 2);
	lab_free(l);
}

TEST(expect_continue_is_answered_after_the_verdict)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	ask(l, fd,
		"POST /count HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
		"Expect: 100-continue\r\n\r\n",
		&b);
	expect_str(b.data, "HTTP/1.1 100 Continue\r\n\r\n");
	lab_say(l, fd, "abc");
	expect(lab_hear(l, fd, "\r\n\r\n3\n", &b));
	b.len = 0;
	ask(l, fd,
		"POST /secret/x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
		"Expect: 100-continue\r\n\r\n",
		&b);
	expect(strncmp(b.data, "HTTP/1.1 403", 12) == 0);
	expect(strstr(b.data, "connection: close") != NULL);
	(void)close(fd);
	lab_free(l);
}

TEST(events_of_a_stream_arrive_at_once)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	lab_say(l, fd, GET("/sse"));
	expect(lab_hear(l, fd, "data: one\n\n", &b));
	settle(l);
	expect(!strstr(b.data, "two"));
	l->go = true;
	expect(lab_hear(l, fd, "data: two\n\n\r\n0\r\n\r\n", &b));
	(void)close(fd);
	lab_free(l);
}

TEST(old_clients_get_old_answers)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	l->go = true;
	lab_say(l, fd,
		"GET /sse HTTP/1.0\r\nHost: a.example\r\n"
		"Connection: keep-alive\r\n\r\n");
	expect(lab_hear(l, fd, NULL, &b));
	expect(strstr(b.data, "connection: close\r\n\r\ndata: one\n\ndata: two\n\n"));
	(void)close(fd);
	fd = lab_clear(l, "9.9.9.1");
	b.len = 0;
	lab_say(l, fd,
		"GET /hello HTTP/1.0\r\nHost: a.example\r\n"
		"Connection: keep-alive\r\n\r\n");
	expect(lab_hear(l, fd, "connection: keep-alive\r\n\r\nhello", &b));
	(void)close(fd);
	lab_free(l);
}

TEST(head_has_no_body_and_keeps_its_length)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	ask(l, fd, "HEAD /hello HTTP/1.1\r\nHost: a.example\r\n\r\n", &b);
	b.len = 0;
	ask(l, fd, "HEAD /hello HTTP/1.1\r\nHost: a.example\r\n\r\n", &b);
	expect_str(b.data, "HTTP/1.1 200 OK\r\nx-lab: yes\r\ncontent-length: 5\r\n\r\n");
	(void)close(fd);
	lab_free(l);
}

TEST(failures_are_told_and_half_answers_end_the_connection)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	ask(l, fd, GET("/fail"), &b);
	expect(lab_hear(l, fd, "brig: the server is not there\n", &b));
	b.len = 0;
	lab_say(l, fd, GET("/cut"));
	expect(lab_hear(l, fd, NULL, &b));
	expect(strstr(b.data, "content-length: 100\r\n\r\nhalf") != NULL);
	(void)close(fd);
	lab_free(l);
}

TEST(a_large_upload_waits_for_who_reads_it)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };
	static char bytes[1 << 20];
	size_t sent = 0, total = sizeof(bytes) * 64;

	lab_say(l, fd,
		"POST /stall HTTP/1.1\r\nHost: a.example\r\n"
		"Content-Length: 67108864\r\n\r\n");
	for (int i = 0; i < 200; i++) {
		ssize_t n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		lab_turn(l);
	}
	/* the sockets' buffers, a queue, and no more */
	expect(sent < (4 << 20));
	l->go = true;
	while (sent < total) {
		size_t n = total - sent < sizeof(bytes) ? total - sent : sizeof(bytes);

		lab_send(l, fd, bytes, n);
		sent += n;
	}
	expect(lab_hear(l, fd, "\r\n\r\n67108864\n", &b));
	expect(l->up == total);
	(void)close(fd);
	lab_free(l);
}

TEST(a_large_answer_waits_for_who_reads_it)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	size_t got = 0, total = 64 << 20;
	static char bytes[1 << 20];

	lab_say(l, fd, GET("/big?67108864"));
	for (int i = 0; i < 200; i++)
		lab_turn(l);
	expect(front_pending(l->g.front->first) < (512 << 10));
	for (int i = 0; got < total && i < 100000; i++) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		got += n > 0 ? (size_t)n : 0;
		lab_turn(l);
	}
	expect(got > total && l->down == total);
	(void)close(fd);
	lab_free(l);
}

TEST(a_websocket_goes_both_ways)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	ask(l, fd,
		"GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\nearly",
		&b);
	expect(strstr(b.data, "HTTP/1.1 101 Switching Protocols\r\n") != NULL);
	expect(strstr(b.data, "connection: Upgrade\r\nupgrade: websocket\r\n") != NULL);
	expect(lab_hear(l, fd, "early", &b));
	lab_say(l, fd, "\x81\x01x GET /secret");
	expect(lab_hear(l, fd, "\x81\x01x GET /secret", &b));
	expect(l->requests == 1);
	expect(shutdown(fd, SHUT_WR) == 0);
	expect(lab_hear(l, fd, NULL, &b));
	(void)close(fd);
	settle(l);
	expect(l->g.conns == 0 && l->status == 101);
	lab_free(l);
}

TEST(the_proxy_takes_http_and_tunnels)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_proxy(l);
	auto_buf struct buf b = { 0 };

	ask(l, fd,
		"GET http://a.example/hello HTTP/1.1\r\nHost: a.example\r\n"
		"Proxy-Authorization: Basic eA==\r\nProxy-Connection: x\r\n\r\n",
		&b);
	expect(strncmp(b.data + 9, "200", 3) == 0);
	expect(l->addrs_n == 2 && l->port == 80);
	expect_str(l->seen, "");
	expect(lab_hear(l, fd, "hello", &b));
	b.len = 0;
	ask(l, fd, "CONNECT b.example:8443 HTTP/1.1\r\nHost: b.example:8443\r\n\r\n", &b);
	expect(strncmp(b.data + 9, "200", 3) == 0);
	expect_str(l->tunnel_name, "b.example");
	expect(l->tunnel_port == 8443 && l->tunnel >= 0);
	lab_say(l, fd, "raw");
	expect(recv(l->tunnel, b.data, 10, 0) == 3);
	expect(l->g.conns == 0);
	(void)close(fd);
	lab_free(l);
}

static const struct {
	const char *text, *status;
} proxy_tricks[] = {
	{ "GET /hello HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "400" },
	{ "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403" },
	{ "GET http://u:p@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "400" },
	{ "GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "403" },
	{ "GET http://host.brig.internal/ HTTP/1.1\r\nHost: host.brig.internal\r\n\r\n",
		"403" },
	{ "GET http://nowhere.example/ HTTP/1.1\r\nHost: nowhere.example\r\n\r\n",
		"502" },
	{ "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", "403" },
	{ "CONNECT a.example:22 HTTP/1.1\r\nHost: a.example:22\r\n\r\n", "403" },
	{ "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n", "403" },
	{ "CONNECT [::1]:22 HTTP/1.1\r\nHost: [::1]:22\r\n\r\n", "403" },
	{ "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n", "403" },
	{ "CONNECT gate.brig.internal:3128 HTTP/1.1\r\n"
	  "Host: gate.brig.internal:3128\r\n\r\n",
		"403" },
	{ "CONNECT b.example HTTP/1.1\r\nHost: b.example\r\n\r\n", "400" },
	{ "CONNECT b.example:1-9 HTTP/1.1\r\nHost: b.example\r\n\r\n", "400" },
	{ "CONNECT b.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "400" },
	{ "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:444\r\n\r\n", "400" },
	{ "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\nEARLY", "400" },
	{ "CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n"
	  "Content-Length: 5\r\n\r\n",
		"400" },
	{ "CONNECT http://b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", "400" },
	{ "CONNECT /b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", "400" },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505" },
};

TEST(tricks_on_the_proxy_port_are_refused)
{
	struct lab *l = lab_new(RULES);

	for (size_t i = 0; i < sizeof(proxy_tricks) / sizeof(proxy_tricks[0]); i++) {
		int fd = lab_proxy(l);
		auto_buf struct buf b = { 0 };

		ask(l, fd, proxy_tricks[i].text, &b);
		if (strncmp(b.data + 9, proxy_tricks[i].status, 3) != 0)
			fprintf(stderr, "%zu: %s", i, b.data);
		expect(strncmp(b.data + 9, proxy_tricks[i].status, 3) == 0);
		expect(l->requests == 0 && l->tunnel < 0);
		(void)close(fd);
	}
	lab_free(l);
}

TEST(a_change_of_policy_ends_what_it_denies)
{
	struct lab *l = lab_new(RULES);
	int sse = lab_clear(l, "9.9.9.1"), hang = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 }, c = { 0 };

	lab_say(l, sse, GET("/sse"));
	lab_say(l, hang, GET("/hang"));
	expect(lab_hear(l, sse, "one", &b));
	lab_rules(l, "allow http://a.example/other");
	expect(lab_hear(l, sse, NULL, &b) && !strstr(b.data, "two"));
	expect(!strstr(b.data, "\r\n0\r\n"));
	expect(lab_hear(l, hang, "\r\n\r\n", &c));
	settle(l);
	expect(strncmp(c.data + 9, "403", 3) == 0 && l->resets == 2);
	(void)close(sse);
	(void)close(hang);
	lab_free(l);
}

TEST(without_an_injector_there_is_an_answer)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };
	int was = l->g.injector;

	l->g.injector = -1;
	ask(l, fd, GET("/hello"), &b);
	expect(strncmp(b.data + 9, "502", 3) == 0);
	l->g.injector = was;
	b.len = 0;
	ask(l, fd, GET("/hello"), &b);
	expect(strstr(b.data, "200 OK") != NULL);
	(void)close(fd);
	lab_free(l);
}

TEST(who_keeps_the_gate_waiting_is_sent_away)
{
	struct lab *l = lab_new(RULES);
	int idle = lab_clear(l, "9.9.9.1"), slow = lab_clear(l, "9.9.9.1");
	int hang = lab_clear(l, "9.9.9.1");
	auto_buf struct buf a = { 0 }, b = { 0 };

	lab_say(l, slow, "GET / HTTP/1.1\r\nHost: a.exa");
	lab_say(l, hang, GET("/hang"));
	settle(l);
	for (struct front *f = l->g.front->first; f; f = f->next)
		f->since -= (f->in.len ? FRONT_HEAD_S : FRONT_IDLE_S) * 1000000000ULL;
	for (int i = 0; i < 3500 && l->g.conns == 3; i++)
		lab_turn(l);
	expect(lab_hear(l, slow, NULL, &a) && strncmp(a.data + 9, "408", 3) == 0);
	expect(lab_hear(l, idle, NULL, &b) && b.len == 0);
	(void)close(slow);
	(void)close(idle);
	settle(l);
	expect(l->g.conns == 1); /* whose request is being worked on */
	(void)close(hang);
	lab_free(l);
}

TEST(a_client_that_leaves_is_noticed_behind_what_it_sent_ahead)
{
	struct lab *l = lab_new(RULES);
	int fd = lab_clear(l, "9.9.9.1");

	lab_say(l, fd, GET("/hang"));
	lab_say(l, fd, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 2000; i++)
		(void)!send(fd, "X-Ahead: 0123456789\r\n", 21, MSG_DONTWAIT);
	(void)close(fd);
	settle(l);
	expect(l->g.conns == 0 && l->resets == 1);
	lab_free(l);
}

TEST(two_thousand_connections_leave_nothing_behind)
{
	struct lab *l = lab_new(RULES);
	unsigned before = 0;

	for (int i = 0; i < 2000; i++) {
		int fd = i % 3 ? lab_clear(l, "9.9.9.1") : lab_proxy(l);
		auto_buf struct buf b = { 0 };

		if (i == 100) {
			settle(l);
			before = count_fds();
		}
		if (i % 5 == 0)
			lab_say(l, fd, GET("/ha"));
		else if (i % 5 == 1)
			lab_say(l, fd, "GET http://a.example/hel");
		else if (i % 5 < 4)
			ask(l, fd, i % 3 ? GET("/hello") : GET("/secret/x"), &b);
		(void)close(fd);
	}
	settle(l);
	expect(l->g.conns == 0);
	/* one that 'before' counted was just being made */
	expect(count_fds() <= before);
	lab_free(l);
}
