/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub-tricks.c - a program's attacks on the wall between it and user-mode Linux.
 *
 * Theory of operation: in the SECCOMP mode of user-mode Linux a guest's process is a
 * process of the host, whose system calls become signals by a filter. At the top of its
 * address space stands the stub: a page of code that handles these signals, by a few
 * system calls that the filter permits, and pages that it shares with the guest's kernel.
 * The program can read the code, jump anywhere into it, write what the stub writes, and
 * forge what the stub would say.
 *
 * Each trick runs in a child, for it may well be killed for it, and is judged by what it
 * left in a shared page, or by its parent's still being there. Run it in a guest, as an
 * ordinary program or as its init:
 *
 *	stub-tricks [TRICK...]	all of them, or those
 *
 * prints "ok TRICK", "ESCAPED TRICK: why" or "no TRICK: why" (it could not be tried), and
 * exits with 0 if nothing escaped.
 *
 * How a call is known to have reached the host: iretq enters the stub at a syscall
 * instruction with the trap flag set. The flag survives a call that the host carried
 * out, and SIGTRAP follows, or a fault with the flag set; a call that became the guest's
 * loses it, for the guest's kernel sets the flags then. The trick "sight" sees to it that
 * this can be seen here, by a call that the stub may make.
 */
#include "stub.h"

#include <stdarg.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>

struct shared *out;
unsigned int which;
static int escapes;

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void escaped(const char *format, ...)
{
	va_list args;

	if (out->escaped)
		return;
	va_start(args, format);
	vsnprintf(out->why, sizeof(out->why), format, args);
	va_end(args);
	out->escaped = 1;
}

static void verdict(const char *trick)
{
	if (out->escaped) {
		printf("ESCAPED %s: %s\n", trick, out->why);
		escapes++;
	} else if (!out->tried) {
		printf("no %s: %s\n", trick, out->why[0] ? out->why : "it was not tried");
	} else {
		printf("ok %s\n", trick);
	}
	memset(out, 0, sizeof(*out));
}

pid_t child(void (*run)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		signals_catch();
		run();
		_exit(0);
	}
	return pid;
}

int child_wait(pid_t pid, uint64_t limit_ms)
{
	uint64_t end = now_ms() + limit_ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() > end) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		usleep(5000);
	}
	return status;
}

static void each_instruction(const char *trick, void (*run)(void), uint64_t limit)
{
	for (which = 0; which < ncalls; which++)
		child_wait(child(run), limit);
	verdict(trick);
}

static const struct trick {
	const char *name;
	void (*run)(void);
	void (*one)(void);  /* in a child */
	void (*each)(void); /* in a child for each syscall instruction of the stub */
} tricks[] = {
	{ .name = "pages", .one = trick_pages },
	{ .name = "guest-map", .one = trick_guest_map },
	{ .name = "physical", .run = trick_physical },
	{ .name = "sight", .one = trick_sight },
	{ .name = "args", .each = trick_args_one },
	{ .name = "jump", .each = trick_jump_one },
	{ .name = "gates", .run = trick_gates },
	{ .name = "death", .run = trick_death },
	{ .name = "stack", .one = trick_stack },
	{ .name = "stale", .run = trick_stale },
	{ .name = "nonsense", .run = trick_nonsense },
	{ .name = "clock", .one = trick_clock },
	{ .name = "blocked", .run = trick_blocked },
	{ .name = "sleep", .run = trick_sleep },
};

static int wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc < 2;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	if (getpid() == 1)
		mount("none", "/proc", "proc", 0, NULL);
	signals_catch();
	if (out == MAP_FAILED || stub_find() < 0) {
		printf("no stub: it is not user-mode Linux's SECCOMP mode\n");
		goto end;
	}
	printf("# stub at %#lx, %u pages, %u calls, %s\n", stub, stub_pages, ncalls,
		stock ? "unpatched" : "with a mapper");
	for (unsigned int i = 0; i < sizeof(tricks) / sizeof(*tricks); i++) {
		if (!wanted(tricks[i].name, argc, argv))
			continue;
		if (tricks[i].each) {
			each_instruction(tricks[i].name, tricks[i].each, 60000);
		} else {
			if (tricks[i].one)
				child_wait(child(tricks[i].one), 20000);
			else
				tricks[i].run();
			verdict(tricks[i].name);
		}
	}
	printf("end %d\n", escapes);
end:
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return escapes ? 1 : 0;
}
