/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/snapshot.h"

#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "linux/idmap.h"
#include "sandbox/clean.h"
#include "sandbox/snapshot-sums.h"
#include "sandbox/tree-copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define FOLDER        "snapshots"
#define INFO_MAX      (1U << 20)
#define TEMPORARY_END ".new"

#define INFO(key, kind, member, ...) \
	JSON_FIELD(struct snapshot_info, key, kind, member, __VA_ARGS__)
static const struct json_field info_fields[] = {
	INFO("name", JSON_STR, name),
	INFO("sandbox", JSON_STR, sandbox, .flags = JSON_REQUIRED),
	INFO("created", JSON_UINT, created),
	INFO("memory", JSON_UINT, memory),
	INFO("channel", JSON_UINT, channel),
	INFO("places", JSON_STRV, places),
	INFO("brig", JSON_STR, brig),
	{ 0 },
};
static const struct json_schema info_schema = { "snapshot", sizeof(struct snapshot_info),
	info_fields };

/* The small files, as SUMS counts them. */
static const char *const small[SUMS_FILES] = { "snapshot.json", "record.json", "state" };

void snapshot_clear(struct snapshot *s)
{
	close_auto(&s->dir);
	json_struct_clear(&info_schema, &s->info);
	record_clear(&s->rec);
	*s = (struct snapshot)SNAPSHOT_INIT;
}

static void clear_sums(struct sums *s)
{
	sums_clear(s);
}

/* --- making ---------------------------------------------------------------------------------- */

struct removal {
	int parent;
	const char *name;
};

static int remove_work(void *with, struct err *e)
{
	const struct removal *what = with;

	return file_remove_tree(what->parent, what->name, e);
}

static int remove_named(int all, const char *name, struct err *e)
{
	struct removal what = { all, name };
	struct idmap ids;
	int r = idmap_for_caller(&ids, e);

	return r < 0 ? r : clean_in_userns(&ids, -1, remove_work, &what, e);
}

