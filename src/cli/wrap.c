/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/wrap.h"

#include "base/buf.h"

#include <string.h>

#define NARROWEST 24

/* Words of 'text' in lines of at most 'width' characters, each but the first indented. */
static int fill(const char *text, unsigned indent, unsigned width, struct buf *out)
{
	unsigned used = 0;

	while (*(text += strspn(text, " \n"))) {
		size_t len = strcspn(text, " \n");
		int r;

		if (used && used + 1 + len > width) {
			r = buf_addf(out, "\n%*s", (int)indent, "");
			used = 0;
		} else {
			r = used ? buf_add_str(out, " ") : 0;
			used += used ? 1 : 0;
		}
		if (r == 0)
			r = buf_add(out, text, len);
		if (r < 0)
			return r;
		used += (unsigned)len;
		text += len;
	}
	return buf_add_str(out, "\n");
}

bool wrap_next(const char **text, struct buf *ret, bool *literal, int *error)
{
	const char *p = *text + strspn(*text, "\n");

	ret->len = 0;
	*literal = *p == ' ';
	*error = 0;
	if (!*p)
		return false;
	while (*p && *p != '\n' && (*p == ' ') == *literal) {
		size_t len = strcspn(p, "\n");

		*error = buf_add(ret, p, len);
		if (*error == 0)
			*error = buf_add_str(ret, "\n");
		if (*error < 0)
			return false;
		p += len + (p[len] == '\n');
	}
	*text = p;
	return true;
}

int wrap_text(const char *text, unsigned columns, struct buf *out)
{
	auto_buf struct buf part = { 0 };
	unsigned width = columns > NARROWEST ? columns : NARROWEST;
	bool literal, first = true;
	int r = 0;

	while (r == 0 && wrap_next(&text, &part, &literal, &r)) {
		r = first ? 0 : buf_add_str(out, "\n");
		first = false;
		if (r == 0)
			r = literal ? buf_add(out, part.data, part.len)
				    : fill(part.data, 0, width, out);
	}
	return r;
}

int wrap_item(const struct wrap_item *item, struct buf *out)
{
	unsigned width = item->columns > item->indent + NARROWEST
		? item->columns - item->indent
		: NARROWEST;
	int r = buf_addf(out, "%-*s", (int)item->indent, item->left);

	if (r == 0 && strlen(item->left) >= item->indent)
		r = buf_addf(out, "\n%*s", (int)item->indent, "");
	return r == 0 ? fill(item->text, item->indent, width, out) : r;
}
