/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/pins.h"

#include "base/auto.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/*
 * Theory of operation. The region is what a gate leaves behind for the next one, and is
 * read once, at the start: each entry is copied, checked and taken into a table of one's
 * own, with its indices. From then on the region is only written to. So nothing in it can
 * send a look-up astray, however it came there and whoever else still writes.
 *
 * A gate may be killed between any two of its writes. An entry therefore is unsound while
 * it is being written, and has a check sum: the name of one answer never stands with the
 * address of another.
 */
#define BUCKETS     8192U
#define NONE        0xffffU
#define TTL_MAX     86400U
#define SLOT_SOUND  0x50494e53U
#define CHECK_START 0xcbf29ce484222325ULL
#define CHECK_PRIME 0x100000001b3ULL

_Static_assert(PINS_ENTRIES < NONE, "an index fits 16 bits");

/* In the region. */
struct slot {
	_Atomic uint32_t state;
	uint8_t addr[16];
	char name[NAME_MAX_LEN + 1]; /* filled up with zeroes */
	uint64_t expires;
	uint64_t check;
};

/* One's own. */
struct entry {
	struct address addr;
	uint16_t next_addr, next_name;
	char name[NAME_MAX_LEN + 1];
};

struct pins {
	struct slot *region; /* NULL: none */
	size_t n;            /* entries in use are the first ones */
	uint16_t by_addr[BUCKETS], by_name[BUCKETS];
	uint64_t expires[PINS_ENTRIES]; /* apart: all are looked at to find the soonest */
	struct entry entries[PINS_ENTRIES];
};

size_t pins_size(void)
{
	return PINS_ENTRIES * sizeof(struct slot);
}

static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * CHECK_PRIME;
	return h;
}

/* Names in one bucket are bounded by the table, whatever a guest makes up. */
static uint16_t *name_bucket(struct pins *p, const char *name)
{
	uint64_t h = hash(CHECK_START, name, strlen(name));

	return &p->by_name[(h ^ h >> 32) % BUCKETS];
}

static uint16_t *addr_bucket(struct pins *p, const struct address *a)
{
	return &p->by_addr[address_hash(a) % BUCKETS];
}

static uint64_t slot_check(const struct slot *s)
{
	uint64_t h = hash(CHECK_START, s->addr, sizeof(s->addr));

	h = hash(h, s->name, sizeof(s->name));
	return hash(h, &s->expires, sizeof(s->expires));
}

static void slot_write(struct pins *p, size_t i)
{
	struct slot *s;

	if (!p->region)
		return;
	s = &p->region[i];
	atomic_store(&s->state, 0);
	atomic_thread_fence(memory_order_seq_cst);
	memcpy(s->addr, p->entries[i].addr.b, sizeof(s->addr));
	memcpy(s->name, p->entries[i].name, sizeof(s->name));
	s->expires = p->expires[i];
	s->check = slot_check(s);
	atomic_thread_fence(memory_order_seq_cst);
	atomic_store(&s->state, SLOT_SOUND);
}

static size_t find(struct pins *p, const struct address *a, const char *name)
{
	for (size_t i = *addr_bucket(p, a); i != NONE; i = p->entries[i].next_addr)
		if (address_equal(&p->entries[i].addr, a) &&
			strcmp(p->entries[i].name, name) == 0)
			return i;
	return NONE;
}

static void link_entry(struct pins *p, size_t i)
{
	struct entry *en = &p->entries[i];
	uint16_t *a = addr_bucket(p, &en->addr), *n = name_bucket(p, en->name);

	en->next_addr = *a;
	en->next_name = *n;
	*a = *n = (uint16_t)i;
}

static void unlink_entry(struct pins *p, size_t i)
{
	struct entry *en = &p->entries[i];
	uint16_t *a = addr_bucket(p, &en->addr), *n = name_bucket(p, en->name);

	while (*a != i)
		a = &p->entries[*a].next_addr;
	*a = en->next_addr;
	while (*n != i)
		n = &p->entries[*n].next_name;
	*n = en->next_name;
}

/* A free place, or that of what expires first. */
static size_t make_room(struct pins *p)
{
	size_t soonest = 0;

	if (p->n < PINS_ENTRIES)
		return p->n++;
	for (size_t i = 1; i < PINS_ENTRIES; i++)
		if (p->expires[i] < p->expires[soonest])
			soonest = i;
	unlink_entry(p, soonest);
	return soonest;
}

