/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/str.h"
#include "base/test.h"
#include "guest/warder-peer.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

static char *arg(const char *text)
{
	return (char *)(uintptr_t)text;
}

static const char *out_of(struct peer *p, uint16_t channel)
{
	const char *text = p->ch[channel].out.data;

	return text ? text : "";
}

static struct peer_channel *run(struct peer *p, struct guest_exec x)
{
	peer_exec(p, 9, x);
	peer_wait_over(p, 9);
	return &p->ch[9];
}

TEST(exit_codes_and_both_streams_come_back)
{
	struct peer *p = peer_start();

	expect(peer_run(p, 1, "echo out; echo err >&2; exit 42") == 42);
	expect_str(p->ch[1].out.data, "out\n");
	expect_str(p->ch[1].err.data, "err\n");
	expect(peer_run(p, 1, "kill -9 $$") == 128 + 9);
	expect(peer_run(p, 1, "test $PPID = 1 && readlink /proc/self/fd/0") == 0);
	expect_str(p->ch[1].out.data, "/dev/null\n");
	(void)peer_end(p);
}

TEST(the_defaults_of_the_environment_fill_gaps_only)
{
	struct peer *p = peer_start();
	struct peer_channel *c;

	c = run(p,
		(struct guest_exec){
			.argv = ARGV(arg("env")), .env = ARGV(arg("HOME=/x")) });
	expect(peer_status(c) == 0);
	expect(strstr(c->out.data, "HOME=/x\n") && strstr(c->out.data, "USER=root\n"));
	expect(strstr(c->out.data, "PATH=/usr/local/sbin:") &&
		!strstr(c->out.data, "TERM="));
	(void)peer_end(p);
}

TEST(an_environment_larger_than_a_frame_arrives)
{
	struct peer *p = peer_start();
	static char big[100000];
	char *env[8];

	memset(big, 'x', sizeof(big) - 1);
	big[1] = '=';
	for (int i = 0; i < 7; i++) {
		env[i] = strdup(big);
		env[i][0] = (char)('a' + i);
	}
	env[7] = NULL;
	expect(peer_status(run(
		       p, (struct guest_exec){ .argv = ARGV(arg("env")), .env = env })) ==
		0);
	expect(p->ch[9].out.len > 7 * (sizeof(big) - 1));
	(void)peer_end(p);
	for (int i = 0; i < 7; i++)
		free(env[i]);
}

static void expect_failed(
	struct peer *p, struct guest_exec x, int status, const char *what)
{
	struct peer_channel *c = run(p, x);

	expect(c->failed);
	expect_str(c->why.what, what);
	expect(peer_status(c) == status);
}

TEST(what_cannot_be_run_is_told_apart)
{
	struct peer *p = peer_start();
	char *const sh[] = { arg("sh"), arg("-c"),
		arg("echo '#!/no/such' >/tmp/s; chmod 755 /tmp/s"), NULL };

	expect_failed(p, (struct guest_exec){ .argv = ARGV(arg("no-such")) }, 127,
		"exec 'no-such'");
	expect_failed(p, (struct guest_exec){ .argv = ARGV(arg("/no/such")) }, 127,
		"exec '/no/such'");
	expect_failed(p, (struct guest_exec){ .argv = ARGV(arg("")) }, 127, "exec ''");
	expect_failed(p, (struct guest_exec){ .argv = ARGV(arg("/tmp/not-executable")) },
		126, "exec '/tmp/not-executable'");
	expect(p->ch[9].why.code == EACCES);
	expect_failed(
		p, (struct guest_exec){ .argv = ARGV(arg("/tmp")) }, 126, "exec '/tmp'");
	expect_failed(p, (struct guest_exec){ .argv = ARGV(arg("true")), .cwd = "/no" },
		126, "chdir '/no'");
	expect_failed(p, (struct guest_exec){ .argv = ARGV(arg("true")), .user = "bob" },
		126, "user 'bob': not in /etc/passwd");
	expect_failed(p,
		(struct guest_exec){
			.argv = ARGV(arg("@rm"), arg("x")), .flags = GUEST_EXEC_BUILTIN },
		127, "exec '@rm'");
	expect(peer_status(run(p, (struct guest_exec){ .argv = sh })) == 0);
	expect_failed(p, (struct guest_exec){ .argv = ARGV(arg("/tmp/s")) }, 127,
		"find the interpreter of '/tmp/s'");
	expect(peer_run(p, 1, "true") == 0);
	(void)peer_end(p);
}

