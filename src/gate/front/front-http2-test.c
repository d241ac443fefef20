/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/front-http2.h"

#include "base/loop.h"
#include "base/test.h"
#include "gate/front/front-lab.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define RULES                                               \
	"allow http://a.example\nallow https://a.example\n" \
	"deny http://a.example/secret/**\n"

/* A client: nghttp2's other side. One answer is looked at at a time. */
struct client {
	struct lab *l;
	int fd;
	nghttp2_session *session;
	unsigned status, closed, code;
	unsigned goaway; /* its code + 1 */
	struct buf body;
	char trailer[64];
	/* to upload */
	size_t left, sent;
	const char *text; /* or this */
};

static ssize_t cl_send(
	nghttp2_session *s, const uint8_t *data, size_t len, int flags, void *user)
{
	struct client *c = user;
	ssize_t n = send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)s, (void)flags;
	return n < 0 ? NGHTTP2_ERR_WOULDBLOCK : n;
}

static int cl_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name,
	size_t nl, const uint8_t *value, size_t vl, uint8_t flags, void *user)
{
	struct client *c = user;

	(void)s, (void)f, (void)nl, (void)vl, (void)flags;
	if (strcmp((const char *)name, ":status") == 0)
		c->status = (unsigned)atoi((const char *)value);
	if (strcmp((const char *)name, "x-sum") == 0)
		(void)snprintf(c->trailer, sizeof(c->trailer), "%s", (const char *)value);
	expect(strcmp((const char *)name, "alt-svc") != 0);
	return 0;
}

static int cl_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *data,
	size_t len, void *user)
{
	struct client *c = user;

	(void)s, (void)flags, (void)id;
	expect(buf_add(&c->body, data, len) == 0);
	return 0;
}

static int cl_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
	struct client *c = user;

	(void)s, (void)id;
	c->closed++;
	c->code = code;
	return 0;
}

static int cl_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
	struct client *c = user;

	(void)s;
	if (f->hd.type == NGHTTP2_GOAWAY)
		c->goaway = f->goaway.error_code + 1;
	return 0;
}

static ssize_t cl_read(nghttp2_session *s, int32_t id, uint8_t *into, size_t len,
	uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct client *c = user;
	size_t n = c->left < len ? c->left : len;

	(void)s, (void)id, (void)source;
	memset(into, 'x', n);
	if (c->text)
		memcpy(into, c->text, n);
	c->left -= n;
	c->sent += n;
	if (!c->left && !c->text)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!n && c->text)
		return NGHTTP2_ERR_DEFERRED;
	return (ssize_t)n;
}

static struct client *client_new(struct lab *l)
{
	nghttp2_session_callbacks *cb;
	struct client *c = calloc(1, sizeof(*c));

	expect(c && nghttp2_session_callbacks_new(&cb) == 0);
	c->l = l;
	c->fd = lab_clear(l, "9.9.9.1");
	nghttp2_session_callbacks_set_send_callback(cb, cl_send);
	nghttp2_session_callbacks_set_on_header_callback(cb, cl_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, cl_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, cl_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, cl_frame);
	expect(nghttp2_session_client_new(&c->session, cb, c) == 0);
	nghttp2_session_callbacks_del(cb);
	expect(nghttp2_submit_settings(c->session, 0, NULL, 0) == 0);
	return c;
}

static void client_free(struct client *c)
{
	nghttp2_session_del(c->session);
	buf_clear(&c->body);
	(void)close(c->fd);
	free(c);
}

/* Exchange frames until 'n' streams have closed, or nothing more happens. */
static void run(struct client *c, unsigned n)
{
	for (int i = 0; i < 400 && c->closed < n; i++) {
		static uint8_t part[65536];
		ssize_t len;

		(void)nghttp2_session_send(c->session);
		lab_turn(c->l);
		len = recv(c->fd, part, sizeof(part), MSG_DONTWAIT);
		if (len == 0)
			return;
		if (len > 0) {
			expect(nghttp2_session_mem_recv(c->session, part, (size_t)len) ==
				len);
			i = 0;
		}
	}
}

#define NV(n, v)                                                                     \
	{                                                                            \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), sizeof(n) - 1, \
			strlen(v), 0                                                 \
	}

static int32_t submit(struct client *c, const char *method, const char *path,
	const char *authority, bool body)
{
	nghttp2_nv nv[] = { NV(":method", method), NV(":scheme", "http"),
		NV(":path", path), NV(":authority", authority), NV("cookie", "a=1"),
		NV("cookie", "b=2"), NV("te", "trailers") };
	nghttp2_data_provider p = { .read_callback = cl_read };
	int32_t id = nghttp2_submit_request(
		c->session, NULL, nv, sizeof(nv) / sizeof(nv[0]), body ? &p : NULL, NULL);

	expect(id > 0);
	return id;
}

