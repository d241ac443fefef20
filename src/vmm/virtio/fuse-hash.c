/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-hash.c - tables of what is linked into them; see fuse-hash.h.
 */
#include "vmm/virtio/fuse-priv.h"

#include <stdlib.h>

#define FIRST_SIZE 64

uint64_t fuse_hash_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b * 0x9e3779b97f4a7c15ULL);

	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t fuse_hash_text(uint64_t with, const char *text)
{
	uint64_t x = with * 0x9e3779b97f4a7c15ULL + 0xcbf29ce484222325ULL;

	while (*text)
		x = (x ^ (uint8_t)*text++) * 0x100000001b3ULL;
	return fuse_hash_mix(x, with);
}

static struct fuse_link **slot_of(const struct fuse_hash *h, uint64_t hash)
{
	return h->slot + (hash & (h->size - 1));
}

static int grow(struct fuse_hash *h)
{
	struct fuse_hash bigger = { .size = h->size ? h->size * 2 : FIRST_SIZE,
		.n = h->n };

	bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
	if (!bigger.slot)
		return h->size ? 0 : -ENOMEM; /* longer chains, then */
	for (size_t i = 0; i < h->size; i++)
		for (struct fuse_link *l = h->slot[i], *next; l; l = next) {
			struct fuse_link **to = slot_of(&bigger, l->hash);

			next = l->next;
			l->next = *to;
			*to = l;
		}
	free(h->slot);
	*h = bigger;
	return 0;
}

int fuse_hash_add(struct fuse_hash *h, struct fuse_link *l, uint64_t hash)
{
	struct fuse_link **to;

	if (h->n >= h->size && grow(h) < 0)
		return -ENOMEM;
	to = slot_of(h, hash);
	l->hash = hash;
	l->next = *to;
	*to = l;
	h->n++;
	return 0;
}

void fuse_hash_remove(struct fuse_hash *h, struct fuse_link *l)
{
	struct fuse_link **at = slot_of(h, l->hash);

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->next = NULL;
	h->n--;
}

struct fuse_link *fuse_hash_first(const struct fuse_hash *h, uint64_t hash)
{
	struct fuse_link *l = h->size ? *slot_of(h, hash) : NULL;

	while (l && l->hash != hash)
		l = l->next;
	return l;
}

struct fuse_link *fuse_hash_next(const struct fuse_link *l)
{
	uint64_t hash = l->hash;
	struct fuse_link *next = l->next;

	while (next && next->hash != hash)
		next = next->next;
	return next;
}

void fuse_hash_clear(struct fuse_hash *h)
{
	free(h->slot);
	*h = (struct fuse_hash){ 0 };
}
