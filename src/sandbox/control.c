/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/control.h"

#include "base/dirs.h"
#include "base/err.h"
#include "sandbox/port.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static const char *const verb_names[] = { "run", "start", "attach", "exec", "stop",
	"kill", "pause", "resume", "wait", "stats", "ping", "publish", "unpublish",
	"ports", "reload", "snapshot", NULL };

#define REQUEST(key, kind, member, ...) \
	JSON_FIELD(struct control_request, key, kind, member, __VA_ARGS__)
static const struct json_field request_fields[] = {
	REQUEST("verb", JSON_ENUM, verb, .flags = JSON_REQUIRED, .names = verb_names),
	REQUEST("argv", JSON_STRV, argv),
	REQUEST("env", JSON_STRV, env),
	REQUEST("user", JSON_STR, user),
	REQUEST("cwd", JSON_STR, cwd),
	REQUEST("builtin", JSON_BOOL, builtin),
	REQUEST("tty", JSON_BOOL, tty),
	REQUEST("stdin", JSON_BOOL, stdin_open),
	REQUEST("detach", JSON_BOOL, detach),
	REQUEST("rows", JSON_UINT, rows),
	REQUEST("cols", JSON_UINT, cols),
	REQUEST("signal", JSON_UINT, signal),
	REQUEST("grace", JSON_UINT, grace_ns),
	REQUEST("port", JSON_STR, port),
	REQUEST("what", JSON_STR, what),
	{ 0 },
};
const struct json_schema control_request_schema = { "request",
	sizeof(struct control_request), request_fields };

#define REPLY(key, kind, member, ...) \
	JSON_FIELD(struct control_reply, key, kind, member, __VA_ARGS__)
static const struct json_field reply_fields[] = {
	REPLY("ok", JSON_BOOL, ok, .flags = JSON_REQUIRED),
	REPLY("code", JSON_UINT, code),
	REPLY("error", JSON_STR, error),
	REPLY("hint", JSON_STR, hint),
	REPLY("status", JSON_UINT, status),
	REPLY("memory", JSON_UINT, memory),
	REPLY("memory_peak", JSON_UINT, memory_peak),
	REPLY("memory_limit", JSON_UINT, memory_limit),
	REPLY("cpu_ns", JSON_UINT, cpu_ns),
	REPLY("pids", JSON_UINT, pids),
	REPLY("pids_limit", JSON_UINT, pids_limit),
	REPLY("oom_kills", JSON_UINT, oom_kills),
	REPLY("guest_memory", JSON_UINT, guest_memory),
	REPLY("guest_free", JSON_UINT, guest_free),
	REPLY("guest_available", JSON_UINT, guest_available),
	REPLY("guest_cached", JSON_UINT, guest_cached),
	REPLY("guest_returned", JSON_UINT, guest_returned),
	REPLY("guest_cpu_ns", JSON_UINT, guest_cpu_ns),
	REPLY("guest_processes", JSON_UINT, guest_processes),
	REPLY("net_in", JSON_UINT, net_in),
	REPLY("net_out", JSON_UINT, net_out),
	REPLY("ports", JSON_LIST, ports, .of = &port_spec_schema),
	{ 0 },
};
const struct json_schema control_reply_schema = { "reply", sizeof(struct control_reply),
	reply_fields };

static const struct json_field bye_fields[] = {
	JSON_FIELD(
		struct control_bye, "status", JSON_UINT, status, .flags = JSON_REQUIRED),
	JSON_FIELD(struct control_bye, "reason", JSON_STR, reason),
	JSON_FIELD(struct control_bye, "error", JSON_STR, error),
	JSON_FIELD(struct control_bye, "notes", JSON_STRV, notes),
	{ 0 },
};
const struct json_schema control_bye_schema = { "end", sizeof(struct control_bye),
	bye_fields };

int control_send(struct wire *w, enum control_type type, const struct json_schema *s,
	const void *m)
{
	auto_json struct json *j = json_from_struct(s, m);
	auto_buf struct buf text = { 0 };
	int r = j ? json_print(j, false, &text) : -ENOMEM;

	for (size_t at = 0; r == 0 && at < text.len; at += WIRE_PAYLOAD_MAX) {
		size_t left = text.len - at;
		bool more = left > WIRE_PAYLOAD_MAX;
		struct wire_frame f = { .type = (uint8_t)type,
			.flags = more ? CONTROL_MORE : 0,
			.len = (uint32_t)(more ? WIRE_PAYLOAD_MAX : left),
			.data = text.data + at };

		r = wire_send(w, &f);
	}
	return r;
}

int control_take(const struct wire_frame *f, struct buf *parts,
	const struct json_schema *s, void *out, struct err *e)
{
	auto_json struct json *j = NULL;
	int r;

	if (parts->len + f->len > CONTROL_MAX)
		return err_set(e, EMSGSIZE, "%s: message too large", s->name);
	if (buf_add(parts, f->data, f->len) < 0)
		return err_set(e, ENOMEM, "%s: out of memory", s->name);
	if (f->flags & CONTROL_MORE)
		return 0;
	r = json_parse(parts->data ? parts->data : "", parts->len, s->name, &j, e);
	buf_clear(parts);
	memset(out, 0, s->size);
	if (r == 0)
		r = json_to_struct(j, s, out, e);
	return r < 0 ? r : 1;
}

/* sun_path holds 108 bytes; a directory's descriptor makes any path short. */
static int socket_address(
	const char *name, struct sockaddr_un *a, int *ret_dir, struct err *e)
{
	int dir = dirs_open(DIR_RUN, NULL, e);
	int n;

	if (dir < 0)
		return dir;
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(
		a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/%s.sock", dir, name);
	if (n < 0 || (size_t)n >= sizeof(a->sun_path)) {
		(void)close(dir);
		return err_set(e, ENAMETOOLONG, "socket of '%s'", name);
	}
	*ret_dir = dir;
	return 0;
}

int control_listen(const char *name, struct err *e)
{
	struct sockaddr_un a;
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	auto_fd int dir = -1;
	int r = socket_address(name, &a, &dir, e);
	mode_t mask;

	if (r < 0)
		return r;
	if (fd < 0)
		return err_sys(e, "make a socket");
	/* the keeper's lock is held: a socket that is there belongs to nobody */
	(void)unlink(a.sun_path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&a, sizeof(a));
	(void)umask(mask);
	if (r < 0 || listen(fd, 64) < 0)
		return err_sys(e, "listen on the socket of '%s'", name);
	return take_fd(&fd);
}

int control_connect(const char *name, struct err *e)
{
	struct sockaddr_un a;
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_fd int dir = -1;
	int r = socket_address(name, &a, &dir, e);

	if (r < 0)
		return r;
	if (fd < 0)
		return err_sys(e, "make a socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "connect to the keeper of '%s'", name);
	return take_fd(&fd);
}

void control_unlink(const char *name)
{
	struct sockaddr_un a;
	auto_fd int dir = -1;

	if (socket_address(name, &a, &dir, NULL) == 0)
		(void)unlink(a.sun_path);
}

bool control_peer_allowed(int fd)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
		(who.uid == geteuid() || who.uid == 0);
}
