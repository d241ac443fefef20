/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#include <stdarg.h>
#include <sys/ioctl.h>

static bool coloured(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static void say(const char *colour, const char *prefix, const char *fmt, va_list ap)
{
	bool on = coloured(STDERR_FILENO);

	fprintf(stderr, "%s%s%s", on ? colour : "", prefix, on ? "\033[0m" : "");
	(void)vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void out_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("\033[1;31m", "brig: ", fmt, ap);
	va_end(ap);
}

void out_hint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("\033[1;36m", "  hint: ", fmt, ap);
	va_end(ap);
}

void out_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("\033[2m", "brig: ", fmt, ap);
	va_end(ap);
}

const char *out_on(enum out_style s)
{
	static const char *const codes[] = { "", "\033[1m", "\033[2m", "\033[32m",
		"\033[33m", "\033[31m" };

	return coloured(STDOUT_FILENO) ? codes[s] : "";
}

const char *out_off(void)
{
	return coloured(STDOUT_FILENO) ? "\033[0m" : "";
}

int out_text(const char *text)
{
	return fputs(text, stdout) < 0 ? -EIO : 0;
}

int out_line(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vprintf(fmt, ap);
	va_end(ap);
	return n < 0 || putchar('\n') < 0 ? -EIO : 0;
}

int out_json(const struct json *j, struct err *e)
{
	auto_buf struct buf text = { 0 };

	if (json_print(j, true, &text) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return out_text(text.data);
}

int out_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	out_error("write to standard output: %s", strerrordesc_np(errno ? errno : EIO));
	return -EIO;
}

unsigned out_columns(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

struct out_table {
	size_t columns;
	struct strv cells; /* rows one after the other, the heads first */
};

struct out_table *out_table_new(const char *const *heads, size_t n)
{
	struct out_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = n;
	if (out_table_add(t, heads) < 0) {
		out_table_free(t);
		return NULL;
	}
	return t;
}

int out_table_add(struct out_table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->columns; i++)
		if (strv_take(&t->cells, str_escape(cells[i] ? cells[i] : "")) < 0)
			return -ENOMEM;
	return 0;
}

/* Columns a text takes: its UTF-8 characters. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

int out_table_print(const struct out_table *t)
{
	size_t wide[32] = { 0 };

	for (size_t i = 0; i < t->cells.n; i++)
		if (width(t->cells.v[i]) > wide[i % t->columns])
			wide[i % t->columns] = width(t->cells.v[i]);
	for (size_t i = 0; i < t->cells.n; i++) {
		bool last = i % t->columns == t->columns - 1;
		size_t pad = last ? 0 : wide[i % t->columns] - width(t->cells.v[i]) + 3;

		if (printf("%s%s%s%*s%s", i < t->columns ? out_on(OUT_BOLD) : "",
			    t->cells.v[i], i < t->columns ? out_off() : "", (int)pad, "",
			    last ? "\n" : "") < 0)
			return -EIO;
	}
	return 0;
}

void out_table_free(struct out_table *t)
{
	if (!t)
		return;
	strv_clear(&t->cells);
	free(t);
}
