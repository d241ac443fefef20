/* SPDX-License-Identifier: Apache-2.0 */
#include "image/progress.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#include <stdarg.h>
#include <sys/ioctl.h>

#define DRAW_EVERY_NS (50 * NS_PER_MS)
#define BAR_MAX       40U
#define BAR_REST      46U /* columns of a row that aren't bar */

int progress_init(struct progress *p, enum progress_mode mode, size_t rows)
{
	const char *term = getenv("TERM");
	struct winsize w = { 0 };

	memset(p, 0, sizeof(*p));
	p->quiet = mode == PROGRESS_QUIET;
	p->tty = !p->quiet && isatty(STDERR_FILENO) && term && !str_eq(term, "dumb");
	if (p->tty && ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0) {
		p->columns = w.ws_col;
		p->lines = w.ws_row;
	}
	if (p->columns < 40)
		p->columns = 80;
	if (p->lines < 4)
		p->lines = 24;
	p->rows = calloc(rows ? rows : 1, sizeof(*p->rows));
	p->n = p->rows ? rows : 0;
	return p->rows ? 0 : -ENOMEM;
}

void progress_clear(struct progress *p)
{
	free(p->rows);
	p->rows = NULL;
	p->n = 0;
}

static void put(const struct buf *b)
{
	if (b->len)
		(void)file_write_all(STDERR_FILENO, b->data, b->len);
}

/* Back to the first row. */
static void rewind_rows(struct progress *p, struct buf *b)
{
	if (p->drawn)
		(void)buf_addf(b, "\r\033[%zuA\033[J", p->drawn);
	p->drawn = 0;
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	auto_buf struct buf b = { 0 };
	va_list ap;

	if (p->quiet)
		return;
	rewind_rows(p, &b);
	va_start(ap, fmt);
	(void)buf_vaddf(&b, fmt, ap);
	va_end(ap);
	(void)buf_add_str(&b, "\n");
	put(&b);
	p->drawn_at = 0;
}

/* The user's terminal, not this program's own locale. */
static bool speaks_utf8(void)
{
	const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

static void add_bar(struct progress *p, const struct progress_row *row, struct buf *b)
{
	bool utf8 = speaks_utf8();
	unsigned width = p->columns > BAR_REST + 10 ? p->columns - BAR_REST : 10;
	uint64_t total = row->total ? row->total : 1;
	uint64_t now = row->now < total ? row->now : total;
	unsigned full;

	width = width > BAR_MAX ? BAR_MAX : width;
	full = (unsigned)(now * width / total);
	for (unsigned i = 0; i < width; i++)
		(void)buf_add_str(b, i < full ? (utf8 ? "━" : "=") : (utf8 ? "─" : "-"));
}

static void add_row(struct progress *p, const struct progress_row *row, struct buf *b)
{
	char now[STR_SIZE_MAX], total[STR_SIZE_MAX];

	(void)buf_addf(b, "%-12s  %-11s", row->label, row->state);
	if (row->bar) {
		(void)buf_add_str(b, " ");
		add_bar(p, row, b);
		(void)buf_addf(b, " %s/%s", str_from_size(row->now, now),
			str_from_size(row->total, total));
	} else if (row->total) {
		(void)buf_addf(b, " %s", str_from_size(row->total, total));
	}
	(void)buf_add_str(b, "\n");
}

static bool is_active(const struct progress_row *row)
{
	return row->bar;
}

void progress_draw(struct progress *p, bool last)
{
	auto_buf struct buf b = { 0 };
	uint64_t now = clock_mono_ns();
	size_t room = p->lines - 2, left_out = 0;

	if (!p->tty || (!last && p->drawn_at && now - p->drawn_at < DRAW_EVERY_NS))
		return;
	rewind_rows(p, &b);
	/* more layers than lines: those at work, then a count; at the end all may scroll
	 * by */
	for (size_t i = 0; i < p->n; i++) {
		if (!last && p->n > room &&
			(!is_active(&p->rows[i]) || p->drawn + 1 >= room)) {
			left_out++;
			continue;
		}
		add_row(p, &p->rows[i], &b);
		p->drawn++;
	}
	if (left_out) {
		(void)buf_addf(&b, "and %zu more layers\n", left_out);
		p->drawn++;
	}
	put(&b);
	p->drawn_at = now;
	if (last)
		p->drawn = 0;
}

void progress_state(struct progress *p, size_t row, const char *state, bool bar)
{
	struct progress_row *r = &p->rows[row];
	char total[STR_SIZE_MAX];

	if (row >= p->n || (str_eq(r->state, state) && r->bar == bar))
		return;
	r->state = state;
	r->bar = bar;
	if (p->tty)
		progress_draw(p, false);
	else if (!p->quiet && !bar)
		progress_say(p, "%s  %s (%s)", r->label, state,
			str_from_size(r->total, total));
}

void progress_now(struct progress *p, size_t row, uint64_t now)
{
	if (row >= p->n)
		return;
	p->rows[row].now = now;
	progress_draw(p, false);
}
