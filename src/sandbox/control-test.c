/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/control.h"

#include "base/err.h"
#include "base/file.h"
#include "base/test.h"

#include <sys/socket.h>
#include <sys/stat.h>

static void pair(struct wire *a, struct wire *b)
{
	int fd[2];

	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	wire_init(a, fd[0]);
	wire_init(b, fd[1]);
}

/* Carry what 'from' queued to 'to' until a message is whole, or bad. */
static int carry(struct wire *from, struct wire *to, const struct json_schema *s,
	void *out, struct err *e)
{
	auto_buf struct buf parts = { 0 };
	int r = 0;

	for (int i = 0; i < 1000 && r == 0; i++) {
		struct wire_frame f;

		expect(wire_flush(from) == 0);
		(void)wire_read(to);
		while (r == 0 && wire_next(to, &f) > 0)
			r = control_take(&f, &parts, s, out, e);
	}
	return r;
}

TEST(a_request_comes_as_it_was_sent)
{
	struct wire a, b;
	struct control_request q = {
		.verb = CONTROL_EXEC, .tty = true, .rows = 24, .grace_ns = 7
	};
	struct control_request got;

	pair(&a, &b);
	expect(strv_add(&q.argv, "sh") == 0 && strv_add(&q.env, "A=\"\n\\") == 0);
	expect(control_send(&a, CONTROL_REQUEST, &control_request_schema, &q) == 0);
	expect(carry(&a, &b, &control_request_schema, &got, NULL) == 1);
	expect(got.verb == CONTROL_EXEC && got.tty && !got.detach && got.rows == 24);
	expect(got.grace_ns == 7 && got.argv.n == 1 && got.env.n == 1);
	expect_str(got.env.v[0], "A=\"\n\\");
	strv_clear(&q.argv);
	strv_clear(&q.env);
	json_struct_clear(&control_request_schema, &got);
	wire_clear(&a);
	wire_clear(&b);
}

TEST(a_message_of_many_frames_is_put_together)
{
	struct wire a, b;
	struct control_request q = { .verb = CONTROL_EXEC }, got;
	static char text[100000];

	memset(text, 'x', sizeof(text) - 1);
	pair(&a, &b);
	for (int i = 0; i < 5; i++)
		expect(strv_add(&q.argv, text) == 0);
	expect(control_send(&a, CONTROL_REQUEST, &control_request_schema, &q) == 0);
	expect(carry(&a, &b, &control_request_schema, &got, NULL) == 1);
	expect(got.argv.n == 5 && strlen(got.argv.v[4]) == sizeof(text) - 1);
	strv_clear(&q.argv);
	json_struct_clear(&control_request_schema, &got);
	wire_clear(&a);
	wire_clear(&b);
}

static int take(const char *text, struct control_request *q, struct err *e)
{
	auto_buf struct buf parts = { 0 };
	struct wire_frame f = {
		.type = CONTROL_REQUEST, .len = (uint32_t)strlen(text), .data = text
	};

	return control_take(&f, &parts, &control_request_schema, q, e);
}

TEST(what_is_no_request_is_named)
{
	static const char *const bad[] = { "", "{", "{}", "[]", "{\"verb\": \"fly\"}",
		"{\"verb\": \"ping\", \"argv\": 3}", "{\"verb\": \"ping\", \"new\": 1}",
		"{\"verb\": \"ping\"} more" };
	struct control_request q;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err e = { 0 };

		expect(take(bad[i], &q, &e) < 0 && strstr(e.msg, "request"));
	}
	expect(take("{\"verb\": \"ping\"}", &q, NULL) == 1 && q.verb == CONTROL_PING);
	json_struct_clear(&control_request_schema, &q);
}

TEST(a_message_without_an_end_is_cut_off)
{
	static char part[WIRE_PAYLOAD_MAX];
	struct wire_frame f = { .type = CONTROL_REQUEST,
		.flags = CONTROL_MORE,
		.len = sizeof(part),
		.data = part };
	auto_buf struct buf parts = { 0 };
	struct control_request q;
	int r = 0;

	for (int i = 0; i < 100 && r == 0; i++)
		r = control_take(&f, &parts, &control_request_schema, &q, NULL);
	expect(r == -EMSGSIZE && parts.len <= CONTROL_MAX);
}

TEST(a_socket_is_found_whatever_the_length_of_its_path)
{
	char home[] = "/tmp/brig-control.XXXXXX", deep[300], name[] = "sandbox";
	auto_fd int listener = -1, client = -1, server = -1;
	auto_free char *path = NULL;
	struct stat st;

	expect(mkdtemp(home));
	(void)snprintf(deep, sizeof(deep), "%s/%0120d/%0120d", home, 1, 2);
	expect(setenv("BRIG_HOME", deep, 1) == 0);
	expect(control_connect(name, NULL) == -ENOENT);
	listener = control_listen(name, NULL);
	expect(listener >= 0);
	client = control_connect(name, NULL);
	expect(client >= 0);
	server = accept(listener, NULL, NULL);
	expect(server >= 0 && control_peer_allowed(server));
	path = str_printf("%s/run/%s.sock", deep, name);
	expect(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	/* left behind by one that was killed: in nobody's way */
	(void)close(take_fd(&listener));
	expect(control_connect(name, NULL) == -ECONNREFUSED);
	listener = control_listen(name, NULL);
	expect(listener >= 0);
	control_unlink(name);
	expect(stat(path, &st) < 0);
	expect(file_remove_tree(AT_FDCWD, home, NULL) == 0);
}
