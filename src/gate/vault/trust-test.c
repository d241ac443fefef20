/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/trust.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "gate/vault/trust-make.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-verbs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char home[] = "/tmp/brig-trust-test.XXXXXX";

static void set_up(void)
{
	struct err e = { 0 };

	expect(mkdtemp(home) && setenv("BRIG_HOME", home, 1) == 0);
	(void)setenv("BRIG_SECRET_KEY", "file", 1);
	expect(vault_crypto_init(&e) == 0);
}

static void tear_down(void)
{
	(void)file_remove_tree(AT_FDCWD, home, NULL);
}

static char *make_box(const char *name)
{
	char *path = str_printf("%s/%s", home, name);

	expect(path && mkdir(path, 0700) == 0);
	return path;
}

static bool has(const char *dir, const char *file)
{
	auto_free char *path = str_printf("%s/" TRUST_DIR "/%s", dir, file);

	return path && access(path, F_OK) == 0;
}

TEST(a_spare_is_taken_once)
{
	struct err e = { 0 };

	set_up();
	auto_free char *one = make_box("one");
	auto_free char *two = make_box("two");

	expect(trust_take(one, &e) == -ENOENT);
	expect(vault_verb_pool(&e) == 0 && vault_verb_pool(&e) == 0);
	expect(trust_spares(&e) == 1);
	expect(trust_take(one, &e) == 0);
	expect(has(one, TRUST_CERT) && has(one, TRUST_KEY) && has(one, TRUST_JKS));
	expect(trust_take(one, &e) == -EEXIST);
	expect(trust_take(two, &e) == -ENOENT && !has(two, TRUST_CERT));
	tear_down();
}

TEST(of_many_takers_each_spare_has_one)
{
	struct err e = { 0 };
	int won = 0, status;

	set_up();
	for (int i = 0; i < 2; i++) {
		auto_free char *spare = NULL;
		auto_vault_store struct vault_store s = { 0 };

		expect(vault_verb_pool(&e) == 0 && vault_store_look(&s, &e) == 0);
		spare = str_printf("%s/data/" TRUST_POOL "/%s-%d", home, s.id, i);
		expect(spare && vault_verb_mint(spare, &e) == 0);
	}
	expect(trust_spares(&e) == 3);
	for (int i = 0; i < 16; i++) {
		if (fork() == 0) {
			char name[16];

			(void)snprintf(name, sizeof(name), "box%d", i);
			auto_free char *box = make_box(name);

			_exit(trust_take(box, &e) == 0 && has(box, TRUST_CERT));
		}
	}
	while (wait(&status) > 0)
		won += status != 0;
	expect(won == 3 && trust_spares(&e) == 0);
	tear_down();
}

TEST(what_is_unfinished_or_of_another_key_is_not_taken)
{
	struct err e = { 0 };

	set_up();
	auto_free char *box = make_box("one");
	auto_free char *pool = str_printf("%s/data/" TRUST_POOL, home);
	auto_vault_store struct vault_store s = { 0 };

	expect(vault_verb_pool(&e) == 0 && trust_take(box, &e) == 0);
	expect(vault_store_look(&s, &e) == 0);
	auto_free char *unfinished = str_printf("%s/%s-aa.bb.tmp", pool, s.id);
	auto_free char *other = str_printf("%s/0000000000000000-aa", pool);

	expect(mkdir(unfinished, 0700) == 0 && mkdir(other, 0700) == 0);
	expect(trust_spares(&e) == 0);
	/* the next fill clears away what is another key's, not what may be in the making */
	expect(vault_verb_pool(&e) == 0 && trust_spares(&e) == 1);
	expect(access(other, F_OK) < 0 && access(unfinished, F_OK) == 0);
	tear_down();
}

TEST(a_trust_directory_is_made_whole_or_not_at_all)
{
	struct err e = { 0 };

	set_up();
	auto_free char *box = make_box("one");
	auto_free char *path = str_printf("%s/" TRUST_DIR, box);

	expect(vault_verb_mint(path, &e) == 0);
	expect(vault_verb_mint(path, &e) == -EEXIST);
	expect(vault_verb_mint("/proc/self/nonexistent/dir", &e) == -ENOENT);
	auto_free char *list = str_printf("ls %s | wc -l | grep -qx 1", box);

	expect(system(list) == 0); /* NOLINT: a test's own path */
	tear_down();
}

