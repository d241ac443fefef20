/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/rule.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "gate/policy/rule-target.h"

#include <ctype.h>

/* In the order of their bits (RFC 9110 section 9, RFC 5789). */
#define RULE_FORM "a rule is allow|deny TARGET [METHOD,METHOD...]"

static const char *const method_names[] = { "GET", "HEAD", "POST", "PUT", "DELETE",
	"PATCH", "OPTIONS", "CONNECT", "TRACE" };

#define METHODS (sizeof(method_names) / sizeof(*method_names))

unsigned rule_method(const char *name)
{
	for (size_t i = 0; i < METHODS; i++)
		if (strcmp(name, method_names[i]) == 0)
			return 1U << i;
	return METHOD_OTHER;
}

unsigned rule_method_loose(const char *name)
{
	for (size_t i = 0; i < METHODS; i++)
		if (strcasecmp(name, method_names[i]) == 0)
			return 1U << i;
	return METHOD_OTHER;
}

bool rule_is_request(const struct rule *r)
{
	return r->path || r->methods != METHOD_ANY ||
		(r->proto == RULE_HTTPS && r->action == RULE_ALLOW);
}

void rule_clear(struct rule *r)
{
	free(r->name);
	free(r->path);
	free(r->text);
	free(r->origin);
	free(r->comment);
	*r = (struct rule){ 0 };
}

static int parse_methods(const char *text, unsigned *ret, struct err *e)
{
	auto_strv struct strv words = { 0 };
	unsigned all = 0;

	if (strv_split(&words, text, ",") < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (words.n == 0)
		return err_set(e, EINVAL, "there is no method in '%.40s'", text);
	for (size_t i = 0; i < words.n; i++) {
		unsigned m = rule_method_loose(words.v[i]);
		auto_free char *shown = str_escape(words.v[i]);
		const char *near = str_nearest(words.v[i], method_names, METHODS);

		if (m == METHOD_OTHER) {
			(void)err_set(e, EINVAL, "'%.40s' is no method that rules know",
				shown ? shown : "?");
			if (strpbrk(words.v[i], ".:/*")) {
				err_hint(e,
					"a rule has one target: give another one "
					"a rule of its own");
				return -EINVAL;
			}
			err_hint(e,
				"they are GET, HEAD, POST, PUT, DELETE, PATCH, "
				"OPTIONS, CONNECT and TRACE%s%s%s",
				near ? "; did you mean " : "", near ? near : "",
				near ? "?" : "");
			return -EINVAL;
		}
		all |= m;
	}
	*ret = all;
	return 0;
}

static int check(const struct rule *r, const char *target, struct err *e)
{
	bool raw = r->proto == RULE_TLS || strncasecmp(target, "tcp:", 4) == 0;

	if (raw && r->methods != METHOD_ANY) {
		(void)err_set(
			e, EINVAL, "methods with a protocol that is passed through");
		err_hint(e, "methods need https:// or http://, or no protocol");
		return -EINVAL;
	}
	return 0;
}

int rule_print(const struct rule *r, struct buf *out)
{
	const char *sep = " ";
	int n = buf_addf(out, "%s ", r->action == RULE_ALLOW ? "allow" : "deny");

	if (n == 0)
		n = rule_target_print(r, out);
	for (size_t i = 0; i < METHODS && r->methods != METHOD_ANY && n == 0; i++)
		if (r->methods & (1U << i)) {
			n = buf_addf(out, "%s%s", sep, method_names[i]);
			sep = ",";
		}
	return n;
}

static int parse_action(const char *word, enum rule_action *ret, struct err *e)
{
	static const char *const names[] = { "allow", "deny" };
	auto_free char *shown = str_escape(word);
	const char *near = str_nearest(word, names, 2);

	for (unsigned i = 0; i < 2; i++)
		if (strcmp(word, names[i]) == 0) {
			*ret = (enum rule_action)i;
			return 0;
		}
	(void)err_set(
		e, EINVAL, "'%.40s' is neither allow nor deny", shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '%s'?", near);
	else
		err_hint(e, RULE_FORM);
	return -EINVAL;
}

static int parse_words(const struct strv *w, struct rule *r, struct err *e)
{
	int n;

	if (w->n < 2 || w->n > 3) {
		(void)err_set(e, EINVAL,
			w->n < 2 ? "a rule without a target"
				 : "too many words for a rule");
		err_hint(e, RULE_FORM);
		return -EINVAL;
	}
	n = parse_action(w->v[0], &r->action, e);
	r->methods = METHOD_ANY;
	if (n == 0 && w->n == 3)
		n = parse_methods(w->v[2], &r->methods, e);
	if (n == 0)
		n = rule_target_parse(w->v[1], r, e);
	return n == 0 ? check(r, w->v[1], e) : n;
}

/* The line up to its comment, and the comment without blanks around it. */
static int split_comment(const char *line, char **text, char **comment)
{
	const char *hash = line, *end;

	while ((hash = strchr(hash, '#')) && hash != line && hash[-1] != ' ' &&
		hash[-1] != '\t')
		hash++;
	*text = hash ? strndup(line, (size_t)(hash - line)) : strdup(line);
	if (!hash)
		return *text ? 0 : -ENOMEM;
	hash += 1 + strspn(hash + 1, " \t");
	end = hash + strlen(hash);
	while (end > hash && isspace((unsigned char)end[-1]))
		end--;
	if (end > hash)
		*comment = strndup(hash, (size_t)(end - hash));
	return *text && (end == hash || *comment) ? 0 : -ENOMEM;
}

static int check_line(const char *line, struct err *e)
{
	if (strnlen(line, RULE_TEXT_MAX + 1) > RULE_TEXT_MAX) {
		(void)err_set(e, EINVAL, "a rule of more than %d bytes", RULE_TEXT_MAX);
		err_hint(e, "no name is as long, and no path; " RULE_FORM);
		return -EINVAL;
	}
	for (const char *p = line; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f) {
			(void)err_set(
				e, EINVAL, "a control character (%d) in a rule", *p);
			err_hint(e, "a rule is one line of text; " RULE_FORM);
			return -EINVAL;
		}
	return 0;
}

int rule_parse(const char *line, const char *origin, struct rule *ret, struct err *e)
{
	AUTO(rule_clear) struct rule r = { 0 };
	auto_strv struct strv words = { 0 };
	auto_buf struct buf canonical = { 0 };
	auto_free char *text = NULL;
	int n = check_line(line, e);

	if (n < 0)
		return n;
	if (split_comment(line, &text, &r.comment) < 0 ||
		strv_split(&words, text, " \t") < 0)
		return err_set(e, ENOMEM, "out of memory");
	n = parse_words(&words, &r, e);
	if (n < 0)
		return n;
	if (rule_print(&r, &canonical) < 0 || str_set(&r.origin, origin) < 0 ||
		!(r.text = buf_take(&canonical)))
		return err_set(e, ENOMEM, "out of memory");
	*ret = r;
	r = (struct rule){ 0 };
	return 0;
}
