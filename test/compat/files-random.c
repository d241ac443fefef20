/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: random work on a file, with maps and holes, is what a copy in memory says
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 *
 *	files-random [FILE SEED ROUNDS]
 *
 * Writes, reads, maps, cuts, punches, closes and opens again, as fsx does. After a round FILE
 * is right or the program ends with a line that says what was not, and the seed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST (600 * 1024)

static unsigned char good[MOST], buf[MOST];
static long size;
static uint64_t state;
static const char *path;
static unsigned int seed;
static int fd;

static uint64_t any(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static void fail(const char *what, long at, int round)
{
	printf("not ok 1 - '%s' is as it was written: round %d, %s at %ld of %ld, seed "
	       "%u (%s)\n",
		path, round, what, at, size, seed, strerror(errno));
	exit(1);
}

static void reopen(int round)
{
	if (fd >= 0 && close(fd))
		fail("close", 0, round);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("open", 0, round);
}

static void compare(
	const unsigned char *got, long at, long len, const char *what, int round)
{
	for (long i = 0; i < len; i++)
		if (got[i] != good[at + i])
			fail(what, at + i, round);
}

static void grow(long end)
{
	if (end > size)
		size = end;
}

static void step(int round)
{
	long at = any(MOST - 1), len = 1 + any(any(4) ? 5000 : 100000);
	unsigned char *map;
	struct stat st;

	if (at + len > MOST)
		len = MOST - at;
	switch (any(12)) {
	case 0:
	case 1:
	case 2:
		memset(buf, 1 + any(255), len);
		if (pwrite(fd, buf, len, at) != len)
			fail("write", at, round);
		memcpy(good + at, buf, len);
		grow(at + len);
		break;
	case 3:
	case 4:
	case 5:
		if (at >= size)
			break;
		len = at + len > size ? size - at : len;
		if (pread(fd, buf, len, at) != len)
			fail("read", at, round);
		compare(buf, at, len, "read", round);
		break;
	case 6:
	case 7:
		if (!size)
			break;
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			fail("mmap", 0, round);
		at %= size;
		len = at + len > size ? size - at : len;
		compare(map + at, at, len, "map", round);
		memset(map + at, 1 + any(255), len);
		memcpy(good + at, map + at, len);
		if (!any(3) && msync(map, size, MS_SYNC))
			fail("msync", at, round);
		munmap(map, size);
		break;
	case 8:
		if (ftruncate(fd, at))
			fail("truncate", at, round);
		if (at < size)
			memset(good + at, 0, size - at);
		size = at;
		break;
	case 9:
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len)) {
			if (errno != EOPNOTSUPP)
				fail("punch", at, round);
			break;
		}
		memset(good + at, 0, len);
		break;
	case 10:
		if (any(2) ? fsync(fd) : fdatasync(fd))
			fail("sync", at, round);
		break;
	case 11: reopen(round); break;
	}
	if (fstat(fd, &st) || st.st_size != size)
		fail("size", (long)st.st_size, round);
}

int main(int argc, char **argv)
{
	int rounds;

	path = argc > 1 ? argv[1] : "random";
	seed = argc > 2 ? strtoul(argv[2], NULL, 0) : (unsigned int)getpid();
	state = seed * 0x9E3779B97F4A7C15ull + 1;
	rounds = argc > 3 ? atoi(argv[3]) : 2000;
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("open", 0, 0);
	for (int i = 1; i <= rounds; i++)
		step(i);
	reopen(rounds);
	if (pread(fd, buf, MOST, 0) != size)
		fail("length", size, rounds);
	compare(buf, 0, size, "the end", rounds);
	printf("ok 1 - '%s' is as it was written: %d rounds of seed %u\n", path, rounds,
		seed);
	(void)unlink(path);
	return 0;
}
