/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/str.h"
#include "gate/front/request-authority.h"
#include "gate/front/request.h"

/*
 * A path as a pattern that can be pasted behind a prompt: the sandbox chose it, so from
 * the first byte on that means something to a shell or a rule, '**' stands for the rest.
 */
static int add_pattern(struct buf *b, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._~-";
	size_t len = path ? strspn(path, plain) : 0;
	int r;

	if (path && !path[len])
		return buf_add_str(b, path);
	while (len && path[len - 1] != '/')
		len--;
	r = buf_add(b, path, len);
	return r == 0 ? buf_add_str(b, len ? "**" : "/**") : r;
}

static const char *scheme(const struct policy_query *q)
{
	if (q->stage != POLICY_REQUEST)
		return "";
	return q->proto == PROTO_HTTPS ? "https://" : "http://";
}

static int add_remedy(struct buf *b, const struct policy_query *q,
	const struct policy_verdict *v, const char *place)
{
	char at[AUTHORITY_TEXT_MAX], text[ADDRESS_TEXT_MAX];
	int r;

	if (v->rule && v->rule->action == RULE_DENY)
		return buf_addf(b,
			"\nremove the rule with: brig policy rm --sandbox ... '%s'",
			v->rule->text);
	r = buf_add_str(b, "\nallow it with: brig policy allow --sandbox ... '");
	/* such an address wants a rule of its own */
	if (r == 0 && q->addr && v->kind != ADDRESS_PUBLIC) {
		(void)authority_text(address_text(q->addr, text), q->port, 0, at);
		return buf_addf(b, "%s'", at);
	}
	r = r == 0 ? buf_addf(b, "%s%s", scheme(q), place) : r;
	if (r == 0 && q->stage == POLICY_REQUEST)
		r = add_pattern(b, q->path);
	return r == 0 ? buf_add_str(b, "'") : r;
}

char *request_denial(const struct policy_query *q, const struct policy_verdict *v)
{
	auto_buf struct buf b = { 0 };
	char place[AUTHORITY_TEXT_MAX], text[ADDRESS_TEXT_MAX];
	bool request = q->stage == POLICY_REQUEST;
	const char *path = !request ? ""
		: q->path           ? q->path
				    : "/(a path of two meanings)";
	int r;

	(void)authority_text(q->name ? q->name : address_text(q->addr, text), q->port,
		!request                          ? 0
			: q->proto == PROTO_HTTPS ? 443
						  : 80,
		place);
	r = buf_addf(&b, "denied: %s %s%s%s: %s", request ? q->method : "CONNECT",
		scheme(q), place, path, v->reason ? v->reason : "no rule allows it");
	if (r == 0 && v->rule)
		r = buf_addf(&b, " (rule: %s)", v->rule->text);
	if (r == 0)
		r = add_remedy(&b, q, v, place);
	return r == 0 ? buf_take(&b) : NULL;
}