/* What was interrupted. One that is being made is locked. */
static void sweep(int all)
{
	int listed = openat(all, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = listed < 0 ? NULL : fdopendir(listed);

	if (!dir) {
		close_auto(&listed);
		return;
	}
	for (struct dirent *d; (d = readdir(dir));) {
		auto_fd int fd = -1;

		if (d->d_name[0] != '.' || !str_ends(d->d_name, TEMPORARY_END))
			continue;
		fd = openat(
			all, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)remove_named(all, d->d_name, NULL);
	}
	(void)closedir(dir);
}

int snapshot_begin(struct snapshot_new *n, struct err *e)
{
	char id[33];
	int r = sandbox_new_id(id, e);

	if (r < 0)
		return r;
	n->all = dirs_open(DIR_STATE, FOLDER, e);
	if (n->all < 0)
		return n->all;
	sweep(n->all);
	n->temporary = str_printf(".%.16s" TEMPORARY_END, id);
	if (!n->temporary)
		return err_set(e, ENOMEM, "out of memory");
	if (mkdirat(n->all, n->temporary, 0700) < 0)
		return err_sys(e, "make the snapshot's directory");
	n->dir = openat(n->all, n->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (n->dir < 0 || flock(n->dir, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "open the snapshot's directory");
	return 0;
}

static int copy_layer(int from, int to, const char *path, struct err *e)
{
	auto_fd int source =
		openat(from, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_fd int copy = -1;

	if (source < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open the layer '%s'", path);
	if (mkdirat(to, path, 0700) < 0)
		return err_sys(e, "make '%s'", path);
	copy = openat(to, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (copy < 0)
		return err_sys(e, "open '%s'", path);
	return tree_copy(source, copy, e);
}

struct layers {
	int from, to;
	size_t mounts;
};

static int layers_work(void *with, struct err *e)
{
	const struct layers *l = with;
	int r = copy_layer(l->from, l->to, "upper", e);

	for (size_t i = 0; r == 0 && i < l->mounts; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "ws/%zu/upper", i);
		r = copy_layer(l->from, l->to, path, e);
	}
	return r;
}

int snapshot_copy_layers(int from, int to, size_t mounts, struct err *e)
{
	struct layers l = { from, to, mounts };
	struct idmap ids;
	int r = idmap_for_caller(&ids, e);

	/* the way to them is the caller's, and open to the sandbox's root */
	for (size_t i = 0; r == 0 && i < mounts; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "ws/%zu", i);
		r = file_mkdirs(to, path, 0755, e);
	}
	r = r < 0 ? r : clean_in_userns(&ids, -1, layers_work, &l, e);
	return r < 0 ? err_wrap(e, "copy the writable layer") : 0;
}

static int write_json(int dir, const char *name, const struct json_schema *schema,
	const void *m, struct err *e)
{
	auto_json struct json *j = json_from_struct(schema, m);
	auto_buf struct buf text = { 0 };

	if (!j || json_print(j, true, &text) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return file_replace(dir, name, text.data, text.len, 0400, 0, e);
}

static int make_file(int dir, const char *name, struct err *e)
{
	int fd = openat(
		dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);

	return fd < 0 ? err_sys(e, "make '%s'", name) : fd;
}

static int copy_state(int dir, int from, struct err *e)
{
	auto_fd int to = make_file(dir, "state", e);

	if (to < 0)
		return to;
	if (lseek(from, 0, SEEK_SET) < 0)
		return err_sys(e, "read the machine's state");
	return file_copy_fd(from, to, e);
}

static int copy_memory(int dir, int from, struct sums *sums, struct err *e)
{
	auto_fd int to = make_file(dir, "memory", e);

	return to < 0 ? to : sums_copy_memory(from, to, sums, e);
}

static int sum_files(int dir, struct sums *sums, struct err *e)
{
	for (unsigned i = 0; i < SUMS_FILES; i++) {
		auto_fd int fd = openat(dir, small[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		int r = fd < 0 ? err_sys(e, "open '%s'", small[i])
			       : sums_of_file(fd, small[i], &sums->file[i].size,
					 &sums->file[i].crc, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int snapshot_write(const struct snapshot_new *n, const struct snapshot_info *info,
	const struct record *rec, const int files[2], struct err *e)
{
	AUTO(clear_sums) struct sums sums = { 0 };
	auto_buf struct buf text = { .max = SUMS_MAX_BYTES };
	int r = write_json(n->dir, "snapshot.json", &info_schema, info, e);

	r = r < 0 ? r : write_json(n->dir, "record.json", &record_schema, rec, e);
	r = r < 0 ? r : copy_state(n->dir, files[0], e);
	r = r < 0 ? r : copy_memory(n->dir, files[1], &sums, e);
	r = r < 0 ? r : sum_files(n->dir, &sums, e);
	r = r < 0 ? r : sums_format(&sums, &text, e);
	return r < 0 ? r : file_replace(n->dir, "sums", text.data, text.len, 0400, 0, e);
}

int snapshot_commit(struct snapshot_new *n, const char *name, struct err *e)
{
	if (syncfs(n->dir) < 0)
		return err_sys(e, "get the snapshot to disk");
	if (syscall(SYS_renameat2, n->all, n->temporary, n->all, name, RENAME_NOREPLACE) <
		0) {
		if (errno != EEXIST)
			return err_sys(e, "give the snapshot its name '%s'", name);
		(void)err_set(e, EEXIST, "a snapshot '%s' exists already", name);
		err_hint(e, "choose another name, or remove it: brig snapshot rm %s",
			name);
		return -EEXIST;
	}
	free(n->temporary);
	n->temporary = NULL;
	return fsync(n->all) < 0 ? err_sys(e, "get the snapshot's name to disk") : 0;
}

void snapshot_abandon(struct snapshot_new *n)
{
	if (n->temporary && n->dir >= 0)
		(void)remove_named(n->all, n->temporary, NULL);
	free(n->temporary);
	close_auto(&n->dir);
	close_auto(&n->all);
	*n = (struct snapshot_new)SNAPSHOT_NEW_INIT;
}

/* --- opening --------------------------------------------------------------------------------- */

static int read_sums(int dir, struct sums *ret, struct err *e)
{
	auto_buf struct buf text = { .max = SUMS_MAX_BYTES };
	int r = file_read(dir, "sums", SUMS_MAX_BYTES, &text, e);

	return r < 0 ? r : sums_parse(text.data ? text.data : "", text.len, ret, e);
}

static int check_files(int dir, const struct sums *want, struct err *e)
{
	struct sums got = { 0 };
	struct stat st;
	int r = sum_files(dir, &got, e);

	for (unsigned i = 0; r == 0 && i < SUMS_FILES; i++)
		if (got.file[i].size != want->file[i].size ||
			got.file[i].crc != want->file[i].crc)
			r = err_set(e, EBADMSG, "'%s' is damaged: its checksum is wrong",
				small[i]);
	if (r == 0 &&
		(fstatat(dir, "memory", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode) || (uint64_t)st.st_size != want->memory))
		r = err_set(
			e, EBADMSG, "the machine's memory is cut short, or not there");
	return r;
}

static int read_json(int dir, const char *name, const struct json_schema *schema,
	void *ret, struct err *e)
{
	auto_json struct json *j = NULL;
	int r = json_load(dir, name, INFO_MAX, &j, e);

	return r < 0 ? r : json_to_struct(j, schema, ret, e);
}

static int load(struct snapshot *s, struct err *e)
{
	AUTO(clear_sums) struct sums sums = { 0 };
	int r = read_sums(s->dir, &sums, e);

	r = r < 0 ? r : check_files(s->dir, &sums, e);
	r = r < 0 ? r : read_json(s->dir, "snapshot.json", &info_schema, &s->info, e);
	r = r < 0 ? r : read_json(s->dir, "record.json", &record_schema, &s->rec, e);
	if (r == 0 && s->info.places.n != s->rec.mounts.n)
		r = err_set(
			e, EBADMSG, "its list of directories isn't that of its sandbox");
	return r;
}

static int no_such(const char *name, struct err *e)
{
	auto_strv struct strv all = { 0 };
	const char *near = NULL;

	if (snapshot_names(&all, NULL) == 0)
		near = str_nearest(name, (const char *const *)(uintptr_t)all.v, all.n);
	(void)err_set(e, ENOENT, "no snapshot '%s'", name);
	if (near)
		err_hint(e, "did you mean '%s'?", near);
	else
		err_hint(e, "brig snapshot ls shows all");
	return -ENOENT;
}

int snapshot_load(const char *name, struct snapshot *ret, struct err *e)
{
	auto_fd int all = dirs_open(DIR_STATE, FOLDER, e);
	int r = record_check_name(name, e);

	if (r < 0 || all < 0)
		return r < 0 ? r : all;
	ret->dir = openat(all, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (ret->dir < 0)
		return errno == ENOENT ? no_such(name, e)
				       : err_sys(e, "open the snapshot '%s'", name);
	r = load(ret, e);
	return r < 0 ? err_wrap(e, "snapshot '%s'", name) : 0;
}

int snapshot_load_new(const struct snapshot_new *n, struct snapshot *ret, struct err *e)
{
	ret->dir = fcntl(n->dir, F_DUPFD_CLOEXEC, 3);
	return ret->dir < 0 ? err_sys(e, "open what was kept") : load(ret, e);
}

/* What a file that hasn't changed since looks like. */
static void describe(const struct stat *st, char out[128])
{
	(void)snprintf(out, 128, "%llu %llu %lld.%09ld\n", (unsigned long long)st->st_ino,
		(unsigned long long)st->st_size, (long long)st->st_mtim.tv_sec,
		st->st_mtim.tv_nsec);
}

int snapshot_check_memory(const struct snapshot *s, struct err *e)
{
	auto_fd int fd = openat(s->dir, "memory", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO(clear_sums) struct sums sums = { 0 };
	auto_buf struct buf told = { 0 };
	struct stat st;
	char now[128];
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open the machine's memory");
	describe(&st, now);
	if (file_read(s->dir, "checked", sizeof(now), &told, NULL) == 0 && told.data &&
		str_eq(told.data, now))
		return 0;
	r = read_sums(s->dir, &sums, e);
	r = r < 0 ? r : sums_check_memory(&sums, fd, e);
	if (r == 0)
		(void)file_replace(s->dir, "checked", now, strlen(now), 0600, 0, NULL);
	return r;
}

char *snapshot_place(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return strdup("");
	return str_printf("%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
}

int snapshot_check_places(const struct snapshot *s, struct err *e)
{
	const struct root_spec *root = &s->rec.root;

	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		const char *src = record_mount(&s->rec, i)->src;
		auto_free char *now = snapshot_place(src);

		if (!now)
			return err_set(e, ENOMEM, "out of memory");
		if (str_eq(now, s->info.places.v[i]))
			continue;
		(void)err_set(e, ESTALE, "'%s' %s", src,
			*now ? "isn't the directory that it was" : "is gone");
		err_hint(e, "put back what was there when the snapshot was made");
		return -ESTALE;
	}
	for (size_t i = 0; root->dir && i < (root->layers.n ? root->layers.n : 1); i++) {
		auto_free char *path = root->layers.n
			? str_printf("%s/%s", root->dir, root->layers.v[i])
			: strdup(root->dir);

		if (!path)
			return err_set(e, ENOMEM, "out of memory");
		if (access(path, F_OK) == 0)
			continue;
		(void)err_set(
			e, ESTALE, "its image '%s' is gone: '%s'", root->image, path);
		err_hint(e, "brig image pull %s", root->image);
		return -ESTALE;
	}
	return 0;
}

/* --- using ----------------------------------------------------------------------------------- */

int snapshot_put_from(
	const struct snapshot *s, int sandbox_dir, int64_t copied, struct err *e)
{
	static const char *const files[] = { "state", "memory" };
	auto_fd int to = file_open_dir(sandbox_dir, SNAPSHOT_FROM, 0700, e);
	char terms[64];
	int n;

	if (to < 0)
		return to;
	/* names of the same files: the snapshot may be removed while copies of it run */
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (linkat(s->dir, files[i], to, files[i], 0) < 0)
			return err_sys(e, "take the snapshot's %s", files[i]);
	n = snprintf(terms, sizeof(terms), "%llu %lld\n",
		(unsigned long long)s->info.channel, (long long)copied);
	return file_replace(to, "terms", terms, (size_t)n, 0600, 0, e);
}

int snapshot_drop_from(int sandbox_dir, struct err *e)
{
	return file_remove_tree(sandbox_dir, SNAPSHOT_FROM, e);
}

int snapshot_names(struct strv *ret, struct err *e)
{
	auto_free char *path = dirs_path_in(DIR_STATE, FOLDER);
	DIR *dir = path ? opendir(path) : NULL;
	int r = 0;

	if (!dir)
		return errno == ENOENT
			? 0
			: err_sys(e, "open directory '%s'", path ? path : "?");
	for (struct dirent *d; r == 0 && (d = readdir(dir));)
		if (d->d_name[0] != '.')
			r = strv_add(ret, d->d_name);
	(void)closedir(dir);
	strv_sort(ret);
	return r < 0 ? err_set(e, -r, "list snapshots: out of memory") : 0;
}

int snapshot_remove(const char *name, struct err *e)
{
	AUTO(snapshot_abandon) struct snapshot_new n = SNAPSHOT_NEW_INIT;
	int r = record_check_name(name, e);

	r = r < 0 ? r : snapshot_begin(&n, e);
	if (r < 0)
		return r;
	/* out of its name first, and whole; the empty one that is there goes for it */
	if (syscall(SYS_renameat2, n.all, name, n.all, n.temporary, RENAME_EXCHANGE) < 0)
		return errno == ENOENT ? no_such(name, e)
				       : err_sys(e, "remove the snapshot '%s'", name);
	if (unlinkat(n.all, name, AT_REMOVEDIR) < 0)
		return err_sys(e, "remove the snapshot '%s'", name);
	return 0;
}

uint64_t snapshot_size(const struct snapshot *s)
{
	static const char *const files[] = { "state", "memory", "sums" };
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (fstatat(s->dir, files[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += (uint64_t)st.st_blocks * 512;
	return sum;
}