static void remember(
	struct pins *p, const struct address *a, const char *name, uint64_t expires)
{
	size_t i = find(p, a, name);

	if (i != NONE && p->expires[i] >= expires)
		return;
	if (i == NONE) {
		i = make_room(p);
		p->entries[i].addr = *a;
		memset(p->entries[i].name, 0, sizeof(p->entries[i].name));
		memcpy(p->entries[i].name, name, strlen(name));
		link_entry(p, i);
	}
	p->expires[i] = expires;
	slot_write(p, i);
}

/*
 * Take over an entry that a predecessor left; 's' is a copy.
 *
 * Mustn't:  take what is torn, no name in its normal form, or valid for longer than any
 *           answer is.
 */
static void slot_take(struct pins *p, const struct slot *s, uint64_t latest)
{
	char name[NAME_MAX_LEN + 1];
	struct address a;

	if (s->state != SLOT_SOUND || s->check != slot_check(s) || s->expires > latest ||
		s->name[sizeof(s->name) - 1] ||
		name_normalise(s->name, strlen(s->name), name) < 0 ||
		strcmp(name, s->name) != 0)
		return;
	memcpy(a.b, s->addr, sizeof(a.b));
	remember(p, &a, name, s->expires);
}

/*
 * Entry n was in slot n or a later one, so writing it back where it belongs now can only
 * overwrite what has been read. Reading by pread(2), unlike by the mapping, gives no
 * memory to the parts of the region that were never written.
 */
static int take_over(struct pins *p, int fd)
{
	auto_free struct slot *copy = malloc(pins_size());
	struct timespec now;
	ssize_t got;

	if (!copy)
		return -ENOMEM;
	got = pread(fd, copy, pins_size(), 0);
	if (got != (ssize_t)pins_size())
		return got < 0 ? -errno : -EINVAL;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	for (size_t i = 0; i < PINS_ENTRIES; i++) {
		size_t n = p->n;

		if (!copy[i].state)
			continue;
		slot_take(p, &copy[i], (uint64_t)now.tv_sec + TTL_MAX);
		if (p->n == n || n != i)
			atomic_store(&p->region[i].state, 0);
	}
	return 0;
}

static int map_region(struct pins *p, int fd)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)pins_size())
		return -EINVAL;
	at = mmap(NULL, pins_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	p->region = at;
	return take_over(p, fd);
}

int pins_open(int fd, struct pins **ret)
{
	struct pins *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p)
		return -ENOMEM;
	memset(p->by_addr, 0xff, sizeof(p->by_addr));
	memset(p->by_name, 0xff, sizeof(p->by_name));
	if (fd >= 0)
		r = map_region(p, fd);
	if (r < 0) {
		pins_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pins_free(struct pins *p)
{
	if (!p)
		return;
	if (p->region)
		(void)munmap(p->region, pins_size());
	free(p);
}

void pins_add(struct pins *p, const struct address *a, const char *name, uint32_t ttl_s,
	uint64_t now)
{
	size_t len = strlen(name);

	if (len && len <= NAME_MAX_LEN)
		remember(p, a, name, now + (ttl_s < TTL_MAX ? ttl_s : TTL_MAX));
}

static bool alive(const struct pins *p, size_t i, uint64_t now)
{
	return now < p->expires[i] + PINS_GRACE_S;
}

bool pins_names(const struct pins *p, const struct address *a, uint64_t now,
	bool (*each)(const char *name, void *data), void *data)
{
	size_t i = p->by_addr[address_hash(a) % BUCKETS];

	for (; i != NONE; i = p->entries[i].next_addr)
		if (alive(p, i, now) && address_equal(&p->entries[i].addr, a) &&
			each(p->entries[i].name, data))
			return true;
	return false;
}

size_t pins_addresses(const struct pins *p, const char *name, uint64_t now,
	struct address *ret, size_t max)
{
	uint64_t h = hash(CHECK_START, name, strlen(name));
	size_t i = p->by_name[(h ^ h >> 32) % BUCKETS], n = 0;

	for (; i != NONE && n < max; i = p->entries[i].next_name)
		if (alive(p, i, now) && strcmp(p->entries[i].name, name) == 0)
			ret[n++] = p->entries[i].addr;
	return n;
}
