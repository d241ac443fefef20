/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keep.h"

#include "base/clock.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/session.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"
#include "sandbox/policy-file.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* What programs had written goes to files first, and a second time memory is copied. */
#define ASK_WAIT_NS (150 * NS_PER_SEC)
#define RULES_MAX   (4U << 20)

struct asking {
	struct wire wire;
	struct buf parts;
	int files[2]; /* state, memory */
};

static void asking_clear(struct asking *a)
{
	wire_clear(&a->wire);
	buf_clear(&a->parts);
	close_auto(&a->files[0]);
	close_auto(&a->files[1]);
}

static int wait_for(int fd, short events, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = events };
	int r = poll(&p, 1, (int)(ASK_WAIT_NS / NS_PER_MS));

	if (r < 0 && errno != EINTR)
		return err_sys(e, "wait for the keeper");
	return r == 0 ? err_set(e, ETIMEDOUT, "the keeper doesn't answer") : 0;
}

static int flush(struct asking *a, struct err *e)
{
	int r = wire_flush(&a->wire);

	while (r == 0 && wire_pending(&a->wire)) {
		r = wait_for(a->wire.fd, POLLOUT, e);
		if (r < 0)
			return r;
		r = wire_flush(&a->wire);
	}
	return r < 0 ? err_set(e, -r, "tell the keeper: %s", err_text(-r)) : 0;
}

static int take_reply(struct asking *a, uint64_t *ret_status, struct err *e)
{
	struct control_reply reply;
	struct wire_frame f;
	int r = 0;

	while (r == 0) {
		while (r == 0 && (r = wire_next(&a->wire, &f)) > 0)
			r = f.type == CONTROL_REPLY
				? control_take(
					  &f, &a->parts, &control_reply_schema, &reply, e)
				: 0;
		if (r != 0)
			break;
		r = wait_for(a->wire.fd, POLLIN, e);
		if (r < 0)
			return r;
		r = wire_read(&a->wire);
		if (r == 0)
			return err_set(e, ECONNRESET, "the keeper is gone");
		r = r == -EAGAIN || r > 0 ? 0 : r;
	}
	if (r < 0)
		return err_set(e, -r, "hear the keeper: %s", err_text(-r));
	*ret_status = reply.status;
	if (!reply.ok) {
		r = err_set(e, reply.code ? (int)reply.code : EIO, "%s",
			reply.error ? reply.error : "it can't be kept");
		if (reply.hint)
			err_hint(e, "%s", reply.hint);
	}
	json_struct_clear(&control_reply_schema, &reply);
	return r < 0 ? r : 0;
}

static int say_next(struct asking *a, struct err *e)
{
	const struct wire_frame next = { .type = CONTROL_DETACH };
	int r = wire_send(&a->wire, &next);

	return r < 0 ? err_set(e, -r, "tell the keeper") : flush(a, e);
}

/* Until it stands, and we have it. */
static int stop_it(struct asking *a, uint64_t *ret_channel, struct err *e)
{
	struct control_request q = { .verb = CONTROL_SNAPSHOT };
	int r = control_send(&a->wire, CONTROL_REQUEST, &control_request_schema, &q);

	if (r < 0)
		return err_set(e, -r, "ask the keeper");
	r = flush(a, e);
	r = r < 0 ? r : take_reply(a, ret_channel, e);
	r = r < 0 ? r : say_next(a, e);
	r = r < 0 ? r : wait_for(a->wire.fd, POLLIN, e);
	if (r < 0)
		return r;
	r = control_take_fds(a->wire.fd, a->files, 2);
	return r == 2 ? 0
		      : err_set(e, EPROTO, "the keeper doesn't hand out what it kept");
}

static int describe(const struct sandbox *s, const char *name, const struct asking *a,
	struct snapshot_info *info, struct err *e)
{
	off_t memory = lseek(a->files[1], 0, SEEK_END);
	int r = memory < 0 ? -errno : 0;

	info->name = strdup(name);
	info->sandbox = strdup(s->name);
	info->brig = strdup(BRIG_VERSION);
	info->created = clock_real_ns();
	info->memory = (uint64_t)memory;
	for (size_t i = 0; r == 0 && i < s->rec.mounts.n; i++) {
		auto_free char *place = snapshot_place(record_mount(&s->rec, i)->src);

		r = place ? strv_add(&info->places, place) : -ENOMEM;
	}
	if (!info->name || !info->sandbox || !info->brig)
		r = -ENOMEM;
	return r < 0 ? err_set(e, -r, "describe the snapshot: %s", err_text(-r)) : 0;
}

