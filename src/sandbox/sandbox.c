/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

const char *sandbox_status_name(enum sandbox_status s)
{
	static const char *const names[] = { "created", "running", "paused", "exited",
		"crashed", "broken" };

	return names[s];
}

void sandbox_clear(struct sandbox *s)
{
	free(s->name);
	free(s->path);
	if (s->dir >= 0)
		(void)close(s->dir);
	record_clear(&s->rec);
	*s = (struct sandbox)SANDBOX_INIT;
}

int sandbox_new_id(char out[33], struct err *e)
{
	unsigned char raw[16];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return err_sys(e, "get random bytes");
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

static int write_struct(const struct sandbox *s, const char *file,
	const struct json_schema *schema, const void *from, struct err *e)
{
	/* run.json means nothing after a reboot, and --rm is gone then: those need no
	 * fsync */
	bool durable = schema != &run_schema && !s->rec.rm;
	auto_json struct json *j = json_from_struct(schema, from);
	auto_buf struct buf text = { 0 };
	int r;

	if (!j || json_print(j, true, &text) < 0)
		return err_set(
			e, ENOMEM, "write '%s' of '%s': out of memory", file, s->name);
	r = file_replace(
		s->dir, file, text.data, text.len, 0600, durable ? FILE_DURABLE : 0, e);
	return r < 0 ? err_wrap(e, "sandbox '%s'", s->name) : 0;
}

static int read_struct(const struct sandbox *s, const char *file,
	const struct json_schema *schema, void *out, struct err *e)
{
	auto_json struct json *j = NULL;
	int r = json_load(s->dir, file, RECORD_MAX_BYTES, &j, e);

	memset(out, 0, schema->size);
	if (r == 0)
		r = json_to_struct(j, schema, out, e);
	return r < 0 ? err_wrap(e, "sandbox '%s': %s", s->name, file) : 0;
}

int sandbox_write_record(const struct sandbox *s, struct err *e)
{
	return write_struct(s, "record.json", &record_schema, &s->rec, e);
}

int sandbox_write_run(const struct sandbox *s, const struct run_state *run, struct err *e)
{
	return write_struct(s, "run.json", &run_schema, run, e);
}

int sandbox_write_exit(const struct sandbox *s, const struct exit_state *x, struct err *e)
{
	return write_struct(s, "exit.json", &exit_schema, x, e);
}

/* The directory of a name, made or opened. */
static int open_dir(const char *name, bool make, struct sandbox *s, struct err *e)
{
	auto_fd int all = dirs_open(DIR_STATE, "sandboxes", e);
	auto_free char *all_path = dirs_path_in(DIR_STATE, "sandboxes");

	if (all < 0)
		return all;
	if (make && mkdirat(all, name, 0700) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "make the directory of sandbox '%s'", name);
		(void)err_set(e, EEXIST, "a sandbox '%s' exists already", name);
		err_hint(e, "choose another --name, or remove it: brig rm %s", name);
		return -EEXIST;
	}
	s->dir = openat(all, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0)
		return err_sys(e, "sandbox '%s'", name);
	s->name = strdup(name);
	s->path = all_path ? str_printf("%s/%s", all_path, name) : NULL;
	return s->name && s->path ? 0 : err_set(e, ENOMEM, "out of memory");
}

int sandbox_create(struct record *rec, struct sandbox *ret, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r = record_check_name(rec->name, e);

	if (r == 0)
		r = open_dir(rec->name, true, &s, e);
	if (r < 0)
		return r;
	s.rec = *rec;
	/* held before the record is there: nobody can start or prune it in between */
	r = sandbox_hold(&s, e);
	if (r == 0)
		r = write_struct(&s, "record.json", &record_schema, rec, e);
	if (r < 0) {
		s.rec = (struct record){ 0 };
		(void)file_remove_tree(AT_FDCWD, s.path, NULL);
		return r;
	}
	*rec = (struct record){ 0 };
	*ret = s;
	s = (struct sandbox)SANDBOX_INIT;
	return 0;
}

