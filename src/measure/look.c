/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.c - what can be seen of the host from where this runs.
 *
 * Reads, and connects to a port that is there for it; changes nothing, and opens no device.
 *
 *	kernel		release and version (uname(2))
 *	boot		the boot's random id (random(4)); another kernel has another one
 *	calls		system calls that get past filters, and those that Linux has (callcount.h)
 *	devices		nodes in /dev that this user may read or write, and all of them, besides
 *			terminals, null, zero, full, random and urandom
 *	processes	numbers in /proc, and the first of them as ls /proc shows them
 *	secret		"seen" if the file secret= can be read, by its path
 *	climb		"seen" if it can be after a chroot(2) climbs out of the root directory
 *	process		"seen" if the process pid= has token= in its command line
 *	interfaces	names of the network's interfaces but lo
 *	loopback	"seen" if 127.0.0.1, port=, answers with token=
 *	user		user id, and capabilities in effect
 */
#include "measure/measure.h"

#include "linux/callcount.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX   4096
#define LISTED_MAX 12
#define DEPTH_MAX  4

static const char *value_of(char **given, const char *key)
{
	size_t n = strlen(key);

	for (; *given; given++)
		if (strncmp(*given, key, n) == 0 && (*given)[n] == '=')
			return *given + n + 1;
	return NULL;
}

/* The start of a file, as a string. Bytes, or -1. */
static ssize_t read_text(const char *path, char out[TEXT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, out, TEXT_MAX - 1);

	if (fd >= 0)
		(void)close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n;
}

static void tell(const char *key, const char *value)
{
	printf("%s\t%s\n", key, value);
	(void)fflush(stdout);
}

static void look_kernel(void)
{
	struct utsname u = { 0 };
	char boot[TEXT_MAX];

	(void)uname(&u);
	printf("kernel\t%s %s\n", u.release, u.version);
	if (read_text("/proc/sys/kernel/random/boot_id", boot) > 0) {
		boot[strcspn(boot, "\n")] = '\0';
		tell("boot", boot);
	}
}

static void look_calls(void)
{
	struct callcount c;
	int r = callcount_take(NULL, 0, &c);

	if (r == 0)
		printf("calls\t%u\t%u\n", c.through, c.of);
	else
		printf("calls\t-\t%s\n", strerror(-r));
}

/* ---- devices */

struct devices {
	unsigned usable, all;
};

static bool harmless(const char *name)
{
	static const char *const names[] = { "null", "zero", "full", "random", "urandom",
		"tty", "console", "ptmx", "pts", "shm", "mqueue", "fd" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "tty", 3) == 0 || strncmp(name, "vcs", 3) == 0;
}

static void count_devices(int at, const char *path, unsigned depth, struct devices *d)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct stat st;

		if (e->d_name[0] == '.' || harmless(e->d_name) ||
			fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			count_devices(fd, e->d_name, depth + 1, d);
		if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			continue;
		d->all++;
		d->usable += faccessat(fd, e->d_name, R_OK, 0) == 0 ||
			faccessat(fd, e->d_name, W_OK, 0) == 0;
	}
	if (dir)
		(void)closedir(dir);
	else if (fd >= 0)
		(void)close(fd);
}

static void look_devices(void)
{
	struct devices d = { 0 };

	count_devices(AT_FDCWD, "/dev", 0, &d);
	printf("devices\t%u\t%u\n", d.usable, d.all);
}

/* ---- processes */

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void look_processes(void)
{
	static int pids[65536];
	DIR *proc = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	while (proc && n < sizeof(pids) / sizeof(*pids) && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			pids[n++] = atoi(e->d_name);
	if (proc)
		(void)closedir(proc);
	qsort(pids, n, sizeof(*pids), by_number);
	printf("processes\t%zu\t", n);
	for (size_t i = 0; i < n && i < LISTED_MAX; i++)
		printf("%s%d", i ? " " : "", pids[i]);
	printf("%s\n", n > LISTED_MAX ? " ..." : "");
}

static bool has_token(const char *pid, const char *token)
{
	char path[64], text[TEXT_MAX];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
	n = read_text(path, text);
	for (ssize_t i = 0; i + 1 < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	return n > 0 && strstr(text, token);
}

/* ---- files */

static bool holds(const char *path, const char *token)
{
	char text[TEXT_MAX];

	return read_text(path, text) > 0 && strstr(text, token);
}

/* chroot() below while the current directory stays above, then "..": in a child. */
static bool climbs(const char *secret, const char *token)
{
	char below[] = "measure-climb-XXXXXX";
	int status = 1;
	pid_t pid;

	if (!mkdtemp(below))
		return false;
	pid = fork();
	if (pid == 0) {
		if (chroot(below) < 0)
			_exit(1);
		for (int i = 0; i < 64; i++)
			if (chdir("..") < 0)
				_exit(1);
		_exit(chroot(".") == 0 && holds(secret, token) ? 0 : 1);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	(void)rmdir(below);
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- the network */

static void look_interfaces(void)
{
	char text[TEXT_MAX], *save = NULL;

	printf("interfaces\t");
	if (read_text("/proc/net/dev", text) > 0) {
		/* two lines of heads */
		char *line = strtok_r(text, "\n", &save);
		const char *between = "";

		for (int i = 0; line; i++, line = strtok_r(NULL, "\n", &save)) {
			char *colon = strchr(line, ':');

			line += strspn(line, " ");
			if (i < 2 || !colon || colon <= line)
				continue;
			*colon = '\0';
			if (strcmp(line, "lo") == 0)
				continue;
			printf("%s%s", between, line);
			between = " ";
		}
	}
	printf("\n");
}

static bool answers(const char *port, const char *token)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval most = { .tv_sec = 2 };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[256] = "";
	ssize_t n = -1;

	if (s < 0)
		return false;
	(void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	(void)setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	if (connect(s, (struct sockaddr *)&a, sizeof(a)) == 0)
		n = recv(s, text, sizeof(text) - 1, 0);
	(void)close(s);
	return n > 0 && strstr(text, token);
}

static void look_user(void)
{
	char text[TEXT_MAX], *caps;

	(void)read_text("/proc/self/status", text);
	caps = strstr(text, "\nCapEff:\t");
	printf("user\t%u\t%.16s\n", (unsigned)geteuid(), caps ? caps + 9 : "-");
}

int measure_look(char **given)
{
	const char *secret = value_of(given, "secret"), *pid = value_of(given, "pid"),
		   *token = value_of(given, "token"), *port = value_of(given, "port");

	look_kernel();
	look_calls();
	look_devices();
	look_processes();
	look_interfaces();
	look_user();
	if (!token)
		return 0;
	if (secret)
		tell("secret", holds(secret, token) ? "seen" : "hidden");
	if (secret)
		tell("climb", climbs(secret, token) ? "seen" : "hidden");
	if (pid)
		tell("process", has_token(pid, token) ? "seen" : "hidden");
	if (port)
		tell("loopback", answers(port, token) ? "seen" : "hidden");
	return 0;
}
