/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/json.h"
#include "cli/changes.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/tally.h"
#include "cli/verbs.h"
#include "sandbox/points.h"

#include <fcntl.h>

struct undo_args {
	bool list, json;
	uint64_t to;
};

static const struct opt opts[] = {
	OPT(struct undo_args, "list", 'l', NULL, list, opt_bool,
		"show the restore points instead"),
	OPT(struct undo_args, "to", 0, "NUMBER", to, opt_count,
		"an earlier restore point than the last"),
	OPT(struct undo_args, "json", 0, NULL, json, opt_bool, "the list as JSON"),
	{ 0 },
};

struct undo {
	const struct changes *c;
	uint64_t to;  /* 0: the last */
	int64_t keep; /* the restore point of the state before; 0 until there is one */
	size_t done, kept;
	struct tally *tally;
};

static bool is_workspace(const struct mount_spec *m)
{
	return m->workspace && m->mode == MOUNT_RW;
}

/* The restore point of mount 'i' that is asked for. Descriptor, -ENOENT. */
static int find_point(const struct undo *u, size_t i, uint64_t *taken)
{
	uint64_t all[POINTS_KEPT];
	size_t n = points_list(&u->c->s, all, POINTS_KEPT);

	for (; n > 0; n--) {
		int fd = u->to && all[n - 1] != u->to
			? -ENOENT
			: points_open(&u->c->s, all[n - 1], i);

		if (fd >= 0 && undo_exists(fd, taken))
			return fd;
		if (fd >= 0)
			(void)close(fd);
	}
	return -ENOENT;
}

/* Why there is nothing to go back to. */
static int explain(const struct undo *u, struct err *e)
{
	const struct record *rec = &u->c->s.rec;

	if (u->to) {
		(void)err_set(
			e, ENOENT, "no restore point %llu", (unsigned long long)u->to);
		err_hint(e, "brig undo --list %s", rec->name);
		return -ENOENT;
	}
	for (size_t i = 0; i < rec->mounts.n; i++) {
		auto_free char *why = NULL;

		if (!is_workspace(record_mount(rec, i)))
			continue;
		if (points_possible(&u->c->s, i, e) < 0)
			return -e->code;
		why = points_why(&u->c->s, i);
		if (why) {
			(void)err_set(e, ENOENT, "%s", why);
			points_remedy(record_mount(rec, i)->src, e);
			return -ENOENT;
		}
		return err_set(e, ENOENT, "no session of '%s' has begun", rec->name);
	}
	if (changes_overlays(u->c)) {
		(void)err_set(e, ENOENT,
			"its workspace is an overlay: the host's is as it was");
		err_hint(e, "brig discard %s", rec->name);
		return -ENOENT;
	}
	return err_set(e, ENOENT, "sandbox '%s' has no workspace", rec->name);
}

static int report(const struct mount_spec *m, const struct undo_stats *st, uint64_t taken)
{
	char ago[CLOCK_TEXT_MAX];

	(void)clock_ago(taken, clock_real_ns(), ago);
	return out_line("%s is as it was %s: %llu put back, %llu removed%s", m->src, ago,
		(unsigned long long)st->changed, (unsigned long long)st->removed,
		st->kept ? "" : " (and can't be undone)");
}

