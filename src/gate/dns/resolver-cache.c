/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/resolver-cache.h"

#include "base/auto.h"

#include <string.h>

#define HOSTS_BUCKETS 4096U
#define HOSTS_TTL_S   60U

struct cached {
	char *name;
	enum resolver_type type;
	uint64_t expires;
	int result;
	size_t n;
	struct address *addrs;
};

struct resolver_cache {
	struct cached at[RESOLVER_CACHE_BUCKETS][RESOLVER_CACHE_DEPTH];
};

struct host {
	struct host *next;
	struct address addr;
	char name[];
};

struct resolver_hosts {
	size_t n;
	struct host *at[HOSTS_BUCKETS];
	struct host **end[HOSTS_BUCKETS]; /* the file's order is kept */
};

/* FNV-1a. Who finds names of one bucket only makes the cache smaller. */
static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261U;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619U;
	return h ^ h >> 16;
}

struct resolver_cache *resolver_cache_new(void)
{
	return calloc(1, sizeof(struct resolver_cache));
}

static void cached_clear(struct cached *c)
{
	free(c->name);
	free(c->addrs);
	*c = (struct cached){ 0 };
}

void resolver_cache_clear(struct resolver_cache *c)
{
	for (size_t i = 0; i < RESOLVER_CACHE_BUCKETS; i++)
		for (size_t k = 0; k < RESOLVER_CACHE_DEPTH; k++)
			cached_clear(&c->at[i][k]);
}

void resolver_cache_free(struct resolver_cache *c)
{
	if (!c)
		return;
	resolver_cache_clear(c);
	free(c);
}

static bool is_for(const struct cached *c, const char *name, enum resolver_type type)
{
	return c->name && c->type == type && strcmp(c->name, name) == 0;
}

/* The entry's own place, or a free one (it expired at 0), or that of the soonest to go. */
static struct cached *place_for(
	struct resolver_cache *c, const char *name, enum resolver_type type)
{
	struct cached *bucket = c->at[hash(name) % RESOLVER_CACHE_BUCKETS];
	struct cached *soonest = bucket;

	for (size_t k = 0; k < RESOLVER_CACHE_DEPTH; k++) {
		if (is_for(&bucket[k], name, type))
			return &bucket[k];
		if (bucket[k].expires < soonest->expires)
			soonest = &bucket[k];
	}
	return soonest;
}

void resolver_cache_put(struct resolver_cache *c, const char *name,
	enum resolver_type type, const struct resolver_answer *a, uint64_t now_s)
{
	struct cached *to = place_for(c, name, type);

	cached_clear(to);
	if (!a->ttl)
		return;
	to->name = strdup(name);
	to->addrs = malloc(a->n ? a->n * sizeof(*a->addrs) : 1);
	if (!to->name || !to->addrs) {
		cached_clear(to);
		return;
	}
	memcpy(to->addrs, a->addrs, a->n * sizeof(*a->addrs));
	to->n = a->n;
	to->type = type;
	to->result = a->result;
	to->expires = now_s + a->ttl;
}

bool resolver_cache_get(const struct resolver_cache *c, const char *name,
	enum resolver_type type, uint64_t now_s, struct resolver_answer *ret)
{
	const struct cached *bucket = c->at[hash(name) % RESOLVER_CACHE_BUCKETS];

	for (size_t k = 0; k < RESOLVER_CACHE_DEPTH; k++) {
		if (!is_for(&bucket[k], name, type) || bucket[k].expires <= now_s)
			continue;
		*ret = (struct resolver_answer){ .result = bucket[k].result };
		ret->n = bucket[k].n;
		ret->ttl = (uint32_t)(bucket[k].expires - now_s);
		memcpy(ret->addrs, bucket[k].addrs, ret->n * sizeof(*ret->addrs));
		return true;
	}
	return false;
}

struct resolver_hosts *resolver_hosts_new(void)
{
	struct resolver_hosts *h = calloc(1, sizeof(*h));

	for (size_t i = 0; h && i < HOSTS_BUCKETS; i++)
		h->end[i] = &h->at[i];
	return h;
}

void resolver_hosts_free(struct resolver_hosts *h)
{
	for (size_t i = 0; h && i < HOSTS_BUCKETS; i++)
		while (h->at[i]) {
			struct host *next = h->at[i]->next;

			free(h->at[i]);
			h->at[i] = next;
		}
	free(h);
}

int resolver_hosts_add(
	struct resolver_hosts *h, const char *name, const struct address *a)
{
	size_t i = hash(name) % HOSTS_BUCKETS, len = strlen(name) + 1;
	struct host *host;

	if (h->n >= RESOLVER_HOSTS_MAX)
		return -ENOSPC;
	host = malloc(sizeof(*host) + len);
	if (!host)
		return -ENOMEM;
	host->next = NULL;
	host->addr = *a;
	memcpy(host->name, name, len);
	*h->end[i] = host;
	h->end[i] = &host->next;
	h->n++;
	return 0;
}

bool resolver_hosts_get(const struct resolver_hosts *h, const char *name,
	enum resolver_type type, struct resolver_answer *ret)
{
	const struct host *at = h->at[hash(name) % HOSTS_BUCKETS];
	bool known = false;

	*ret = (struct resolver_answer){ .result = -ENODATA, .ttl = HOSTS_TTL_S };
	for (; at; at = at->next) {
		if (strcmp(at->name, name) != 0)
			continue;
		known = true;
		if (address_is_v4(&at->addr) == (type == RESOLVER_A) &&
			ret->n < RESOLVER_ADDRESSES_MAX) {
			ret->addrs[ret->n++] = at->addr;
			ret->result = 0;
		}
	}
	return known;
}
