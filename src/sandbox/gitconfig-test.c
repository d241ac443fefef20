/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/gitconfig.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

#include <dirent.h>

static void parses(const char *text, struct gitconfig *c)
{
	struct err e = { 0 };

	*c = (struct gitconfig){ 0 };
	if (gitconfig_parse(text, strlen(text), c, &e) < 0) {
		fprintf(stderr, "%s: %s\n", text, e.msg);
		exit(1);
	}
}

static void gives(const char *text, const char *key, const char *value)
{
	auto_gitconfig struct gitconfig c;

	parses(text, &c);
	expect(c.n == 1);
	expect_str(c.v[0].key, key);
	expect(str_eq(c.v[0].value, value));
}

static void refused(const char *text)
{
	auto_gitconfig struct gitconfig c = { 0 };
	struct err e = { 0 };

	expect(gitconfig_parse(text, strlen(text), &c, &e) == -EBADMSG);
	expect(c.n == 0);
}

static void cut_leaves(const char *text, const char *key, const char *want)
{
	auto_gitconfig struct gitconfig c;
	auto_buf struct buf out = { 0 };
	bool cut[16] = { false };

	parses(text, &c);
	expect(c.n <= 16);
	for (size_t i = 0; i < c.n; i++)
		cut[i] = strcmp(c.v[i].key, key) == 0;
	expect(gitconfig_cut(text, strlen(text), &c, cut, &out) == 0);
	expect_str(out.data, want);
}

static bool dangerous(const char *text)
{
	auto_gitconfig struct gitconfig c;

	parses(text, &c);
	expect(c.n == 1);
	return gitconfig_danger(&c.v[0]) != NULL;
}

TEST(sections_subsections_and_case)
{
	gives("[Core]\n\tFsMonitor = X\n", "core.fsmonitor", "X");
	gives("[remote \"Or.Igin\"] URL=u", "remote.Or.Igin.url", "u");
	gives("[A.Sub]\nk", "a.sub.k", NULL);
	gives("[a \"q\\\"b\\\\c\\d\"]k=", "a.q\"b\\cd.k", "");
	gives("[a][b]k=1", "b.k", "1");
	gives("k=1", "k", "1");
}

TEST(values_comments_and_continuations)
{
	gives("[a]k = v  # c", "a.k", "v");
	gives("[a]k = \"v # c\" ; d", "a.k", "v # c");
	gives("[a]k = one \\\n\ttwo", "a.k", "one  two");
	gives("[a]k = one \\\r\n two\r\n", "a.k", "one  two");
	gives("[a]k = \\t\\n\\b\\\\\\\"", "a.k", "\t\n\b\\\"");
	gives("[a]# k = 1 \\\nj = 2", "a.j", "2");
	gives("\xef\xbb\xbf[a]k=1", "a.k", "1");
	gives("[a]k = v\\", "a.k", "v");
}

TEST(what_git_refuses_is_refused)
{
	refused("[a]k = \"open\n");
	refused("[a]k = \\x\n");
	refused("[a\n]k=1");
	refused("[a \"b\n\"]k=1");
	refused("[a \"b\" ]k=1");
	refused("[a b]k=1");
	refused("[]k=1");
	refused("[a]-k=1");
	refused("[a]k_=1");
	refused("[a]k 1");
	refused("\xef\xbb[a]k=1");
}

TEST(a_nul_byte_is_refused)
{
	auto_gitconfig struct gitconfig c = { 0 };
	struct err e = { 0 };

	expect(gitconfig_parse("[a]k=\0x", 8, &c, &e) == -EBADMSG);
}

TEST(cutting_leaves_the_rest_byte_for_byte)
{
	cut_leaves("[a]\n\tx = 1\n\ty = 2\n# end\n", "a.x", "[a]\n\ty = 2\n# end\n");
	cut_leaves("[a] x = 1\n\ty = 2\n", "a.x", "[a] \n\ty = 2\n");
	cut_leaves("[a] x = 1\r\ny = 2\r\n", "a.x", "[a] \r\ny = 2\r\n");
	cut_leaves("[a]\nx = 1 \\\n  2 \\\n  3\ny = 4", "a.x", "[a]\ny = 4");
	cut_leaves("[a]\ny = 4\nx = 1", "a.x", "[a]\ny = 4\n");
	cut_leaves("[a]\nx\nx=2\ny\nx=3\n", "a.x", "[a]\ny\n");
	cut_leaves("\xef\xbb\xbfk=1\n[a]\n", "k", "\xef\xbb\xbf\n[a]\n");
}

TEST(an_entry_written_out_reads_back)
{
	struct gitconfig_entry entry = { .key = (char[]){ "a.S \"x\\.\ty.name" },
		.value = (char[]){ " lead # ; \"q\" \\ \n\ttail " } };
	auto_buf struct buf out = { 0 };

	expect(gitconfig_write(&entry, &out) == 0);
	gives(out.data, entry.key, entry.value);
}