static int undo_one(struct undo *u, size_t i, struct err *e)
{
	const struct mount_spec *m = record_mount(&u->c->s.rec, i);
	struct undo_stats stats = { 0 };
	struct undo_terms terms;
	struct undo_ws ws = {
		.path = m->src, .uid = changes_uid(u->c), .gid = changes_gid(u->c)
	};
	uint64_t taken = 0;
	auto_fd int point = find_point(u, i, &taken);
	auto_fd int root = -1, keep = -1;
	int r;

	if (point < 0)
		return 0;
	root = open(m->src, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (root < 0)
		return err_sys(e, "open '%s'", m->src);
	ws.root = root;
	if (u->keep == 0)
		u->keep = points_new(&u->c->s, e);
	keep = u->keep < 0 ? (int)u->keep
			   : points_new_mount(&u->c->s, (uint64_t)u->keep, i, e);
	if (keep < 0)
		return keep;
	/* whoever turns those of sessions off still wants to undo an undo, and waits for it */
	(void)points_terms(&terms, NULL);
	terms.time_ns = 0;
	r = undo_restore(&ws, point, keep, &terms, &stats, e);
	u->done++;
	u->kept += stats.kept;
	u->tally->changed += stats.changed;
	u->tally->removed += stats.removed;
	return r < 0 ? r : report(m, &stats, taken);
}

/* In the child. After a failure the other workspaces still have their turn. */
static int work(void *with, struct err *e)
{
	struct undo *u = with;
	int first = 0;

	points_sweep(&u->c->s);
	for (size_t i = 0; i < u->c->s.rec.mounts.n; i++) {
		struct err why = { 0 };
		int r = is_workspace(record_mount(&u->c->s.rec, i)) ? undo_one(u, i, &why)
								    : 0;

		if (r < 0 && first == 0) {
			first = r;
			*e = why;
		}
	}
	if (u->keep > 0 && u->kept == 0)
		(void)points_drop(&u->c->s, (uint64_t)u->keep, NULL);
	return first < 0 ? first : (u->done > 0) + (u->kept > 0);
}

static int undo(struct undo *u, struct err *e)
{
	int r;

	u->tally = tally_new(e);
	if (!u->tally)
		return -ENOMEM;
	r = changes_work(u->c, work, u, e);
	tally_note(u->tally, &u->c->s, "undo", r);
	if (r == 0)
		return explain(u, e);
	/* the oldest make room for the state before this undo */
	(void)points_trim(&u->c->s, NULL);
	if (r == 2)
		out_note("what was there before is a restore point now: brig undo %s "
			 "brings it back",
			u->c->s.name);
	return r < 0 ? r : 0;
}

struct row {
	uint64_t number, taken;
	const char *workspace;
	bool by_undo;
	struct undo_cost cost;
};

static int show_row(const struct row *row, struct out_table *t, struct json *all)
{
	char number[24], ago[CLOCK_TEXT_MAX], when[CLOCK_TEXT_MAX], disk[STR_SIZE_MAX];
	struct json *j;

	if (t) {
		(void)snprintf(
			number, sizeof(number), "%llu", (unsigned long long)row->number);
		return out_table_add(t,
			(const char *const[]){ number,
				clock_ago(row->taken, clock_real_ns(), ago),
				row->by_undo ? "before an undo" : "start of a session",
				row->cost.clones ? "clones" : "copies",
				row->cost.clones ? "-"
						 : str_from_size(row->cost.disk, disk),
				row->workspace });
	}
	j = json_new_object();
	if (json_append(all, j) < 0)
		return -ENOMEM;
	(void)json_add(j, "number", json_new_uint(row->number));
	(void)json_add_str(j, "taken", clock_text(row->taken, when));
	(void)json_add_str(j, "of", row->by_undo ? "undo" : "session");
	(void)json_add_str(j, "kind", row->cost.clones ? "clones" : "copies");
	if (!row->cost.clones)
		(void)json_add(j, "disk", json_new_uint(row->cost.disk));
	return json_add_str(j, "workspace", row->workspace);
}

/* All of them, the oldest first, as each is said to take what those before it don't. */
static size_t find_rows(const struct changes *c, struct row *rows)
{
	AUTO(undo_links_clear) struct undo_links seen = { 0 };
	uint64_t numbers[POINTS_KEPT];
	size_t n = points_list(&c->s, numbers, POINTS_KEPT), found = 0;

	for (size_t k = 0; k < n; k++) {
		for (size_t i = c->s.rec.mounts.n; i > 0; i--) {
			struct row *row = &rows[found];
			auto_fd int fd = points_open(&c->s, numbers[k], i - 1);
			struct err quiet;

			*row = (struct row){ .number = numbers[k],
				.workspace = record_mount(&c->s.rec, i - 1)->src,
				.by_undo = points_is_undo(&c->s, numbers[k]) };
			found += fd >= 0 && undo_exists(fd, &row->taken) &&
				undo_cost(fd, &seen, &row->cost, &quiet) == 0;
		}
	}
	return found;
}

static int show_all(const struct changes *c, struct out_table *t, struct json *all)
{
	auto_free struct row *rows =
		calloc(c->s.rec.mounts.n * POINTS_KEPT + 1, sizeof(*rows));
	size_t n = rows ? find_rows(c, rows) : 0;
	int r = rows ? 0 : -ENOMEM;

	for (; n > 0 && r == 0; n--)
		r = show_row(&rows[n - 1], t, all);
	return r;
}

struct listing {
	const struct changes *c;
	bool json;
};

/* In the child: what an undo kept belongs to root inside. */
static int list(void *with, struct err *e)
{
	static const char *const heads[] = { "NUMBER", "TAKEN", "BY", "KIND", "DISK",
		"WORKSPACE" };
	const struct listing *l = with;
	auto_json struct json *all = json_new_array();
	struct out_table *t = l->json ? NULL : out_table_new(heads, 6);
	int r = l->json || t ? show_all(l->c, t, all) : -ENOMEM;

	if (r == 0)
		r = l->json ? out_json(all, e) : out_table_print(t);
	out_table_free(t);
	return r < 0 && !e->code ? err_set(e, -r, "print the list") : r;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct undo_args *a = inv->args;
	auto_changes struct changes c = CHANGES_INIT;
	struct listing l = { &c, a->json };
	struct undo u = { .c = &c, .to = a->to };
	bool looks = a->list || a->json;
	int r = changes_open(
		inv->words.v[0], looks ? CHANGES_LOOK : CHANGES_STOPPED, &c, e);

	if (r < 0)
		return r;
	return looks ? changes_work(&c, list, &l, e) : undo(&u, e);
}

const struct command verb_undo = {
	.name = "undo",
	.usage = "[--list] [--to NUMBER] NAME",
	.brief = "bring the workspace back to what it was before the session",
	.detail =
		"A session begins with a restore point of each workspace that it may "
		"write to; the last three are kept. What was there before the undo "
		"becomes "
		"a restore point too: undo again to have it back.\n\n"
		"Where workspace and brig's own files are on one file system that can "
		"clone files (btrfs, XFS, bcachefs), a restore point costs next to "
		"nothing. Elsewhere it is made of copies: of all files the first time, "
		"then of those that changed. A workspace has none that would cost more "
		"than 2 seconds, 200,000 files, 1 GiB of copies or a quarter of the "
		"space "
		"that is free; the session says so. BRIG_UNDO=SIZE in the environment "
		"allows that much to be copied, and a minute for it; BRIG_UNDO=off turns "
		"restore points off. Or give the workspace as PATH:overlay.",
	.opts = opts,
	.args_size = sizeof(struct undo_args),
	.words_min = 1,
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
};
