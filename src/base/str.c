/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/buf.h"
#include "base/err.h"

#include <ctype.h>
#include <stdarg.h>

int strv_take(struct strv *s, char *text)
{
	char **grown;

	if (!text)
		return -ENOMEM;
	grown = realloc(s->v, (s->n + 2) * sizeof(*grown));
	if (!grown) {
		free(text);
		return -ENOMEM;
	}
	s->v = grown;
	s->v[s->n++] = text;
	s->v[s->n] = NULL;
	return 0;
}

int strv_add(struct strv *s, const char *text)
{
	return strv_take(s, strdup(text));
}

int strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : strv_take(s, text);
}

int strv_add_all(struct strv *s, char *const *from)
{
	for (; from && *from; from++) {
		int r = strv_add(s, *from);

		if (r < 0)
			return r;
	}
	return 0;
}

bool strv_has(const struct strv *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], text) == 0)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare);
}

void strv_clear(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

int strv_split(struct strv *s, const char *text, const char *seps)
{
	while (*(text += strspn(text, seps))) {
		size_t len = strcspn(text, seps);
		int r = strv_take(s, strndup(text, len));

		if (r < 0)
			return r;
		text += len;
	}
	return 0;
}

char *str_printf(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

char *str_join(char *const *v, const char *between)
{
	auto_buf struct buf b = { 0 };

	for (size_t i = 0; v && v[i]; i++)
		if ((i && buf_add_str(&b, between) < 0) || buf_add_str(&b, v[i]) < 0)
			return NULL;
	return buf_take(&b);
}

bool str_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && strcmp(text + n - m, suffix) == 0;
}

int str_set(char **to, const char *text)
{
	char *copy = NULL;

	if (text) {
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*to);
	*to = copy;
	return 0;
}

int str_to_uint(
	const char *text, uint64_t max, const char *what, uint64_t *ret, struct err *e)
{
	uint64_t n = 0;

	if (!*text)
		return err_set(e, EINVAL, "%s is empty, want a number", what);
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return err_set(e, EINVAL, "%s '%s' is no number", what, text);
		if (__builtin_mul_overflow(n, 10U, &n) ||
			__builtin_add_overflow(n, (unsigned)(*p - '0'), &n) || n > max)
			return err_set(e, ERANGE, "%s '%s' is over %llu", what, text,
				(unsigned long long)max);
	}
	*ret = n;
	return 0;
}

/* A number with at most six decimals, in millionths. Returns where it ended, NULL if none. */
static const char *scan_decimal(const char *text, uint64_t *ret)
{
	uint64_t n = 0, unit = 1000000;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (n > 100000000000ULL)
			return NULL;
		else
			n = n * 10 + (unsigned)(*p - '0');
	if (p == text)
		return NULL;
	n *= unit;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++) {
			unit /= 10;
			n += unit * (unsigned)(*p - '0');
		}
	*ret = n;
	return p;
}

int str_to_size(const char *text, uint64_t *ret, struct err *e)
{
	static const char units[] = "bkmgt";
	uint64_t micro;
	unsigned shift = 0;
	unsigned __int128 bytes;
	const char *p = scan_decimal(text, &micro);

	if (p && *p) {
		const char *unit = strchr(units, tolower((unsigned char)*p));

		if (unit && *unit) {
			shift = 10 * (unsigned)(unit - units);
			p++;
			if (shift && (*p == 'i' || *p == 'I'))
				p++;
			if (shift && (*p == 'b' || *p == 'B'))
				p++;
		}
	}
	if (!p || *p)
		return err_set(
			e, EINVAL, "'%s' is no size: write 4096, 512k, 1.5g", text);
	bytes = ((unsigned __int128)micro << shift) / 1000000;
	if (bytes > INT64_MAX)
		return err_set(e, ERANGE, "size '%s' is too large", text);
	*ret = (uint64_t)bytes;
	return 0;
}

int str_to_duration(const char *text, uint64_t *ret, struct err *e)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = { { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 }, { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 }, { "d", 86400000000000 } };
	unsigned __int128 total = 0;
	const char *p = text;

	if (!*p)
		goto bad;
	while (*p) {
		uint64_t micro, ns = 0;

		p = scan_decimal(p, &micro);
		if (!p)
			goto bad;
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (str_starts(p, units[i].unit)) {
				p += strlen(units[i].unit);
				ns = units[i].ns;
				break;
			}
		if (!ns) {
			if (*p)
				goto bad;
			ns = 1000000000;
		}
		total += (unsigned __int128)micro * ns / 1000000;
	}
	if (total > INT64_MAX)
		return err_set(e, ERANGE, "duration '%s' is too long", text);
	*ret = (uint64_t)total;
	return 0;
bad:
	return err_set(e, EINVAL, "'%s' is no duration: write 30, 500ms, 1h30m", text);
}

const char *str_from_size(uint64_t bytes, char out[STR_SIZE_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB",
		"EiB" };
	double n = (double)bytes;
	size_t i = 0;

	while (n >= 1024 && i + 1 < sizeof(units) / sizeof(*units)) {
		n /= 1024;
		i++;
	}
	(void)snprintf(
		out, STR_SIZE_MAX, i && n < 100 ? "%.1f %s" : "%.0f %s", n, units[i]);
	return out;
}

#define NEAR_MAX 32

/* Levenshtein distance of two short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAR_MAX + 1], n = strlen(b);

	if (n > NEAR_MAX || strlen(a) > NEAR_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const char *str_nearest(const char *text, const char *const *names, size_t n)
{
	size_t best = strlen(text) / 3 + 2;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(text, names[i]);

		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

/* Length of the well-formed UTF-8 sequence at 'p' that is no control character, or 0. */
static size_t utf8_printable(const unsigned char *p)
{
	if (*p < 0x20 || *p == 0x7f)
		return 0;
	if (*p < 0x80)
		return 1;
	if (*p >= 0xc2 && *p < 0xe0 && (p[1] & 0xc0) == 0x80)
		return *p == 0xc2 && p[1] < 0xa0 ? 0 : 2; /* C1 controls */
	if (*p >= 0xe0 && *p < 0xf0 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
		if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] >= 0xa0))
			return 0;
		/* bidirectional overrides turn a line round on the terminal */
		if (*p == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
			return 0;
		if (*p == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
			return 0;
		return 3;
	}
	if (*p >= 0xf0 && *p < 0xf5 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80 &&
		(p[3] & 0xc0) == 0x80) {
		if ((*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] >= 0x90))
			return 0;
		return 4;
	}
	return 0;
}

char *str_escape(const char *text)
{
	auto_buf struct buf b = { 0 };

	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t n = utf8_printable(p);
		int r = n ? buf_add(&b, p, n) : buf_addf(&b, "\\x%02x", *p);

		if (r < 0)
			return NULL;
		p += n ? n : 1;
	}
	return buf_take(&b);
}
