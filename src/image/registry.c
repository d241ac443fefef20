/* SPDX-License-Identifier: Apache-2.0 */
#include "image/registry.h"

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/hash.h"
#include "image/manifest.h"

#define TOKEN_REPLY_MAX ((size_t)1 << 20)
#define PING_REPLY_MAX  ((size_t)64 << 10)
#define HUB_DOMAIN      "docker.io"
#define HUB_HOST        "registry-1.docker.io"

static void set_auth(struct registry *r, char *header)
{
	if (r->auth)
		explicit_bzero(r->auth, strlen(r->auth));
	free(r->auth);
	r->auth = header;
}

void registry_close(struct registry *r)
{
	set_auth(r, NULL);
	login_clear(&r->login);
	free(r->base);
	memset(r, 0, sizeof(*r));
}

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "registry: out of memory");
}

/* "Authorization: Basic ..." (RFC 7617); NULL without a login or memory. */
static char *basic_header(const struct login *l)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	auto_free char *pair = l->user
		? str_printf("%s:%s", l->user, l->password ? l->password : "")
		: NULL;
	auto_buf struct buf out = { 0 };
	size_t len = pair ? strlen(pair) : 0;
	int r = pair ? buf_add_str(&out, "Authorization: Basic ") : -ENOENT;

	for (size_t i = 0; r == 0 && i < len; i += 3) {
		unsigned bits = (unsigned)(unsigned char)pair[i] << 16;
		char four[5] = "====";

		if (i + 1 < len)
			bits |= (unsigned)(unsigned char)pair[i + 1] << 8;
		if (i + 2 < len)
			bits |= (unsigned char)pair[i + 2];
		four[0] = digits[bits >> 18 & 63];
		four[1] = digits[bits >> 12 & 63];
		if (i + 1 < len)
			four[2] = digits[bits >> 6 & 63];
		if (i + 2 < len)
			four[3] = digits[bits & 63];
		r = buf_add(&out, four, 4);
	}
	if (pair)
		explicit_bzero(pair, len);
	return r < 0 ? NULL : buf_take(&out);
}

/* Append "&key=value", escaped. */
static int add_query(struct buf *b, const char *key, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	int r = escaped ? buf_addf(b, "%s=%s", key, escaped) : -ENOMEM;

	curl_free(escaped);
	return r;
}

/* Is it a token, and nothing that would end a header? */
static bool token_valid(const char *token)
{
	if (!token || !*token)
		return false;
	for (; *token; token++)
		if (*token <= 0x20 || *token >= 0x7f)
			return false;
	return true;
}

static int take_token(struct registry *r, const struct http_reply *reply, struct err *e)
{
	auto_json struct json *j = NULL;
	const char *token;
	int k = json_parse(reply->body.data ? reply->body.data : "", reply->body.len,
		"the token server's reply", &j, e);

	if (k < 0)
		return k;
	token = json_get_str(j, "token");
	if (!token_valid(token))
		token = json_get_str(j, "access_token");
	if (!token_valid(token))
		return err_set(e, EBADMSG, "the token server's reply holds no token");
	set_auth(r, str_printf("Authorization: Bearer %s", token));
	return r->auth ? 0 : out_of_memory(e);
}

/* The query, or for an identity token (a refresh token of OAuth2) the form of a POST. */
static int token_request(struct registry *r, const struct challenge *c, struct buf *q)
{
	auto_free char *scope = str_printf("repository:%s:pull", r->ref->repo);
	int k = scope ? 0 : -ENOMEM;

	if (r->login.identity_token) {
		k |= buf_add_str(q, "grant_type=refresh_token&client_id=brig&");
		k |= add_query(q, "refresh_token", r->login.identity_token);
	} else {
		k |= buf_add_str(q, strchr(c->realm, '?') ? "&" : "?");
		k |= buf_add_str(q, "client_id=brig");
	}
	if (c->service) {
		k |= buf_add_str(q, "&");
		k |= add_query(q, "service", c->service);
	}
	if (scope) {
		k |= buf_add_str(q, "&");
		k |= add_query(q, "scope", scope);
	}
	return k;
}

