/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "guest/warder-peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#ifdef __SANITIZE_ADDRESS__
#define SLACK_KIB 65536 /* the sanitizer keeps what is freed */
#else
#define SLACK_KIB 0
#endif

/* A number of /proc/PID/status of the warder, by way of a command inside. */
static long warder_kib(struct peer *p, const char *key)
{
	char script[128];

	(void)snprintf(
		script, sizeof(script), "sed -n 's/^%s:[^0-9]*//p' /proc/1/status", key);
	expect(peer_run(p, 500, script) == 0);
	return strtol(p->ch[500].out.data, NULL, 10);
}

TEST(a_hundred_megabytes_pass_through_cat_in_little_memory)
{
	enum { PIECE = 65536, PIECES = 1600 };
	static char piece[PIECE];
	struct peer *p = peer_start();
	long before = warder_kib(p, "VmRSS");

	p->ch[1].discard = true;
	peer_sh(p, 1, GUEST_EXEC_STDIN, "cat");
	for (int i = 0; i < PIECES; i++)
		peer_input(p, 1, piece, sizeof(piece));
	peer_send_empty(p, 1, GUEST_EOF);
	peer_wait_over(p, 1);
	expect(p->ch[1].out_bytes == (uint64_t)PIECE * PIECES);
	expect(warder_kib(p, "VmHWM") - before < 2048 + SLACK_KIB);
	expect(warder_kib(p, "VmRSS") - before < 256 + SLACK_KIB);
	(void)peer_end(p);
}

TEST(a_stalled_command_does_not_block_another)
{
	struct peer *p = peer_start();

	p->ch[1].stalled = true;
	peer_sh(p, 1, GUEST_EXEC_STDIN, "cat /dev/zero 2>/dev/null || yes");
	while (p->ch[1].rx.left)
		peer_serve(p);
	peer_sh(p, 2, GUEST_EXEC_STDIN, "sleep 60");
	while (!p->ch[2].started)
		peer_serve(p);
	for (int i = 0; i < 8; i++) {
		static char piece[32768];

		peer_input(p, 2, piece, sizeof(piece));
	}
	for (int i = 0; i < 20; i++)
		expect(peer_run(p, 3, "echo alive") == 0);
	p->ch[1].discard = true;
	peer_credit(p, 1);
	while (p->ch[1].out_bytes < 4 * GUEST_WINDOW)
		peer_serve(p);
	(void)peer_end(p);
}

TEST(what_a_command_wrote_before_it_ended_arrives_however_late_it_is_read)
{
	struct peer *p = peer_start();

	p->ch[1].stalled = true;
	peer_sh(p, 1, 0,
		"sleep 30 & head -c 320000 /usr/bin/env /bin/sh | head -c 300000; echo "
		"END");
	while (!p->ch[1].exited && p->ch[1].rx.left)
		peer_serve(p);
	peer_run(p, 2, "sleep 0.5");
	p->ch[1].stalled = false;
	peer_credit(p, 1);
	peer_wait_over(p, 1);
	expect(memcmp(p->ch[1].out.data + p->ch[1].out.len - 4, "END\n", 4) == 0);
	(void)peer_end(p);
}

TEST(a_child_that_keeps_the_pipe_does_not_keep_the_command)
{
	struct peer *p = peer_start();
	uint64_t start = clock_mono_ns();

	expect(peer_run(p, 1, "sleep 30 & echo hi; exit 5") == 5);
	expect_str(p->ch[1].out.data, "hi\n");
	expect(peer_run(p, 1, "(while :; do echo x; done) & echo hi; exit 6") == 6);
	expect(clock_mono_ns() - start < 5 * NS_PER_SEC);
	(void)peer_end(p);
}

TEST(two_hundred_commands_run_at_once)
{
	enum { N = 200 };
	struct peer *p = peer_start();
	char want[32];

	for (uint16_t i = 1; i <= N; i++) {
		char script[64];

		(void)snprintf(script, sizeof(script), "read x; echo $x-%d; exit %d", i,
			i % 100);
		peer_sh(p, i, GUEST_EXEC_STDIN, script);
	}
	for (uint16_t i = 1; i <= N; i++)
		peer_input(p, i, "go\n", 3);
	for (uint16_t i = 1; i <= N; i++) {
		peer_wait_over(p, i);
		(void)snprintf(want, sizeof(want), "go-%d\n", i);
		expect(peer_status(&p->ch[i]) == i % 100);
		expect_str(p->ch[i].out.data, want);
	}
	(void)peer_end(p);
}

TEST(orphans_are_reaped)
{
	struct peer *p = peer_start();

	expect(peer_run(p, 1,
		       "i=0; while [ $i -lt 300 ]; do (true & true & ) ; i=$((i+1)); "
		       "done") == 0);
	expect(peer_run(p, 1, "sleep 0.1; grep -l 'State:.Z' /proc/[0-9]*/status") != 0);
	(void)peer_end(p);
}