/* The rules of its network; there may be none. */
static int copy_rules(int from_dir, int to_dir, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int r = file_read(from_dir, POLICY_FILE, RULES_MAX, &text, e);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r
		     : file_replace(to_dir, POLICY_FILE, text.data ? text.data : "",
			       text.len, 0600, 0, e);
}

static void clear_info(struct snapshot_info *info)
{
	struct snapshot s = SNAPSHOT_INIT;

	s.info = *info;
	snapshot_clear(&s);
}

/* Behind a socket of the host's is somebody who knows one sandbox, and not a copy of it. */
static int check_sockets(const struct sandbox *s, struct err *e)
{
	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		const char *src = record_mount(&s->rec, i)->src;
		struct stat st;

		if (stat(src, &st) < 0 || !S_ISSOCK(st.st_mode))
			continue;
		(void)err_set(e, EOPNOTSUPP,
			"it is given the socket '%s', which can't be kept", src);
		err_hint(e, "make the sandbox without it");
		return -EOPNOTSUPP;
	}
	return 0;
}

int keep_sandbox(const struct sandbox *s, const char *name, struct snapshot_new *n,
	uint64_t *ret_us, struct err *e)
{
	AUTO(asking_clear) struct asking a = { .files = { -1, -1 } };
	AUTO(clear_info) struct snapshot_info info = { 0 };
	int fd, r = check_sockets(s, e);

	fd = r < 0 ? r : session_open(s, false, e);
	if (fd < 0)
		return fd;
	wire_init(&a.wire, fd);
	r = stop_it(&a, &info.channel, e);
	r = r < 0 ? r : snapshot_copy_layers(s->dir, n->dir, s->rec.mounts.n, e);
	r = r < 0 ? r : say_next(&a, e);
	r = r < 0 ? r : take_reply(&a, ret_us, e);
	r = r < 0 ? r : describe(s, name, &a, &info, e);
	r = r < 0 ? r : copy_rules(s->dir, n->dir, e);
	return r < 0 ? r : snapshot_write(n, &info, &s->rec, a.files, e);
}

/* --- going on -------------------------------------------------------------------------------- */

static int set_text(char **at, const char *text)
{
	free(*at);
	*at = strdup(text);
	return *at ? 0 : -ENOMEM;
}

/* Another sandbox: with a name and an id of its own; ports of the host's it has none. */
static int make_record(
	const struct snapshot *s, const char *name, struct record *ret, struct err *e)
{
	struct record shown = s->rec; /* borrowed */
	auto_json struct json *j = NULL;
	char id[33];
	int r;

	shown.ports = (struct json_list){ 0 };
	j = json_from_struct(&record_schema, &shown);
	r = j ? json_to_struct(j, &record_schema, ret, e)
	      : err_set(e, ENOMEM, "out of memory");
	r = r < 0 ? r : sandbox_new_id(id, e);
	if (r < 0)
		return r;
	if (set_text(&ret->name, name) < 0 || set_text(&ret->hostname, name) < 0 ||
		set_text(&ret->id, id) < 0)
		return err_set(e, ENOMEM, "out of memory");
	ret->rm = ret->fleeting = false;
	ret->created = clock_real_ns();
	return 0;
}

static void unmake(const struct sandbox *s)
{
	struct idmap ids;

	if (sandbox_hold(s, NULL) == 0 && idmap_for_caller(&ids, NULL) == 0)
		(void)clean_remove(s, &ids, -1, NULL);
}

static int fill(const struct snapshot *s, const struct sandbox *to, struct err *e)
{
	/* a file system's clock is a tick behind */
	int64_t copied = (int64_t)(clock_real_ns() / NS_PER_SEC) - 1;
	int r = snapshot_copy_layers(s->dir, to->dir, s->rec.mounts.n, e);

	r = r < 0 ? r : copy_rules(s->dir, to->dir, e);
	return r < 0 ? r : snapshot_put_from(s, to->dir, copied, e);
}

int keep_restore(const struct snapshot *s, const char *name, struct err *e)
{
	struct control_request q = { .verb = CONTROL_START };
	auto_sandbox struct sandbox made = SANDBOX_INIT;
	auto_record struct record rec = { 0 };
	int fd, r = make_record(s, name, &rec, e);

	r = r < 0 ? r : sandbox_create(&rec, &made, e);
	if (r < 0)
		return r;
	r = fill(s, &made, e);
	fd = r < 0 ? r : session_open(&made, true, e);
	r = fd < 0 ? fd : session_start(fd, &q, e);
	if (r)
		unmake(&made);
	return r;
}
