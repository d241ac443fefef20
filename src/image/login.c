/* SPDX-License-Identifier: Apache-2.0 */
#include "image/login.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "image/login-helper.h"

#define HUB_KEY "https://index.docker.io/v1/"

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void login_clear(struct login *l)
{
	free(l->user);
	wipe(l->password);
	wipe(l->identity_token);
	free(l->helper);
	free(l->server);
	memset(l, 0, sizeof(*l));
}

/* Base64 (RFC 4648, section 4) of a text without NUL; NULL when it is none. */
static char *decode_base64(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), n = 0;
	char *out = calloc(1, len + 1); /* a text at every moment, to be wiped */
	unsigned bits = 0, have = 0;

	while (len && text[len - 1] == '=')
		len--;
	for (size_t i = 0; out && i < len; i++) {
		const char *d = memchr(digits, text[i], 64);

		if (!d) {
			wipe(take_ptr(&out));
			return NULL;
		}
		bits = bits << 6 | (unsigned)(d - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n] = (char)(bits >> have & 0xff);
			if (!out[n++])
				n--;
		}
	}
	if (out)
		out[n] = '\0';
	return out;
}

/* Is there nothing in it that would break a header or a password prompt? */
static bool clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static int set_clean(
	char **to, const char *text, const struct login_query *q, struct err *e)
{
	if (!text || !*text)
		return 0;
	if (!clean(text))
		return err_set(e, EBADMSG,
			"%s: the login for %s holds control characters", q->where,
			q->domain);
	return str_set(to, text) < 0 ? err_set(e, ENOMEM, "login: out of memory") : 0;
}

static int take_pair(
	char *pair, const struct login_query *q, struct login *ret, struct err *e)
{
	char *colon = pair ? strchr(pair, ':') : NULL;
	int r;

	if (!colon)
		return err_set(e, EBADMSG,
			"%s: the login for %s is not base64 of user:password", q->where,
			q->domain);
	*colon = '\0';
	r = set_clean(&ret->user, pair, q, e);
	return r < 0 ? r : set_clean(&ret->password, colon + 1, q, e);
}

static int read_entry(const struct json *j, const struct login_query *q,
	struct login *ret, struct err *e)
{
	const char *auth = json_get_str(j, "auth");
	int r = 0;

	if (auth && *auth) {
		char *pair = decode_base64(auth);

		r = take_pair(pair, q, ret, e);
		wipe(pair);
	} else {
		r = set_clean(&ret->user, json_get_str(j, "username"), q, e);
		if (r == 0)
			r = set_clean(&ret->password, json_get_str(j, "password"), q, e);
	}
	return r < 0
		? r
		: set_clean(&ret->identity_token, json_get_str(j, "identitytoken"), q, e);
}

struct search {
	const struct login_query *q;
	const struct json *best;
	size_t best_len;
};

/* "https://index.docker.io/v1/" is "docker.io", "https://h/v2/" is "h", "h/repo" stays.
 */
static char *normal_key(const char *key)
{
	size_t scheme = str_starts(key, "https://") ? 8
		: str_starts(key, "http://")        ? 7
						    : 0;
	size_t len = strlen(key + scheme);
	char *out;

	if (scheme)
		len = strcspn(key + scheme, "/");
	while (len && key[scheme + len - 1] == '/')
		len--;
	out = strndup(key + scheme, len);
	if (str_eq(out, "index.docker.io") || str_eq(out, "registry-1.docker.io"))
		(void)strcpy(out, "docker.io");
	return out;
}

/* Does a key stand for the registry, or for a folder of its repositories? The longest
 * wins. */
static int match_key(const char *key, struct json *value, void *data)
{
	struct search *s = data;
	auto_free char *name = normal_key(key);
	auto_free char *full = str_printf("%s/%s", s->q->domain, s->q->repo);
	size_t len = name ? strlen(name) : 0;

	if (!name || !full)
		return -ENOMEM;
	if (len >= strlen(s->q->domain) && str_starts(full, name) &&
		(full[len] == '/' || !full[len]) && len > s->best_len) {
		s->best = value;
		s->best_len = len;
	}
	return 0;
}

