/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/trust-make.h"

#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "gate/vault/trust.h"
#include "gate/vault/vault-ca.h"
#include "gate/vault/vault-run.h"
#include "gate/vault/vault-text.h"

#include <dirent.h>
#include <time.h>

#define CERTUTIL         "certutil"
#define CERTUTIL_WAIT_MS 10000
#define STALE_S          3600 /* nobody takes this long to make one */

static int write_ca(
	int dir, const struct vault_ca *ca, const uint8_t *master, struct err *e)
{
	auto_buf struct buf pem = { 0 }, key = { 0 };
	int r = vault_ca_pem(ca, &pem, e);

	if (r == 0)
		r = vault_ca_seal(ca, master, &key, e);
	if (r == 0)
		r = file_replace(
			dir, TRUST_CERT, pem.data, pem.len, 0644, FILE_DURABLE, e);
	if (r == 0)
		r = file_replace(
			dir, TRUST_KEY, key.data, key.len, 0600, FILE_DURABLE, e);
	return r;
}

int trust_make_jks(int dir, struct err *e)
{
	auto_buf struct buf bundle = { 0 }, ca = { 0 }, jks = { 0 };
	int r = file_read(dir, TRUST_BUNDLE, TRUST_ROOTS_MAX, &bundle, e);

	if (r == 0)
		r = file_read(dir, TRUST_CERT, TRUST_ROOTS_MAX, &ca, e);
	if (r == 0)
		r = trust_jks(&bundle, &ca, &jks, e);
	return r < 0 ? r : file_replace(dir, TRUST_JKS, jks.data, jks.len, 0644, 0, e);
}

/* With the roots that most starts will want; others make them anew. */
static int write_roots(int dir, struct err *e)
{
	struct err quiet;
	int r = trust_make_bundle(dir, trust_host_bundle(), &quiet);

	/* a host whose roots can't be read has none, and a start says so */
	if (r < 0)
		r = trust_make_bundle(dir, NULL, e);
	return r == 0 ? trust_make_jks(dir, e) : r;
}

static int certutil(const char *verb, const char *db, const char *pem, struct err *e)
{
	char *argv[] = { (char *)(uintptr_t)CERTUTIL, (char *)(uintptr_t)verb,
		(char *)(uintptr_t) "-d", (char *)(uintptr_t)db,
		(char *)(uintptr_t)(pem ? "-n" : "--empty-password"),
		(char *)(uintptr_t)(pem ? "brig sandbox CA" : NULL),
		(char *)(uintptr_t) "-t", (char *)(uintptr_t) "C,,",
		(char *)(uintptr_t) "-i", (char *)(uintptr_t)pem, NULL };
	struct vault_run run = { .argv = argv, .wait_ms = CERTUTIL_WAIT_MS };

	return vault_run(&run, e);
}

/*
 * Chromium and Firefox inside read it. What is quiet here is so on purpose: without it they
 * refuse opened connections, and say so.
 */
static int write_nssdb(int dir, const char *path, struct err *e)
{
	static const char *const files[] = { TRUST_NSSDB "/cert9.db",
		TRUST_NSSDB "/key4.db", TRUST_NSSDB "/pkcs11.txt" };
	auto_free char *db = str_printf("sql:%s/" TRUST_NSSDB, path);
	auto_free char *pem = str_printf("%s/" TRUST_CERT, path);
	struct err quiet;

	if (!vault_run_there(CERTUTIL))
		return 0;
	if (!db || !pem)
		return err_set(e, ENOMEM, "out of memory");
	if (mkdirat(dir, TRUST_NSSDB, 0700) < 0)
		return err_sys(e, "make '%s'", TRUST_NSSDB);
	if (certutil("-N", db, NULL, &quiet) != 0 || certutil("-A", db, pem, &quiet) != 0)
		return file_remove_tree(dir, TRUST_NSSDB, e);
	/* certutil keeps them to itself; inside they are for every user */
	if (fchmodat(dir, TRUST_NSSDB, 0755, 0) < 0)
		return err_sys(e, "permissions of '%s'", TRUST_NSSDB);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (fchmodat(dir, files[i], 0644, 0) < 0 && errno != ENOENT)
			return err_sys(e, "permissions of '%s'", files[i]);
	return 0;
}

static int fill(const char *path, const uint8_t *master, struct err *e)
{
	auto_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_vault_ca struct vault_ca ca = { 0 };
	int r = dir < 0 ? err_sys(e, "open '%s'", path) : vault_ca_make(&ca, e);

	if (r == 0)
		r = write_ca(dir, &ca, master, e);
	if (r == 0)
		r = write_roots(dir, e);
	if (r == 0)
		r = write_nssdb(dir, path, e);
	if (r == 0 && fsync(dir) < 0)
		r = err_sys(e, "sync '%s'", path);
	return r;
}

int trust_make(const char *path, const uint8_t master[VAULT_KEY_LEN], struct err *e)
{
	uint8_t tag[4];
	auto_free char *hex = NULL, *tmp = NULL;
	int r = vault_random(tag, sizeof(tag), e);

	if (r < 0)
		return r;
	hex = vault_to_hex(tag, sizeof(tag));
	tmp = hex ? str_printf("%s.%s.tmp", path, hex) : NULL;
	if (!tmp)
		return err_set(e, ENOMEM, "out of memory");
	if (mkdir(tmp, 0700) < 0)
		return err_sys(e, "make directory '%s'", tmp);
	r = fill(tmp, master, e);
	/* not over one that is there: a sandbox may trust it already */
	if (r == 0 && renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = err_sys(e, "make '%s'", path);
	if (r < 0)
		(void)file_remove_tree(AT_FDCWD, tmp, NULL);
	return r < 0 ? err_wrap(e, "certificate authority") : 0;
}

/* What a maker that died left, and spares that a key which is gone sealed. */
static void tidy(int pool, const char *id)
{
	time_t now = time(NULL);
	int fd = fcntl(pool, F_DUPFD_CLOEXEC, 3);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *at;

	while (d && (at = readdir(d))) {
		bool ours = strncmp(at->d_name, id, TRUST_ID_LEN) == 0;
		struct stat st;

		if (at->d_name[0] == '.' || (ours && !strchr(at->d_name, '.')) ||
			fstatat(pool, at->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!ours || st.st_mtime + STALE_S < now)
			(void)file_remove_tree(pool, at->d_name, NULL);
	}
	if (d)
		(void)closedir(d);
}

int trust_fill_pool(const char *id, const uint8_t master[VAULT_KEY_LEN], struct err *e)
{
	auto_fd int pool = dirs_open(DIR_DATA, TRUST_POOL, e);
	auto_free char *dir = dirs_path_in(DIR_DATA, TRUST_POOL), *hex = NULL,
		       *path = NULL;
	uint8_t tag[8];
	int r = pool < 0 ? pool : trust_spares(e);

	if (r != 0)
		return r < 0 ? r : 0;
	tidy(pool, id);
	r = vault_random(tag, sizeof(tag), e);
	if (r < 0)
		return r;
	hex = vault_to_hex(tag, sizeof(tag));
	path = dir && hex ? str_printf("%s/%s-%s", dir, id, hex) : NULL;
	return path ? trust_make(path, master, e) : err_set(e, ENOMEM, "out of memory");
}
