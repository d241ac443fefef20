/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opts.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

int opt_bool(void *to, const char *text, struct err *e)
{
	(void)text;
	(void)e;
	*(bool *)to = true;
	return 0;
}

int opt_str(void *to, const char *text, struct err *e)
{
	return str_set(to, text) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int opt_list(void *to, const char *text, struct err *e)
{
	return strv_add(to, text) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int opt_size(void *to, const char *text, struct err *e)
{
	uint64_t n;
	int r = str_to_size(text, &n, e);

	if (r < 0)
		return r;
	if (n == 0)
		return err_set(e, EINVAL, "a size of nothing makes no sense");
	*(uint64_t *)to = n;
	return 0;
}

int opt_duration(void *to, const char *text, struct err *e)
{
	uint64_t n;
	int r = str_to_duration(text, &n, e);

	if (r < 0)
		return r;
	if (n == 0)
		return err_set(e, EINVAL, "a duration of nothing makes no sense");
	*(uint64_t *)to = n;
	return 0;
}

int opt_count(void *to, const char *text, struct err *e)
{
	uint64_t n;
	int r = str_to_uint(text, UINT32_MAX, "number", &n, e);

	if (r < 0)
		return r;
	if (n == 0)
		return err_set(e, EINVAL, "the number must be at least 1");
	*(uint64_t *)to = n;
	return 0;
}

int opt_cpus(void *to, const char *text, struct err *e)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= 0.01) || n > 65536)
		return err_set(
			e, EINVAL, "'%s' is no number of CPUs: write 2 or 0.5", text);
	*(uint64_t *)to = (uint64_t)(n * 1000 + 0.5);
	return 0;
}

static const struct opt *find_name(const struct opt *table, const char *name, size_t len)
{
	for (; table->name; table++)
		if (strncmp(table->name, name, len) == 0 && table->name[len] == '\0')
			return table;
	return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int unknown(const struct opt *table, const char *name, size_t len, struct err *e)
{
	const char *names[64];
	size_t n = 0;
	auto_free char *text = strndup(name, len);
	auto_free char *shown = text ? str_escape(text) : NULL;
	const char *near;

	for (; table->name && n < sizeof(names) / sizeof(*names); table++)
		names[n++] = table->name;
	near = shown ? str_nearest(text, names, n) : NULL;
	(void)err_set(e, EINVAL, "unknown option '--%s'", shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '--%s'?", near);
	return -EINVAL;
}

static int apply(const struct opt *o, void *into, const char *text, struct err *e)
{
	int r = o->set((char *)into + o->offset, text, e);

	return r < 0 ? err_wrap(e, "option '--%s'", o->name) : 0;
}

/* One word that begins with "--". Returns how many words it took, or an error. */
static int parse_long(
	const struct opt *table, void *into, char *const *argv, struct err *e)
{
	const char *name = argv[0] + 2, *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const struct opt *o = find_name(table, name, len);
	int r;

	if (!o)
		return unknown(table, name, len, e);
	if (!o->arg) {
		if (value)
			return err_set(
				e, EINVAL, "option '--%s' takes no value", o->name);
		r = apply(o, into, NULL, e);
		return r < 0 ? r : 1;
	}
	if (!value && !argv[1])
		return err_set(e, EINVAL, "option '--%s' wants %s", o->name, o->arg);
	r = apply(o, into, value ? value + 1 : argv[1], e);
	return r < 0 ? r : value ? 1 : 2;
}

/* One word of letters. */
static int parse_letters(
	const struct opt *table, void *into, char *const *argv, struct err *e)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const struct opt *o = find_letter(table, *p);
		int r;

		if (!o)
			return err_set(e, EINVAL, "unknown option '-%c'",
				*p > ' ' && *p < 0x7f ? *p : '?');
		if (!o->arg) {
			r = apply(o, into, NULL, e);
			if (r < 0)
				return r;
			continue;
		}
		if (p[1]) {
			r = apply(o, into, p[1] == '=' ? p + 2 : p + 1, e);
			return r < 0 ? r : 1;
		}
		if (!argv[1])
			return err_set(e, EINVAL, "option '-%c' wants %s", *p, o->arg);
		r = apply(o, into, argv[1], e);
		return r < 0 ? r : 2;
	}
	return 1;
}

int opts_parse(const struct opt *table, void *into, char *const argv[], unsigned flags,
	struct opts_result *ret, struct err *e)
{
	while (*argv) {
		int r;

		if (strcmp(*argv, "--") == 0) {
			ret->dashes = true;
			argv++;
			break;
		}
		if ((*argv)[0] != '-' || (*argv)[1] == '\0') {
			if (strv_add(ret->words, *argv) < 0)
				return err_set(e, ENOMEM, "out of memory");
			argv++;
			if (flags & OPTS_STOP_AT_FIRST) {
				if (*argv && strcmp(*argv, "--") == 0) {
					ret->dashes = true;
					argv++;
				}
				break;
			}
			continue;
		}
		r = (*argv)[1] == '-' ? parse_long(table, into, argv, e)
				      : parse_letters(table, into, argv, e);
		if (r < 0)
			return r;
		argv += r;
	}
	return strv_add_all(ret->rest, argv) < 0 ? err_set(e, ENOMEM, "out of memory")
						 : 0;
}

#define HELP_COLUMN 30

int opts_help(const struct opt *table, unsigned columns, struct buf *out)
{
	size_t width = columns > HELP_COLUMN + 20 ? columns - HELP_COLUMN : 50;

	for (; table->name; table++) {
		const char *help = table->help;
		auto_free char *left = str_printf("  %s%c%s--%s%s%s",
			table->letter ? "-" : " ", table->letter ? table->letter : ' ',
			table->letter ? ", " : "  ", table->name, table->arg ? " " : "",
			table->arg ? table->arg : "");
		int r;

		if (!left)
			return -ENOMEM;
		r = buf_addf(out, "%-*s", HELP_COLUMN - 1, left);
		if (r == 0 && strlen(left) >= HELP_COLUMN - 1)
			r = buf_addf(out, "\n%*s", HELP_COLUMN - 1, "");
		while (r == 0 && strlen(help) > width) {
			size_t cut = width;

			while (cut > 1 && help[cut] != ' ')
				cut--;
			r = buf_addf(
				out, " %.*s\n%*s", (int)cut, help, HELP_COLUMN - 1, "");
			help += cut + (help[cut] == ' ');
		}
		if (r == 0)
			r = buf_addf(out, " %s\n", help);
		if (r < 0)
			return r;
	}
	return 0;
}
