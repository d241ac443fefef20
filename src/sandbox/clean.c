/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/clean.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "linux/cgroup.h"
#include "linux/idmap.h"
#include "linux/ns.h"
#include "sandbox/audit.h"
#include "sandbox/control.h"
#include "sandbox/guarding.h"
#include "sandbox/points.h"
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define GROUP_WAIT_MS 5000
#define KILL_WAIT_NS  (5 * NS_PER_SEC)

static int enter(const struct idmap *ids, int userns, struct err *e)
{
	int r;

	/* root needs no user namespace to remove files, a single map has no other owners
	 */
	if (ids->root || ids->single)
		return 0;
	if (userns < 0)
		return idmap_enter(ids, e);
	r = ns_enter(userns, "user", e);
	if (r < 0)
		return r;
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	return 0;
}

struct outcome {
	int r;
	struct err e;
};

int clean_in_userns(const struct idmap *ids, int userns,
	int (*work)(void *with, struct err *e), void *with, struct err *e)
{
	struct outcome out = { 0 };
	int pipe_fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	pid = ns_clone(0, NULL);
	if (pid == 0) {
		out.r = enter(ids, userns, &out.e);
		if (out.r == 0)
			out.r = work(with, &out.e);
		_exit(write(pipe_fds[1], &out, sizeof(out)) == sizeof(out) ? 0 : 1);
	}
	(void)close(pipe_fds[1]);
	if (pid < 0) {
		(void)close(pipe_fds[0]);
		return err_set(e, -pid, "start a process");
	}
	do
		n = read(pipe_fds[0], &out, sizeof(out));
	while (n < 0 && errno == EINTR);
	(void)close(pipe_fds[0]);
	(void)waitpid(pid, NULL, 0);
	if (n != sizeof(out))
		return err_set(e, EIO, "a process of brig's ended without a word");
	if (out.r < 0 && e)
		*e = out.e;
	return out.r;
}

struct removal {
	int parent;
	const char *name;
};

static int remove_work(void *with, struct err *e)
{
	const struct removal *what = with;

	return file_remove_tree(what->parent, what->name, e);
}

#define GONE_END ".gone"

int clean_forget(const struct sandbox *s, char **ret_gone, struct err *e)
{
	auto_fd int parent = openat(s->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *gone = NULL;
	char id[33];
	int r = sandbox_new_id(id, e);

	*ret_gone = NULL;
	if (r < 0)
		return r;
	if (parent < 0)
		return err_sys(e, "open the directory of sandboxes");
	/* names that begin with a dot are no sandboxes */
	gone = str_printf(".%s.%.8s" GONE_END, s->name, id);
	if (!gone)
		return err_set(e, ENOMEM, "out of memory");
	if (renameat(parent, s->name, parent, gone) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "remove sandbox '%s'", s->name);
	*ret_gone = take_ptr(&gone);
	return 0;
}

static int empty(
	int parent, const char *name, const struct idmap *ids, int userns, struct err *e)
{
	struct removal what = { .parent = parent, .name = name };
	int r = clean_in_userns(ids, userns, remove_work, &what, e);

	return r < 0 ? err_wrap(e, "empty '%s'", name) : 0;
}

int clean_empty(const char *gone, const struct idmap *ids, int userns, struct err *e)
{
	auto_fd int parent = gone ? dirs_open(DIR_STATE, "sandboxes", e) : -1;

	if (!gone)
		return 0;
	return parent < 0 ? parent : empty(parent, gone, ids, userns, e);
}

int clean_remove(
	const struct sandbox *s, const struct idmap *ids, int userns, struct err *e)
{
	auto_free char *gone = NULL;
	int r = clean_forget(s, &gone, e);

	return r < 0 ? r : clean_empty(gone, ids, userns, e);
}

int clean_gone_all(const struct idmap *ids, struct err *e)
{
	auto_fd int parent = dirs_open(DIR_STATE, "sandboxes", e);
	auto_fd int listed =
		parent < 0 ? -1 : openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = listed < 0 ? NULL : fdopendir(listed);
	int last = 0;

	if (!dir)
		return parent < 0 ? parent
				  : err_sys(e, "list the directory of sandboxes");
	(void)take_fd(&listed);
	for (struct dirent *d; (d = readdir(dir));) {
		int r = d->d_name[0] == '.' && str_ends(d->d_name, GONE_END)
			? empty(parent, d->d_name, ids, -1, e)
			: 0;

		if (r < 0)
			last = r;
	}
	(void)closedir(dir);
	return last;
}

/* Is there a name with this end in a directory? One that can't be looked into counts as
 * full. */
static bool has_entries(const struct sandbox *s, const char *path, const char *end)
{
	int fd = openat(s->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool some = false;

	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return fd >= 0 || errno != ENOENT;
	}
	for (struct dirent *d; !some && (d = readdir(dir));)
		some = strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
			str_ends(d->d_name, end);
	(void)closedir(dir);
	return some;
}

bool clean_has_overlay(const struct sandbox *s)
{
	for (size_t i = 0; i < s->rec.mounts.n; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "ws/%zu/upper", i);
		if (record_mount(&s->rec, i)->mode == MOUNT_OVERLAY &&
			has_entries(s, path, ""))
			return true;
	}
	return false;
}

