/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/idmap.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"

#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define FULL_MAP "         0          0 4294967295\n"

static struct idmap_source source_of(uid_t uid, const char *subids)
{
	return (struct idmap_source){ .uid = uid,
		.gid = uid,
		.name = "ann",
		.subuid = subids,
		.subgid = subids,
		.uid_map = FULL_MAP,
		.gid_map = FULL_MAP };
}

static bool range_is(
	struct idmap_range r, uint32_t inside, uint32_t outside, uint32_t count)
{
	return r.inside == inside && r.outside == outside && r.count == count;
}

TEST(a_user_keeps_the_own_id_and_fills_up_from_the_range)
{
	struct idmap_source src = source_of(1001, "ann:100000:65536\n");
	struct err e = { 0 };
	struct idmap m;
	uid_t id;

	expect(idmap_from_source(&src, &m, &e) == 0 && !m.single && !m.root);
	expect(m.uid_n == 3 && m.gid_n == 3);
	expect(range_is(m.uid[0], 0, 100000, 1001));
	expect(range_is(m.uid[1], 1001, 1001, 1));
	expect(range_is(m.uid[2], 1002, 101001, 64534));
	expect(m.work_uid == 1001 && m.work_gid == 1001);
	expect(idmap_inside_uid(&m, 1001, &id) && id == 1001);
	expect(idmap_inside_uid(&m, 101001, &id) && id == 1002);
	expect(idmap_inside_gid(&m, 100000, &id) && id == 0);
	expect(idmap_outside_uid(&m, 65535, &id) && id == 165534);
	expect(!idmap_inside_uid(&m, 0, &id) && !idmap_outside_uid(&m, 65536, &id));
	expect(!idmap_inside_gid(&m, 165535, &id) && !idmap_outside_gid(&m, 70000, &id));
}

TEST(a_short_range_maps_what_there_is)
{
	struct idmap_source src = source_of(1001, "ann:100000:500\n");
	struct idmap m;

	expect(idmap_from_source(&src, &m, NULL) == 0 && m.uid_n == 2);
	expect(range_is(m.uid[0], 0, 100000, 500) && range_is(m.uid[1], 1001, 1001, 1));
	src = source_of(100, "ann:100000:500\n");
	expect(idmap_from_source(&src, &m, NULL) == 0 && m.uid_n == 3);
	expect(range_is(m.uid[2], 101, 100100, 400));
}

TEST(a_caller_above_65535_gets_a_mapping_of_its_own)
{
	struct idmap_source src = source_of(1234567, "1234567:200000:70000\n");
	struct idmap m;

	expect(idmap_from_source(&src, &m, NULL) == 0 && m.uid_n == 2);
	expect(range_is(m.uid[0], 0, 200000, 65536));
	expect(range_is(m.uid[1], 1234567, 1234567, 1));
	expect(m.work_uid == 1234567);
}

TEST(without_a_range_or_helpers_the_map_is_single_and_says_why)
{
	struct idmap_source src = source_of(1001, "bob:100000:65536\n");
	struct idmap m;

	expect(idmap_from_source(&src, &m, NULL) == 0 && m.single && m.uid_n == 1);
	expect(range_is(m.uid[0], 0, 1001, 1) && m.work_uid == 0);
	expect(strstr(m.why, "/etc/subuid"));
	src = source_of(1001, "ann:100000:65536\n");
	src.subgid = "";
	expect(idmap_from_source(&src, &m, NULL) == 0 && m.single);
	expect(strstr(m.why, "/etc/subgid"));
	src = source_of(1001, "ann:100000:65536\n");
	src.no_helpers = "no helpers today";
	expect(idmap_from_source(&src, &m, NULL) == 0 && m.single);
	expect_str(m.why, "no helpers today");
	src.uid_map = "0 100000 65536\n";
	expect(idmap_from_source(&src, &m, NULL) == 0 && m.single);
	expect(strstr(m.why, "namespace"));
}

