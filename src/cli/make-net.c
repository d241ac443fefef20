/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/make-net.h"

#include "base/err.h"
#include "cli/env.h"
#include "cli/secret-store.h"
#include "gate/policy/rule.h"
#include "sandbox/agent.h"
#include "sandbox/grant.h"
#include "sandbox/policy-store.h"
#include "sandbox/port.h"
#include "sandbox/sandbox.h"
#include "wall/wall.h"

#include <string.h>

#define DIR_INSIDE "/run/brig" /* wall/netfiles.h */
#define BUNDLE     DIR_INSIDE "/ca-bundle.pem"

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

bool make_net_gated(const struct record *rec)
{
	return strcmp(rec->net, "none") != 0 && strcmp(rec->net, "host") != 0;
}

static int check_wall(const struct wall *wall, const char *net, struct err *e)
{
	if ((strcmp(net, "host") == 0) != wall->own_net)
		return 0;
	(void)err_set(e, EINVAL, "the %s wall has no '--net %s'", wall->name, net);
	err_hint(e,
		wall->own_net ? "only the chroot wall shares the host's network"
			      : "a wall from nspawn up has a network of its own");
	return -EINVAL;
}

/* Without a gate nothing of this can hold, and to ignore it would be to lie. */
static int check_ungated(
	const struct record *rec, const struct make_net *want, struct err *e)
{
	const char *what = want->allow->n ? "--allow"
		: want->deny->n           ? "--deny"
		: want->secrets->n        ? "--secret"
					  : NULL;

	if (!what)
		return 0;
	(void)err_set(e, EINVAL, "%s needs a network with a gate, and '--net %s' is none",
		what, rec->net);
	err_hint(e, "%s",
		strcmp(rec->net, "host") == 0
			? "take --wall nspawn or container"
			: "take --net locked, which denies all but what is allowed");
	return -EINVAL;
}

static int check_rules(const struct strv *targets, const char *word, struct err *e)
{
	for (size_t i = 0; i < targets->n; i++) {
		auto_free char *line = str_printf("%s %s", word, targets->v[i]);
		struct rule rule = { 0 };
		int r = line ? rule_parse(line, "sandbox", &rule, e) : no_memory(e);

		if (r < 0)
			return err_wrap(e, "--%s", word);
		rule_clear(&rule);
	}
	return 0;
}

int make_net_choose(struct record *rec, const struct make_net *want, struct err *e)
{
	auto_free char *preset = NULL;
	const struct wall *wall;
	const char *net = want->preset;
	int r = wall_find(rec->wall, &wall, e);

	if (r == 0 && !net && wall->own_net)
		r = policy_preset_default(&preset, e);
	if (r < 0)
		return r;
	if (!net)
		net = wall->own_net ? preset : "host";
	if (strcmp(net, "host") != 0 && (r = policy_preset_check(net, e)) < 0)
		return r;
	if ((r = check_wall(wall, net, e)) < 0)
		return r;
	if (str_set(&rec->net, net) < 0)
		return no_memory(e);
	if (!make_net_gated(rec) && (r = check_ungated(rec, want, e)) < 0)
		return r;
	if ((r = check_rules(want->allow, "allow", e)) < 0 ||
		(r = check_rules(want->deny, "deny", e)) < 0)
		return r;
	if (want->publish->n && (r = port_check_wall(wall, e)) < 0)
		return r;
	return port_list_parse(want->publish, &rec->ports, e);
}

int make_net_grants(struct record *rec, const struct make_net *want,
	const struct agent *a, struct err *e)
{
	int r;

	if (!make_net_gated(rec))
		return 0;
	/* one that an earlier sandbox of this name was given is not to be found first */
	for (size_t i = 0; i < a->env.n; i++)
		if (!strchr(a->env.v[i], '=') && getenv(a->env.v[i]) &&
			secret_store_has_own(a->env.v[i], rec->name) &&
			(r = secret_store_from_env(a->env.v[i], rec->name, e)) < 0)
			return r;
	r = grants_add(&rec->grants, want->secrets, rec->name, e);
	if (r == 0)
		r = grants_default(&rec->grants, &a->env, rec->name, e);
	/* a key that the recipe would hand on as it is becomes a secret of this sandbox */
	for (size_t i = 0; r == 0 && i < a->env.n; i++) {
		const char *variable = a->env.v[i];

		if (strchr(variable, '=') || grants_have_env(&rec->grants, variable))
			continue;
		r = secret_store_from_env(variable, rec->name, e);
		if (r > 0)
			r = grants_default(&rec->grants, &a->env, rec->name, e);
	}
	return r;
}

int make_net_env(struct record *rec, struct err *e)
{
	/* by the manuals of OpenSSL, Node, requests and pip, curl, git, cargo, the AWS
	 * tools, Deno, gRPC; GnuTLS, Go and wget read the system's own bundle, which is
	 * covered; Java takes what the JVM's tools variable says */
	static const char *const names[] = { "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
		"PIP_CERT", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO",
		"AWS_CA_BUNDLE", "DENO_CERT", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
		"NIX_SSL_CERT_FILE" };
	auto_strv struct strv sentinels = { 0 };
	int r = 0;

	if (!make_net_gated(rec))
		return 0;
	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(*names); i++)
		if (!env_has(&rec->env, names[i]))
			r = strv_addf(&rec->env, "%s=" BUNDLE, names[i]);
	/* besides its own roots, which don't have what this host alone trusts */
	if (r == 0 && !env_has(&rec->env, "NODE_EXTRA_CA_CERTS"))
		r = strv_add(&rec->env, "NODE_EXTRA_CA_CERTS=" BUNDLE);
	if (r == 0 && !env_has(&rec->env, "JAVA_TOOL_OPTIONS"))
		r = strv_add(&rec->env,
			"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=" DIR_INSIDE
			"/ca.jks -Djavax.net.ssl.trustStorePassword=changeit");
	if (r == 0)
		r = grants_env(&rec->grants, &sentinels);
	if (r < 0)
		return no_memory(e);
	return env_set_all(&rec->env, &sentinels, e);
}

static int add_lines(struct strv *lines, const char *word, const struct strv *targets)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < targets->n; i++)
		r = strv_addf(lines, "%s %s", word, targets->v[i]);
	return r;
}

int make_net_rules(const struct sandbox *s, const struct make_net *want,
	const struct agent *a, struct err *e)
{
	auto_strv struct strv of_agent = { 0 }, of_user = { 0 };
	int r = 0;

	if (!make_net_gated(&s->rec))
		return 0;
	if (add_lines(&of_agent, "allow", &a->net) < 0 ||
		add_lines(&of_user, "allow", want->allow) < 0 ||
		add_lines(&of_user, "deny", want->deny) < 0)
		return no_memory(e);
	if (of_agent.n)
		r = policy_store_add_at(s->dir, &of_agent, "agent", e);
	if (r == 0 && of_user.n)
		r = policy_store_add_at(s->dir, &of_user, NULL, e);
	return r;
}