static int use_helper(
	const char *name, const struct login_query *q, struct login *ret, struct err *e)
{
	if (!*name || strlen(name) > 64 || name[0] == '-' || name[0] == '.' ||
		strspn(name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"
			"-") != strlen(name))
		return err_set(
			e, EBADMSG, "%s: not a credential helper's name", q->where);
	if (str_set(&ret->helper, name) < 0 ||
		str_set(&ret->server,
			str_eq(q->domain, "docker.io") ? HUB_KEY : q->domain) < 0)
		return err_set(e, ENOMEM, "login: out of memory");
	return 0;
}

static int read_file(const struct json *j, const struct login_query *q, struct login *ret,
	struct err *e)
{
	struct search auths = { .q = q }, helpers = { .q = q };
	const char *stored = json_get_str(j, "credsStore");

	if (!json_is_object(j))
		return err_set(e, EBADMSG, "%s: no JSON object", q->where);
	if (json_is_object(json_get(j, "credHelpers")) &&
		json_each(json_get(j, "credHelpers"), match_key, &helpers) < 0)
		return err_set(e, ENOMEM, "login: out of memory");
	if (helpers.best && json_str(helpers.best))
		return use_helper(json_str(helpers.best), q, ret, e);
	if (json_is_object(json_get(j, "auths")) &&
		json_each(json_get(j, "auths"), match_key, &auths) < 0)
		return err_set(e, ENOMEM, "login: out of memory");
	/* with a store, 'auths' only lists which registries it knows */
	if (auths.best &&
		(json_get_str(auths.best, "auth") ||
			json_get_str(auths.best, "username") ||
			json_get_str(auths.best, "identitytoken")))
		return read_entry(auths.best, q, ret, e);
	return stored && auths.best ? use_helper(stored, q, ret, e) : 0;
}

int login_parse(const char *text, size_t len, const struct login_query *q,
	struct login *ret, struct err *e)
{
	auto_json struct json *j = NULL;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = json_parse(text, len, q->where, &j, e);
	if (r == 0)
		r = read_file(j, q, ret, e);
	if (r < 0)
		login_clear(ret);
	return r;
}

static int add_path(struct strv *paths, const char *dir, const char *file)
{
	return dir && *dir ? strv_addf(paths, "%s/%s", dir, file) : 0;
}

static int list_paths(struct strv *paths)
{
	const char *set = getenv("REGISTRY_AUTH_FILE"),
		   *config = getenv("XDG_CONFIG_HOME");
	const char *docker = getenv("DOCKER_CONFIG");
	auto_free char *home = dirs_home();
	int r = set && *set ? strv_add(paths, set) : 0;

	r |= add_path(paths, getenv("XDG_RUNTIME_DIR"), "containers/auth.json");
	r |= config && *config ? add_path(paths, config, "containers/auth.json")
			       : add_path(paths, home, ".config/containers/auth.json");
	r |= docker && *docker ? add_path(paths, docker, "config.json")
			       : add_path(paths, home, ".docker/config.json");
	return r;
}

static bool found(const struct login *l)
{
	return l->user || l->password || l->identity_token || l->helper;
}

int login_find(const char *domain, const char *repo, struct login *ret, struct err *e)
{
	auto_strv struct strv paths = { 0 };
	int r = list_paths(&paths);

	memset(ret, 0, sizeof(*ret));
	if (r)
		return err_set(e, ENOMEM, "login: out of memory");
	for (size_t i = 0; i < paths.n && !found(ret); i++) {
		auto_buf struct buf text = { 0 };
		struct login_query q = { paths.v[i], domain, repo };

		r = file_read(AT_FDCWD, paths.v[i], LOGIN_FILE_MAX, &text, e);
		if (r == -ENOENT || r == -ENOTDIR || r == -EACCES)
			continue;
		if (r == 0)
			r = login_parse(text.data, text.len, &q, ret, e);
		if (text.data)
			explicit_bzero(text.data, text.len);
		if (r < 0)
			return r;
	}
	r = ret->helper ? login_helper_ask(ret, e) : 0;
	if (r < 0)
		login_clear(ret);
	return r;
}
