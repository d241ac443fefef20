/* SPDX-License-Identifier: Apache-2.0 */
#include "image/reference.h"

#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "image/digest.h"

#include <ctype.h>
#include <sys/stat.h>

#define ALNUM_LOWER    "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM          ALNUM_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DEFAULT_DOMAIN "docker.io"
#define DEFAULT_TAG    "latest"

void reference_clear(struct reference *ref)
{
	free(ref->name);
	free(ref->path);
	free(ref->domain);
	free(ref->repo);
	free(ref->tag);
	free(ref->digest);
	memset(ref, 0, sizeof(*ref));
}

static int bad(struct err *e, const char *text, const char *why)
{
	auto_free char *shown = str_escape(text);

	return err_set(e, EINVAL, "image '%.200s': %s", shown ? shown : "", why);
}

/* domain-component: letters, digits and inner hyphens; any case. */
static bool domain_name_valid(const char *s, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != '.')
			continue;
		if (i == start || s[start] == '-' || s[i - 1] == '-')
			return false;
		for (size_t k = start; k < i; k++)
			if (!isalnum((unsigned char)s[k]) && s[k] != '-')
				return false;
		start = i + 1;
	}
	return true;
}

/* host [":" digits], where host is a dotted name or an IPv6 address in brackets */
static bool domain_valid(const char *domain)
{
	const char *port;
	size_t host;

	if (domain[0] == '[') {
		host = strspn(domain + 1, "0123456789abcdefABCDEF:");
		if (host == 0 || domain[1 + host] != ']')
			return false;
		port = domain + host + 2;
	} else {
		host = strcspn(domain, ":");
		if (host == 0 || !domain_name_valid(domain, host))
			return false;
		port = domain + host;
	}
	if (!*port)
		return true;
	return *port == ':' && port[1] &&
		strspn(port + 1, "0123456789") == strlen(port + 1);
}

/* alphanumerics, joined by ".", "_", "__" or any number of "-" */
static bool component_valid(const char *s, size_t len)
{
	size_t i = 0;

	for (;;) {
		size_t run = 0, sep = 0;

		while (i + run < len && strchr(ALNUM_LOWER, s[i + run]))
			run++;
		if (run == 0)
			return false;
		i += run;
		if (i == len)
			return true;
		while (i + sep < len && strchr("._-", s[i + sep]) && s[i + sep] == s[i])
			sep++;
		if (sep == 0 || (s[i] == '.' && sep > 1) || (s[i] == '_' && sep > 2))
			return false;
		i += sep;
	}
}

static bool repo_valid(const char *repo)
{
	for (;;) {
		size_t len = strcspn(repo, "/");

		if (!component_valid(repo, len))
			return false;
		if (!repo[len])
			return true;
		repo += len + 1;
	}
}

static bool tag_valid(const char *tag)
{
	size_t len = strlen(tag);

	return len >= 1 && len <= REFERENCE_TAG_MAX && strchr(ALNUM "_", tag[0]) &&
		strspn(tag, ALNUM "_.-") == len;
}

static bool has_upper(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			return true;
	return false;
}

/* Is what stands before the first slash a host? (splitDockerDomain in normalize.go) */
static bool looks_like_domain(const char *s, size_t len)
{
	return memchr(s, '.', len) || memchr(s, ':', len) || has_upper(s, len) ||
		(len == 9 && memcmp(s, "localhost", 9) == 0);
}

static int set_domain(const char *text, struct reference *ret, const char **rest)
{
	size_t len = strcspn(text, "/");

	if (!text[len] || !looks_like_domain(text, len)) {
		*rest = text;
		return str_set(&ret->domain, DEFAULT_DOMAIN);
	}
	*rest = text + len + 1;
	ret->domain = strndup(text, len);
	if (!ret->domain)
		return -ENOMEM;
	return str_eq(ret->domain, "index.docker.io")
		? str_set(&ret->domain, DEFAULT_DOMAIN)
		: 0;
}

