/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.c - how long whole commands take, side by side.
 *
 * Theory of operation. Each round runs every command once, in the order given, one at a
 * time: whatever else the machine does meanwhile falls on all of them alike, so figures
 * of one run may be compared, those of two runs may not. A figure is the time from just
 * before posix_spawn() to the moment that the kernel says the process has ended: what a
 * person waits for, with the start of the program and its clean-up in it. posix_spawn()
 * uses vfork, so the size of this process doesn't matter.
 *
 *   brig-measure turns [-n ROUNDS] [-w WARM-UPS] [-s SECONDS] [-r RAW] LABEL CMD... [::: LABEL
 * CMD...]...
 *
 * In a word of a command "@N@" stands for the number of the round, warm-ups included, and
 * "@P@" for this process's id: names that no two runs share. Output, one line a command:
 *   LABEL <TAB> runs <TAB> median <TAB> p10 <TAB> p90 <TAB> failures      (times in us)
 * A command that fails three times is run no more; what it said is shown once. RAW takes
 * every figure, as "LABEL ROUND MICROSECONDS".
 */
#include "measure/measure.h"

#include "base/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMANDS_MAX 32
#define WORDS_MAX    64
#define WORD_SIZE    512
#define ROUNDS_MAX   10000
#define FAILURES_MAX 3
/* no command here takes longer, unless it hangs */
#define WAIT_MS 30000

struct command {
	const char *label;
	char **words; /* in argv, ended by NULL */
	unsigned failures;
	struct sample us;
};

struct bench {
	unsigned rounds, warm_ups, seconds;
	FILE *raw;
	struct command commands[COMMANDS_MAX];
	size_t n;
};

static double now_us(void)
{
	return (double)measure_now() / 1e3;
}

/* 'word' with the tokens replaced, in 'to'. */
static void expand(const char *word, unsigned round, char to[WORD_SIZE])
{
	size_t n = 0;

	while (*word && n + 24 < WORD_SIZE) {
		if (strncmp(word, "@N@", 3) == 0 || strncmp(word, "@P@", 3) == 0) {
			n += (size_t)snprintf(to + n, WORD_SIZE - n, "%u",
				word[1] == 'N' ? round : (unsigned)getpid());
			word += 3;
		} else {
			to[n++] = *word++;
		}
	}
	to[n] = '\0';
}

/* Wait for the end, bounded. Returns the wait status, -1 after a hang. */
static int wait_for(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status, n = 0;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (fd >= 0)
		while ((n = poll(&pfd, 1, WAIT_MS)) < 0 && errno == EINTR)
			;
	if (n == 0 && fd >= 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (fd >= 0)
		(void)close(fd);
	return n == 0 && fd >= 0 ? -1 : status;
}

/* Run it once. Returns microseconds, negative if it didn't end with status 0. */
static double run(const struct command *c, unsigned round, bool aloud)
{
	static char text[WORDS_MAX][WORD_SIZE];
	char *argv[WORDS_MAX + 1] = { NULL };
	posix_spawn_file_actions_t files;
	double start;
	pid_t pid;
	int r;

	for (size_t i = 0; c->words[i] && i < WORDS_MAX; i++) {
		expand(c->words[i], round, text[i]);
		argv[i] = text[i];
	}
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	if (!aloud)
		(void)posix_spawn_file_actions_addopen(
			&files, 2, "/dev/null", O_WRONLY, 0);
	start = now_us();
	r = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	r = r == 0 ? wait_for(pid) : -1;
	start = now_us() - start;
	(void)posix_spawn_file_actions_destroy(&files);
	return r == 0 ? start : -start;
}

static void run_round(struct bench *b, unsigned round)
{
	for (size_t i = 0; i < b->n; i++) {
		struct command *c = &b->commands[i];
		double us;

		if (c->failures >= FAILURES_MAX)
			continue;
		us = run(c, round, false);
		if (us < 0) {
			c->failures++;
			if (c->failures == FAILURES_MAX) {
				fprintf(stderr, "brig-measure: '%s' fails:\n", c->label);
				(void)run(c, round + ROUNDS_MAX, true);
			}
			continue;
		}
		if (round < b->warm_ups)
			continue;
		if (sample_add(&c->us, us) < 0)
			measure_fail("memory");
		if (b->raw)
			fprintf(b->raw, "%s\t%u\t%.0f\n", c->label, round, us);
	}
}

static void report(struct command *c)
{
	if (c->us.n == 0) {
		printf("%s\t0\t-\t-\t-\t%u\n", c->label, c->failures);
		return;
	}
	printf("%s\t%zu\t%.0f\t%.0f\t%.0f\t%u\n", c->label, c->us.n,
		sample_median(&c->us), sample_percentile(&c->us, 10),
		sample_percentile(&c->us, 90), c->failures);
}

static int parse_commands(struct bench *b, char **word)
{
	while (*word) {
		struct command *c = &b->commands[b->n];
		size_t words = 0;

		if (b->n == COMMANDS_MAX)
			return -E2BIG;
		c->label = *word++;
		c->words = word;
		while (*word && strcmp(*word, ":::") != 0) {
			words++;
			word++;
		}
		if (words == 0 || words > WORDS_MAX)
			return -EINVAL;
		if (*word)
			*word++ = NULL;
		b->n++;
	}
	return b->n ? 0 : -EINVAL;
}

static int parse(struct bench *b, int argc, char **argv)
{
	int c;

	/* '+': what follows the first label belongs to the commands */
	while ((c = getopt(argc, argv, "+n:w:s:r:")) != -1) {
		unsigned number =
			c == 'r' ? 0 : (unsigned)strtoul(optarg ? optarg : "", NULL, 10);

		if (c == 'n')
			b->rounds = number;
		else if (c == 'w')
			b->warm_ups = number;
		else if (c == 's')
			b->seconds = number;
		else if (c != 'r' || !(b->raw = fopen(optarg, "we")))
			return -EINVAL;
	}
	if (b->rounds == 0 || b->rounds > ROUNDS_MAX || b->warm_ups > ROUNDS_MAX)
		return -EINVAL;
	return parse_commands(b, argv + optind);
}

int measure_turns(int argc, char **argv)
{
	struct bench b = { .rounds = 30, .warm_ups = 2, .seconds = 120 };
	double start = now_us();

	if (parse(&b, argc, argv) < 0)
		return 2;
	for (unsigned i = 0; i < b.warm_ups + b.rounds; i++) {
		run_round(&b, i);
		if (now_us() - start > (double)b.seconds * 1e6)
			break;
	}
	for (size_t i = 0; i < b.n; i++)
		report(&b.commands[i]);
	if (b.raw && fclose(b.raw) != 0)
		return 1;
	return 0;
}