TEST(keys_that_run_commands_are_named)
{
	static const char *const bad[] = { "[core]hooksPath=.evil", "[CORE]HOOKSPATH=x",
		"[core]fsmonitor=./evil", "[core]sshCommand=x", "[core]editor=./e",
		"[core]pager=sh x", "[pager]log=./x", "[alias]st=!x",
		"[alias]st=rebase -x y", "[diff]external=x", "[diff \"d\"]command=x",
		"[diff \"d\"]textconv=x", "[merge \"m\"]driver=x",
		"[mergetool \"m\"]cmd=x", "[filter \"f\"]clean=x",
		"[filter \"f\"]process=x", "[filter \"lfs\"]clean=evil",
		"[credential]helper=!x", "[credential \"u\"]helper=x", "[gpg]program=x",
		"[gpg \"ssh\"]program=x", "[include]path=x",
		"[includeIf \"gitdir:x\"]path=y", "[remote \"o\"]uploadpack=x",
		"[remote \"o\"]url=ext::sh -c x",
		"[url \"ext::sh -c x\"]insteadOf=https://",
		"[protocol \"ext\"]allow=always", "[protocol]allow=user",
		"[submodule \"s\"]update=!x", "[core]worktree=/", "[sequence]editor=x",
		"[sendemail \"i\"]toCmd=x", "[trailer \"t\"]cmd=x",
		"[tar \"x\"]command=x", "[core]askPass=x", "[core]gitProxy=x",
		"[interactive]diffFilter=x", "[hook \"x\"]command=y",
		"[gc]recentObjectsHook=x", "[init]templateDir=x" };
	static const char *const good[] = { "[core]bare=false", "[core]fsmonitor=true",
		"[core]fsmonitor", "[core]pager=cat", "[core]editor=vim",
		"[pager]log=false", "[remote \"o\"]url=https://example.org/a.git",
		"[remote \"o\"]url=git@h:a/b.git", "[branch \"m\"]merge=refs/heads/m",
		"[filter \"lfs\"]clean=git-lfs clean -- %f",
		"[filter \"lfs\"]required=true", "[submodule \"s\"]update=rebase",
		"[credential]helper=", "[user]name=x", "[extensions]worktreeConfig=true",
		"[protocol \"ext\"]allow=never", "[x]hooksPath=y",
		"[url \"https://a/\"]insteadOf=b:" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!dangerous(bad[i])) {
			fprintf(stderr, "not seen: %s\n", bad[i]);
			exit(1);
		}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (dangerous(good[i])) {
			fprintf(stderr, "falsely seen: %s\n", good[i]);
			exit(1);
		}
}

/* What git itself lists: "key\nvalue\0" or "key\0" for a key without a value. */
static int git_lists(const char *file, struct buf *out)
{
	auto_free char *cmd =
		str_printf("git config -z --no-includes --list --file '%s' 2>&-", file);
	FILE *p = cmd ? popen(cmd, "re") : NULL;

	expect(p);
	while (buf_read(out, fileno(p), 65536) > 0)
		;
	return pclose(p);
}

static void compare_with_git(const char *dir, const char *name)
{
	auto_free char *path = str_printf("%s/%s", dir, name);
	auto_buf struct buf theirs = { 0 }, ours = { 0 }, text = { 0 };
	auto_gitconfig struct gitconfig c = { 0 };
	struct err e = { 0 };
	int status = git_lists(path, &theirs);

	expect(file_read(AT_FDCWD, path, GITCONFIG_SIZE_MAX, &text, &e) == 0);
	if (gitconfig_parse(text.data, text.len, &c, &e) < 0) {
		fprintf(stderr, "# %s: %s\n", name, e.msg);
		expect(status != 0);
		return;
	}
	if (status != 0)
		fprintf(stderr, "git refuses %s\n", name);
	expect(status == 0);
	for (size_t i = 0; i < c.n; i++) {
		expect(buf_addf(&ours, "%s", c.v[i].key) == 0);
		if (c.v[i].value)
			expect(buf_addf(&ours, "\n%s", c.v[i].value) == 0);
		expect(buf_add(&ours, "", 1) == 0);
	}
	if (ours.len != theirs.len ||
		(ours.len && memcmp(ours.data, theirs.data, ours.len))) {
		fprintf(stderr, "%s differs\n", name);
		exit(1);
	}
}

TEST(git_itself_reads_the_seeds_the_same)
{
	DIR *dir;
	size_t n = 0;

	if (system("git --version >&- 2>&-") != 0)
		test_skip("no git to compare with");
	dir = opendir(SEEDS "/gitconfig");
	expect(dir);
	for (struct dirent *d; (d = readdir(dir));)
		if (d->d_name[0] != '.') {
			compare_with_git(SEEDS "/gitconfig", d->d_name);
			n++;
		}
	(void)closedir(dir);
	expect(n > 10);
}
