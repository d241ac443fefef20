/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/subid.h"

#include <stdlib.h>
#include <string.h>

/* the largest id that isn't (uid_t)-1 */
#define ID_LAST (UINT32_MAX - 1)

/* A decimal number up to 2^32-1 at '*p', which is moved behind it. */
static bool scan_u32(const char **p, uint32_t *ret)
{
	uint64_t n = 0;
	const char *s = *p;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*p = s;
	*ret = (uint32_t)n;
	return true;
}

static bool range_has(struct subid_range r, uint32_t id)
{
	return id >= r.first && id - r.first < r.count;
}

static bool owner_matches(const char *owner, size_t len, const struct subid_query *q)
{
	const char *end = owner;
	uint32_t id;

	if (q->name && strlen(q->name) == len && memcmp(q->name, owner, len) == 0)
		return true;
	return scan_u32(&end, &id) && (size_t)(end - owner) == len && id == q->uid;
}

static bool parse_line(
	const char *line, const struct subid_query *q, struct subid_range *r)
{
	size_t owner = strcspn(line, ":\n");
	const char *p = line + owner;

	if (*p != ':' || owner == 0 || !owner_matches(line, owner, q))
		return false;
	p++;
	if (!scan_u32(&p, &r->first) || *p++ != ':' || !scan_u32(&p, &r->count))
		return false;
	p += strspn(p, " \t\r");
	if (*p != '\n' && *p != '\0')
		return false;
	return r->count > 0 && r->first > 0 && r->first <= ID_LAST &&
		r->count - 1 <= ID_LAST - r->first;
}

bool subid_find(const char *text, const struct subid_query *q, struct subid_range *ret)
{
	struct subid_range r, best = { 0, 0 };

	for (const char *line = text; *line;) {
		if (parse_line(line, q, &r) && !range_has(r, q->uid) &&
			!range_has(r, q->avoid) && best.count < q->want &&
			r.count > best.count)
			best = r;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	if (!best.count)
		return false;
	*ret = best;
	return true;
}

bool subid_mapped(const char *map, struct subid_range r)
{
	/* The map's lines may split the range and come in any order: go over them until
	 * the range is used up or no line has its first id. */
	while (r.count) {
		bool moved = false;

		for (const char *p = map; *p && r.count; p += *p == '\n') {
			struct subid_range have;
			uint32_t outside;

			p += strspn(p, " \t");
			if (!scan_u32(&p, &have.first))
				return false;
			p += strspn(p, " \t");
			if (!scan_u32(&p, &outside))
				return false;
			p += strspn(p, " \t");
			if (!scan_u32(&p, &have.count))
				return false;
			p += strcspn(p, "\n");
			if (range_has(have, r.first)) {
				uint32_t left = have.count - (r.first - have.first);
				uint32_t step = left < r.count ? left : r.count;

				r.first += step;
				r.count -= step;
				moved = true;
			}
		}
		if (!moved)
			return false;
	}
	return true;
}