static int fetch_token(struct registry *r, const struct challenge *c, struct err *e)
{
	auto_http_reply struct http_reply reply = { 0 };
	auto_buf struct buf query = { 0 };
	auto_free char *url = NULL, *basic = NULL;
	struct http_request q = { .body_max = TOKEN_REPLY_MAX };
	int k;

	if (!str_starts(c->realm, "https://") &&
		!(str_starts(c->realm, "http://") && str_starts(r->base, "http://")))
		return err_set(e, EPROTO,
			"the registry's token server '%.200s' is not https", c->realm);
	if (token_request(r, c, &query) < 0)
		return out_of_memory(e);
	if (r->login.identity_token) {
		q.form = query.data;
		q.url = c->realm;
	} else {
		q.url = url = str_printf("%s%s", c->realm, query.data);
		q.auth = basic = basic_header(&r->login);
	}
	if (!q.url)
		return out_of_memory(e);
	k = http_ask(&q, &r->policy, &reply, e);
	if (basic)
		explicit_bzero(basic, strlen(basic));
	if (query.data)
		explicit_bzero(query.data, query.len);
	if (k < 0)
		return k;
	if (reply.status != 200)
		return http_refused(&reply, "the registry's token server", e);
	return take_token(r, &reply, e);
}

int registry_login(struct registry *r, const struct challenge *c, struct err *e)
{
	char *header;

	if (c->bearer && c->realm)
		return fetch_token(r, c, e);
	header = c->basic ? basic_header(&r->login) : NULL;
	if (header && !str_eq(header, r->auth)) {
		set_auth(r, header);
		return 0;
	}
	free(header);
	err_set(e, EACCES, "%s: %s", r->ref->domain,
		r->auth ? "the registry refuses the login"
			: "the registry wants a login");
	err_hint(
		e, "docker login %s, or podman login %s", r->ref->domain, r->ref->domain);
	return -EACCES;
}

/* Ask, and once more after a 401. */
static int ask(
	struct registry *r, struct http_request *q, struct http_reply *ret, struct err *e)
{
	int k;

	q->auth = r->auth;
	k = http_ask(q, &r->policy, ret, e);
	if (k < 0 || ret->status != 401)
		return k;
	k = registry_login(r, &ret->challenge, e);
	if (k < 0)
		return k;
	http_reply_clear(ret);
	q->auth = r->auth;
	return http_ask(q, &r->policy, ret, e);
}

static int ping(struct registry *r, const char *scheme, struct err *e)
{
	auto_http_reply struct http_reply reply = { 0 };
	auto_free char *url = NULL;
	struct http_request q = { .body_max = PING_REPLY_MAX };
	int k;

	free(r->base);
	r->base = str_printf("%s://%s", scheme,
		str_eq(r->ref->domain, HUB_DOMAIN) ? HUB_HOST : r->ref->domain);
	q.url = url = r->base ? str_printf("%s/v2/", r->base) : NULL;
	if (!url)
		return out_of_memory(e);
	k = http_ask(&q, &r->policy, &reply, e);
	if (k < 0)
		return k;
	if (reply.status == 401)
		return registry_login(r, &reply.challenge, e);
	/* some answer 403 or 404 here and serve what is asked for by name */
	return reply.status >= 500 ? http_refused(&reply, r->ref->domain, e) : 0;
}

int registry_open(
	const struct reference *ref, bool insecure, struct registry *ret, struct err *e)
{
	bool may_http = insecure || reference_is_loopback(ref->domain);
	int k;

	memset(ret, 0, sizeof(*ret));
	ret->ref = ref;
	ret->policy.insecure = insecure;
	k = login_find(ref->domain, ref->repo, &ret->login, e);
	if (k == 0) {
		k = ping(ret, "https", e);
		/* what answers, but not by TLS; a certificate that is wrong is no reason
		 */
		if (k == -EPROTO && may_http)
			k = ping(ret, "http", e);
	}
	if (k < 0)
		registry_close(ret);
	return k;
}

int registry_manifest(struct registry *r, const char *what, struct buf *body,
	char digest[DIGEST_TEXT_MAX], struct err *e)
{
	auto_http_reply struct http_reply reply = { 0 };
	auto_free char *url =
		str_printf("%s/v2/%s/manifests/%s", r->base, r->ref->repo, what);
	struct http_request q = {
		.url = url, .accept = MANIFEST_ACCEPT, .body_max = MANIFEST_SIZE_MAX
	};
	const char *like = digest_valid(what) ? what : reply.digest;
	int k;

	if (!url)
		return out_of_memory(e);
	k = ask(r, &q, &reply, e);
	if (k < 0)
		return k;
	if (reply.status != 200)
		return http_refused(&reply, reference_familiar(r->ref->name), e);
	k = hash_bytes(reply.body.data, reply.body.len, *like ? like : NULL, digest, e);
	if (k == 0 && ((*like && !str_eq(digest, like)) || !reply.body.len))
		k = err_set(e, EBADMSG,
			"the registry's manifest has the digest %s and not %s", digest,
			*like ? like : "any");
	if (k < 0)
		return k;
	*body = reply.body;
	reply.body = (struct buf){ 0 };
	return 0;
}

char *registry_blob_url(const struct registry *r, const char *digest)
{
	return str_printf("%s/v2/%s/blobs/%s", r->base, r->ref->repo, digest);
}
