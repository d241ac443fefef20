/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/net-config.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "sandbox/grant.h"
#include "sandbox/policy-store.h"
#include "sandbox/record.h"

#include <string.h>

#define HOST_FILE_MAX (1U << 20)
#define HOSTS_MAX     4096U
#define SERVERS_MAX   3U /* as resolv.conf(5) */

static const char *first_set(const char *lower, const char *upper)
{
	const char *v = getenv(lower);

	if (!v || !*v)
		v = getenv(upper);
	return v && *v ? v : NULL;
}

/*
 * Is it the address of a proxy that the injector can take? What isn't would only be found
 * when the first connection fails. Not shown in the message: there may be a password in it.
 */
static int check_proxy(const char *variable, const char *url, struct err *e)
{
	static const char *const schemes[] = { "http://", "https://", "socks4://",
		"socks4a://", "socks5://", "socks5h://" };
	const char *host = url ? strstr(url, "://") : NULL;
	bool known = !host;
	size_t len;

	if (!url)
		return 0;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		known |= strncasecmp(url, schemes[i], strlen(schemes[i])) == 0;
	host = host ? host + strlen("://") : url;
	len = strcspn(host, "/?#");
	for (const char *at; (at = memchr(host, '@', len)); host = at + 1)
		len -= (size_t)(at + 1 - host);
	if (known && len && *host != ':' && !url[strcspn(url, " \t\r\n")])
		return 0;
	(void)err_set(e, EINVAL, "%s holds no address of a proxy", variable);
	err_hint(e,
		"it is [http|https|socks4a|socks5h://][USER:PASSWORD@]HOST[:PORT]; "
		"unset it where there is no proxy");
	return -EINVAL;
}

int net_upstream_from_env(struct net_upstream *ret, struct err *e)
{
	struct net_upstream u = { 0 };
	const char *bundle = getenv("SSL_CERT_FILE");
	int r;

	/* HTTP_PROXY in upper case is what a CGI client can set; curl(1) doesn't read it
	 * either */
	if (str_set(&u.http, first_set("http_proxy", "http_proxy")) < 0 ||
		str_set(&u.https, first_set("https_proxy", "HTTPS_PROXY")) < 0 ||
		str_set(&u.all, first_set("all_proxy", "ALL_PROXY")) < 0 ||
		str_set(&u.no, first_set("no_proxy", "NO_PROXY")) < 0 ||
		str_set(&u.bundle, bundle && *bundle == '/' ? bundle : NULL) < 0) {
		net_upstream_clear(&u);
		return err_set(e, ENOMEM, "out of memory");
	}
	r = check_proxy("http_proxy", u.http, e);
	if (r == 0)
		r = check_proxy("https_proxy", u.https, e);
	if (r == 0)
		r = check_proxy("all_proxy", u.all, e);
	if (r < 0) {
		net_upstream_clear(&u);
		return r;
	}
	*ret = u;
	return 0;
}

void net_upstream_clear(struct net_upstream *u)
{
	free(u->http);
	free(u->https);
	free(u->all);
	free(u->no);
	free(u->bundle);
	*u = (struct net_upstream){ 0 };
}

/* ---- the host's files; what is missing or odd in them is left out */