TEST(a_command_runs_as_its_user_with_its_groups)
{
	struct peer *p = peer_start();
	struct peer_channel *c;
	char *const id[] = { arg("sh"), arg("-c"),
		arg("id -u; id -g; id -G; echo $HOME $USER $SHELL; echo ok "
		    ">/proc/self/fd/2; "
		    "umask"),
		NULL };

	if (!p->has_range) {
		(void)peer_end(p);
		test_skip("only one id is mapped");
	}
	c = run(p, (struct guest_exec){ .argv = id, .user = "ann", .mask = 027 });
	expect_str(out_of(p, 9), "1000\n1001\n1001 50\n/tmp ann /bin/bash\n0027\n");
	expect_str(c->err.data, "ok\n");
	(void)run(p, (struct guest_exec){ .argv = id, .user = "1234:staff" });
	expect(str_starts(out_of(p, 9), "1234\n50\n50\n/\n"));
	c = run(p, (struct guest_exec){ .argv = id, .user = "ann", .cwd = "/secret" });
	expect(c->failed && c->why.step == GUEST_STEP_CWD && c->why.code == EACCES);
	c = run(p,
		(struct guest_exec){ .argv = ARGV(arg("cat"), arg("/proc/1/environ")),
			.user = "ann" });
	expect(peer_status(c) != 0);
	(void)peer_end(p);
}

TEST(proc_1_gives_nothing_away)
{
	struct peer *p = peer_start();

	expect(peer_run(p, 1, "cat /proc/1/environ; tr '\\0' '\\n' </proc/1/cmdline") >=
		0);
	expect(!strstr(out_of(p, 1), "SECRET"));
	expect(peer_run(p, 1, "ls -l /proc/self/fd | grep -c -e socket -e anon_inode") ==
		1);
	expect_str(out_of(p, 1), "0\n");
	(void)peer_end(p);
}

static const char unread[32768];

TEST(standard_input_flows_and_ends)
{
	struct peer *p = peer_start();

	peer_sh(p, 1, GUEST_EXEC_STDIN, "cat; echo done");
	peer_input(p, 1, "hello\n", 6);
	peer_wait_out(p, 1, "hello\n");
	peer_send_empty(p, 1, GUEST_EOF);
	peer_wait_over(p, 1);
	expect_str(out_of(p, 1), "hello\ndone\n");
	peer_sh(p, 1, GUEST_EXEC_STDIN, "exec <&-; sleep 0.3");
	for (int i = 0; i < 40; i++)
		peer_input(p, 1, unread, sizeof(unread));
	peer_wait_over(p, 1);
	(void)peer_end(p);
}

TEST(a_signal_reaches_the_main_process)
{
	struct peer *p = peer_start();

	peer_sh(p, 1, 0,
		"trap 'echo got; exit 3' USR1; echo go; while :; do sleep 0.01; done");
	peer_wait_out(p, 1, "go\n");
	peer_send_u32(p, 1, GUEST_SIGNAL, SIGUSR1);
	peer_wait_over(p, 1);
	expect(peer_status(&p->ch[1]) == 3);
	expect_str(out_of(p, 1), "go\ngot\n");
	(void)peer_end(p);
}

