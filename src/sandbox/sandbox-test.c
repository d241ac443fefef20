/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include "base/err.h"
#include "base/file.h"
#include "base/test.h"

#include <sys/file.h>
#include <sys/wait.h>

static char home[] = "/tmp/brig-sandbox.XXXXXX";

static void begin(void)
{
	expect(mkdtemp(home));
	expect(setenv("BRIG_HOME", home, 1) == 0);
}

static void end(void)
{
	expect(file_remove_tree(AT_FDCWD, home, NULL) == 0);
}

static void fill(struct record *r, const char *name)
{
	static const struct {
		size_t at;
		const char *text;
	} strings[] = { { offsetof(struct record, id), "0123" },
		{ offsetof(struct record, wall), "chroot" },
		{ offsetof(struct record, cwd), "/" },
		{ offsetof(struct record, home), "/root" },
		{ offsetof(struct record, hostname), "h" },
		{ offsetof(struct record, net), "none" },
		{ offsetof(struct record, root.image), "host" } };

	*r = (struct record){ 0 };
	expect(str_set(&r->name, name) == 0 && strv_add(&r->argv, "true") == 0);
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		expect(str_set((char **)(void *)((char *)r + strings[i].at),
			       strings[i].text) == 0);
}

static void create(const char *name, struct sandbox *s)
{
	struct record r;

	fill(&r, name);
	expect(sandbox_create(&r, s, NULL) == 0);
	expect(!r.name); /* taken over */
}

TEST(one_that_is_made_is_found)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT, again = SANDBOX_INIT;
	auto_strv struct strv names = { 0 };

	begin();
	expect(sandbox_names(&names, NULL) == 0 && names.n == 0);
	create("one", &s);
	expect(sandbox_open("one", &again, NULL) == 0);
	expect_str(again.rec.id, "0123");
	expect(sandbox_names(&names, NULL) == 0 && names.n == 1);
	expect(sandbox_status(&again, NULL, NULL) == SANDBOX_CREATED);
	end();
}

TEST(a_name_that_is_taken_is_refused_and_nothing_changes)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT, other = SANDBOX_INIT;
	auto_record struct record r = { 0 };
	struct err e = { 0 };

	begin();
	create("one", &s);
	fill(&r, "one");
	expect(sandbox_create(&r, &other, &e) == -EEXIST);
	expect(strstr(e.msg, "'one'") && strstr(e.hint, "brig rm one"));
	expect(r.name); /* still the caller's */
	expect(faccessat(s.dir, "record.json", F_OK, 0) == 0);
	end();
}

TEST(one_that_is_not_there_names_the_nearest)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT, other = SANDBOX_INIT;
	struct err e = { 0 };

	begin();
	create("claude-web", &s);
	expect(sandbox_open("claude-wed", &other, &e) == -ENOENT);
	expect(strstr(e.msg, "'claude-wed'"));
	expect_str(e.hint, "did you mean 'claude-web'?");
	expect(sandbox_open("../claude-web", &other, &e) == -EINVAL);
	expect(sandbox_open("..", &other, &e) == -EINVAL);
	end();
}

TEST(a_bad_record_is_told_from_a_missing_one)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT, other = SANDBOX_INIT;
	struct err e = { 0 };

	begin();
	create("one", &s);
	expect(file_replace(s.dir, "record.json", "{", 1, 0600, 0, NULL) == 0);
	expect(sandbox_open("one", &other, &e) == -EBADMSG);
	expect(strstr(e.msg, "'one'") && strstr(e.hint, "rm --force one"));
	expect(unlinkat(s.dir, "record.json", 0) == 0);
	expect(sandbox_open("one", &other, &e) == -EBADMSG);
	expect(strstr(e.msg, "half-made"));
	expect(sandbox_open_raw("one", &other, NULL) == 0 && !other.rec.name);
	end();
}

TEST(a_record_of_another_name_is_refused)
{
	auto_sandbox struct sandbox a = SANDBOX_INIT, b = SANDBOX_INIT,
				    other = SANDBOX_INIT;
	struct err e = { 0 };

	begin();
	create("a", &a);
	create("b", &b);
	expect(renameat(a.dir, "record.json", b.dir, "record.json") == 0);
	expect(sandbox_open("b", &other, &e) == -EBADMSG);
	expect(strstr(e.msg, "'b'") && strstr(e.msg, "'a'"));
	end();
}

TEST(what_is_on_disk_says_what_it_does)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct run_state run = { .boot_id = (char *)(uintptr_t) "x", .paused = true };
	struct exit_state x = { .status = 7 }, got;
	auto_fd int lock = -1;

	begin();
	create("one", &s);
	expect(sandbox_write_run(&s, &run, NULL) == 0);
	expect(sandbox_status(&s, NULL, NULL) == SANDBOX_CRASHED);
	lock = openat(s.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	expect(flock(lock, LOCK_EX) == 0);
	expect(sandbox_kept(&s) && sandbox_status(&s, NULL, NULL) == SANDBOX_PAUSED);
	run.paused = false;
	expect(sandbox_write_run(&s, &run, NULL) == 0);
	expect(sandbox_status(&s, NULL, NULL) == SANDBOX_RUNNING);
	expect(flock(lock, LOCK_UN) == 0 && unlinkat(s.dir, "run.json", 0) == 0);
	expect(sandbox_write_exit(&s, &x, NULL) == 0);
	expect(sandbox_status(&s, NULL, &got) == SANDBOX_EXITED && got.status == 7);
	json_struct_clear(&exit_schema, &got);
	expect(file_replace(s.dir, "exit.json", "{", 1, 0600, 0, NULL) == 0);
	expect(sandbox_status(&s, NULL, NULL) == SANDBOX_BROKEN);
	/* a run state that can't be read is of a run that did not end well either */
	expect(file_replace(s.dir, "run.json", "{", 1, 0600, 0, NULL) == 0);
	expect(sandbox_status(&s, NULL, NULL) == SANDBOX_CRASHED);
	end();
}

TEST(a_holder_keeps_others_out_until_it_is_released)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT, other = SANDBOX_INIT;
	int status;
	pid_t pid;

	begin();
	create("one", &s); /* held since it was made */
	expect(sandbox_open("one", &other, NULL) == 0);
	expect(flock(other.dir, LOCK_EX | LOCK_NB) < 0);
	pid = fork();
	if (pid == 0)
		_exit(sandbox_hold(&other, NULL) == 0 ? 0 : 1);
	(void)usleep(120000);
	sandbox_release(&s);
	expect(waitpid(pid, &status, 0) == pid && status == 0);
	end();
}

TEST(one_that_was_removed_can_not_be_held)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT, other = SANDBOX_INIT,
				    fresh = SANDBOX_INIT;
	struct err e = { 0 };

	begin();
	create("one", &s);
	expect(sandbox_open("one", &other, NULL) == 0);
	expect(file_remove_tree(AT_FDCWD, s.path, NULL) == 0);
	sandbox_clear(&s);
	create("one", &fresh); /* of the same name, and another */
	expect(sandbox_hold(&other, &e) == -ENOENT);
	expect(strstr(e.msg, "'one'"));
	end();
}

TEST(ids_differ)
{
	char a[33], b[33];

	expect(sandbox_new_id(a, NULL) == 0 && sandbox_new_id(b, NULL) == 0);
	expect(strlen(a) == 32 && strcmp(a, b) != 0);
}