TEST(many_requests_share_a_connection)
{
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	for (int i = 0; i < 100; i++)
		(void)submit(c, "GET", "/hello", "a.example", false);
	run(c, 100);
	expect(c->closed == 100 && c->body.len == 500 && c->status == 200);
	expect(l->requests == 100 && l->ends == 100);
	expect_str(l->seen, "cookie: a=1; b=2\n");
	client_free(c);
	for (int i = 0; i < 5; i++)
		lab_turn(l);
	expect(l->g.conns == 0);
	lab_free(l);
}

TEST(denials_are_answers_and_the_body_is_not_wanted)
{
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	(void)submit(c, "GET", "/secret/x", "a.example", false);
	run(c, 1);
	expect(c->status == 403 &&
		strstr(c->body.data, "denied: GET http://a.example/sec"));
	c->left = 10 << 20;
	(void)submit(c, "POST", "/secret/x", "a.example", true);
	run(c, 2);
	expect(c->closed == 2 && c->code == NGHTTP2_NO_ERROR && c->left > 0);
	(void)submit(c, "GET", "/hello", "b.example", false);
	run(c, 3);
	expect(c->status == 403 && l->requests == 0);
	(void)submit(c, "GET", "/hello", "a.example", false);
	run(c, 4);
	expect(c->status == 200);
	client_free(c);
	lab_free(l);
}

static unsigned ask(struct lab *l, const nghttp2_nv *nv, size_t n)
{
	struct client *c = client_new(l);
	unsigned status;

	expect(nghttp2_submit_request(c->session, NULL, nv, n, NULL, NULL) > 0);
	run(c, 1);
	expect(c->closed == 1);
	status = c->status;
	client_free(c);
	return status;
}

TEST(heads_that_contradict_themselves_are_refused)
{
	static const nghttp2_nv tricks[][6] = {
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"),
			NV(":authority", "a.example"), NV("host", "b.example") },
		{ NV(":method", "GET"), NV(":scheme", "https"), NV(":path", "/"),
			NV(":authority", "a.example") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/a#b"),
			NV(":authority", "a.example") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/%2e%2e/x"),
			NV(":authority", "a.example") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"),
			NV(":authority", "u@a.example") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"),
			NV(":authority", "a%2eexample") },
		{ NV(":method", "CONNECT"), NV(":authority", "a.example:443") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "x"),
			NV(":authority", "a.example") },
		{ NV(":method", "G ET"), NV(":scheme", "http"), NV(":path", "/"),
			NV(":authority", "a.example") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"),
			NV(":authority", "a.example"),
			NV("transfer-encoding", "chunked") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"),
			NV(":authority", "a.example"), NV("x", "a\r\nb: c") },
		{ NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/ HTTP/1.1"),
			NV(":authority", "a.example") },
	};
	struct lab *l = lab_new(RULES);

	for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		size_t n = 0;
		unsigned status;

		while (n < 6 && tricks[i][n].name)
			n++;
		status = ask(l, tricks[i], n);
		if (status != 400 && status != 0)
			fprintf(stderr, "%zu: %u\n", i, status);
		/* 0: reset without an answer */
		expect((status == 400 || status == 0) && l->requests == 0);
	}
	lab_free(l);
}

TEST(trailers_come_through)
{
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	(void)submit(c, "POST", "/trailers", "a.example", false);
	run(c, 1);
	expect_str(c->body.data, "body");
	expect_str(c->trailer, "42");
	client_free(c);
	lab_free(l);
}

TEST(an_upload_fills_no_more_than_its_window)
{
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	c->left = 16 << 20;
	(void)submit(c, "POST", "/stall", "a.example", true);
	run(c, 1);
	expect(c->closed == 0 && c->sent < (2 << 20));
	l->go = true;
	run(c, 1);
	expect_str(c->body.data, "16777216\n");
	client_free(c);
	lab_free(l);
}

TEST(a_large_answer_comes_whole)
{
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	(void)submit(c, "GET", "/big?8000000", "a.example", false);
	(void)submit(c, "GET", "/big?3000000", "a.example", false);
	run(c, 2);
	expect(c->closed == 2 && c->body.len == 11000000);
	client_free(c);
	lab_free(l);
}

