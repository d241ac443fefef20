/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-rig.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parcel.h"
#include "base/str.h"
#include "base/test.h"
#include "gate/roles.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PATIENCE_MS 5000

static void wait_for(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	expect(poll(&pfd, 1, PATIENCE_MS) == 1);
}

static void start_servers(struct rig *r, const char *script)
{
	auto_buf struct buf line = { 0 };
	struct err e = { 0 };
	int in[2], out[2];

	expect(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	r->servers = fork();
	if (r->servers == 0) {
		/* the end of its input ends it, also when the test dies; it cleans up then */
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		/* by its whole name too: it finds its library by what it is called */
		(void)execl("/usr/bin/python3", "/usr/bin/python3", "-W", "ignore",
			script, NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	r->servers_in = in[1];
	while (!line.len || line.data[line.len - 1] != '\n') {
		struct pollfd pfd = { .fd = out[0], .events = POLLIN };

		expect(poll(&pfd, 1, 20000) == 1);
		if (buf_read(&line, out[0], 4096) <= 0)
			test_skip("the test's servers don't start");
	}
	(void)close(out[0]);
	expect(json_parse(line.data, line.len, "servers", &r->ports, &e) == 0);
}

static void start_injector(struct rig *r, const char *program)
{
	int ends[3], mine[3];
	struct err e = { 0 };

	for (int i = 0; i < 3; i++) {
		int pair[2];

		expect(parcel_pair(pair, &e) == 0);
		/* out of the way of the numbers that are meant */
		ends[i] = fcntl(pair[0], F_DUPFD_CLOEXEC, 20);
		(void)close(pair[0]);
		mine[i] = fcntl(pair[1], F_DUPFD_CLOEXEC, 30);
		(void)close(pair[1]);
	}
	r->injector = fork();
	if (r->injector == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		for (int i = 0; i < 3; i++)
			(void)dup2(ends[i], ROLE_FD_KEEPER + i);
		/* it can't be traced, and the leak checker would wait for that for ever */
		(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		(void)execl(program, "brig-injector", NULL);
		_exit(127);
	}
	for (int i = 0; i < 3; i++)
		(void)close(ends[i]);
	r->keeper = mine[0];
	r->vault = mine[1];
	r->gate = mine[2];
}

void rig_recv(int fd, struct parcel *p)
{
	wait_for(fd, POLLIN);
	expect(parcel_recv(fd, p) == 1);
}

static void configure(struct rig *r, const char *config)
{
	static struct parcel p;
	struct err e = { 0 };
	auto_fd int text = parcel_memfd("config", config, strlen(config), &e);
	auto_fd int ca = open(json_get_str(r->ports, "ca"), O_RDONLY | O_CLOEXEC);

	p = (struct parcel){ .type = ROLE_CONFIG, .fds = { text, ca }, .fds_n = 2 };
	expect(text >= 0 && ca >= 0 && parcel_send_fds(r->keeper, &p) == 0);
	wait_for(r->keeper, POLLIN);
	expect(parcel_recv(r->keeper, &p) == 1);
	if (p.type != ROLE_READY)
		fprintf(stderr, "refused: %s\n", (const char *)p.data);
	expect(p.type == ROLE_READY);
}

struct rig rig_start(const char *config)
{
	const char *program = getenv("BRIG_INJECTOR"),
		   *script = getenv("INJECT_UPSTREAM");
	struct rig r = { 0 };

	if (!program || !script)
		test_skip("BRIG_INJECTOR and INJECT_UPSTREAM are not set");
	if (access("/usr/sbin/nginx", X_OK) < 0)
		test_skip("no nginx here");
	(void)signal(SIGPIPE, SIG_IGN);
	start_servers(&r, script);
	start_injector(&r, program);
	configure(&r, config);
	rig_give_secret(&r, RIG_VALUE);
	return r;
}

static void reap(pid_t pid, bool clean)
{
	int status;

	expect(waitpid(pid, &status, 0) == pid);
	if (clean && (!WIFEXITED(status) || WEXITSTATUS(status)))
		fprintf(stderr, "the injector ended with %x\n", (unsigned)status);
	expect(!clean || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

void rig_stop(struct rig *r)
{
	(void)close(r->gate);
	(void)close(r->keeper);
	(void)close(r->vault);
	reap(r->injector, true);
	(void)close(r->servers_in);
	reap(r->servers, false);
	json_free(r->ports);
}

uint16_t rig_port(const struct rig *r, const char *name)
{
	return (uint16_t)json_get_uint(r->ports, name);
}

void rig_give_secret(struct rig *r, const char *value)
{
	auto_free char *text =
		str_printf("{\"name\":\"test\",\"sentinel\":\"" RIG_SENTINEL
			   "\",\"hosts\":[\"*.example.test\"],\"value\":"
			   "\"%s\"}",
			value);

	expect(parcel_send(r->vault, VAULT_SECRETS_BEGIN, NULL, 0) == 0);
	expect(parcel_send(r->vault, VAULT_SECRET, text, strlen(text)) == 0);
	expect(parcel_send(r->vault, VAULT_SECRETS_END, NULL, 0) == 0);
}

struct wire rig_exchange(struct rig *r)
{
	static struct parcel p;
	struct wire w;
	int pair[2];

	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	p = (struct parcel){ .type = GATE_EXCHANGE, .fds = { pair[1] }, .fds_n = 1 };
	expect(parcel_send_fds(r->gate, &p) == 0);
	(void)close(pair[1]);
	wire_init(&w, pair[0]);
	return w;
}

void rig_reply_clear(struct rig_reply *p)
{
	exchange_response_clear(&p->head);
	exchange_headers_clear(&p->trailers);
	exchange_failure_clear(&p->failure);
	buf_clear(&p->body);
	*p = (struct rig_reply){ 0 };
}

struct exchange_request rig_request(struct rig *r, const char *port, const char *target)
{
	struct exchange_request q = { .method = strdup("GET"),
		.host = strdup("api.example.test"),
		.port = rig_port(r, port),
		.tls = strcmp(port, "clear") != 0,
		.target = strdup(target),
		.addrs_n = 1 };

	expect(address_parse("127.0.0.1", &q.addrs[0]) == 0);
	return q;
}

void rig_send(struct wire *w, enum exchange_type type, const void *data, size_t len)
{
	const struct wire_frame f = {
		.type = (uint8_t)type, .data = data, .len = (uint32_t)len
	};

	expect(wire_send(w, &f) == 0);
	while (wire_flush(w) == 0 && wire_pending(w))
		wait_for(w->fd, POLLOUT);
}

void rig_send_request(struct wire *w, const struct exchange_request *q)
{
	auto_buf struct buf b = { 0 };

	expect(exchange_request_encode(q, &b) == 0);
	rig_send(w, EXCHANGE_REQUEST, b.data, b.len);
}

bool rig_next(struct wire *w, struct wire_frame *f)
{
	int r;

	while ((r = wire_next(w, f)) == 0) {
		r = wire_read(w);
		if (r == -EAGAIN)
			wait_for(w->fd, POLLIN);
		else if (r <= 0)
			return false;
	}
	expect(r == 1);
	return true;
}

static void take_head(const struct wire_frame *f, struct rig_reply *ret)
{
	struct err e = { 0 };

	ret->hints = ret->head.status != 0;
	exchange_response_clear(&ret->head);
	expect(exchange_response_decode(f->data, f->len, &ret->head, &e) == 0);
}

static void take_data(const struct wire_frame *f, struct rig_reply *ret)
{
	ret->last_ns = clock_mono_ns();
	if (!ret->first_ns)
		ret->first_ns = ret->last_ns;
	ret->body.max = (size_t)128 << 20;
	expect(buf_add(&ret->body, f->data, f->len) == 0);
}

void rig_read_reply(struct wire *w, struct rig_reply *ret)
{
	struct wire_frame f = { 0 };
	struct err e = { 0 };

	*ret = (struct rig_reply){ 0 };
	while (f.type != EXCHANGE_END && f.type != EXCHANGE_FAILED) {
		expect(rig_next(w, &f));
		if (f.type == EXCHANGE_RESPONSE)
			take_head(&f, ret);
		else if (f.type == EXCHANGE_DATA)
			take_data(&f, ret);
	}
	if (f.type == EXCHANGE_END)
		expect(exchange_headers_decode(f.data, f.len, &ret->trailers, &e) == 0);
	else
		expect(exchange_failure_decode(f.data, f.len, &ret->failure, &e) == 0);
	if (ret->failure.status)
		fprintf(stderr, "failed: %u %s\n", ret->failure.status,
			ret->failure.reason);
}

void rig_ask(struct wire *w, struct exchange_request *q, const char *body,
	struct rig_reply *ret)
{
	if (body)
		q->length = (int64_t)strlen(body);
	rig_send_request(w, q);
	if (body)
		rig_send(w, EXCHANGE_DATA, body, strlen(body));
	rig_send(w, EXCHANGE_END, "", 0);
	rig_read_reply(w, ret);
	exchange_request_clear(q);
}

void rig_ask_once(struct rig *r, struct exchange_request *q, struct rig_reply *ret)
{
	struct wire w = rig_exchange(r);

	rig_ask(&w, q, NULL, ret);
	wire_clear(&w);
}

void rig_expect_failed(
	struct rig *r, struct exchange_request *q, unsigned status, const char *why)
{
	struct rig_reply p;

	rig_ask_once(r, q, &p);
	expect(p.failure.status == status && p.failure.refused == (status == 403));
	expect(strstr(p.failure.reason, why));
	expect(!strstr(p.failure.reason, RIG_VALUE));
	rig_reply_clear(&p);
}

void rig_set(char **to, const char *text)
{
	expect(str_set(to, text) == 0);
}
