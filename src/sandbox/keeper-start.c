/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-start.c - what is brought up from a record, and taken down again in reverse.
 */
#include "sandbox/keeper-audit.h"
#include "sandbox/keeper-ports.h"
#include "sandbox/keeper-priv.h"
#include "sandbox/keeper-relay.h"
#include "sandbox/keeper-serve.h"
#include "sandbox/keeper-snapshot.h"
#include "sandbox/keeper-sockets.h"

#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/stage.h"
#include "linux/pidfds.h"
#include "sandbox/clean.h"

#include <signal.h>
#include <sys/file.h>

#define GROUP_WAIT_MS  5000
#define KILL_WAIT_NS   (5 * NS_PER_SEC)
#define KERNEL_MEMORY  (64ULL << 20)
#define KERNEL_THREADS 64
#define CONSOLE_MAX    (64U << 10) /* what a pipe holds */
#define STOP_WAIT_NS   (20 * NS_PER_SEC)

static int up_lock(void *with, struct err *e)
{
	struct keeper *k = with;

	k->lock = openat(
		k->sandbox.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k->lock < 0)
		return err_sys(e, "open the lock of '%s'", k->sandbox.name);
	if (flock(k->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EBUSY, "sandbox '%s' runs already", k->sandbox.name);
	keeper_audit_open(k);
	return log_open(&k->log, k->sandbox.dir, e);
}

static int down_lock(void *with, struct err *e)
{
	struct keeper *k = with;

	(void)e;
	log_close(&k->log);
	keeper_audit_close(k);
	if (k->lock >= 0)
		(void)close(k->lock);
	k->lock = -1;
	return 0;
}

/*
 * Should:  take a sandbox with --rm away, also one that could not be started.
 * Mustn't: take away what a person has not seen yet, of this session or an earlier one.
 */
static int down_remove(void *with, struct err *e)
{
	struct keeper *k = with;

	if (!k->sandbox.rec.rm || k->keep || clean_has_overlay(&k->sandbox) ||
		clean_has_held(&k->sandbox))
		return 0;
	return clean_forget(&k->sandbox, &k->gone, e);
}

static int up_ids(void *with, struct err *e)
{
	struct keeper *k = with;
	int r = wall_find(k->sandbox.rec.wall, &k->wall, e);

	return r < 0 ? r : idmap_for_caller(&k->ids, e);
}

/*
 * The paths are worked out and written down first: a keeper that is killed when it has
 * just made the group leaves word of it. Named after the id as well: root's sandboxes of
 * another BRIG_HOME may have the name.
 */
static int plan_group(struct keeper *k, struct err *e)
{
	k->group = str_printf("%s-%.8s", k->sandbox.name, k->sandbox.rec.id);
	if (!k->group)
		return err_set(e, ENOMEM, "out of memory");
	/* a failure shows again, and in its place, when the group is made */
	if (cgroup_probe(&k->host, NULL) < 0)
		return 0;
	return cgroup_plan(&k->host, k->group, &k->state.cgroups) < 0
		? err_set(e, ENOMEM, "out of memory")
		: 0;
}

static int make_group(struct keeper *k, struct cgroup_limits want, struct err *e)
{
	int r = k->host.base_n ? 0 : cgroup_probe(&k->host, e);

	/* what was asked for is not to fail for what is only a default */
	if (k->sandbox.rec.limits.pids_default && !k->host.support[CGROUP_PIDS].ok)
		want.pids = 0;
	if (r == 0)
		r = cgroup_create(&k->host, k->group, &want, &k->cgroup, e);
	if (r == 0)
		k->has_cgroup = k->cgroup.n > 0;
	return r;
}

/* Said of sandboxes that stay, not each time that a command is run in one that goes. */
static void note_no_default(struct keeper *k)
{
	const struct record *rec = &k->sandbox.rec;

	if (k->wall->host_kernel && rec->limits.pids_default && !rec->rm &&
		!k->host.support[CGROUP_PIDS].ok)
		(void)strv_addf(&k->notes,
			"the default limit of %llu processes can't be enforced here: "
			"brig doctor",
			(unsigned long long)rec->limits.pids);
}

/*
 * Of a guest with a kernel of its own the host's limits hold what that kernel, captured, could
 * take: its memory is the guest's with page tables and stubs of programs beside it, and a
 * process inside is two or three threads out here.
 */
static struct cgroup_limits around_kernel(const struct cgroup_limits *l)
{
	return (struct cgroup_limits){
		.memory = l->memory ? l->memory + l->memory / 4 + KERNEL_MEMORY : 0,
		.cpu_milli = l->cpu_milli,
		.pids = l->pids ? l->pids * 3 + KERNEL_THREADS : 0,
	};
}

static int up_cgroup(void *with, struct err *e)
{
	struct keeper *k = with;
	const struct limit_spec *l = &k->sandbox.rec.limits;
	struct cgroup_limits want = {
		.memory = l->memory, .cpu_milli = l->cpus, .pids = l->pids
	};
	struct err mine = { 0 };
	int r;

	if (!k->wall->host_kernel)
		want = around_kernel(&want);
	r = make_group(k, want, &mine);
	/* its own kernel keeps to the rest */
	if (r < 0 && !k->wall->host_kernel && !l->cpus) {
		(void)make_group(k, (struct cgroup_limits){ 0 }, NULL);
		r = 0;
	}
	if (r < 0 && !record_limits_asked(&k->sandbox.rec)) {
		/* a default that can't be enforced; brig doctor says why */
		r = make_group(k, (struct cgroup_limits){ 0 }, &mine);
		if (r < 0) {
			note_no_default(k);
			return 0;
		}
	}
	if (r < 0) {
		if (e)
			*e = mine;
		return err_wrap(e, "limit the sandbox");
	}
	note_no_default(k);
	strv_clear(&k->state.cgroups);
	return cgroup_paths(&k->cgroup, &k->state.cgroups) < 0
		? err_set(e, ENOMEM, "out of memory")
		: 0;
}

/* A program that the kernel killed can't say itself what happened to it. */
static void note_out_of_memory(struct keeper *k)
{
	const uint64_t limit = k->sandbox.rec.limits.memory;
	struct cgroup_stats s = { 0 };
	char size[STR_SIZE_MAX];

	if (!k->has_cgroup || cgroup_stats(&k->cgroup, &s, NULL) < 0 || !s.oom_kills)
		return;
	if (k->status == 128 + SIGKILL && str_eq(k->reason, "exited"))
		k->reason = "out of memory";
	if (limit)
		(void)strv_addf(&k->notes,
			"out of memory: the kernel killed %llu of its processes at the "
			"limit of %s (-m sets it)",
			(unsigned long long)s.oom_kills, str_from_size(limit, size));
	else
		(void)strv_addf(&k->notes,
			"out of memory: the kernel killed %llu of its processes",
			(unsigned long long)s.oom_kills);
}

static int down_cgroup(void *with, struct err *e)
{
	struct keeper *k = with;
	int r = 0;

	if (k->has_cgroup) {
		(void)cgroup_kill(&k->cgroup, GROUP_WAIT_MS, NULL);
		r = cgroup_remove(&k->cgroup, GROUP_WAIT_MS, e);
	}
	cgroup_clear(&k->cgroup);
	cgroup_host_clear(&k->host);
	k->has_cgroup = false;
	return r;
}

static int up_state(void *with, struct err *e)
{
	struct keeper *k = with;
	auto_buf struct buf boot = { 0 };
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot, e);

	if (r < 0)
		return r;
	boot.data[strcspn(boot.data, "\n")] = '\0';
	k->state.boot_id = buf_take(&boot);
	k->state.keeper = (unsigned)getpid();
	k->state.started = clock_real_ns();
	r = plan_group(k, e);
	return r < 0 ? r : sandbox_write_run(&k->sandbox, &k->state, e);
}