/* Cut "repo[:tag][@digest]" into its parts, which are checked by the caller. */
static int split_rest(const char *rest, struct reference *ret)
{
	size_t name = strcspn(rest, ":@");
	const char *p = rest + name;
	bool official = str_eq(ret->domain, DEFAULT_DOMAIN) && !memchr(rest, '/', name);

	ret->repo = str_printf("%s%.*s", official ? "library/" : "", (int)name, rest);
	if (!ret->repo)
		return -ENOMEM;
	if (*p == ':') {
		size_t len = strcspn(++p, "@");

		ret->tag = strndup(p, len);
		if (!ret->tag)
			return -ENOMEM;
		p += len;
	}
	return *p == '@' ? str_set(&ret->digest, p + 1) : 0;
}

static int check_parts(const char *text, struct reference *ret, struct err *e)
{
	if (!domain_valid(ret->domain))
		return bad(e, text, "the registry's name is not a host[:port]");
	if (has_upper(ret->repo, strlen(ret->repo)))
		return bad(e, text, "the repository's name must be lower case");
	if (!repo_valid(ret->repo))
		return bad(e, text, "not a repository's name");
	if (strlen(ret->domain) + 1 + strlen(ret->repo) > REFERENCE_NAME_MAX)
		return bad(e, text, "the name is longer than 255 characters");
	if (ret->tag && !tag_valid(ret->tag))
		return bad(e, text, "the tag is not 1 to 128 of A-Z a-z 0-9 _ . -");
	if (ret->digest && !digest_valid(ret->digest))
		return bad(e, text, "the digest is no sha256 or sha512");
	return 0;
}

static int parse_registry(const char *text, struct reference *ret, struct err *e)
{
	const char *rest;
	size_t len = strlen(text);
	int r;

	ret->kind = REFERENCE_REGISTRY;
	if (len == 64 && strspn(text, "0123456789abcdef") == 64)
		return bad(e, text, "64 hex digits are an id and no name");
	r = set_domain(text, ret, &rest);
	if (r == 0)
		r = split_rest(rest, ret);
	if (r < 0)
		return err_set(e, ENOMEM, "image: out of memory");
	r = check_parts(text, ret, e);
	if (r < 0)
		return r;
	if (!ret->tag && !ret->digest && str_set(&ret->tag, DEFAULT_TAG) < 0)
		return err_set(e, ENOMEM, "image: out of memory");
	ret->name = str_printf("%s/%s%s%s%s%s", ret->domain, ret->repo,
		ret->tag ? ":" : "", ret->tag ? ret->tag : "", ret->digest ? "@" : "",
		ret->digest ? ret->digest : "");
	return ret->name ? 0 : err_set(e, ENOMEM, "image: out of memory");
}

/* The key of something on the disk: its transport, path and which one of it. */
static int set_path_name(struct reference *ref, struct err *e)
{
	const char *transport = ref->kind == REFERENCE_DIR ? "dir:"
		: ref->kind == REFERENCE_LAYOUT            ? "oci:"
							   : "docker-archive:";

	free(ref->name);
	ref->name = str_printf("%s%s%s%s", transport, ref->path, ref->tag ? ":" : "",
		ref->tag ? ref->tag : "");
	return ref->name ? 0 : err_set(e, ENOMEM, "image: out of memory");
}

static int parse_path(const char *text, enum reference_kind kind, bool may_tag,
	struct reference *ret, struct err *e)
{
	size_t len = may_tag ? strcspn(text, ":") : strlen(text);

	ret->kind = kind;
	if (len == 0)
		return bad(e, text, "the path is empty");
	ret->path = strndup(text, len);
	if (!ret->path)
		return err_set(e, ENOMEM, "image: out of memory");
	if (text[len] && !text[len + 1])
		return bad(e, text, "nothing after the ':'");
	if (text[len] && str_set(&ret->tag, text + len + 1) < 0)
		return err_set(e, ENOMEM, "image: out of memory");
	return set_path_name(ret, e);
}

