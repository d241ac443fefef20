/* SPDX-License-Identifier: Apache-2.0 */
#include "image/http.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/reference.h"

#include <poll.h>
#include <strings.h>

#define TRIES         3
#define REDIRECTS_MAX 5L

void http_reply_clear(struct http_reply *r)
{
	challenge_clear(&r->challenge);
	buf_clear(&r->body);
	memset(r, 0, sizeof(*r));
}

/* The value of header 'name' when 'line' is that, else NULL. */
static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	return line + len + 1 + strspn(line + len + 1, " \t");
}

/* Headers of redirects come here too: each status line begins anew. */
static size_t take_header(char *data, size_t size, size_t n, void *to)
{
	struct http_reply *r = to;
	char line[CHALLENGE_TEXT_MAX];
	size_t len = size * n;
	const char *v;

	if (len >= sizeof(line))
		return len;
	memcpy(line, data, len);
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (str_starts(line, "HTTP/")) {
		challenge_clear(&r->challenge);
		r->digest[0] = '\0';
		r->retry_after = 0;
		r->range_start = -1;
	} else if ((v = value_of(line, "www-authenticate"))) {
		(void)challenge_add(&r->challenge, v);
	} else if ((v = value_of(line, "docker-content-digest")) && digest_valid(v)) {
		(void)strcpy(r->digest, v);
	} else if ((v = value_of(line, "retry-after"))) {
		r->retry_after = strtol(v, NULL, 10);
	} else if ((v = value_of(line, "content-range")) &&
		strncasecmp(v, "bytes ", 6) == 0) {
		r->range_start = strtoll(v + 6, NULL, 10);
	}
	return len;
}

struct sink {
	struct buf *body;
	size_t max;
};

static size_t take_body(char *data, size_t size, size_t n, void *to)
{
	struct sink *s = to;
	size_t len = size * n;

	if (len > s->max - s->body->len || buf_add(s->body, data, len) < 0)
		return 0;
	return len;
}

static void host_of(const char *url, char *out, size_t max)
{
	const char *from = strstr(url, "://");
	size_t len = from ? strcspn(from + 3, "/?#") : 0;

	(void)snprintf(out, max, "%.*s", (int)len, from ? from + 3 : "");
}

static void set_security(CURL *c, const char *url, const struct http_policy *policy)
{
	char host[300];
	bool plain = str_starts(url, "http://");

	host_of(url, host, sizeof(host));
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
		plain || policy->insecure ? "http,https" : "https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	(void)curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	(void)curl_easy_setopt(c, CURLOPT_UNRESTRICTED_AUTH, 0L);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (policy->insecure) {
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (reference_is_loopback(host))
		(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
}

CURL *http_new(
	const char *url, const struct http_policy *policy, struct http_reply *reply)
{
	CURL *c = curl_easy_init();

	if (!c)
		return NULL;
	set_security(c, url, policy);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "brig/" BRIG_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, HTTP_CONNECT_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, HTTP_STALL_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, reply);
	/* a server's name comes from a reference: no ~/.netrc, no cookies, no credentials
	 * in it */
	(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	return c;
}

struct curl_slist *http_headers(const char *first, const char *second)
{
	struct curl_slist *list = NULL;

	if (first)
		list = curl_slist_append(list, first);
	if (second)
		list = curl_slist_append(list, second);
	return list;
}

bool http_is_passing(int curl_code)
{
	switch (curl_code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_COULDNT_RESOLVE_HOST: return true;
	default: return false;
	}
}

bool http_status_is_passing(long status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 ||
		status == 503 || status == 504;
}

int http_failed(int curl_code, const char *detail, const char *url, struct err *e)
{
	int code = curl_code == CURLE_WRITE_ERROR             ? EFBIG
		: curl_code == CURLE_OPERATION_TIMEDOUT       ? ETIMEDOUT
		: curl_code == CURLE_COULDNT_RESOLVE_HOST     ? EHOSTUNREACH
		: curl_code == CURLE_COULDNT_CONNECT          ? ECONNREFUSED
		: curl_code == CURLE_SSL_CONNECT_ERROR        ? EPROTO
		: curl_code == CURLE_PEER_FAILED_VERIFICATION ? EKEYREJECTED
							      : EIO;
	char host[300];

	host_of(url, host, sizeof(host));
	err_set(e, code, "%s: %s", host,
		curl_code == CURLE_WRITE_ERROR ? "the reply is larger than it may be"
			: detail && *detail    ? detail
					       : curl_easy_strerror((CURLcode)curl_code));
	if (curl_code == CURLE_PEER_FAILED_VERIFICATION)
		err_hint(e, "install the registry's certificate, or use --insecure");
	return -code;
}

static int perform(const struct http_request *q, const struct http_policy *policy,
	struct http_reply *ret, struct err *e)
{
	struct sink sink = { &ret->body, q->body_max };
	auto_free char *accept = q->accept ? str_printf("Accept: %s", q->accept) : NULL;
	struct curl_slist *headers = http_headers(q->auth, accept);
	CURL *c = http_new(q->url, policy, ret);
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode code;
	int r = 0;

	if (!c)
		return err_set(e, ENOMEM, "libcurl: out of memory");
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
	if (q->form)
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->form);
	code = curl_easy_perform(c);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &ret->status);
	if (code != CURLE_OK)
		r = http_failed(code, detail, q->url, e);
	if (code != CURLE_OK && http_is_passing(code))
		r = -EAGAIN;
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return r;
}

int http_ask(const struct http_request *q, const struct http_policy *policy,
	struct http_reply *ret, struct err *e)
{
	int r = -EAGAIN;

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < TRIES; i++) {
		if (i) {
			long wait = ret->retry_after > 0 && ret->retry_after <= 10
				? ret->retry_after * 1000
				: 250L << i;

			(void)poll(NULL, 0, (int)wait);
		}
		http_reply_clear(ret);
		r = perform(q, policy, ret, e);
		if (r == -EAGAIN || (r == 0 && http_status_is_passing(ret->status)))
			continue;
		return r;
	}
	return r == 0 ? 0 : -(e ? e->code : EIO);
}

/* {"errors":[{"code":..,"message":..}]} (distribution API, "Errors") */
int http_refused(const struct http_reply *r, const char *what, struct err *e)
{
	auto_json struct json *j = NULL;
	const char *text = NULL;
	int code = r->status == 401 || r->status == 403 ? EACCES
		: r->status == 404                      ? ENOENT
		: r->status == 429                      ? EAGAIN
							: EIO;

	if (r->body.len &&
		json_parse(r->body.data, r->body.len, "reply", &j, NULL) == 0) {
		const struct json *first = json_at(json_get(j, "errors"), 0);

		text = json_get_str(first, "message");
		if (!text || !*text)
			text = json_get_str(first, "code");
	}
	err_set(e, code, "%s: the registry answers %ld%s%.160s", what, r->status,
		text ? ": " : "", text ? text : "");
	if (code == EACCES)
		err_hint(e,
			"log in with 'docker login' or 'podman login', or check the "
			"name");
	return -code;
}