static int down_state(void *with, struct err *e)
{
	struct keeper *k = with;

	free(k->group);
	k->group = NULL;
	/* a full disk, say: better taken for a crash than for one that never ran */
	if (k->unsaid)
		return 0;
	if (unlinkat(k->sandbox.dir, "run.json", 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove the run state of '%s'", k->sandbox.name);
	json_struct_clear(&run_schema, &k->state);
	return 0;
}

/* What remains to be said is said before anything that told of the run goes. */
static int down_end(void *with, struct err *e)
{
	struct keeper *k = with;
	struct exit_state x = { .status = k->status,
		.finished = clock_real_ns(),
		.reason = (char *)(uintptr_t)k->reason,
		.held = k->guard.held };

	int r;

	if (!k->ending || (k->sandbox.rec.rm && !k->keep))
		return 0;
	keeper_audit_stop(k);
	r = sandbox_write_exit(&k->sandbox, &x, e);
	k->unsaid = r < 0;
	return r;
}

static int up_guard(void *with, struct err *e)
{
	struct keeper *k = with;
	/* what an earlier session left unfinished must not become the state to compare
	 * with */
	int r = guarding_end(&k->sandbox, &k->ids, -1, &k->guard, &k->notes, e);

	return r < 0 ? r : guarding_begin(&k->sandbox, &k->guard, &k->notes, e);
}

static int down_guard(void *with, struct err *e)
{
	struct keeper *k = with;
	int r;

	k->guard.own_files = k->wall && k->wall->keeps_user && !k->other_users;
	r = guarding_end(&k->sandbox, &k->ids, k->run.userns, &k->guard, &k->notes, e);
	/* --rm never throws away what a person has not seen */
	if (r < 0 || k->guard.held || clean_has_overlay(&k->sandbox))
		k->keep = true;
	if (k->keep && k->sandbox.rec.rm)
		(void)strv_addf(&k->notes,
			"kept '%s' although --rm was given: it holds %s", k->sandbox.name,
			k->guard.held ? "what was held back (brig diff shows it)"
				      : "changes that were not applied (brig diff, "
					"apply, discard)");
	return r;
}

static int up_net(void *with, struct err *e)
{
	return net_up(with, e);
}

static int down_net(void *with, struct err *e)
{
	(void)e;
	return net_down(with);
}

static void fill_mounts(const struct keeper *k, struct wall_mount *m, struct strv *names)
{
	static const enum wall_mode modes[] = {
		[MOUNT_RW] = WALL_RW, [MOUNT_RO] = WALL_RO, [MOUNT_OVERLAY] = WALL_OVERLAY
	};
	const struct record *rec = &k->sandbox.rec;

	for (size_t i = 0; i < rec->mounts.n; i++) {
		const struct mount_spec *s = record_mount(rec, i);
		const struct guarding_mount *g =
			i < k->guard.n ? &k->guard.mounts[i] : NULL;

		(void)strv_addf(names, "ws/%zu", i);
		m[i] = (struct wall_mount){ .src = s->src,
			.dst = s->dst,
			.mode = modes[s->mode],
			.layer = names->n > i ? names->v[i] : NULL };
		if (g) {
			m[i].pinned = g->pinned.v;
			m[i].pinned_n = g->pinned.n;
			m[i].readonly = g->readonly.v;
			m[i].readonly_n = g->readonly.n;
		}
	}
}

static const char *user_name(const struct keeper *k)
{
	const char *name = getenv("USER");

	if (k->ids.work_uid == 0)
		return "root";
	/* it becomes a line of a file: only what such a line can hold */
	for (const char *p = name ? name : ""; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
			    strchr("_-.", *p)))
			return "agent";
	return name && *name && strcmp(name, "root") != 0 ? name : "agent";
}

static int up_wall(void *with, struct err *e)
{
	static const enum wall_root kinds[] = { [ROOT_HOST] = WALL_ROOT_HOST,
		[ROOT_DIR] = WALL_ROOT_DIR,
		[ROOT_LAYERS] = WALL_ROOT_LAYERS };
	struct keeper *k = with;
	const struct record *rec = &k->sandbox.rec;
	auto_free struct wall_mount *mounts = calloc(rec->mounts.n + 1, sizeof(*mounts));
	auto_free char *helper = dirs_helper("brig-warder");
	auto_free char *warder = helper ? realpath(helper, NULL) : NULL;
	auto_free char *trust = k->net.on ? net_trust_path(k) : NULL;
	auto_strv struct strv names = { 0 };
	struct wall_snapshot from = { -1, -1, 0 };
	struct wall_spec spec = { .name = rec->name,
		.hostname = rec->hostname,
		.ids = &k->ids,
		.dir = k->sandbox.path,
		.root = kinds[rec->root.kind],
		.root_dir = rec->root.dir,
		.layers = rec->root.layers.v,
		.layers_n = rec->root.layers.n,
		.host_dirs = rec->root.host_dirs.v,
		.host_dirs_n = rec->root.host_dirs.n,
		.mounts = mounts,
		.mounts_n = rec->mounts.n,
		.ephemeral = rec->rm,
		.home = rec->home,
		.user = user_name(k),
		.program = warder,
		.limits = { rec->limits.memory, rec->limits.cpus, rec->limits.pids,
			rec->limits.net_rate },
		.strict = rec->strict,
		.cgroup = k->has_cgroup ? &k->cgroup : NULL,
		.gated = k->net.on,
		.trust = trust };
	int r;

	if (!mounts || !helper)
		return err_set(e, ENOMEM, "out of memory");
	if (!warder)
		return err_sys(e, "the warder '%s'", helper);
	fill_mounts(k, mounts, &names);
	r = snapshot_open(k, &from, e);
	if (r > 0)
		spec.from = &from;
	if (r >= 0)
		r = k->wall->start(&spec, &k->run, e);
	close_auto(&from.state);
	close_auto(&from.memory);
	if (r < 0)
		return err_wrap(e, "start '%s'", rec->name);
	k->state.init = (unsigned)k->run.init;
	k->state.mnt = k->run.mnt;
	r = net_listen(k, e);
	return r < 0 ? r : relay_start(k, e);
}

/*
 * Where no PID namespace takes them along: what a warder that was killed left behind has
 * become ours, or is still in the mount namespace.
 */
static int end_orphans(const struct keeper *k, struct err *e)
{
	int r = pidfd_kill_children(KILL_WAIT_NS);

	if (r < 0)
		return err_set(e, -r, "processes of '%s' do not end", k->sandbox.name);
	return mntns_kill(&k->run.mnt, KILL_WAIT_NS, e);
}

/* What the guest's kernel said last, for the log; and for the person, if it ended it all. */
static void note_console(struct keeper *k)
{
	auto_free char *text = malloc(CONSOLE_MAX + 1), *shown = NULL;
	char *line, *at = text;
	ssize_t n = text && k->run.console >= 0 ? read(k->run.console, text, CONSOLE_MAX)
						: -1;

	if (n <= 0)
		return;
	text[n] = '\0';
	while ((line = strsep(&at, "\n"))) {
		free(shown);
		shown = *line ? str_escape(line) : NULL;
		if (shown)
			fprintf(stderr, "guest: %s\n", shown);
		if (shown && str_eq(k->reason, GUEST_DIED) &&
			str_starts(shown, "kernel panic: "))
			(void)strv_addf(&k->notes, "the guest's kernel: %.200s", shown);
	}
}

static int down_wall(void *with, struct err *e)
{
	struct keeper *k = with;
	int r = 0;

	if (k->paused && k->has_cgroup)
		(void)cgroup_thaw(&k->cgroup, NULL);
	loop_source_free(k->guest_src);
	k->guest_src = NULL;
	if (k->run.pidfd >= 0)
		r = k->wall->stop(&k->run, STOP_WAIT_NS, e);
	if (k->wall && !k->wall->own_pids) {
		int left = end_orphans(k, r < 0 ? NULL : e);

		r = r < 0 ? r : left;
	}
	if (k->run.init)
		wire_clear(&k->guest);
	note_out_of_memory(k);
	/* the user namespace stays: what it owns on disk may have to be removed */
	if (k->run.pidfd >= 0)
		(void)close(k->run.pidfd);
	if (k->run.stream >= 0)
		(void)close(k->run.stream);
	if (k->run.remote >= 0)
		(void)close(k->run.remote);
	if (k->run.memory >= 0)
		(void)close(k->run.memory);
	k->run.pidfd = k->run.stream = k->run.remote = k->run.memory = -1;
	note_console(k);
	return r;
}

static int up_sockets(void *with, struct err *e)
{
	return sockets_up(with, e);
}

static int down_sockets(void *with, struct err *e)
{
	(void)e;
	sockets_down(with);
	return 0;
}

static int up_offer(void *with, struct err *e)
{
	return sockets_offer(with, e);
}

static int up_ports(void *with, struct err *e)
{
	return ports_up(with, e);
}

static int down_ports(void *with, struct err *e)
{
	(void)e;
	ports_down(with);
	return 0;
}

static int up_socket(void *with, struct err *e)
{
	struct keeper *k = with;
	int r = sandbox_write_run(&k->sandbox, &k->state, e);

	if (r == 0)
		keeper_audit_start(k);
	return r < 0 ? r : serve_listen(k, e);
}

static int down_socket(void *with, struct err *e)
{
	struct keeper *k = with;

	(void)e;
	loop_source_free(k->listen_src);
	k->listen_src = NULL;
	if (k->listener >= 0) {
		(void)close(k->listener);
		control_unlink(k->sandbox.name);
	}
	k->listener = -1;
	return 0;
}

/*
 * Down is this table in reverse, so: no new clients; everything in the sandbox is dead
 * before the workspace is looked through; the end is on disk before anything is taken
 * away; the run state, by which a crash is tidied up after, stays until there is nothing
 * left to tidy; the lock, which says "running", is the last to go.
 */
static const struct stage stages[] = {
	{ "take the lock", up_lock, down_lock },
	{ "map ids", up_ids, NULL },
	{ "write the run state", up_state, down_state },
	{ "remove", NULL, down_remove },
	{ "control group", up_cgroup, down_cgroup },
	{ "write how it ended", NULL, down_end },
	{ "guard the workspace", up_guard, down_guard },
	{ "prepare the network", up_net, down_net },
	{ "open sockets", up_sockets, down_sockets },
	{ "start the wall", up_wall, down_wall },
	{ "publish ports", up_ports, down_ports },
	{ "offer sockets", up_offer, NULL },
	{ "listen", up_socket, down_socket },
};
#define STAGES (sizeof(stages) / sizeof(*stages))

static void trace(void *with, const char *name, uint64_t ns)
{
	(void)with;
	if (getenv("BRIG_TRACE"))
		fprintf(stderr, "%8.3f ms  %s\n", (double)ns / 1e6, name);
}

int keeper_up(struct keeper *k, struct err *e)
{
	return stages_up(stages, STAGES, k, trace, e);
}

void keeper_down(struct keeper *k)
{
	struct err e = { 0 };

	if (stages_down(stages, STAGES, k, &e) < 0) {
		fprintf(stderr, "brig-keeper: %s\n", e.msg);
		(void)strv_add(&k->notes, e.msg);
	}
}
