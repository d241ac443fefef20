/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guard.h"

#include "base/clock.h"
#include "sandbox/guard-names.h"
#include "sandbox/guard-state.h"
#include "sandbox/place.h"
#include "sandbox/workspace-test.h"

#include <limits.h>
#include <sys/xattr.h>

/* A workspace with a repository in it, and the directories that the guard needs. */
struct world {
	char path[64], ws_path[80];
	int top, ws, state, held;
	struct guard_ws at;
	struct guard_report report;
};

static void world_make(struct world *w)
{
	struct err e = { 0 };

	*w = (struct world){ 0 };
	if (sh("git --version >&- 2>&-") != 0)
		test_skip("no git");
	w->top = temp_tree(w->path);
	(void)snprintf(w->ws_path, sizeof(w->ws_path), "%s/ws", w->path);
	must("cd %s && mkdir ws state held private && git init -q ws && cd ws && echo a "
	     "> a &&"
	     " git add a && git commit -qm a",
		w->path);
	expect(chdir(w->ws_path) == 0);
	w->ws = file_open_dir(w->top, "ws", 0, &e);
	w->state = file_open_dir(w->top, "state", 0, &e);
	w->held = file_open_dir(w->top, "held", 0, &e);
	w->at = (struct guard_ws){ w->ws, w->ws_path, NULL, PLACE_ANYONE, PLACE_ANYONE };
}

static void world_drop(struct world *w)
{
	guard_report_clear(&w->report);
	(void)close(w->ws);
	(void)close(w->state);
	(void)close(w->held);
	(void)close(w->top);
}

#define auto_world AUTO(world_drop)

