/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured.c - the sentry's kernel in the hands of an attacker; run by run.sh.
 *
 * It is executed as the first process of the jail, in the kernel's place, with the kernel's
 * descriptors and words. It tells the keeper that it is ready, as the warder would, then does
 * what the file "mode" says, and writes to the workspace's file "result" how it went:
 *
 *	stopped: SENTENCE
 *	escaped: SENTENCE: what it got
 *	noted: ...
 *	done
 */
#include "captured.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

static char **argv_;
static int result = -1;

const char *got(const char *fmt, ...)
{
	static char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

const char *given(const char *name)
{
	static char text[8][512];
	static unsigned turn;
	char path[256], *at = text[turn++ % 8];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), GIVEN "/%s", name);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, at, sizeof(text[0]) - 1);
	if (fd >= 0)
		(void)close(fd);
	at[n > 0 ? n : 0] = '\0';
	at[strcspn(at, "\n")] = '\0';
	return at;
}

int word(const char *before)
{
	for (char **a = argv_; *a; a++) {
		const char *at = strstr(*a, before);

		if (at)
			return atoi(at + strlen(before));
	}
	return -1;
}

const char *ours(const char *name)
{
	static char path[8][768];
	static unsigned turn;
	char *at = path[turn++ % 8];

	(void)snprintf(at, sizeof(path[0]), "%s/%s", given("workspace"), name);
	return at;
}

void say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	n = n > (int)sizeof(text) - 2 ? (int)sizeof(text) - 2 : n;
	text[n++] = '\n';
	(void)!write(result, text, (size_t)n);
}

void nap(unsigned ms)
{
	const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

int await(pid_t pid, unsigned ms)
{
	const struct timespec nap_us = { 0, 200000 };
	int status;

	for (unsigned i = 0; i < ms * 5; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		(void)nanosleep(&nap_us, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -1;
}

void attempt_all(const struct attempt *a)
{
	for (; a->name; a++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			const char *what = a->run();

			say(what ? "escaped: %s: %s" : "stopped: %s", a->name, what);
			_exit(0);
		}
		status = pid < 0 ? -1 : await(pid, 20000);
		if (status == -1)
			say("escaped: %s: it hung", a->name);
		else if (!WIFEXITED(status))
			say("escaped: %s: signal %d", a->name, WTERMSIG(status));
	}
}

bool second_list(void)
{
	static struct sock_filter insn[BPF_MAXINSNS];
	struct sock_fprog prog = { .filter = insn };
	ssize_t n = pread(word("brig_filter=fd:"), insn, sizeof(insn), 0);

	prog.len = (unsigned short)(n > 0 ? (size_t)n / sizeof(*insn) : 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

void frame(uint16_t channel, uint8_t type, uint8_t flags, const void *data, uint32_t len)
{
	unsigned char head[8] = { (unsigned char)len, (unsigned char)(len >> 8),
		(unsigned char)(len >> 16), (unsigned char)(len >> 24),
		(unsigned char)channel, (unsigned char)(channel >> 8), type, flags };
	int stream = word("brig_stream=fd:");

	(void)!send(stream, head, sizeof(head), MSG_NOSIGNAL);
	if (data && len)
		(void)!send(stream, data, len, MSG_NOSIGNAL);
}

/* READY, and STARTED for the command that comes then. */
static void act_the_warder(void)
{
	static const unsigned char ready[8] = { 1, 0, 0, 0, 1 }, pid[4] = { 2 };
	unsigned char head[8], text[4096];
	int stream = word("brig_stream=fd:");
	uint32_t len;

	frame(0, 32, 0, ready, sizeof(ready));
	if (recv(stream, head, sizeof(head), MSG_WAITALL) != sizeof(head))
		return;
	len = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16;
	while (len > 0) {
		ssize_t n =
			recv(stream, text, len < sizeof(text) ? len : sizeof(text), 0);

		if (n <= 0)
			return;
		len -= (uint32_t)n;
	}
	frame((uint16_t)(head[4] | head[5] << 8), 33, 0, pid, sizeof(pid));
}

/* Executed out of a file in memory: has it more than before? */
static int gained(void)
{
	unsigned char text[1];

	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return 10;
	if (syscall(SYS_setresuid, 1, 1, 1) == 0)
		return 11;
	if (syscall(SYS_unshare, CLONE_NEWUSER) == 0)
		return 12;
	if (mknodat(AT_FDCWD, "/gained", S_IFCHR | 0600, makedev(1, 1)) == 0)
		return 13;
	if (openat(AT_FDCWD, given("secret"), O_RDONLY) >= 0)
		return 14;
	return read(-1, text, 1) < 0 && errno == EBADF ? 42 : 15;
}

/* More than a pipe holds, by many, in lines and in one. */
static void flood(void)
{
	static char text[65536];

	(void)memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(text) / 2; i += 80)
		text[i] = '\n';
	(void)memcpy(text, "\033]0;owned\007\033[2J", 14);
	for (int i = 0; i < 4096; i++)
		(void)!write(STDERR_FILENO, text, sizeof(text));
	say("stopped: it floods its console");
}

/* Everything it has but the file of the result, and the workspace behind it. */
static void garbage(void)
{
	static unsigned char text[65536];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 7 + (i >> 8));
	for (int turn = 0; turn < 64; turn++)
		for (int fd = 0; fd < FDS; fd++) {
			if (fd == result)
				continue;
			(void)!send(fd, text, 1 + (size_t)(turn * 1021),
				MSG_NOSIGNAL | MSG_DONTWAIT);
			(void)fcntl(fd, F_SETFL, O_NONBLOCK);
			(void)!write(fd, text, 1 + (size_t)(turn * 1021));
		}
	say("stopped: it writes garbage to every descriptor");
}

/* The forged frames of hostile/warder-forge.c, and some that only a captured kernel may. */
static void forge(int mode)
{
	static const char words[] = "\3\0\0\0\1\0\0\0\033]0;owned\007\033[2J";
	static unsigned char big[65528];

	(void)memset(big, 0x1b, sizeof(big));
	switch (mode) {
	case 0:
		for (int type = 0; type < 256; type++)
			for (uint16_t channel = 0; channel < 3; channel++)
				frame(channel, (uint8_t)type, (uint8_t)type, big, 24);
		break;
	case 1: frame(1, 16, 1, NULL, 0xffffffff); break;
	case 2: frame(1, 34, 0, words, sizeof(words)); break;
	case 3:
		for (int i = 0; i < 512; i++)
			frame(1, 16, 1, big, sizeof(big));
		break;
	case 4:
		for (uint32_t i = 0; i < 65536; i++) {
			frame((uint16_t)i, 35, 0, big, 28);
			frame((uint16_t)i, 18, 0, "\xff\xff\xff\xff", 4);
		}
		break;
	default: (void)!send(word("brig_stream=fd:"), "\xff\0", 2, MSG_NOSIGNAL); break;
	}
}

static void fork_bomb(void)
{
	int n = 0;

	while (n < 20000) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0)
			for (;;)
				nap(60000);
		n++;
	}
	say(n < 1000 ? "stopped: it makes processes without end"
		     : "escaped: it makes processes without end: %d",
		n);
	nap(3000);
}