TEST(root_never_maps_root)
{
	struct idmap_source src = source_of(0, "");
	struct idmap m;
	uid_t id;

	src.name = "root";
	expect(idmap_from_source(&src, &m, NULL) == 0 && m.root && !m.single);
	expect(range_is(m.uid[0], 0, 524288, 65536) && m.uid_n == 1);
	expect(m.work_uid == 0 && m.work_gid == 0 && !idmap_inside_uid(&m, 0, &id));
	src.subuid = src.subgid = "root:1000000:65536\n";
	expect(idmap_from_source(&src, &m, NULL) == 0 && m.root);
	expect(range_is(m.gid[0], 0, 1000000, 65536));
	src.uid_map = "0 1000 1\n1 100000 65536\n";
	expect(idmap_from_source(&src, &m, NULL) == 0 && m.single && !m.root);
}

TEST(tags_tell_maps_apart)
{
	struct idmap_source a = source_of(1001, "ann:100000:65536\n"),
			    b = source_of(1002, "ann:100000:65536\n");
	char ta[IDMAP_TAG_MAX], tb[IDMAP_TAG_MAX];
	struct idmap m;

	expect(idmap_from_source(&a, &m, NULL) == 0);
	expect_str(idmap_tag(&m, ta), "2d78e2e54adedb05");
	expect(idmap_from_source(&b, &m, NULL) == 0);
	expect(strcmp(idmap_tag(&m, tb), ta) != 0);
}

/* The calling user's map, entered; or a skip where user namespaces are forbidden. */
static struct idmap enter_or_skip(void)
{
	struct err e = { 0 };
	struct idmap m;

	expect(idmap_for_caller(&m, &e) == 0);
	if (idmap_enter(&m, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		expect(e.code == EPERM || e.code == ENOSPC || e.code == EUSERS);
		test_skip("this host lets the tester make no user namespace");
	}
	return m;
}

TEST(entering_makes_us_root_of_the_namespace)
{
	struct idmap m = enter_or_skip();
	char dir[] = "/tmp/idmap-test.XXXXXX";
	struct stat st;

	expect(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
	if (m.single)
		expect(setgroups(0, NULL) < 0 && errno == EPERM);
	else
		expect(getgroups(0, NULL) == 0);
	/* its root owns what it makes, and may give it to the working user */
	expect(mkdtemp(dir) && stat(dir, &st) == 0 && st.st_uid == 0);
	expect(chown(dir, m.work_uid, m.work_gid) == 0);
	expect(stat(dir, &st) == 0 && st.st_uid == m.work_uid);
	expect(rmdir(dir) == 0);
}

TEST(a_nested_namespace_has_the_same_ids)
{
	struct idmap m = enter_or_skip();
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };
	char path[64], c = 0;
	pid_t child;
	int go[2];

	expect(pipe(go) == 0);
	child = fork();
	expect(child >= 0);
	if (child == 0) {
		/* tell that the namespace is there, then live until killed */
		c = unshare(CLONE_NEWUSER) == 0;
		(void)!write(go[1], &c, 1);
		for (;;)
			(void)pause();
	}
	expect(read(go[0], &c, 1) == 1 && c == 1);
	if (idmap_write_identity(&m, AT_FDCWD, child, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		expect(false);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	expect(file_read(AT_FDCWD, path, 4096, &b, &e) == 0);
	for (unsigned i = 0; i < m.uid_n; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "%10u %10u %10u\n", m.uid[i].inside,
			m.uid[i].inside, m.uid[i].count);
		expect(strstr(b.data, line));
	}
	expect(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
}

TEST(a_namespace_without_members_can_be_opened)
{
	struct err e = { 0 };
	struct idmap m;
	int fd;

	expect(idmap_for_caller(&m, &e) == 0);
	fd = idmap_open_userns(&m, &e);
	if (fd < 0) {
		fprintf(stderr, "%s\n", e.msg);
		test_skip("this host lets the tester make no user namespace");
	}
	/* everyone but its child may see it; only a member or an owner can enter */
	expect(setns(fd, CLONE_NEWUSER) == 0);
	expect(waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
}