TEST(a_terminal_has_its_size_and_turns_input_into_signals)
{
	struct peer *p = peer_start();
	char *const sh[] = { arg("sh"), arg("-c"),
		arg("trap 'stty size' WINCH; test -t 0 && test -t 1 && test -t 2 && tty "
		    "&& stty size; "
		    "echo $TERM; while :; do sleep 0.01; done"),
		NULL };

	peer_exec(p, 1,
		(struct guest_exec){
			.argv = sh, .flags = GUEST_EXEC_TTY, .rows = 33, .cols = 111 });
	peer_wait_out(p, 1, "xterm");
	expect(strstr(out_of(p, 1), "/dev/pts/0") && strstr(out_of(p, 1), "33 111"));
	expect(guest_send_winsize(&p->wire, 1, 44, 122) == 0);
	peer_wait_out(p, 1, "44 122");
	peer_input(p, 1, "\3", 1);
	peer_wait_over(p, 1);
	expect(peer_status(&p->ch[1]) == 128 + SIGINT);
	peer_sh(p, 1, GUEST_EXEC_TTY, "cat; echo end");
	peer_input(p, 1, "line\n", 5);
	peer_send_empty(p, 1, GUEST_EOF);
	peer_wait_over(p, 1);
	expect(peer_status(&p->ch[1]) == 0 && strstr(out_of(p, 1), "end"));
	(void)peer_end(p);
}

TEST(files_go_in_and_out_by_the_builtins)
{
	struct peer *p = peer_start();
	char *const pack[] = { arg("@pack"), arg("/etc"), NULL };
	char *const unpack[] = { arg("@unpack"), arg("/tmp/copy"), NULL };
	auto_buf struct buf stream = { 0 };

	peer_exec(p, 1, (struct guest_exec){ .argv = pack, .flags = GUEST_EXEC_BUILTIN });
	peer_wait_over(p, 1);
	expect(peer_status(&p->ch[1]) == 0 && p->ch[1].out.len > 100);
	expect(buf_add(&stream, p->ch[1].out.data, p->ch[1].out.len) == 0);
	peer_exec(p, 2,
		(struct guest_exec){
			.argv = unpack, .flags = GUEST_EXEC_BUILTIN | GUEST_EXEC_STDIN });
	peer_input(p, 2, stream.data, stream.len);
	peer_send_empty(p, 2, GUEST_EOF);
	peer_wait_over(p, 2);
	expect(peer_status(&p->ch[2]) == 0);
	expect(peer_run(p, 3, "diff -r /etc /tmp/copy") == 0);
	peer_exec(p, 1,
		(struct guest_exec){ .argv = ARGV(arg("@pack"), arg("/no")),
			.flags = GUEST_EXEC_BUILTIN });
	peer_wait_over(p, 1);
	expect(peer_status(&p->ch[1]) == 1);
	expect_str(p->ch[1].err.data, "copy '/no': No such file or directory\n");
	(void)peer_end(p);
}

TEST(limits_and_umask_are_set_and_no_descriptor_leaks)
{
	struct peer *p = peer_start();
	char *const sh[] = { arg("sh"), arg("-c"),
		arg("ulimit -n; umask; ls /proc/self/fd | wc -w"), NULL };
	struct peer_channel *c = run(p,
		(struct guest_exec){ .argv = sh,
			.mask = 077,
			.rlimits = { { RLIMIT_NOFILE, 99, 99 } },
			.n_rlimits = 1 });

	expect(peer_status(c) == 0);
	/* 0, 1, 2 and the directory that ls itself reads */
	expect_str(out_of(p, 9), "99\n0077\n4\n");
	(void)peer_end(p);
}

TEST(the_sandbox_cannot_kill_stop_or_block_its_first_process)
{
	struct peer *p = peer_start();

	(void)peer_run(p, 1,
		"for s in TERM INT HUP STOP KILL SEGV PIPE USR1 CHLD; do kill -$s 1; "
		"done");
	expect(peer_run(p, 1, "echo alive") == 0);
	(void)peer_run(
		p, 1, "rm -f /dev/ptmx; mkfifo /dev/ptmx /etc/p; mv /etc/p /etc/passwd");
	peer_sh(p, 2, 0, "true");
	peer_wait_over(p, 2);
	expect(p->ch[2].failed && p->ch[2].why.step == GUEST_STEP_USER);
	(void)peer_end(p);
}