static int add_servers(struct json *to)
{
	auto_buf struct buf text = { 0 };
	char *at, *line;

	if (file_read(AT_FDCWD, "/etc/resolv.conf", HOST_FILE_MAX, &text, NULL) < 0)
		return 0;
	at = text.data;
	while ((line = strsep(&at, "\n")) && json_len(to) < SERVERS_MAX) {
		char *word = strtok_r(line, " \t\r", &line);
		char *value = word ? strtok_r(NULL, " \t\r", &line) : NULL;

		if (value && strcmp(word, "nameserver") == 0 &&
			json_append(to, json_new_str(value)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_host(struct json *to, const char *name, const char *addr)
{
	struct json *j = json_new_object();

	if (json_add_str(j, "name", name) < 0 || json_add_str(j, "addr", addr) < 0) {
		json_free(j);
		return -ENOMEM;
	}
	return json_append(to, j);
}

static int add_hosts(struct json *to)
{
	auto_buf struct buf text = { 0 };
	char *at, *line;

	if (file_read(AT_FDCWD, "/etc/hosts", HOST_FILE_MAX, &text, NULL) < 0)
		return 0;
	at = text.data;
	while ((line = strsep(&at, "\n")) && json_len(to) < HOSTS_MAX) {
		char *rest = line, *addr, *name;

		rest[strcspn(rest, "#")] = '\0';
		addr = strtok_r(rest, " \t\r", &rest);
		while (addr && (name = strtok_r(NULL, " \t\r", &rest)))
			if (add_host(to, name, addr) < 0)
				return -ENOMEM;
	}
	return 0;
}

/*
 * The host's own addresses: /proc/net/fib_trie has each as a leaf, "|-- 192.0.2.1", with
 * "/32 host LOCAL" in the line after it. Read, not asked for over netlink, which the
 * keeper's promise leaves out.
 */
static int add_own_v4(struct json *to)
{
	FILE *f = fopen("/proc/net/fib_trie", "re");
	auto_free char *line = NULL;
	char leaf[16] = "";
	size_t room = 0;
	int r = 0;

	/* line by line: a router's is too long to be read whole, and to be left out */
	while (f && r == 0 && getline(&line, &room, f) > 0) {
		const char *mark = strstr(line, "|-- ");

		if (mark)
			(void)snprintf(leaf, sizeof(leaf), "%.*s",
				(int)strcspn(mark + 4, "\n"), mark + 4);
		else if (leaf[0] && strstr(line, "/32 host LOCAL"))
			r = json_append(to, json_new_str(leaf));
	}
	if (f)
		(void)fclose(f);
	return r;
}

/* "20010db8000000000000000000000001 02 40 00 80 eth0" */
static int add_own_v6(struct json *to)
{
	auto_buf struct buf text = { 0 };
	char *at, *line, addr[40];

	if (file_read(AT_FDCWD, "/proc/net/if_inet6", HOST_FILE_MAX, &text, NULL) < 0)
		return 0;
	at = text.data;
	while ((line = strsep(&at, "\n"))) {
		size_t n = 0;

		if (strspn(line, "0123456789abcdef") != 32)
			continue;
		for (size_t i = 0; i < 32; i++) {
			if (i && i % 4 == 0)
				addr[n++] = ':';
			addr[n++] = line[i];
		}
		addr[n] = '\0';
		if (json_append(to, json_new_str(addr)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Is there a default route for IPv6 that is none of refusal? proc_net_route(5) */
static bool has_ipv6(void)
{
	auto_buf struct buf text = { 0 };
	char *at, *line;

	if (file_read(AT_FDCWD, "/proc/net/ipv6_route", HOST_FILE_MAX, &text, NULL) < 0)
		return false;
	at = text.data;
	while ((line = strsep(&at, "\n")))
		if (str_starts(line, "00000000000000000000000000000000 00 ") &&
			!str_ends(line, " lo"))
			return true;
	return false;
}

/* ---- the texts */

static int add_rules(struct json *to, const struct record *rec, struct err *e)
{
	const struct policy_scope scope = {
		.preset = rec->net, .global = true, .sandbox = rec->name
	};
	auto_policy_rules struct policy_rules rules = { 0 };
	int r = policy_rules_load(&scope, &rules, e);

	if (r == 0 && json_add(to, "rules", policy_rules_json(&rules)) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

static int add_open(struct json *to, const struct record *rec, struct err *e)
{
	auto_strv struct strv hosts = { 0 };
	int r = grants_hosts(&rec->grants, rec->name, &hosts, e);

	for (size_t i = 0; r == 0 && i < hosts.n; i++)
		if (json_append(to, json_new_str(hosts.v[i])) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	return r;
}

/* Add a new array under 'key', filled by one of the functions above. */
static int add_array(struct json *j, const char *key, struct json **ret)
{
	struct json *array = json_new_array();

	*ret = array;
	return json_add(j, key, array);
}

/* The list as variables have it: words between commas and blanks. */
static int add_words(struct json *to, const char *text)
{
	auto_free char *copy = strdup(text ? text : "");
	char *rest = copy, *word;

	while (rest && (word = strsep(&rest, ", ")))
		if (*word && json_append(to, json_new_str(word)) < 0)
			return -ENOMEM;
	return copy ? 0 : -ENOMEM;
}

int net_config_gate(const struct record *rec, const struct net_upstream *u,
	struct json **ret, struct err *e)
{
	auto_json struct json *j = json_new_object();
	struct json *open, *servers, *hosts, *own, *direct;
	int r = 0;

	if (!j || add_array(j, "open", &open) < 0 ||
		add_array(j, "servers", &servers) < 0 ||
		add_array(j, "hosts", &hosts) < 0 || add_array(j, "own", &own) < 0 ||
		add_array(j, "no_proxy", &direct) < 0 || add_words(direct, u->no) < 0 ||
		add_servers(servers) < 0 || add_hosts(hosts) < 0 || add_own_v4(own) < 0 ||
		add_own_v6(own) < 0 ||
		json_add(j, "ipv6", json_new_bool(has_ipv6())) < 0 ||
		json_add(j, "proxy", json_new_bool(u->https != NULL || u->all != NULL)) <
			0)
		return err_set(e, ENOMEM, "out of memory");
	r = add_rules(j, rec, e);
	if (r == 0)
		r = add_open(open, rec, e);
	if (r == 0)
		*ret = take_ptr(&j);
	return r;
}

int net_config_injector(const struct net_upstream *u, struct json **ret, struct err *e)
{
	auto_json struct json *j = json_new_object();
	struct json *proxy = json_new_object();

	if (json_add(j, "proxy", proxy) < 0 ||
		(u->http && json_add_str(proxy, "http", u->http) < 0) ||
		(u->https && json_add_str(proxy, "https", u->https) < 0) ||
		(u->all && json_add_str(proxy, "all", u->all) < 0) ||
		(u->no && json_add_str(proxy, "no", u->no) < 0))
		return err_set(e, ENOMEM, "out of memory");
	*ret = take_ptr(&j);
	return 0;
}