bool clean_has_held(const struct sandbox *s)
{
	/* each thing has its NAME.json beside it; the texts may belong to the sandbox's
	 * ids */
	return has_entries(s, "held", ".json");
}

static int kill_rest(const struct run_state *run, struct err *e)
{
	auto_buf struct buf boot = { 0 };

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot, e) < 0)
		return -e->code;
	boot.data[strcspn(boot.data, "\n")] = '\0';
	/* after a reboot the numbers are somebody else's */
	if (!str_eq(boot.data, run->boot_id))
		return 0;
	return mntns_kill(&run->mnt, KILL_WAIT_NS, e);
}

static int remove_groups(const struct run_state *run, struct strv *notes, struct err *e)
{
	struct cgroup g = { 0 };
	struct err mine = { 0 };
	int r;

	if (run->cgroups.n == 0)
		return 0;
	r = cgroup_open_paths(run->cgroups.v, &g, &mine);
	if (r == -ENOENT)
		return 0;
	/* a run state that was tampered with: nothing that we made is there to be removed */
	if (r == -EINVAL && strv_add(notes, mine.msg) == 0)
		return 0;
	if (r < 0) {
		if (e)
			*e = mine;
		return r;
	}
	(void)cgroup_kill(&g, GROUP_WAIT_MS, NULL);
	r = cgroup_remove(&g, GROUP_WAIT_MS, e);
	cgroup_clear(&g);
	return r;
}

/* What was not said for good: a run that had come as far as its end is told by that. */
static void find_end(const struct sandbox *s, struct run_state *run, struct exit_state *x)
{
	(void)sandbox_status(s, run, x);
	if (x->finished && x->finished >= run->started)
		return;
	json_struct_clear(&exit_schema, x);
	x->status = 128 + SIGKILL;
	x->finished = clock_real_ns();
	x->reason = strdup("its keeper was killed");
}

static int take_down(const struct sandbox *s, const struct run_state *run,
	struct exit_state *x, struct strv *notes, struct err *e)
{
	struct guarding g = { 0 };
	struct idmap ids;
	/* the groups first: what is frozen in one doesn't die before it is thawed */
	int r = remove_groups(run, notes, e), killed = kill_rest(run, r < 0 ? NULL : e);

	if (r == 0)
		r = killed;
	if (r == 0)
		r = idmap_for_caller(&ids, e);
	if (r == 0)
		r = guarding_end(s, &ids, -1, &g, notes, e);
	points_sweep(s);
	x->held += g.held;
	guarding_clear(&g);
	return r < 0 ? err_wrap(e, "tidy up after '%s'", s->name) : 0;
}

/* The keeper had no time to. */
static void note_end(const struct sandbox *s, const struct exit_state *x)
{
	struct json *j = json_new_object();

	if (json_add_str(j, "reason", x->reason) == 0)
		(void)json_add(j, "status", json_new_uint(x->status));
	(void)audit_note(s->dir, s->rec.id, "stop", j, NULL);
}

static int settle_end(const struct sandbox *s, const struct exit_state *x,
	bool *ret_removed, struct err *e)
{
	struct idmap ids;
	int r;

	control_unlink(s->name);
	if (s->rec.rm && !clean_has_held(s) && !clean_has_overlay(s)) {
		*ret_removed = true;
		r = idmap_for_caller(&ids, e);
		return r < 0 ? r : clean_remove(s, &ids, -1, e);
	}
	r = sandbox_write_exit(s, x, e);
	if (r == 0)
		note_end(s, x);
	if (r == 0 && unlinkat(s->dir, "run.json", 0) < 0 && errno != ENOENT)
		r = err_sys(e, "remove the run state of '%s'", s->name);
	return r;
}

int clean_crashed(
	const struct sandbox *s, struct strv *notes, bool *ret_removed, struct err *e)
{
	struct run_state run = { 0 };
	struct exit_state x = { 0 };
	int r;

	*ret_removed = false;
	find_end(s, &run, &x);
	r = take_down(s, &run, &x, notes, e);
	if (r == 0)
		r = settle_end(s, &x, ret_removed, e);
	json_struct_clear(&run_schema, &run);
	json_struct_clear(&exit_schema, &x);
	return r;
}