/* It says so on standard error, and waits to be told that this was heard. */
TEST(dial_says_that_nobody_listens)
{
	struct peer *p = peer_start();
	char *argv[] = { (char *)(uintptr_t) "@dial", (char *)(uintptr_t) "9", NULL };

	peer_exec(p, 1,
		(struct guest_exec){
			.flags = GUEST_EXEC_BUILTIN | GUEST_EXEC_STDIN, .argv = argv });
	while (!p->ch[1].err.len)
		peer_serve(p);
	expect(p->ch[1].err.len == 1 && p->ch[1].out.len == 0 && !p->ch[1].exited);
	peer_send_u32(p, 1, GUEST_SIGNAL, SIGTERM);
	peer_wait_over(p, 1);
	expect(peer_status(&p->ch[1]) == 1);
	(void)peer_end(p);
}

/* "@accept /tmp/s" on channel 1, where there is the node of a socket, and a client on 2. */
static struct peer *accept_and_client(const char *client)
{
	struct peer *p = peer_start();
	auto_free char *script = str_printf(
		"exec python3 -c 'import socket, time\n"
		"s = socket.socket(socket.AF_UNIX); s.connect(\"/tmp/s\")\n%s'",
		client);

	if (peer_run(p, 3,
		    "command -v python3 >/dev/null && exec python3 -c 'import socket\n"
		    "socket.socket(socket.AF_UNIX).bind(\"/tmp/s\")'") != 0)
		test_skip("no python3 to make sockets with");
	peer_exec(p, 1,
		(struct guest_exec){ .flags = GUEST_EXEC_BUILTIN | GUEST_EXEC_STDIN,
			.user = "0:0",
			.argv = ARGV(arg("@accept"), arg("/tmp/s")) });
	peer_sh(p, 2, 0, script);
	while (!p->ch[1].out_bytes)
		peer_serve(p);
	expect(p->ch[1].out.len == 1);
	return p;
}

TEST(accept_says_that_somebody_came_and_carries_both_directions)
{
	struct peer *p =
		accept_and_client("s.sendall(b\"question\"); s.shutdown(socket.SHUT_WR)\n"
				  "print(s.makefile().read())");

	peer_input(p, 1, "", 1);
	while (p->ch[1].out_bytes < 9)
		peer_serve(p);
	expect(memcmp(p->ch[1].out.data + 1, "question", 8) == 0);
	peer_input(p, 1, "answer", 6);
	peer_send_empty(p, 1, GUEST_EOF);
	peer_wait_over(p, 1);
	peer_wait_over(p, 2);
	expect(peer_status(&p->ch[1]) == 0);
	expect_str(out_of(p, 2), "answer\n");
	(void)peer_end(p);
}

TEST(accept_ends_what_the_host_refuses)
{
	struct peer *p = accept_and_client("print(s.recv(9))");

	peer_send_empty(p, 1, GUEST_EOF);
	peer_wait_over(p, 1);
	peer_wait_over(p, 2);
	expect_str(out_of(p, 2), "b''\n");
	(void)peer_end(p);
}

/* The server has said all and gone: its words arrive, and the client can't say more. */
TEST(accept_delivers_what_came_before_the_end)
{
	struct peer *p = accept_and_client("time.sleep(0.3); print(len(s.recv(99)))\n"
					   "try: s.sendall(b\"x\")\n"
					   "except BrokenPipeError: print(\"broken\")");

	peer_input(p, 1, "", 1);
	peer_input(p, 1, "answer", 6);
	peer_send_empty(p, 1, GUEST_EOF);
	peer_send_u32(p, 1, GUEST_SIGNAL, SIGTERM);
	peer_wait_over(p, 1);
	peer_wait_over(p, 2);
	expect_str(out_of(p, 2), "6\nbroken\n");
	(void)peer_end(p);
}

TEST(accept_takes_nothing_but_the_node_of_a_socket)
{
	struct peer *p = peer_start();

	peer_exec(p, 1,
		(struct guest_exec){ .flags = GUEST_EXEC_BUILTIN | GUEST_EXEC_STDIN,
			.user = "0:0",
			.argv = ARGV(arg("@accept"), arg("/tmp/not-executable")) });
	peer_wait_over(p, 1);
	expect(p->ch[1].failed && p->ch[1].why.code == ENOTSOCK);
	expect_str(p->ch[1].why.what, "listen at '/tmp/not-executable'");
	(void)peer_end(p);
}