static void memory_bomb(void)
{
	const size_t step = 16 << 20, most = (size_t)2 << 30;

	(void)fork();
	for (size_t n = 0; n < most; n += step) {
		char *at = mmap(NULL, step, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (at == MAP_FAILED)
			break;
		(void)memset(at, 1, step);
	}
	say("escaped: it takes all memory: nobody stopped it at 2 GiB");
}

static void run(const char *mode)
{
	if (strcmp(mode, "calls") == 0) {
		calls_try("the first list", false);
		calls_forms("the first list");
		if (!second_list())
			say("escaped: the second list can be put on: %s",
				strerror(errno));
		calls_try("the second list", true);
		calls_forms("the second list");
	} else if (strcmp(mode, "attempts") == 0) {
		attempt_all(powers);
		attempt_all(files);
		(void)second_list();
		say("noted: with the second list");
		attempt_all(powers);
	} else if (strcmp(mode, "link") == 0) {
		attempt_all(links);
	} else if (strcmp(mode, "flood") == 0) {
		flood();
	} else if (strcmp(mode, "traced") == 0) {
		/* by its parent, the keeper, which knows nothing of it and waits for an end */
		say(syscall(SYS_ptrace, 0L, 0L, 0L, 0L) == 0
				? "stopped: it is traced"
				: "stopped: it isn't traced");
		say("done");
		for (;;)
			__builtin_trap();
	} else if (strcmp(mode, "garbage") == 0) {
		garbage();
	} else if (strncmp(mode, "forge", 5) == 0) {
		forge(atoi(mode + 5));
		say("stopped: it forges");
	} else if (strcmp(mode, "forks") == 0) {
		fork_bomb();
	} else if (strcmp(mode, "memory") == 0) {
		memory_bomb();
	}
}

int main(int argc, char **argv)
{
	argv_ = argv;
	if (argc > 0 && strcmp(argv[0], "gain") == 0)
		return gained();
	result = openat(AT_FDCWD, ours("result"),
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	(void)fchmod(result, 0666);
	act_the_warder();
	run(given("mode"));
	say("done");
	/* deaf to whoever asks: it has to be killed */
	if (strcmp(given("end"), "never") == 0)
		for (;;)
			nap(60000);
	nap(300);
	return 0;
}