static int no_such(const char *name, struct err *e)
{
	auto_strv struct strv all = { 0 };
	auto_free char *shown = str_escape(name);
	const char *near = NULL;

	if (sandbox_names(&all, NULL) == 0)
		near = str_nearest(name, (const char *const *)(uintptr_t)all.v, all.n);
	(void)err_set(e, ENOENT, "no sandbox '%s'", shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '%s'?", near);
	else
		err_hint(e, "brig ls shows all");
	return -ENOENT;
}

int sandbox_open_raw(const char *name, struct sandbox *ret, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r;

	if (!path_is_name(name))
		return record_check_name(name, e);
	r = open_dir(name, false, &s, e);
	if (r == -ENOENT)
		return no_such(name, e);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct sandbox)SANDBOX_INIT;
	return 0;
}

int sandbox_open(const char *name, struct sandbox *ret, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r = sandbox_open_raw(name, &s, e);

	if (r < 0)
		return r;
	r = read_struct(&s, "record.json", &record_schema, &s.rec, e);
	if (r < 0) {
		if (r == -ENOENT)
			(void)err_set(e, EBADMSG,
				"sandbox '%s' is half-made: it has no record", name);
		err_hint(e, "remove it: brig rm --force %s", name);
		return -EBADMSG;
	}
	if (!str_eq(s.rec.name, name)) {
		(void)err_set(e, EBADMSG, "sandbox '%s': its record is of '%s'", name,
			s.rec.name);
		return -EBADMSG;
	}
	*ret = s;
	s = (struct sandbox)SANDBOX_INIT;
	return 0;
}

int sandbox_names(struct strv *ret, struct err *e)
{
	auto_free char *path = dirs_path_in(DIR_STATE, "sandboxes");
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
	return r < 0 ? err_set(e, -r, "list sandboxes: out of memory") : 0;
}

/* A name used again is another sandbox: what was opened may have been removed since. */
static int check_there(const struct sandbox *s, struct err *e)
{
	struct stat st;

	if (fstat(s->dir, &st) == 0 && st.st_nlink > 0)
		return 0;
	return err_set(e, ENOENT, "sandbox '%s' was removed meanwhile", s->name);
}

void sandbox_release(const struct sandbox *s)
{
	(void)flock(s->dir, LOCK_UN);
}

int sandbox_hold(const struct sandbox *s, struct err *e)
{
	/* bounded: whoever holds it is starting or removing, never waiting for a person
	 */
	for (int i = 0; i < 600; i++) {
		if (flock(s->dir, LOCK_EX | LOCK_NB) == 0)
			return check_there(s, e);
		if (errno != EWOULDBLOCK)
			return err_sys(e, "lock sandbox '%s'", s->name);
		(void)usleep(50000);
	}
	return err_set(e, EBUSY,
		"sandbox '%s' is being started or removed by another brig", s->name);
}

bool sandbox_try_hold(const struct sandbox *s)
{
	return flock(s->dir, LOCK_EX | LOCK_NB) == 0;
}

bool sandbox_kept(const struct sandbox *s)
{
	auto_fd int fd = openat(s->dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	/* a shared lock, tried and dropped: fails only while the keeper has its exclusive
	 * one */
	return flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

enum sandbox_status sandbox_status(
	const struct sandbox *s, struct run_state *run, struct exit_state *ret_exit)
{
	struct run_state mine = { 0 };
	struct exit_state exit_mine = { 0 };
	bool kept = sandbox_kept(s);
	int has_run = read_struct(s, "run.json", &run_schema, run ? run : &mine, NULL);
	int has_exit = read_struct(
		s, "exit.json", &exit_schema, ret_exit ? ret_exit : &exit_mine, NULL);
	bool paused = (run ? run : &mine)->paused;

	json_struct_clear(&run_schema, &mine);
	json_struct_clear(&exit_schema, &exit_mine);
	if (!s->rec.name)
		return SANDBOX_BROKEN;
	if (kept)
		return paused ? SANDBOX_PAUSED : SANDBOX_RUNNING;
	if (has_run == 0 || faccessat(s->dir, "run.json", F_OK, 0) == 0)
		return SANDBOX_CRASHED;
	/* it has run, but how it ended can't be read */
	if (has_exit < 0 && faccessat(s->dir, "exit.json", F_OK, 0) == 0)
		return SANDBOX_BROKEN;
	return has_exit == 0 ? SANDBOX_EXITED : SANDBOX_CREATED;
}
