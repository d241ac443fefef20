/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-check.c - 'brig policy check': the verdict that the gate would give, and why.
 */
#include "base/json.h"
#include "cli/out.h"
#include "cli/policy.h"
#include "sandbox/grant.h"
#include "sandbox/policy-store.h"
#include "sandbox/sandbox.h"

struct check_args {
	char *sandbox, *preset, *method;
	bool json;
};

static const struct opt opts[] = {
	OPT(struct check_args, "sandbox", 's', "NAME", sandbox, opt_str,
		"by the rules of this sandbox", .words = "@sandbox"),
	OPT(struct check_args, "preset", 'p', "PRESET", preset, opt_str,
		"by this preset and the global rules",
		.words = "none locked balanced open"),
	OPT(struct check_args, "method", 'X', "METHOD", method, opt_str,
		"a request with this method (GET, when TARGET is a URL)"),
	OPT(struct check_args, "json", 0, NULL, json, opt_bool, "print JSON"),
	{ 0 },
};

static void clear(void *args)
{
	struct check_args *a = args;

	free(a->sandbox);
	free(a->preset);
	free(a->method);
}

/* What is asked for, taken apart. */
struct asked {
	char name[NAME_MAX_LEN + 1];
	struct address addr;
	char path[RULE_PATH_MAX * 4];
	struct policy_query query;
	bool request;
};

struct answer {
	struct policy_verdict verdict;
	bool open, raw;
	const char *none; /* why there is no network at all */
};

static const struct scheme {
	const char *name;
	enum policy_proto proto;
	uint16_t port;
	bool request;
} schemes[] = {
	{ "https://", PROTO_TLS, 443, true },
	{ "http://", PROTO_HTTP, 80, true },
	{ "tls://", PROTO_TLS, 443, false },
	{ "tcp://", PROTO_TCP, 0, false },
};

static int bad_target(const char *text, struct err *e)
{
	auto_free char *shown = str_escape(text);

	(void)err_set(e, EINVAL, "'%.120s' is nothing that can be connected to",
		shown ? shown : "?");
	err_hint(e, "write NAME, NAME:PORT, ADDRESS, [IPv6]:PORT or a URL");
	return -EINVAL;
}

static int parse_port(const char *text, uint16_t *ret, struct err *e)
{
	uint64_t port;
	int r = str_to_uint(text, 65535, "port", &port, e);

	if (r == 0 && port == 0)
		r = err_set(e, EINVAL, "0 is no port");
	if (r == 0)
		*ret = (uint16_t)port;
	return r;
}

/* HOST[:PORT] */
static int parse_authority(char *text, struct asked *a, struct err *e)
{
	char *colon = strchr(text, ':');
	int r = 0;

	if (*text == '[')
		colon = strchr(text, ']') ? strchr(strchr(text, ']'), ':') : NULL;
	else if (colon && strchr(colon + 1, ':'))
		colon = NULL; /* an IPv6 address */
	if (colon) {
		*colon = '\0';
		r = parse_port(colon + 1, &a->query.port, e);
	}
	if (r < 0)
		return r;
	if (address_parse(text, &a->addr) == 0) {
		a->query.addr = &a->addr;
		return 0;
	}
	a->query.name = a->name;
	return name_normalise(text, strlen(text), a->name) < 0 ? bad_target(text, e) : 0;
}

static int parse_target(
	const char *text, const char *method, struct asked *a, struct err *e)
{
	const struct scheme *s = NULL;
	auto_free char *host = NULL;
	const char *path;
	int r;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (strncasecmp(text, schemes[i].name, strlen(schemes[i].name)) == 0)
			s = &schemes[i];
	text += s ? strlen(s->name) : 0;
	path = text + strcspn(text, "/?#");
	host = strndup(text, (size_t)(path - text));
	if (!host)
		return err_set(e, ENOMEM, "out of memory");
	if (*path && (!s || !s->request))
		return bad_target(text, e);
	r = parse_authority(host, a, e);
	if (r < 0)
		return r;
	/* a name alone is what most programs would do with it: TLS */
	a->query.proto = s ? s->proto : a->query.port ? PROTO_UNKNOWN : PROTO_TLS;
	a->request = s ? s->request : method != NULL;
	if (a->request && a->query.proto == PROTO_UNKNOWN)
		a->query.proto = PROTO_TLS;
	if (!a->query.port)
		a->query.port = s ? s->port : 443;
	if (!a->query.port)
		return err_set(e, EINVAL, "tcp:// without a port");
	if (!a->request && method)
		return err_set(e, EINVAL, "a method of what is no request");
	if (*path != '/')
		path = "/";
	if (a->request && policy_path(path, strlen(path), a->path) < 0)
		return err_set(
			e, EINVAL, "the path is none that every server reads alike");
	return 0;
}

/* As the gate does: first the connection, then what is asked for on it. */
static void judge(
	const struct policy *p, struct asked *a, const char *method, struct answer *ret)
{
	struct policy_query q = a->query;

	q.stage = POLICY_CONNECT;
	policy_judge(p, &q, &ret->verdict);
	ret->open = ret->verdict.open;
	ret->raw = ret->verdict.raw || q.proto == PROTO_TCP;
	if (!ret->verdict.allow || !a->request)
		return;
	q.stage = POLICY_REQUEST;
	q.proto = q.proto == PROTO_TLS ? PROTO_HTTPS : PROTO_HTTP;
	q.method = method ? method : "GET";
	q.path = a->path;
	policy_judge(p, &q, &ret->verdict);
}