TEST(a_cut_off_answer_resets_its_stream_only)
{
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	(void)submit(c, "GET", "/cut", "a.example", false);
	run(c, 1);
	expect(c->closed == 1 && c->code == NGHTTP2_INTERNAL_ERROR);
	(void)submit(c, "GET", "/fail", "a.example", false);
	run(c, 2);
	expect(c->status == 502);
	(void)submit(c, "GET", "/hello", "a.example", false);
	run(c, 3);
	expect(c->status == 200);
	client_free(c);
	lab_free(l);
}

TEST(a_websocket_is_an_extended_connect)
{
	nghttp2_nv nv[] = { NV(":method", "CONNECT"), NV(":protocol", "websocket"),
		NV(":scheme", "http"), NV(":path", "/chat"),
		NV(":authority", "a.example"), NV("sec-websocket-version", "13") };
	nghttp2_data_provider p = { .read_callback = cl_read };
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	run(c, 1); /* their SETTINGS allow it */
	c->text = "ping";
	c->left = 4;
	expect(nghttp2_submit_request(c->session, NULL, nv, 6, &p, NULL) > 0);
	run(c, 1);
	expect(c->status == 200 && c->closed == 0);
	expect_str(c->body.data, "ping");
	expect_str(l->method, "GET");
	expect(strstr(l->seen, "sec-websocket-key: ") != NULL);
	client_free(c);
	lab_free(l);
}

TEST(floods_end_the_connection)
{
	struct lab *l = lab_new(RULES);
	struct client *c = client_new(l);

	for (int i = 0; i < 3000 && !c->goaway; i++) {
		int32_t id = submit(c, "GET", "/hang", "a.example", false);

		(void)nghttp2_session_send(c->session); /* else it takes both back */
		(void)nghttp2_submit_rst_stream(c->session, 0, id, NGHTTP2_CANCEL);
		run(c, (unsigned)i + 1);
	}
	expect(c->goaway == NGHTTP2_ENHANCE_YOUR_CALM + 1);
	expect(l->requests < 1500);
	client_free(c);
	c = client_new(l);
	for (int i = 0; i < 3000; i++)
		expect(nghttp2_submit_ping(c->session, 0, NULL) == 0);
	run(c, 1);
	expect(c->goaway == NGHTTP2_ENHANCE_YOUR_CALM + 1);
	client_free(c);
	lab_free(l);
}

/* A real client, over TLS or in clear, at a port of the loopback. */
static void with_curl(struct lab *l, bool tls, const char *args, char *out, size_t max)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status, fd;
	struct address dst;
	char command[1024];
	FILE *from;
	size_t n;

	expect(bind(listener, (struct sockaddr *)&at, len) == 0 &&
		listen(listener, 5) == 0);
	expect(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	(void)snprintf(command, sizeof(command),
		"curl -sk -m 20 --connect-to ::127.0.0.1:%u %s", ntohs(at.sin_port),
		args);
	from = popen(command, "re");
	expect(from != NULL && address_parse("9.9.9.1", &dst) == 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	expect(fd >= 0);
	expect(front_start(&l->g,
		       &(struct front_spec){ .fd = fd,
			       .tls = tls,
			       .dst = &dst,
			       .name = tls ? "a.example" : NULL,
			       .port = tls ? 443 : 80 },
		       NULL) == 0);
	while (l->g.conns)
		lab_turn(l);
	n = fread(out, 1, max - 1, from);
	out[n] = '\0';
	status = pclose(from);
	expect(WIFEXITED(status));
	(void)close(listener);
}

TEST(curl_speaks_http2_with_it)
{
	struct lab *l;
	char out[4096];

	if (system("curl --version | grep -q HTTP2") != 0)
		test_skip("there is no curl with HTTP/2");
	l = lab_new(RULES);
	with_curl(l, true, "--http2 -w '%{http_version}' https://a.example/hello", out,
		sizeof(out));
	expect_str(out, "hello2");
	with_curl(l, false,
		"--http2-prior-knowledge -w '%{http_version}' http://a.example/hello",
		out, sizeof(out));
	expect_str(out, "hello2");
	with_curl(l, false, "--http2 -w '%{http_version}' http://a.example/hello", out,
		sizeof(out));
	expect_str(out, "hello1.1");
	with_curl(l, true,
		"--http1.1 --data-binary @/bin/sh -w '%{http_code}' "
		"https://a.example/count",
		out, sizeof(out));
	expect(strstr(out, "\n200") != NULL);
	with_curl(l, true,
		"--http2 --data-binary @/bin/sh -o /dev/null -w '%{http_code}' "
		"https://a.example/echo",
		out, sizeof(out));
	expect_str(out, "200");
	lab_free(l);
}
