/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver-cache.h - the resolver's memory of answers, and of the host's /etc/hosts.
 *
 * Times are seconds of a clock that doesn't step. The cache is bounded by its shape: a
 * name has a bucket, and a full bucket forgets what expires first.
 */
#ifndef BRIG_GATE_RESOLVER_CACHE_H
#define BRIG_GATE_RESOLVER_CACHE_H

#include "gate/dns/resolver.h"

#define RESOLVER_CACHE_BUCKETS 256U
#define RESOLVER_CACHE_DEPTH   8U
#define RESOLVER_HOSTS_MAX     131072U

struct resolver_cache;
struct resolver_hosts;

struct resolver_cache *resolver_cache_new(void); /* NULL: out of memory */
void resolver_cache_free(struct resolver_cache *c);
void resolver_cache_clear(struct resolver_cache *c);

/* Keep a copy for a->ttl seconds; without memory it is just not kept. */
void resolver_cache_put(struct resolver_cache *c, const char *name,
	enum resolver_type type, const struct resolver_answer *a, uint64_t now_s);

/* The TTL is what is left of it. */
bool resolver_cache_get(const struct resolver_cache *c, const char *name,
	enum resolver_type type, uint64_t now_s, struct resolver_answer *ret);

struct resolver_hosts *resolver_hosts_new(void);
void resolver_hosts_free(struct resolver_hosts *h);
int resolver_hosts_add(
	struct resolver_hosts *h, const char *name, const struct address *a);

/* Whether the name is there at all; its addresses of this type: -ENODATA if it has none. */
bool resolver_hosts_get(const struct resolver_hosts *h, const char *name,
	enum resolver_type type, struct resolver_answer *ret);

#endif