static void begin_for(struct world *w, struct guard_plan *plan)
{
	struct err e = { 0 };

	*plan = (struct guard_plan){ 0 };
	if (guard_begin(&w->at, w->state, plan, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	expect(guard_pending(w->state));
}

static void begin(struct world *w)
{
	AUTO(guard_plan_clear) struct guard_plan plan;

	begin_for(w, &plan);
}

static void check(struct world *w)
{
	struct err e = { 0 };

	guard_report_clear(&w->report);
	if (guard_check(&w->at, w->state, w->held, &w->report, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	for (size_t i = 0; i < w->report.n; i++)
		fprintf(stderr, "# %s: %s (%s)\n", w->report.v[i].path,
			w->report.v[i].why, guard_outcome_text(w->report.v[i].outcome));
}

/* Was 'path' dealt with, and so? */
static bool got(const struct world *w, const char *path, enum guard_outcome outcome)
{
	for (size_t i = 0; i < w->report.n; i++)
		if (strcmp(w->report.v[i].path, path) == 0)
			return w->report.v[i].outcome == outcome;
	return false;
}

TEST(names_match_by_components_and_without_case)
{
	static const char *const yes[] = { ".bashrc", "a/b/.envrc",
		"x/.vscode/tasks.json", ".VSCode/Tasks.JSON", ".idea/a/b.xml",
		"p.code-workspace", "a/.config/fish/x.fish", "lefthook.yml",
		".husky/_/pre-commit", ".hg/hgrc" };
	static const char *const no[] = { "bashrc", "a/.bashrc/x", ".vscode/x.json",
		"tasks.json", ".idea", "code-workspace", ".code-workspacex",
		".config/fishy/x", "x.envrc" };
	size_t base;

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		expect(guard_name_match(yes[i], &base));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		expect(!guard_name_match(no[i], &base));
	expect(guard_name_match("a/b/.vscode/tasks.json", &base) && base == 4);
	expect(guard_name_leads(".vscode") && guard_name_leads("a/.config"));
	expect(guard_name_leads("a/.config/fish") && !guard_name_leads("a/.config/foo"));
}

TEST(any_file_name_survives_encoding)
{
	char name[256];
	auto_free char *enc = NULL, *dec = NULL;

	for (int i = 1; i < 256; i++)
		name[i - 1] = (char)i;
	name[255] = '\0';
	enc = guard_encode(name);
	dec = guard_decode(enc);
	expect_str(dec, name);
	expect(!guard_decode("%0"));
	expect(!guard_decode("%00"));
	expect(!guard_decode("%zz"));
}

TEST(the_plan_pins_ancestors_and_protects_what_is_there)
{
	auto_world struct world w;
	AUTO(guard_plan_clear) struct guard_plan plan;

	world_make(&w);
	must("rm -rf .git/hooks; mkdir -p sub/.vscode node_modules/p/.vscode .husky "
	     "deep/er;"
	     "git init -q deep/er/repo; git init -q --bare bare.git; touch .envrc "
	     ".husky/pre-commit"
	     " sub/.vscode/tasks.json node_modules/p/.vscode/tasks.json "
	     "deep/er/repo/.envrc");
	must("git worktree add -q wt 2>&-; mkdir gh; git -C deep/er/repo config "
	     "core.hooksPath ../../../gh");
	begin_for(&w, &plan);
	expect(plan.repos == 3 && !plan.partial && plan.skipped == 0);
	expect(exists(w.ws, ".git/hooks"));
	for (const char *const *p = (const char *const[]){ ".git", "deep", "deep/er",
		     "deep/er/repo", "deep/er/repo/.git", "bare.git", "wt", NULL };
		*p; p++)
		expect(strv_has(&plan.pins, *p));
	for (const char *const *p = (const char *const[]){ ".git/hooks", "bare.git/hooks",
		     "deep/er/repo/.git/hooks", ".envrc", ".husky", "deep/er/repo/.envrc",
		     "gh", "wt/.git", NULL };
		*p; p++)
		expect(strv_has(&plan.readonly, *p));
	expect(!strv_has(&plan.readonly, "sub/.vscode/tasks.json"));
	expect(!strv_has(&plan.pins, "node_modules"));
	for (size_t i = 1; i < plan.pins.n; i++)
		expect(strcmp(plan.pins.v[i - 1], plan.pins.v[i]) < 0);
}

TEST(ordinary_work_is_left_alone)
{
	auto_world struct world w;

	world_make(&w);
	must("echo 'echo mine' > .git/hooks/pre-push; git config core.editor ./mine; "
	     "mkdir .vscode;"
	     "echo x > .vscode/settings.json; mkdir node_modules");
	begin(&w);
	must("git remote add o https://example.org/x.git; git checkout -qb x; echo b > a;"
	     "git commit -qam b; git worktree add -q ../ws/wt 2>&-; git init -q inner;"
	     "git -C inner commit -q --allow-empty -m x; git clone -q inner copy 2>&-;"
	     "git init -q --bare bare; git config core.pager cat; mkdir -p "
	     "node_modules/p/.vscode;"
	     "echo x > node_modules/p/.vscode/tasks.json; rm .vscode/settings.json;"
	     "git -c protocol.file.allow=always submodule --quiet add ./inner sm 2>&-");
	check(&w);
	expect(w.report.n == 0);
	expect(!guard_pending(w.state));
	must("git -C wt status >&- && git -C sm status >&- && git remote | grep -q o");
}

TEST(new_and_changed_hooks_are_held_back)
{
	auto_world struct world w;

	world_make(&w);
	must("echo old > .git/hooks/pre-push");
	begin(&w);
	must("echo new > .git/hooks/pre-push; echo evil > .git/hooks/post-checkout;"
	     "git init -q later; echo evil > later/.git/hooks/pre-commit;"
	     "git init -q --bare b; echo evil > b/hooks/update; echo x > "
	     "b/hooks/x.sample");
	check(&w);
	expect(w.report.n == 4);
	expect(got(&w, ".git/hooks/pre-push", GUARD_RESTORED));
	expect(got(&w, ".git/hooks/post-checkout", GUARD_HELD));
	expect(got(&w, "later/.git/hooks/pre-commit", GUARD_HELD));
	expect(got(&w, "b/hooks/update", GUARD_HELD));
	holds(w.ws, ".git/hooks/pre-push", "old\n");
	expect(!exists(w.ws, ".git/hooks/post-checkout") &&
		exists(w.ws, "b/hooks/x.sample"));
}

TEST(renaming_the_parent_and_copying_it_back_is_seen)
{
	auto_world struct world w;

	world_make(&w);
	begin(&w);
	must("mv .git x && cp -a x .git && rm -rf x && echo evil > .git/hooks/pre-commit "
	     "&&"
	     "git config core.fsmonitor ./evil");
	check(&w);
	expect(got(&w, ".git/hooks/pre-commit", GUARD_HELD));
	expect(got(&w, ".git/config", GUARD_RESTORED));
	must("! git config core.fsmonitor");
}

TEST(dangerous_keys_are_cut_and_old_values_return)
{
	auto_world struct world w;
	auto_free char *before = NULL, *after = NULL;

	world_make(&w);
	must("git config core.editor ./mine; printf '# kept  \\n[x]\\ty = 1;c\\n' >> "
	     ".git/config");
	before = slurp(w.ws, ".git/config");
	begin(&w);
	must("git config core.sshCommand evil; git config core.fsmonitor ./evil;"
	     "git config include.path ../evil");
	check(&w);
	after = slurp(w.ws, ".git/config");
	expect(w.report.n == 1);
	must("! git config core.sshCommand && ! git config include.path &&"
	     "test \"$(git config core.editor)\" = ./mine && git config x.y >&-");
	expect(strstr(after, "# kept  \n[x]\ty = 1;c\n"));
	begin(&w);
	must("git config core.editor ./evil; git config user.name kept");
	check(&w);
	must("test \"$(git config core.editor)\" = ./mine && test \"$(git config "
	     "user.name)\" = kept");
}

TEST(malformed_configuration_is_replaced_whole)
{
	auto_world struct world w;
	auto_free char *before = NULL;

	world_make(&w);
	before = slurp(w.ws, ".git/config");
	begin(&w);
	must("printf '[core]\\n\\tfsmonitor = ./evil\\n[\\n' >> .git/config");
	check(&w);
	expect(got(&w, ".git/config", GUARD_RESTORED));
	holds(w.ws, ".git/config", before);
	begin(&w);
	must("cp .git/config ../cfg; rm .git/config; ln -s ../../cfg .git/config");
	check(&w);
	expect(got(&w, ".git/config", GUARD_RESTORED));
	holds(w.ws, ".git/config", before);
}

TEST(start_up_files_are_held_back_wherever_they_are)
{
	auto_world struct world w;

	world_make(&w);
	must("mkdir -p .claude s; echo old > .claude/settings.json; echo old > s/.envrc");
	begin(&w);
	must("echo evil > .claude/settings.json; echo evil > s/.envrc; mkdir -p "
	     "d/.vscode .config;"
	     "echo evil > d/.vscode/tasks.json; ln -s /etc/passwd .bashrc; ln -s ../out "
	     ".idea;"
	     "rmdir .config; ln -s elsewhere .config; echo x > 'd/.zshrc'; mkdir "
	     ".gdbinit");
	check(&w);
	expect(got(&w, ".claude/settings.json", GUARD_RESTORED));
	expect(got(&w, "s/.envrc", GUARD_RESTORED));
	expect(got(&w, "d/.vscode/tasks.json", GUARD_HELD));
	expect(got(&w, ".bashrc", GUARD_HELD) && got(&w, ".idea", GUARD_HELD));
	expect(got(&w, ".config", GUARD_HELD) && got(&w, "d/.zshrc", GUARD_HELD));
	expect(w.report.n == 7);
	holds(w.ws, "s/.envrc", "old\n");
	holds(w.ws, ".claude/settings.json", "old\n");
}

TEST(links_that_lead_git_elsewhere_are_held_back)
{
	auto_world struct world w;

	world_make(&w);
	must("git init -q good; git init -q ../outside; git worktree add -q wt 2>&-");
	begin(&w);
	must("mkdir l b c d; echo 'gitdir: ../../outside/.git' > l/.git; ln -s "
	     "../good/.git b/.git;"
	     "echo 'gitdir: ../good/.git' > c/.git; mkdir evil; echo 'gitdir: ../evil' > "
	     "d/.git;"
	     "echo ref: refs/heads/x > evil/HEAD; echo ../elsewhere > evil/commondir;"
	     "echo gitdir: ../../outside/.git > wt/.git");
	check(&w);
	expect(got(&w, "l/.git", GUARD_HELD) && got(&w, "b/.git", GUARD_HELD));
	expect(!got(&w, "c/.git", GUARD_HELD) && exists(w.ws, "c/.git"));
	expect(got(&w, "evil/commondir", GUARD_HELD));
	expect(got(&w, "wt/.git", GUARD_RESTORED));
	expect(w.report.n == 4);
}

TEST(the_commondir_of_a_real_worktree_stays)
{
	auto_world struct world w;

	world_make(&w);
	begin(&w);
	must("git worktree add -q wt 2>&-; mkdir -p .git/worktrees/w2; cp -a "
	     ".git/worktrees/wt/* "
	     ".git/worktrees/w2/; echo ../../../evil > .git/worktrees/w2/commondir");
	check(&w);
	expect(w.report.n == 1 && got(&w, ".git/worktrees/w2/commondir", GUARD_HELD));
}

TEST(a_hooks_directory_that_becomes_a_link_is_held_back)
{
	auto_world struct world w;

	world_make(&w);
	must("mkdir -p gh; echo old > gh/pre-commit; git config core.hooksPath gh;"
	     "echo '[x]y=1' > inc; git config include.path ../inc");
	begin(&w);
	must("mv .git/hooks .git/h2; ln -s ../evil .git/hooks; mv gh gone; ln -s evil "
	     "gh; mkdir evil;"
	     "echo evil > evil/pre-commit; printf '[core]\\nfsmonitor = "
	     "./evil\\n[z]a=b\\n' >> inc");
	check(&w);
	expect(got(&w, ".git/hooks", GUARD_HELD) && got(&w, "gh", GUARD_HELD));
	expect(got(&w, "inc", GUARD_RESTORED));
	expect(!exists(w.ws, "gh"));
	holds(w.ws, "inc", "[x]y=1\n[core]\n[z]a=b\n");
}

TEST(hooks_in_a_configured_directory_are_restored)
{
	auto_world struct world w;

	world_make(&w);
	must("mkdir -p gh; echo old > gh/pre-commit; git config core.hooksPath gh");
	begin(&w);
	must("echo evil > gh/pre-commit; echo evil > gh/post-merge; git config --unset "
	     "core.hooksPath");
	check(&w);
	expect(got(&w, "gh/pre-commit", GUARD_RESTORED) &&
		got(&w, "gh/post-merge", GUARD_HELD));
}

TEST(file_capabilities_are_taken_off)
{
	/* struct vfs_cap_data: version 2, effective; all that could be asked for */
	static const unsigned char caps[20] = { 1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff };
	auto_world struct world w;
	char path[PATH_MAX];

	world_make(&w);
	begin(&w);
	must("touch c; chmod 755 c");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/c", w.ws);
	if (setxattr(path, "security.capability", caps, sizeof(caps), 0) < 0)
		test_skip("file capabilities take root");
	check(&w);
	expect(got(&w, "c", GUARD_STRIPPED));
	expect(getxattr(path, "security.capability", NULL, 0) < 0);
}

TEST(setuid_bits_and_rebase_commands_and_escapes_are_found)
{
	auto_world struct world w;
	struct stat st;

	world_make(&w);
	must("touch old; chmod 4755 old; touch -d 2001-01-01 old");
	w.at.avoid = w.path;
	(void)usleep(100 * 1000);
	begin(&w);
	must("touch s g; chmod 4755 s; chmod 2755 g; mkdir .git/rebase-merge;"
	     "printf 'pick 1\\n exec evil\\n' > .git/rebase-merge/git-rebase-todo;"
	     "ln -s ../private esc; ln -s /usr fine; ln -s /proc/self/cwd/../private "
	     "esc2");
	check(&w);
	expect(got(&w, "s", GUARD_STRIPPED) && got(&w, "g", GUARD_STRIPPED));
	expect(got(&w, ".git/rebase-merge/git-rebase-todo", GUARD_HELD));
	expect(got(&w, "esc", GUARD_HELD) && got(&w, "esc2", GUARD_HELD) &&
		exists(w.ws, "fine"));
	expect(fstatat(w.ws, "s", &st, 0) == 0 && (st.st_mode & 07777) == 0755);
	expect(fstatat(w.ws, "old", &st, 0) == 0 && (st.st_mode & 07777) == 04755);
}

TEST(hostile_names_and_unlistable_directories_hide_nothing)
{
	auto_world struct world w;

	world_make(&w);
	begin(&w);
	must("d=$(printf 'n\\n\\033[31m'); mkdir \"$d\"; echo x > \"$d/.envrc\"; mkdir "
	     "hid;"
	     "echo x > hid/.envrc; chmod 311 hid; d=deep; for i in $(seq 300); do "
	     "d=$d/d; done;"
	     "mkdir -p $d; echo x > $d/.envrc; mkfifo .profile; mkdir -p none; chmod 0 "
	     "none");
	check(&w);
	must("chmod 755 none");
	expect(got(&w, "n\n\033[31m/.envrc", GUARD_HELD) &&
		got(&w, "hid/.envrc", GUARD_HELD));
	expect(w.report.n == 3);
	expect(w.report.skipped == 0); /* the mode of "none" is in nobody's way either */
	must("test $(stat -c %%a hid) = 311");
}

TEST(a_file_too_large_to_copy_is_set_aside)
{
	auto_world struct world w;
	struct guard_held *list;
	struct err e = { 0 };
	size_t n;

	world_make(&w);
	begin(&w);
	must("truncate -s 10G .bashrc");
	check(&w);
	expect(got(&w, ".bashrc", GUARD_HELD) && !exists(w.ws, ".bashrc"));
	expect(guard_held_list(w.held, &list, &n, &e) == 0 && n == 1);
	expect(guard_release(&w.at, w.held, list[0].id, &e) == 0);
	expect(exists(w.ws, ".bashrc"));
	guard_held_clear(&list[0]);
	free(list);
}

TEST(what_is_held_can_be_released_or_dropped)
{
	auto_world struct world w;
	struct guard_held *list;
	struct err e = { 0 };
	size_t n;

	world_make(&w);
	begin(&w);
	must("git config alias.st '!evil \"x\"'; printf 'a\\0b' > .envrc; chmod 755 "
	     ".envrc;"
	     "ln -s 'some where' .bashrc; echo x > .zshrc");
	check(&w);
	expect(guard_held_list(w.held, &list, &n, &e) == 0 && n == 4);
	expect_str(list[0].path, ".bashrc");
	expect_str(list[2].path, ".git/config");
	expect_str(list[2].workspace, w.ws_path);
	expect_str(list[2].text, "[alias]\n\tst = \"!evil \\\"x\\\"\"\n");
	for (size_t i = 0; i < 3; i++)
		expect(guard_release(&w.at, w.held, list[i].id, &e) == 0);
	expect(guard_drop(w.held, list[3].id, &e) == 0);
	must("test \"$(git config alias.st)\" = '!evil \"x\"' && test -x .envrc &&"
	     "test $(wc -c < .envrc) = 3 && test \"$(readlink .bashrc)\" = 'some where' "
	     "&&"
	     "! test -e .zshrc && rmdir ../held");
	expect(guard_release(&w.at, w.held, "../x", &e) == -EINVAL);
	expect(guard_release(&w.at, w.held, "77", &e) == -ENOENT);
	for (size_t i = 0; i < n; i++)
		guard_held_clear(&list[i]);
	free(list);
}

TEST(a_check_can_be_repeated_and_a_damaged_state_is_an_error)
{
	auto_world struct world w;
	struct err e = { 0 };

	world_make(&w);
	begin(&w);
	must("cp -a ../state ../state2; echo x > .envrc");
	check(&w);
	expect(w.report.n == 1);
	must("cp ../state2/* ../state/");
	check(&w);
	expect(w.report.n == 0);
	expect(guard_check(&w.at, w.state, w.held, &w.report, &e) == -ENOENT);
	must("head -c 100 ../state2/guard.json > ../state/guard.json; touch "
	     "../state/guard.data");
	expect(guard_check(&w.at, w.state, w.held, &w.report, &e) < 0);
}

TEST(a_partial_baseline_holds_back_only_what_changed_since)
{
	auto_world struct world w;
	AUTO(guard_state_clear) struct guard_state s = { 0 };
	struct err e = { 0 };

	world_make(&w);
	must("mkdir old; echo mine > old/.envrc");
	(void)usleep(100 * 1000);
	begin(&w);
	expect(guard_state_load(w.state, &s, &e) == 0);
	s.partial = true;
	guard_scan_clear(&s.scan);
	expect(guard_state_save(w.state, &s, &e) == 0);
	must("echo evil > .envrc");
	check(&w);
	expect(got(&w, ".envrc", GUARD_HELD) && exists(w.ws, "old/.envrc"));
}

static void check_inside(void *arg)
{
	struct world *w = arg;

	w->at.uid = 1000;
	w->at.gid = 1000;
	check(w);
	if (w->report.n != 3 || !got(w, "p/.envrc", GUARD_HELD) ||
		!got(w, "p/s", GUARD_STRIPPED) || !got(w, ".profile", GUARD_RESTORED))
		_exit(1);
}

TEST(in_a_user_namespace_subordinate_files_are_in_reach)
{
	auto_world struct world w;

	world_make(&w);
	must("echo old > .profile");
	begin(&w);
	must("mkdir p; echo evil > p/.envrc; touch p/s; chmod 700 p; echo evil > "
	     ".profile");
	if (geteuid() == 0)
		must("chown -hR %d:%d ..; chown -R %d:%d p; chmod 4755 p/s", TEST_UID,
			TEST_UID, TEST_RANGE, TEST_RANGE);
	in_userns(check_inside, &w);
	must("test $(stat -c %%u .profile) = %d && test -d p", TEST_UID);
}

TEST(private_files_within_the_workspace_are_not_searched)
{
	auto_world struct world w;
	char avoid[128];

	world_make(&w);
	(void)snprintf(avoid, sizeof(avoid), "%s/state/brig", w.ws_path);
	w.at.avoid = avoid;
	must("mkdir -p state/brig");
	begin(&w);
	must("touch state/brig/.bashrc state/.bashrc; ln -s state/brig esc");
	check(&w);
	expect(w.report.n == 2 && got(&w, "state/.bashrc", GUARD_HELD));
	expect(got(&w, "esc", GUARD_HELD) && exists(w.ws, "state/brig/.bashrc"));
}
