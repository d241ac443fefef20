/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "sandbox/log.h"
#include "sandbox/sandbox.h"

#include <poll.h>
#include <sys/inotify.h>

struct logs_args {
	bool follow, timestamps;
	uint64_t tail;
};

static const struct opt opts[] = {
	OPT(struct logs_args, "follow", 'f', NULL, follow, opt_bool,
		"go on as more comes, until it ends"),
	OPT(struct logs_args, "timestamps", 0, NULL, timestamps, opt_bool,
		"the time before each line"),
	OPT(struct logs_args, "tail", 'n', "N", tail, opt_count, "only the last N lines"),
	{ 0 },
};

struct reader {
	const struct logs_args *a;
	struct buf rest; /* a line that isn't whole yet */
	bool counting;   /* only count the lines */
	uint64_t lines;  /* of text, that have begun */
	uint64_t skip;   /* how many of them are not shown */
	bool middle[2];  /* of stdout, stderr: the last piece had no end of line */
	bool shown[2];   /* the line that it is of is shown */
};

static void print_line(struct reader *r, const char *line, size_t len)
{
	struct log_line l;
	bool begins;
	FILE *to;

	if (!log_parse(line, len, &l))
		return;
	to = l.is_stderr ? stderr : stdout;
	begins = !r->middle[l.is_stderr];
	r->middle[l.is_stderr] = l.partial;
	r->lines += begins;
	if (begins)
		r->shown[l.is_stderr] = !r->counting && r->lines > r->skip;
	if (!r->shown[l.is_stderr])
		return;
	if (r->a->timestamps && begins)
		fprintf(to, "%.*s ", (int)l.time_len, l.time);
	(void)fwrite(l.text, 1, l.text_len, to);
	if (!l.partial)
		fputc('\n', to);
}

static int print_from(struct reader *r, int fd, struct err *e)
{
	for (;;) {
		ssize_t n = buf_read(&r->rest, fd, 65536);
		char *nl;

		if (n <= 0)
			return n < 0 ? err_set(e, (int)-n, "read the log") : 0;
		while ((nl = memchr(r->rest.data, '\n', r->rest.len))) {
			size_t len = (size_t)(nl - r->rest.data);

			print_line(r, r->rest.data, len);
			buf_drop(&r->rest, len + 1);
		}
	}
}

/* How many lines of text come before the last 'n'. */
static int count_before(
	const struct logs_args *a, int old, int fd, uint64_t *ret, struct err *e)
{
	struct reader count = { .a = a, .counting = true };
	int r = old >= 0 ? print_from(&count, old, e) : 0;

	if (r == 0)
		r = print_from(&count, fd, e);
	buf_clear(&count.rest);
	if (r < 0)
		return r;
	*ret = count.lines > a->tail ? count.lines - a->tail : 0;
	if ((old >= 0 && lseek(old, 0, SEEK_SET) < 0) || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "read the log");
	return 0;
}

/* A log that is full is renamed, and another one begun. */
static bool is_renamed(const struct sandbox *s, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && fstatat(s->dir, "log", &there, 0) == 0 &&
		here.st_ino != there.st_ino;
}

static int open_log(const struct sandbox *s, int watch, struct err *e)
{
	auto_free char *path = str_printf("/proc/self/fd/%d/log", s->dir);
	auto_fd int fd = openat(s->dir, "log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || !path ||
		inotify_add_watch(watch, path, IN_MODIFY | IN_MOVE_SELF) < 0)
		return err_sys(e, "watch the log of '%s'", s->name);
	return take_fd(&fd);
}

static int follow(struct reader *r, const struct sandbox *s, int first, struct err *e)
{
	auto_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	auto_fd int fd = watch < 0 ? -1 : open_log(s, watch, e);

	if (fd < 0)
		return watch < 0 ? err_sys(e, "watch the log") : fd;
	if (dup3(first, fd, O_CLOEXEC) < 0)
		return err_sys(e, "watch the log");
	for (;;) {
		struct pollfd p = { .fd = watch, .events = POLLIN };
		char events[4096];
		/* asked before reading: what it wrote last is then read below */
		bool runs = sandbox_kept(s), renamed = is_renamed(s, fd);
		int ret = print_from(r, fd, e);

		if (ret < 0 || out_flush() < 0)
			return ret < 0 ? ret : -EIO;
		if (renamed) {
			(void)close(fd);
			fd = open_log(s, watch, e);
			if (fd < 0)
				return fd;
			continue;
		}
		if (!runs)
			return 0;
		/* the end of the keeper doesn't show on the file: look now and then */
		(void)poll(&p, 1, 500);
		while (read(watch, events, sizeof(events)) > 0)
			;
	}
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct logs_args *a = inv->args;
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct reader reader = { .a = a };
	auto_fd int old = -1, fd = -1;
	int r = sandbox_open(inv->words.v[0], &s, e);

	if (r < 0)
		return r;
	old = openat(s.dir, "log.1", O_RDONLY | O_CLOEXEC);
	fd = openat(s.dir, "log", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open the log of '%s'", s.name);
	if (a->tail && (r = count_before(a, old, fd, &reader.skip, e)) < 0)
		return r;
	r = old >= 0 ? print_from(&reader, old, e) : 0;
	if (r == 0)
		r = a->follow ? follow(&reader, &s, fd, e) : print_from(&reader, fd, e);
	buf_clear(&reader.rest);
	return r;
}

const struct command verb_logs = {
	.name = "logs",
	.usage = "[-f] [-n N] NAME",
	.brief = "what the command of a sandbox has printed",
	.opts = opts,
	.args_size = sizeof(struct logs_args),
	.words_min = 1,
	.words_max = 1,
	.complete = "@sandbox",
	.run = run,
};
