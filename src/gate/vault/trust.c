/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/trust.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "gate/vault/vault-store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

const char *trust_host_bundle(void)
{
	static const char *const paths[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Alpine, Gentoo */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
		"/etc/ssl/ca-bundle.pem",             /* openSUSE */
		"/etc/ssl/cert.pem",                  /* Alpine, the BSDs */
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (access(paths[i], R_OK) == 0)
			return paths[i];
	return NULL;
}

/* The first line of a bundle: whatever happens to a file, its time of change moves on. */
static int add_origin(const char *roots, struct buf *out)
{
	struct stat st;

	if (!roots || stat(roots, &st) < 0)
		return buf_add_str(out, "# roots of nowhere\n");
	return buf_addf(out, "# roots of %s: %lld bytes, changed %lld.%09ld\n", roots,
		(long long)st.st_size, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

bool trust_is_current(int dir, const char *roots)
{
	auto_fd int fd =
		openat(dir, TRUST_BUNDLE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	auto_buf struct buf line = { 0 };
	auto_free char *found = NULL;

	if (fd < 0 || add_origin(roots, &line) < 0 ||
		faccessat(dir, TRUST_JKS, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	found = malloc(line.len);
	return found && read(fd, found, line.len) == (ssize_t)line.len &&
		memcmp(found, line.data, line.len) == 0;
}

int trust_make_bundle(int dir, const char *roots, struct err *e)
{
	auto_buf struct buf text = { .max = TRUST_ROOTS_MAX };
	int r = 0;

	/* the other is made from this one, and one without the other isn't current */
	if (unlinkat(dir, TRUST_JKS, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '" TRUST_JKS "'");
	/* before the file is read: of a change meanwhile the next look is to know */
	if (add_origin(roots, &text) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (roots)
		r = file_read(AT_FDCWD, roots, TRUST_ROOTS_MAX, &text, e);
	if (r == 0 && text.data[text.len - 1] != '\n' && buf_add_str(&text, "\n") < 0)
		r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = file_read(dir, TRUST_CERT, TRUST_ROOTS_MAX, &text, e);
	return r == 0 ? file_replace(dir, TRUST_BUNDLE, text.data, text.len, 0644, 0, e)
		      : r;
}

struct pool {
	DIR *dir; /* NULL: there is none */
	struct vault_store store;
};

static void pool_close(struct pool *p)
{
	if (p->dir)
		(void)closedir(p->dir);
	vault_store_clear(&p->store);
}

static int pool_open(struct pool *p, struct err *e)
{
	auto_free char *path = dirs_path_in(DIR_DATA, TRUST_POOL);
	int r = path ? 0 : err_set(e, ENOENT, "no directory for data");

	if (r == 0)
		r = vault_store_look(&p->store, e);
	if (r < 0)
		return r;
	p->dir = p->store.id ? opendir(path) : NULL;
	if (!p->dir && p->store.id && errno != ENOENT)
		return err_sys(e, "open '%s'", path);
	return 0;
}

/* STORE-HEX; what is being made has another name. */
static const char *pool_next(struct pool *p)
{
	struct dirent *d;

	while (p->dir && (d = readdir(p->dir)))
		if (strlen(d->d_name) > TRUST_ID_LEN + 1 &&
			strncmp(d->d_name, p->store.id, TRUST_ID_LEN) == 0 &&
			d->d_name[TRUST_ID_LEN] == '-' && !strchr(d->d_name, '.'))
			return d->d_name;
	return NULL;
}

int trust_spares(struct err *e)
{
	AUTO(pool_close) struct pool p = { 0 };
	int n = 0, r = pool_open(&p, e);

	while (r == 0 && pool_next(&p))
		n++;
	return r < 0 ? r : n;
}

int trust_take(const char *sandbox_dir, struct err *e)
{
	AUTO(pool_close) struct pool p = { 0 };
	auto_free char *to = str_printf("%s/" TRUST_DIR, sandbox_dir);
	int r = to ? pool_open(&p, e) : err_set(e, ENOMEM, "out of memory");
	const char *name;

	if (r < 0)
		return r;
	if (access(to, F_OK) == 0)
		return err_set(e, EEXIST, "'%s' is there already", to);
	while ((name = pool_next(&p))) {
		if (renameat(dirfd(p.dir), name, AT_FDCWD, to) == 0)
			return 0;
		if (errno == ENOTEMPTY || errno == EEXIST)
			return err_set(e, EEXIST, "'%s' is there already", to);
		/* another start was faster; or data and state are two file systems */
		if (errno != ENOENT && errno != EXDEV)
			return err_sys(e, "take '%s' from " TRUST_POOL, name);
	}
	return err_set(e, ENOENT, "there is no spare certificate authority");
}

int trust_give_back(const char *sandbox_dir, const char *id, struct err *e)
{
	AUTO(pool_close) struct pool p = { 0 };
	auto_free char *from = str_printf("%s/" TRUST_DIR, sandbox_dir);
	auto_free char *name = NULL;
	int r = trust_spares(e);

	if (r < 0 || r >= TRUST_SPARES_MAX)
		return r < 0 ? r : -EAGAIN;
	r = from ? pool_open(&p, e) : err_set(e, ENOMEM, "out of memory");
	if (r < 0 || !p.dir)
		return r < 0 ? r : -ENOENT;
	name = str_printf("%s-%s", p.store.id, id);
	if (!name)
		return err_set(e, ENOMEM, "out of memory");
	return renameat(AT_FDCWD, from, dirfd(p.dir), name) < 0
		? err_sys(e, "put '%s' back", from)
		: 0;
}
