/* SPDX-License-Identifier: Apache-2.0 */
#include "image/explode.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "base/str.h"
#include "image/entry.h"
#include "image/tar-feed.h"
#include "image/untar.h"

#include <archive.h>
#include <archive_entry.h>

static int write_member(struct archive *a, const char *file, uint64_t size, struct err *e)
{
	auto_fd int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const void *data;
	size_t len;
	int64_t at;
	int r;

	if (fd < 0)
		return err_sys(e, "create a file for a member");
	while ((r = archive_read_data_block(a, &data, &len, &at)) == ARCHIVE_OK) {
		if (at < 0 || (uint64_t)at > size || len > size - (uint64_t)at)
			return err_set(
				e, EBADMSG, "a member has more data than its size");
		if (lseek(fd, at, SEEK_SET) < 0)
			return err_sys(e, "write a member");
		r = file_write_all(fd, data, len);
		if (r < 0) {
			errno = -r;
			return err_sys(e, "write a member");
		}
	}
	if (r != ARCHIVE_EOF)
		return tar_feed_failed(a, "the archive", e);
	return ftruncate(fd, (off_t)size) < 0 ? err_sys(e, "write a member") : 0;
}

/* Where a link of member 'path' leads, by letters; NULL when out of the archive. */
static char *link_target(const char *path, const char *target)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = str_printf("/%.*s", (int)(slash ? slash - path : 0), path);
	char *to = dir && target[0] != '/' ? path_join(dir, target) : NULL;

	if (to)
		memmove(to, to + 1, strlen(to));
	return to;
}

/* A name that JSON can't hold, or a terminal, is none that a manifest could ask for. */
static bool name_is_plain(const char *name)
{
	auto_free char *shown = str_escape(name);

	return str_eq(shown, name);
}

static int add_row(
	struct json *table, const char *name, const char *key, const char *value)
{
	struct json *row = json_new_object();
	int r = row ? json_add_str(row, "name", name) : -ENOMEM;

	if (r == 0)
		r = json_add_str(row, key, value);
	if (r < 0) {
		json_free(row);
		return r;
	}
	return json_append(table, row);
}

static int add_member(struct archive *a, struct archive_entry *ae, struct json *table,
	struct entry_plan *plan, struct err *e)
{
	struct entry in = { .name = archive_entry_pathname(ae),
		.symlink = archive_entry_symlink(ae),
		.hardlink = archive_entry_hardlink(ae),
		.type = archive_entry_filetype(ae) };
	auto_free char *file = str_printf("f%zu", json_len(table));
	auto_free char *target = NULL;
	int r = entry_decide(&in, plan, e);

	if (r < 0)
		return r;
	if (!name_is_plain(plan->path) || !file)
		return file ? 0 : -ENOMEM;
	if (plan->verb == ENTRY_FILE) {
		r = write_member(a, file, (uint64_t)archive_entry_size(ae), e);
		return r < 0 ? r : add_row(table, plan->path, "file", file);
	}
	if (plan->verb == ENTRY_HARDLINK)
		return add_row(table, plan->path, "link", plan->target);
	if (plan->verb != ENTRY_SYMLINK)
		return 0;
	target = link_target(plan->path, plan->target);
	return target && name_is_plain(target)
		? add_row(table, plan->path, "link", target)
		: 0;
}

static int each_member(struct archive *a, const struct untar_limits *limits,
	struct json *table, struct entry_plan *plan, struct err *e)
{
	struct archive_entry *ae;
	uint64_t bytes = 0;

	for (;;) {
		int r = archive_read_next_header(a, &ae);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return tar_feed_failed(a, "the archive", e);
		if (archive_entry_size(ae) < 0 ||
			(uint64_t)archive_entry_size(ae) > limits->bytes - bytes)
			return err_set(e, EFBIG, "the archive is larger than allowed");
		bytes += (uint64_t)archive_entry_size(ae);
		if (json_len(table) >= EXPLODE_MEMBERS_MAX)
			return err_set(e, EFBIG, "the archive has more than %u members",
				EXPLODE_MEMBERS_MAX);
		r = add_member(a, ae, table, plan, e);
		if (r < 0)
			return e->code ? r
				       : err_set(e, ENOMEM, "the archive: out of memory");
	}
}

int explode_run(const struct jail *j, struct jail_result *res, struct err *e)
{
	auto_free struct entry_plan *plan = malloc(sizeof(*plan));
	auto_free struct tar_feed *feed = malloc(sizeof(*feed));
	auto_json struct json *table = json_new_array();
	auto_buf struct buf text = { 0 };
	struct archive *a = NULL;
	int r;

	(void)res;
	if (!plan || !feed || !table)
		return err_set(e, ENOMEM, "the archive: out of memory");
	r = tar_feed_open(feed, j->in, true, &a, e);
	if (r < 0)
		return r;
	r = each_member(a, j->arg, table, plan, e);
	(void)archive_read_free(a);
	if (r == 0 && json_print(table, false, &text) < 0)
		r = err_set(e, ENOMEM, "the archive: out of memory");
	if (r == 0) {
		auto_fd int fd = open(
			EXPLODE_TABLE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		r = fd < 0 ? -errno : file_write_all(fd, text.data, text.len);
		if (r < 0)
			r = err_set(e, -r, "write the archive's table: %s", strerror(-r));
	}
	return r;
}
