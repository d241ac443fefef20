/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-where.h"

#include <string.h>

#define ENTRIES 256U

/* By hash; who comes later takes the place: forgetting costs a try, no more. */
struct entry {
	char host[NAME_MAX_LEN + 1];
	uint16_t port;
	struct address addr;
};

struct inject_where {
	struct entry v[ENTRIES];
};

struct inject_where *inject_where_new(void)
{
	return calloc(1, sizeof(struct inject_where));
}

void inject_where_free(struct inject_where *w)
{
	free(w);
}

static size_t slot(const char *host, uint16_t port)
{
	uint32_t h = 2166136261U ^ port; /* FNV-1a */

	for (; *host; host++)
		h = (h ^ (unsigned char)*host) * 16777619U;
	return h % ENTRIES;
}

void inject_where_note(
	struct inject_where *w, const char *host, uint16_t port, const struct address *a)
{
	struct entry *v = &w->v[slot(host, port)];

	if (strlen(host) >= sizeof(v->host))
		return;
	(void)strcpy(v->host, host);
	v->port = port;
	v->addr = *a;
}

void inject_where_order(const struct inject_where *w, struct exchange_request *q)
{
	const struct entry *v = &w->v[slot(q->host, q->port)];

	if (v->port != q->port || strcmp(v->host, q->host) != 0)
		return;
	for (size_t i = 1; i < q->addrs_n; i++) {
		if (!address_equal(&q->addrs[i], &v->addr))
			continue;
		memmove(q->addrs + 1, q->addrs, i * sizeof(q->addrs[0]));
		q->addrs[0] = v->addr;
		return;
	}
}
