/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate-priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#include <string.h>

struct rule_line {
	char *origin, *text;
};

struct host_line {
	char *name, *addr;
};

/* The shape of ROLE_CONFIG for the gate (roles.h). */
struct config {
	struct json_list rules, hosts;
	struct strv open, servers, own, no_proxy;
	bool proxy, ipv6;
	uint64_t dns_port; /* of the servers; 0: 53 */
};

static const struct json_field rule_fields[] = { JSON_FIELD(struct rule_line, "origin",
							 JSON_STR, origin, JSON_REQUIRED),
	JSON_FIELD(struct rule_line, "text", JSON_STR, text, JSON_REQUIRED), { 0 } };
static const struct json_schema rule_schema = { "rule", sizeof(struct rule_line),
	rule_fields };

static const struct json_field host_fields[] = { JSON_FIELD(struct host_line, "name",
							 JSON_STR, name, JSON_REQUIRED),
	JSON_FIELD(struct host_line, "addr", JSON_STR, addr, JSON_REQUIRED), { 0 } };
static const struct json_schema host_schema = { "host", sizeof(struct host_line),
	host_fields };

static const struct json_field config_fields[] = {
	JSON_FIELD(struct config, "rules", JSON_LIST, rules, .of = &rule_schema),
	JSON_FIELD(struct config, "hosts", JSON_LIST, hosts, .of = &host_schema),
	JSON_FIELD(struct config, "open", JSON_STRV, open),
	JSON_FIELD(struct config, "servers", JSON_STRV, servers),
	JSON_FIELD(struct config, "own", JSON_STRV, own),
	JSON_FIELD(struct config, "proxy", JSON_BOOL, proxy),
	JSON_FIELD(struct config, "no_proxy", JSON_STRV, no_proxy),
	JSON_FIELD(struct config, "ipv6", JSON_BOOL, ipv6),
	JSON_FIELD(struct config, "dns_port", JSON_UINT, dns_port), { 0 }
};
static const struct json_schema config_schema = { "gate's configuration",
	sizeof(struct config), config_fields };

static void config_clear(struct config *c)
{
	json_struct_clear(&config_schema, c);
}

static int add_rules(struct policy *p, const struct config *c, struct err *e)
{
	const struct rule_line *lines = c->rules.items;

	for (size_t i = 0; i < c->rules.n; i++) {
		struct rule rule = { 0 };
		int r = rule_parse(lines[i].text, lines[i].origin, &rule, e);

		if (r < 0)
			return r;
		r = policy_add(p, &rule);
		if (r < 0) {
			rule_clear(&rule);
			return err_set(e, -r, "take the rule '%s': %s", lines[i].text,
				err_text(-r));
		}
	}
	return 0;
}

static int add_own(struct policy *p, const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->own.n; i++) {
		struct address a;

		if (address_parse(c->own.v[i], &a) < 0 || policy_own_address(p, &a) < 0)
			return err_set(
				e, EINVAL, "take the host's address '%s'", c->own.v[i]);
	}
	return 0;
}

static int make_policy(const struct config *c, struct policy **ret, struct err *e)
{
	struct policy *p = policy_new();
	int r = p ? add_rules(p, c, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0)
		r = add_own(p, c, e);
	for (size_t i = 0; r == 0 && i < c->open.n; i++)
		if (policy_open_host(p, c->open.v[i]) < 0)
			r = err_set(e, EINVAL, "'%s' is no host name", c->open.v[i]);
	if (r == 0 && policy_seal(p) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	if (r < 0)
		policy_free(p);
	else
		*ret = p;
	return r;
}

/* What of the host's files can't be used is left out: a name then just isn't found. */
static void set_resolver(struct gate *g, const struct config *c)
{
	const struct host_line *hosts = c->hosts.items;
	struct address a;

	resolver_reset(g->resolver);
	for (size_t i = 0; i < c->servers.n; i++)
		if (address_parse(c->servers.v[i], &a) == 0)
			(void)resolver_add_server(g->resolver, &a, (uint16_t)c->dns_port);
	for (size_t i = 0; i < c->hosts.n; i++) {
		char name[NAME_MAX_LEN + 1];

		if (address_parse(hosts[i].addr, &a) == 0 &&
			name_normalise(hosts[i].name, strlen(hosts[i].name), name) == 0)
			(void)resolver_add_host(g->resolver, name, &a);
	}
}

int gate_config_apply(struct gate *g, const char *text, size_t len, struct err *e)
{
	AUTO(config_clear) struct config c = { 0 };
	auto_json struct json *j = NULL;
	struct policy *p = NULL;
	int r = json_parse(text, len, "the gate's configuration", &j, e);

	if (r == 0)
		r = json_to_struct(j, &config_schema, &c, e);
	if (r == 0)
		r = make_policy(&c, &p, e);
	if (r < 0)
		return r;
	policy_free(g->policy);
	g->policy = p;
	g->proxy = c.proxy;
	strv_clear(&g->no_proxy);
	g->no_proxy = c.no_proxy;
	c.no_proxy = (struct strv){ 0 };
	g->ipv6 = c.ipv6;
	set_resolver(g, &c);
	return 0;
}