/* Roots of a host: the certificate of another trust directory, so many times. */
static char *make_roots(const char *name, const char *from, int times)
{
	auto_free char *pem = str_printf("%s/" TRUST_CERT, from);
	auto_buf struct buf text = { 0 };
	char *path = str_printf("%s/%s", home, name);
	struct err e = { 0 };

	for (int i = 0; i < times; i++)
		expect(file_read(AT_FDCWD, pem, TRUST_ROOTS_MAX, &text, &e) == 0);
	expect(path &&
		file_replace(AT_FDCWD, path, text.data, text.len, 0644, 0, &e) == 0);
	return path;
}

TEST(a_bundle_is_current_until_its_roots_change_in_any_way)
{
	struct err e = { 0 };

	set_up();
	auto_free char *path = str_printf("%s/made", home);
	auto_free char *other = str_printf("%s/other", home);

	expect(vault_verb_mint(path, &e) == 0 && vault_verb_mint(other, &e) == 0);
	auto_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *roots = make_roots("roots", other, 1);
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	/* as it was minted: with the host's */
	expect(trust_is_current(dir, trust_host_bundle()));
	expect(!trust_is_current(dir, roots) &&
		!trust_is_current(dir, "/proc/nonexistent"));
	/* a bundle without its Java store is not done */
	expect(trust_make_bundle(dir, roots, &e) == 0 && !trust_is_current(dir, roots));
	expect(vault_verb_jks(path, &e) == 0 && trust_is_current(dir, roots));
	expect(!trust_is_current(dir, trust_host_bundle()));
	/* a file that was changed and looks older than it was */
	expect(utimensat(AT_FDCWD, roots, times, 0) == 0 &&
		!trust_is_current(dir, roots));
	expect(trust_make_bundle(dir, roots, &e) == 0);
	expect(vault_verb_jks(path, &e) == 0 && trust_is_current(dir, roots));
	expect(unlink(roots) == 0 && !trust_is_current(dir, roots));
	/* roots that can't be read are the start's to complain of */
	expect(trust_make_bundle(dir, roots, &e) == -ENOENT && strstr(e.msg, roots));
	expect(vault_verb_jks("/proc/nonexistent", &e) == -ENOENT);
	tear_down();
}

static bool lists(const char *dir, int entries)
{
	auto_free char *list =
		str_printf("keytool -list -keystore %s/" TRUST_JKS
			   " -storepass " TRUST_PASSWORD " 2>/dev/null >%s/list &&"
			   " grep -q '^brig-sandbox,' %s/list &&"
			   " [ $(grep -c , %s/list) -ge %d ] &&"
			   " grep -q 'contains %d entr' %s/list",
			dir, home, home, home, entries, entries, home);

	return list && system(list) == 0; /* NOLINT: a test's own path */
}

TEST(the_java_trust_store_is_read_by_keytool)
{
	struct err e = { 0 };

	if (system("command -v keytool >/dev/null") != 0)
		test_skip("no keytool here");
	set_up();
	auto_free char *path = str_printf("%s/made", home);
	auto_free char *other = str_printf("%s/other", home);

	expect(vault_verb_mint(path, &e) == 0 && vault_verb_mint(other, &e) == 0);
	auto_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *roots = make_roots("roots", other, 1);

	expect(trust_make_bundle(dir, roots, &e) == 0);
	expect(vault_verb_jks(path, &e) == 0 && lists(path, 2));
	/* no roots at all, and the CA among the roots: it is there once */
	expect(trust_make_bundle(dir, NULL, &e) == 0);
	expect(vault_verb_jks(path, &e) == 0 && lists(path, 1));
	auto_free char *itself = make_roots("itself", path, 2);

	expect(trust_make_bundle(dir, itself, &e) == 0);
	expect(vault_verb_jks(path, &e) == 0 && lists(path, 1));
	tear_down();
}

TEST(the_nss_database_trusts_the_ca_wherever_it_is_moved)
{
	struct err e = { 0 };

	if (system("command -v certutil >/dev/null") != 0)
		test_skip("no certutil here");
	set_up();
	auto_free char *path = str_printf("%s/made", home);
	auto_free char *moved = str_printf("%s/moved", home);
	auto_free char *list = str_printf(
		"certutil -L -d sql:%s/" TRUST_NSSDB " | grep -q 'CA  *C,,'", moved);

	expect(vault_verb_mint(path, &e) == 0 && rename(path, moved) == 0);
	expect(system(list) == 0);
	tear_down();
}