TEST(stats_count_processes_and_time)
{
	struct peer *p = peer_start();

	expect(peer_run(p, 1, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done") == 0);
	peer_sh(p, 1, 0, "sleep 50 & sleep 50 & echo up; wait");
	peer_wait_out(p, 1, "up");
	peer_send_empty(p, 0, GUEST_GET_STATS);
	while (!p->have_stats)
		peer_serve(p);
	expect(p->stats.commands == 1 && p->stats.processes == 3 &&
		p->stats.threads == 3);
	expect(p->stats.rss_bytes > 100000 && p->stats.cpu_us > 10000);
	(void)peer_end(p);
}

static void wait_done(struct peer *p, unsigned n)
{
	while (p->done < n)
		peer_serve(p);
	expect(p->done_code == 0);
}

static void frozen_then_thawed(struct peer *p)
{
	uint64_t at;

	peer_sh(p, 1, 0, "echo up; while :; do echo x; sleep 0.01; done");
	peer_wait_out(p, 1, "x\nx\n");
	peer_send_empty(p, 0, GUEST_FREEZE);
	wait_done(p, 1);
	(void)usleep(20000);
	at = p->ch[1].out_bytes;
	peer_send_empty(p, 0, GUEST_FREEZE);
	wait_done(p, 2);
	expect(p->ch[1].out_bytes <= at + 8);
	at = p->ch[1].out_bytes;
	(void)usleep(200000);
	peer_send_empty(p, 0, GUEST_THAW);
	wait_done(p, 3);
	expect(p->ch[1].out_bytes <= at + 8);
	while (p->ch[1].out_bytes < at + 20)
		peer_serve(p);
}

TEST(freezing_stops_everything_until_thawed)
{
	struct peer *p = peer_start();

	frozen_then_thawed(p);
	(void)peer_end(p);
}

static void send_stop(struct peer *p, uint32_t signal, uint32_t grace_ms)
{
	struct guest_stop how = { signal, grace_ms };
	uint8_t body[GUEST_BODY_MAX];

	expect(guest_send_body(&p->wire, 0, GUEST_STOP, body,
		       guest_stop_encode(&how, body)) == 0);
	while (!p->gone)
		peer_serve(p);
}

static void stops(struct peer *p)
{
	uint64_t start = clock_mono_ns();
	int status;

	peer_sh(p, 1, 0,
		"trap 'echo bye; exit 4' TERM; echo up; while :; do sleep 0.01; done");
	peer_sh(p, 2, 0,
		"trap '' TERM; (sleep 90 &) ; echo up; while :; do sleep 0.01; done");
	peer_wait_out(p, 1, "up");
	peer_wait_out(p, 2, "up");
	send_stop(p, 0, 300);
	expect(peer_status(&p->ch[1]) == 4 && strstr(p->ch[1].out.data, "bye"));
	expect(peer_status(&p->ch[2]) == 128 + SIGKILL);
	expect(peer_over(&p->ch[1]) && peer_over(&p->ch[2]));
	expect(clock_mono_ns() - start < 3 * NS_PER_SEC);
	status = peer_end(p);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(stop_asks_then_kills_then_ends)
{
	stops(peer_start());
}

TEST(stop_without_commands_ends_at_once)
{
	struct peer *p = peer_start();

	send_stop(p, SIGTERM, 10000);
	expect(peer_end(p) == 0);
}

/* Processes of this machine whose command line holds 'token'. */
static unsigned count_processes(const char *token)
{
	DIR *dir = opendir("/proc");
	unsigned n = 0;

	expect(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		auto_buf struct buf b = { 0 };
		char path[300];

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", d->d_name);
		if (d->d_name[0] < '0' || d->d_name[0] > '9' ||
			file_read(AT_FDCWD, path, 65536, &b, NULL) < 0)
			continue;
		n += memmem(b.data ? b.data : "", b.len, token, strlen(token)) != NULL;
	}
	(void)closedir(dir);
	return n;
}

static void dies_with_the_keeper(struct peer *p)
{
	char token[32], script[200];

	(void)snprintf(token, sizeof(token), "86400.%d", (int)getpid());
	(void)snprintf(script, sizeof(script),
		"trap '' TERM HUP; (setsid sleep %s &) ; setsid sh -c 'sleep %s & wait' "
		"& "
		"sleep 0.1; echo up; wait",
		token, token);
	peer_sh(p, 1, 0, script);
	peer_wait_out(p, 1, "up");
	expect(count_processes(token) >= 3);
	(void)peer_end(p);
	expect(count_processes(token) == 0);
}

TEST(everything_dies_with_the_keeper)
{
	dies_with_the_keeper(peer_start());
}

TEST(everything_dies_with_the_keeper_of_a_subreaper)
{
	dies_with_the_keeper(peer_start_reaper());
}

TEST(a_subreaper_stops_freezes_and_counts_its_own_only)
{
	struct peer *p = peer_start_reaper();

	frozen_then_thawed(p);
	p->have_stats = false;
	peer_send_empty(p, 0, GUEST_GET_STATS);
	while (!p->have_stats)
		peer_serve(p);
	expect(p->stats.processes >= 1 && p->stats.processes <= 2);
	(void)peer_end(p);
	stops(peer_start_reaper());
}

TEST(a_flood_of_short_commands_leaves_the_warder_small)
{
	struct peer *p = peer_start();
	long before = warder_kib(p, "VmRSS");
	uint64_t start = clock_mono_ns();

	for (int i = 0; i < 300; i++)
		expect(peer_run(p, 1, "") == 0);
	fprintf(stderr, "# %llu us a command, %ld KiB resident\n",
		(unsigned long long)(clock_mono_ns() - start) / 300 / 1000, before);
	expect(warder_kib(p, "VmRSS") - before < 128 + SLACK_KIB);
	(void)peer_end(p);
}

TEST(a_violation_of_the_protocol_ends_everything)
{
	struct peer *p = peer_start();
	int status;

	peer_sh(p, 1, GUEST_EXEC_STDIN, "sleep 100");
	while (!p->ch[1].started)
		peer_serve(p);
	peer_send_u32(p, 1, GUEST_CREDIT, 1);
	while (!p->gone)
		peer_serve(p);
	status = peer_end(p);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