/* The rules to go by; or '*none' says why none is asked. */
static int load(
	const struct check_args *a, struct policy **ret, const char **none, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	auto_policy_rules struct policy_rules rules = { 0 };
	auto_strv struct strv opens = { 0 };
	auto_free char *preset = NULL;
	struct policy_scope scope = { .global = true, .sandbox = a->sandbox };
	int r = 0;

	if (a->sandbox && a->preset)
		return err_set(e, EINVAL, "--sandbox and --preset exclude each other");
	if (a->sandbox)
		r = sandbox_open(a->sandbox, &s, e);
	else if (!a->preset)
		r = policy_preset_default(&preset, e);
	if (r < 0)
		return r;
	scope.preset = a->sandbox ? s.rec.net : a->preset ? a->preset : preset;
	if (a->sandbox && strcmp(s.rec.net, "host") == 0)
		return err_set(e, ENOTSUP,
			"sandbox '%s' has the host's network: no rule is asked",
			a->sandbox);
	if (strcmp(scope.preset, "none") == 0) {
		*none = "there is no network: the preset is 'none'";
		return 0;
	}
	r = policy_rules_load(&scope, &rules, e);
	/* as the gate is told: where a secret goes in, TLS has to be opened */
	if (r == 0 && a->sandbox)
		r = grants_hosts(&s.rec.grants, a->sandbox, &opens, e);
	return r == 0 ? policy_rules_compile(&rules, &opens, ret, e) : r;
}

static const char *tls_text(const struct asked *a, const struct answer *w)
{
	if (!w->verdict.allow || a->query.proto == PROTO_TCP ||
		a->query.proto == PROTO_HTTP)
		return NULL;
	return w->open ? "opened, each request is judged" : "passed through unopened";
}

static int line(const char *label, const char *text)
{
	return text ? out_line("%-9s%s", label, text) : 0;
}

static int print_text(const char *target, const struct asked *a, const struct answer *w)
{
	const struct policy_verdict *v = &w->verdict;
	auto_free char *shown = str_escape(target);
	auto_free char *rule =
		v->rule ? str_printf("%s   (%s)", v->rule->text, v->rule->origin) : NULL;
	int r = out_line("%s%s%s  %s", out_on(v->allow ? OUT_GREEN : OUT_RED),
		v->allow ? "allowed" : "denied", out_off(), shown ? shown : "?");

	r |= line("rule", rule);
	r |= line("reason", w->none ? w->none : v->reason);
	r |= line("tls", tls_text(a, w));
	if (v->allow && a->query.name && strcmp(a->name, NAME_HOST) != 0)
		r |= line(
			"where", "at public addresses; others need a rule of their own");
	if (v->allow && a->query.proto == PROTO_UNKNOWN && !w->raw)
		r |= line("protocol", "as the rules have it: not any");
	return r;
}

static int print_json(
	const char *target, const struct asked *a, const struct answer *w, struct err *e)
{
	const struct policy_verdict *v = &w->verdict;
	auto_json struct json *j = json_new_object();
	char text[ADDRESS_TEXT_MAX], id[POLICY_ID_MAX];
	int r = j ? 0 : -ENOMEM;

	if (r == 0)
		r = json_add_str(j, "target", target);
	if (r == 0)
		r = json_add(j, "allow", json_new_bool(v->allow));
	if (r == 0)
		r = json_add_str(j, "reason", w->none ? w->none : v->reason);
	if (r == 0)
		r = json_add_str(j, "name", a->query.name);
	if (r == 0)
		r = json_add_str(j, "address",
			a->query.addr ? address_text(a->query.addr, text) : NULL);
	if (r == 0)
		r = json_add(j, "port", json_new_uint(a->query.port));
	if (r == 0)
		r = json_add_str(j, "path", a->request ? a->path : NULL);
	if (r == 0)
		r = json_add_str(j, "rule", v->rule ? v->rule->text : NULL);
	if (r == 0)
		r = json_add_str(j, "id", v->rule ? policy_rule_id(v->rule, id) : NULL);
	if (r == 0)
		r = json_add_str(j, "origin", v->rule ? v->rule->origin : NULL);
	if (r == 0)
		r = json_add(j, "opened", json_new_bool(v->allow && w->open));
	if (r == 0)
		r = json_add(j, "any_protocol", json_new_bool(v->allow && w->raw));
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : out_json(j, e);
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct check_args *args = inv->args;
	const char *target = inv->words.v[0];
	struct asked a = { .request = false };
	struct answer w = { .none = NULL };
	struct policy *p = NULL;
	int r = parse_target(target, args->method, &a, e);

	if (r == 0)
		r = load(args, &p, &w.none, e);
	if (r < 0)
		return r;
	judge(p, &a, args->method, &w);
	r = args->json ? print_json(target, &a, &w, e) : print_text(target, &a, &w);
	policy_free(p);
	return r < 0 ? EXIT_BRIG : !w.verdict.allow;
}

const struct command command_policy_check = {
	.name = "check",
	.usage = "[--sandbox NAME | --preset PRESET] [--method METHOD] [--json] TARGET",
	.brief = "say whether a connection or a request would be allowed, and by which "
		 "rule",
	.detail = "TARGET is NAME, NAME:PORT, an address with or without port, or a URL. "
		  "Nothing is looked up and nothing is sent. Exits 0 when it would be "
		  "allowed, and 1 when it would be denied.",
	.opts = opts,
	.args_size = sizeof(struct check_args),
	.words_min = 1,
	.words_max = 1,
	.run = run,
	.clear = clear,
};