static bool is_archive_name(const char *text)
{
	static const char *const ends[] = { ".tar", ".tar.gz", ".tgz", ".tar.zst" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (str_ends(text, ends[i]) && !strpbrk(text, ":@"))
			return true;
	return false;
}

static bool is_path(const char *text)
{
	return text[0] == '/' || str_starts(text, "./") || str_starts(text, "../") ||
		str_eq(text, ".") || str_eq(text, "..");
}

static int parse_any(const char *text, struct reference *ret, struct err *e)
{
	if (!*text)
		return err_set(e, EINVAL, "the image's name is empty");
	if (strlen(text) > REFERENCE_TEXT_MAX)
		return bad(e, text, "the name is too long");
	if (str_eq(text, "host")) {
		ret->kind = REFERENCE_HOST;
		return str_set(&ret->name, "host") < 0
			? err_set(e, ENOMEM, "image: out of memory")
			: 0;
	}
	if (str_starts(text, "dir:"))
		return parse_path(text + 4, REFERENCE_DIR, false, ret, e);
	if (str_starts(text, "oci:"))
		return parse_path(text + 4, REFERENCE_LAYOUT, true, ret, e);
	if (str_starts(text, "docker-archive:"))
		return parse_path(text + 15, REFERENCE_ARCHIVE, true, ret, e);
	if (str_starts(text, "oci-archive:"))
		return parse_path(text + 12, REFERENCE_ARCHIVE, true, ret, e);
	if (is_archive_name(text))
		return parse_path(text, REFERENCE_ARCHIVE, false, ret, e);
	if (is_path(text))
		return parse_path(text, REFERENCE_DIR, false, ret, e);
	if (str_starts(text, "docker://"))
		text += 9;
	return parse_registry(text, ret, e);
}

int reference_parse(const char *text, struct reference *ret, struct err *e)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = parse_any(text, ret, e);
	if (r < 0)
		reference_clear(ret);
	return r;
}

int reference_parse_registry(const char *text, struct reference *ret, struct err *e)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = *text ? parse_registry(text, ret, e)
		  : err_set(e, EINVAL, "the image's name is empty");
	if (r < 0)
		reference_clear(ret);
	return r;
}

int reference_settle(struct reference *ref, struct err *e)
{
	auto_free char *cwd = NULL, *marker = NULL;
	struct stat st;
	char *path;

	if (ref->kind == REFERENCE_HOST || ref->kind == REFERENCE_REGISTRY)
		return 0;
	cwd = ref->path[0] == '/' ? strdup("/") : getcwd(NULL, 0);
	path = cwd ? path_join(cwd, ref->path) : NULL;
	if (!path)
		return err_sys(e, "image '%s'", ref->path);
	free(ref->path);
	ref->path = path;
	if (stat(path, &st) < 0)
		return err_sys(e, "image '%s'", path);
	if (S_ISREG(st.st_mode)) {
		ref->kind = REFERENCE_ARCHIVE;
	} else if (!S_ISDIR(st.st_mode)) {
		return err_set(
			e, ENOTSUP, "image '%s': neither a directory nor a file", path);
	} else if (ref->kind == REFERENCE_DIR) {
		marker = str_printf("%s/oci-layout", path);
		if (marker && access(marker, F_OK) == 0)
			ref->kind = REFERENCE_LAYOUT;
	} else if (ref->kind == REFERENCE_ARCHIVE) {
		return err_set(e, EISDIR, "image '%s': a directory and no archive", path);
	}
	return set_path_name(ref, e);
}

const char *reference_familiar(const char *name)
{
	const char *rest = name + strlen(DEFAULT_DOMAIN) + 1;
	size_t first;

	if (!str_starts(name, DEFAULT_DOMAIN "/"))
		return name;
	if (str_starts(rest, "library/") && !strchr(rest + 8, '/'))
		return rest + 8;
	first = strcspn(rest, "/");
	return looks_like_domain(rest, first) ? name : rest;
}

bool reference_is_loopback(const char *domain)
{
	size_t host = strcspn(domain, ":");
	unsigned quad[4];
	int used = 0;

	if (domain[0] == '[')
		return str_starts(domain, "[::1]") && (!domain[5] || domain[5] == ':');
	if (host == 9 && memcmp(domain, "localhost", 9) == 0)
		return true;
	/* all of 127.0.0.0/8, but not a name such as 127.example.org */
	return strspn(domain, "0123456789.") == host &&
		sscanf(domain, "%3u.%3u.%3u.%3u%n", &quad[0], &quad[1], &quad[2],
			&quad[3], &used) == 4 &&
		(size_t)used == host && quad[0] == 127 && quad[1] < 256 &&
		quad[2] < 256 && quad[3] < 256;
}
