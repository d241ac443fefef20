/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/pins.h"

#include "base/auto.h"
#include "base/str.h"
#include "base/test.h"

#include <sys/mman.h>

#define NOW 1000U

struct names {
	size_t n;
	char text[256];
};

static bool collect(const char *name, void *data)
{
	struct names *names = data;

	names->n++;
	strcat(names->text, name);
	strcat(names->text, " ");
	return false;
}

static bool any(const char *name, void *data)
{
	(void)name;
	(void)data;
	return true;
}

static struct address addr(const char *text)
{
	struct address a;

	expect(address_parse(text, &a) == 0);
	return a;
}

static struct address numbered(uint32_t i)
{
	struct address a = addr("203.0.113.0");

	a.b[12] = 10;
	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

static struct pins *opened(int fd)
{
	struct pins *p;

	expect(pins_open(fd, &p) == 0);
	return p;
}

static int region(void)
{
	int fd = memfd_create("pins", MFD_CLOEXEC);

	expect(fd >= 0 && ftruncate(fd, (off_t)pins_size()) == 0);
	return fd;
}

static size_t count(const struct pins *p, const struct address *a, uint64_t now)
{
	struct names names = { 0 };

	expect(!pins_names(p, a, now, collect, &names));
	return names.n;
}

TEST(an_answer_is_found_by_address_and_by_name)
{
	struct pins *p = opened(-1);
	struct address a = addr("192.0.2.1"), b = addr("2001:db8::1"), got[4];
	struct names names = { 0 };

	pins_add(p, &a, "one.example", 60, NOW);
	pins_add(p, &a, "two.example", 60, NOW);
	pins_add(p, &b, "two.example", 60, NOW);
	expect(!pins_names(p, &a, NOW, collect, &names));
	expect(names.n == 2 && strstr(names.text, "one.example "));
	expect(pins_names(p, &a, NOW, any, NULL));
	expect(pins_addresses(p, "two.example", NOW, got, 4) == 2);
	expect(pins_addresses(p, "two.example", NOW, got, 1) == 1);
	expect(pins_addresses(p, "three.example", NOW, got, 4) == 0);
	pins_free(p);
}

TEST(an_answer_is_forgotten_after_its_time_and_a_grace)
{
	struct pins *p = opened(-1);
	struct address a = addr("192.0.2.1"), got[4];

	pins_add(p, &a, "one.example", 60, NOW);
	expect(count(p, &a, NOW + 60 + PINS_GRACE_S - 1) == 1);
	expect(count(p, &a, NOW + 60 + PINS_GRACE_S) == 0);
	expect(pins_addresses(p, "one.example", NOW + 60 + PINS_GRACE_S, got, 4) == 0);
	pins_free(p);
}

TEST(the_same_answer_again_lasts_longer_and_never_shorter)
{
	struct pins *p = opened(-1);
	struct address a = addr("192.0.2.1");

	pins_add(p, &a, "one.example", 60, NOW);
	pins_add(p, &a, "one.example", 600, NOW);
	pins_add(p, &a, "one.example", 5, NOW);
	expect(count(p, &a, NOW) == 1);
	expect(count(p, &a, NOW + 600) == 1);
	pins_free(p);
}

TEST(a_full_table_forgets_what_expires_first)
{
	struct pins *p = opened(-1);
	struct address a = addr("192.0.2.1"), b = addr("192.0.2.2");

	pins_add(p, &a, "soon.example", 10, NOW);
	pins_add(p, &b, "late.example", 3000, NOW);
	for (uint32_t i = 0; i < PINS_ENTRIES - 1; i++) {
		struct address n = numbered(i);

		pins_add(p, &n, "many.example", 100 + i % 7, NOW);
	}
	expect(count(p, &a, NOW) == 0 && count(p, &b, NOW) == 1);
	a = numbered(0);
	expect(count(p, &a, NOW) == 1);
	pins_free(p);
}

TEST(many_turns_of_the_table_leave_it_whole)
{
	struct pins *p = opened(-1);
	struct address got[8];
	size_t found = 0;

	for (uint32_t i = 0; i < 3 * PINS_ENTRIES; i++) {
		struct address a = numbered(i);
		char name[32];

		(void)snprintf(name, sizeof(name), "n%u.example", i % 5000);
		pins_add(p, &a, name, 60 + i % 13, NOW + i / 100);
	}
	for (uint32_t i = 0; i < 3 * PINS_ENTRIES; i++) {
		struct address a = numbered(i);

		found += count(p, &a, NOW);
	}
	expect(found == PINS_ENTRIES);
	found = 0;
	for (uint32_t i = 0; i < 5000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%u.example", i);
		found += pins_addresses(p, name, NOW, got, 8);
	}
	expect(found == PINS_ENTRIES);
	pins_free(p);
}

TEST(the_next_gate_knows_what_this_one_answered)
{
	auto_fd int fd = region();
	struct pins *p = opened(fd), *q;
	struct address a = addr("192.0.2.1"), b = addr("2001:db8::2"), got[4];

	pins_add(p, &a, "one.example", 60, NOW);
	pins_add(p, &b, "two.example", 60, NOW);
	q = opened(fd);
	pins_free(p);
	expect(pins_addresses(q, "one.example", NOW, got, 4) == 1);
	expect(address_equal(&got[0], &a));
	expect(count(q, &b, NOW) == 1);
	pins_add(q, &a, "three.example", 60, NOW);
	pins_free(q);
	q = opened(fd);
	expect(count(q, &a, NOW) == 2 && count(q, &b, NOW) == 1);
	pins_free(q);
}

TEST(a_torn_entry_is_not_believed_and_makes_place)
{
	auto_fd int fd = region();
	struct pins *p = opened(fd);
	struct address a = addr("192.0.2.1"), b = addr("192.0.2.2");
	char *map = mmap(NULL, pins_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *at;

	expect(map != MAP_FAILED);
	pins_add(p, &a, "one.example", 60, NOW);
	pins_add(p, &b, "two.example", 60, NOW);
	pins_free(p);
	at = memmem(map, pins_size(), "one.example", 11);
	expect(at);
	memcpy(at, "two", 3); /* as if killed between name and address */
	p = opened(fd);
	expect(count(p, &a, NOW) == 0 && count(p, &b, NOW) == 1);
	pins_free(p);
	p = opened(fd);
	expect(count(p, &b, NOW) == 1);
	pins_free(p);
	expect(!memmem(map, 1024, "one.example", 11));
	(void)munmap(map, pins_size());
}

TEST(noise_in_the_region_is_harmless)
{
	auto_fd int fd = region();
	auto_free unsigned char *noise = malloc(pins_size());
	struct address a = addr("192.0.2.1");
	uint32_t x = 1;
	struct pins *p;

	expect(noise);
	for (size_t i = 0; i < pins_size(); i++)
		noise[i] = (unsigned char)((x = x * 1664525U + 1013904223U) >> 24);
	expect(pwrite(fd, noise, pins_size(), 0) == (ssize_t)pins_size());
	p = opened(fd);
	expect(count(p, &a, NOW) == 0);
	pins_add(p, &a, "one.example", 60, NOW);
	expect(count(p, &a, NOW) == 1);
	pins_free(p);
	p = opened(fd);
	expect(count(p, &a, NOW) == 1);
	pins_free(p);
}

TEST(a_region_that_is_too_small_is_refused)
{
	auto_fd int fd = memfd_create("pins", MFD_CLOEXEC);
	struct pins *p;

	expect(ftruncate(fd, 4096) == 0);
	expect(pins_open(fd, &p) == -EINVAL);
}
