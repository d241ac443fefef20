/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/record.h"

#include "base/err.h"
#include "sandbox/grant.h"
#include "sandbox/port.h"

const char *const mount_mode_names[] = { "rw", "ro", "overlay", NULL };
const char *const root_kind_names[] = { "host", "dir", "layers", NULL };

static const struct json_field mount_fields[] = {
	JSON_FIELD(struct mount_spec, "src", JSON_STR, src, .flags = JSON_REQUIRED),
	JSON_FIELD(struct mount_spec, "dst", JSON_STR, dst, .flags = JSON_REQUIRED),
	JSON_FIELD(struct mount_spec, "mode", JSON_ENUM, mode, .names = mount_mode_names),
	JSON_FIELD(struct mount_spec, "workspace", JSON_BOOL, workspace),
	{ 0 },
};
const struct json_schema mount_spec_schema = { "mount", sizeof(struct mount_spec),
	mount_fields };

static const struct json_field root_fields[] = {
	JSON_FIELD(struct root_spec, "kind", JSON_ENUM, kind, .flags = JSON_REQUIRED,
		.names = root_kind_names),
	JSON_FIELD(struct root_spec, "image", JSON_STR, image, .flags = JSON_REQUIRED),
	JSON_FIELD(struct root_spec, "digest", JSON_STR, digest),
	JSON_FIELD(struct root_spec, "dir", JSON_STR, dir),
	JSON_FIELD(struct root_spec, "layers", JSON_STRV, layers),
	JSON_FIELD(struct root_spec, "host_dirs", JSON_STRV, host_dirs),
	{ 0 },
};
static const struct json_schema root_schema = { "root", sizeof(struct root_spec),
	root_fields };

static const struct json_field limit_fields[] = {
	JSON_FIELD(struct limit_spec, "memory", JSON_UINT, memory),
	JSON_FIELD(struct limit_spec, "cpus", JSON_UINT, cpus),
	JSON_FIELD(struct limit_spec, "pids", JSON_UINT, pids),
	JSON_FIELD(struct limit_spec, "net_rate", JSON_UINT, net_rate),
	JSON_FIELD(struct limit_spec, "pids_default", JSON_BOOL, pids_default),
	{ 0 },
};
static const struct json_schema limit_schema = { "limits", sizeof(struct limit_spec),
	limit_fields };

static const struct json_field record_fields[] = {
	JSON_FIELD(struct record, "name", JSON_STR, name, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "id", JSON_STR, id, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "wall", JSON_STR, wall, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "strict", JSON_BOOL, strict),
	JSON_FIELD(struct record, "agent", JSON_STR, agent),
	JSON_FIELD(struct record, "root", JSON_STRUCT, root, .flags = JSON_REQUIRED,
		.of = &root_schema),
	JSON_FIELD(struct record, "argv", JSON_STRV, argv, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "env", JSON_STRV, env),
	JSON_FIELD(struct record, "user", JSON_STR, user),
	JSON_FIELD(struct record, "cwd", JSON_STR, cwd, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "home", JSON_STR, home, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "hostname", JSON_STR, hostname, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "mounts", JSON_LIST, mounts, .of = &mount_spec_schema),
	JSON_FIELD(struct record, "limits", JSON_STRUCT, limits, .of = &limit_schema),
	JSON_FIELD(struct record, "net", JSON_STR, net, .flags = JSON_REQUIRED),
	JSON_FIELD(struct record, "grants", JSON_LIST, grants, .of = &grant_schema),
	JSON_FIELD(struct record, "ports", JSON_LIST, ports, .of = &port_spec_schema),
	JSON_FIELD(struct record, "tty", JSON_BOOL, tty),
	JSON_FIELD(struct record, "stdin", JSON_BOOL, stdin_open),
	JSON_FIELD(struct record, "rm", JSON_BOOL, rm),
	JSON_FIELD(struct record, "fleeting", JSON_BOOL, fleeting),
	JSON_FIELD(struct record, "timeout", JSON_UINT, timeout),
	JSON_FIELD(struct record, "created", JSON_UINT, created),
	JSON_FIELD(struct record, "detach_keys", JSON_STR, detach_keys),
	{ 0 },
};
const struct json_schema record_schema = { "record", sizeof(struct record),
	record_fields };

static const struct json_field run_fields[] = {
	JSON_FIELD(
		struct run_state, "boot_id", JSON_STR, boot_id, .flags = JSON_REQUIRED),
	JSON_FIELD(struct run_state, "keeper", JSON_UINT, keeper),
	JSON_FIELD(struct run_state, "init", JSON_UINT, init),
	JSON_FIELD(struct run_state, "mnt_ns", JSON_UINT, mnt.inode),
	JSON_FIELD(struct run_state, "mnt_ns_id", JSON_UINT, mnt.id),
	JSON_FIELD(struct run_state, "root", JSON_UINT, mnt.root),
	JSON_FIELD(struct run_state, "started", JSON_UINT, started),
	JSON_FIELD(struct run_state, "paused", JSON_BOOL, paused),
	JSON_FIELD(struct run_state, "main", JSON_BOOL, main),
	JSON_FIELD(struct run_state, "cgroups", JSON_STRV, cgroups),
	{ 0 },
};
const struct json_schema run_schema = { "run state", sizeof(struct run_state),
	run_fields };

static const struct json_field exit_fields[] = {
	JSON_FIELD(struct exit_state, "status", JSON_UINT, status),
	JSON_FIELD(struct exit_state, "finished", JSON_UINT, finished),
	JSON_FIELD(struct exit_state, "reason", JSON_STR, reason),
	JSON_FIELD(struct exit_state, "held", JSON_UINT, held),
	{ 0 },
};
const struct json_schema exit_schema = { "exit state", sizeof(struct exit_state),
	exit_fields };

void record_clear(struct record *r)
{
	json_struct_clear(&record_schema, r);
}

bool record_limits_asked(const struct record *r)
{
	const struct limit_spec *l = &r->limits;

	return l->memory || l->cpus || (l->pids && !l->pids_default);
}

struct mount_spec *record_mount(const struct record *r, size_t i)
{
	return i < r->mounts.n ? (struct mount_spec *)r->mounts.items + i : NULL;
}

static bool name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		(!first && (c == '.' || c == '_' || c == '-'));
}

int record_check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= RECORD_NAME_MAX;

	for (size_t i = 0; good && i < n; i++)
		good = name_char(name[i], i == 0);
	if (!good) {
		auto_free char *shown = str_escape(name);

		(void)err_set(
			e, EINVAL, "'%.80s' can't name a sandbox", shown ? shown : "?");
		err_hint(e,
			"use a-z, 0-9, and after the first also . _ -; at most %d "
			"characters",
			RECORD_NAME_MAX);
		return -EINVAL;
	}
	return 0;
}

void record_make_name(const char *text, char out[RECORD_NAME_MAX + 1])
{
	size_t n = 0;

	for (; *text && n < RECORD_NAME_MAX; text++) {
		char c = *text;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if (name_char(c, n == 0))
			out[n++] = c;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	if (n == 0)
		memcpy(out, "sandbox", sizeof("sandbox"));
}
