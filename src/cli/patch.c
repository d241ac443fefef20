/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/patch.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/out.h"
#include "sandbox/overlay.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LINE_MAX_SHOWN ((size_t)64 << 10)

/* One side of the change. */
struct side {
	int fd; /* what diff(1) reads: the file, or the target of a link; -1: not there */
	mode_t mode;
	bool large;
};

/* A link is shown by its target, as a file that holds it. */
static int open_link(int at, struct err *e)
{
	auto_fd int fd = memfd_create("link", MFD_CLOEXEC);
	char target[PATH_MAX];
	ssize_t n = readlinkat(at, "", target, sizeof(target));

	if (fd < 0 || n < 0 || write(fd, target, (size_t)n) != n)
		return err_sys(e, "read a link");
	return take_fd(&fd);
}

/* Opens what can be shown of 'path'; nothing, for what is no file and no link. */
static int open_side(int root, const char *path, struct side *ret, struct err *e)
{
	auto_fd int at = path_open_plain(root, path, O_PATH, 0, e);
	struct stat st;

	*ret = (struct side){ .fd = -1 };
	if (at == -ENOENT || at == -ENOTDIR || at == -ELOOP)
		return 0;
	if (at < 0 || fstat(at, &st) < 0)
		return at < 0 ? at : err_sys(e, "look at '%s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return 0;
	ret->mode = st.st_mode;
	ret->large = st.st_size > (off_t)PATCH_FILE_MAX;
	ret->fd = S_ISLNK(st.st_mode)
		? open_link(at, e)
		: path_open_plain(root, path, O_RDONLY | O_NONBLOCK, 0, e);
	return ret->fd < 0 ? ret->fd : 0;
}

static void close_side(struct side *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
}

/* git knows three modes of files. */
static const char *git_mode(mode_t mode)
{
	if (S_ISLNK(mode))
		return "120000";
	return mode & 0100 ? "100755" : "100644";
}

static int print_head(const char *shown, const struct side *a, const struct side *b)
{
	int r = out_line(
		"%sdiff --git a/%s b/%s%s", out_on(OUT_BOLD), shown, shown, out_off());

	if (r == 0 && a->fd < 0)
		r = out_line("new file mode %s", git_mode(b->mode));
	else if (r == 0 && b->fd < 0)
		r = out_line("deleted file mode %s", git_mode(a->mode));
	else if (r == 0 && strcmp(git_mode(a->mode), git_mode(b->mode)) != 0)
		r = out_line(
			"old mode %s\nnew mode %s", git_mode(a->mode), git_mode(b->mode));
	return r;
}

/* A line of a hostile file, for a person to look at. */
static int print_shown(const char *line, size_t len)
{
	enum out_style style = *line == '+' ? OUT_GREEN
		: *line == '-'              ? OUT_RED
					    : OUT_PLAIN;
	auto_buf struct buf plain = { 0 };
	auto_free char *text = NULL;

	if (len && line[len - 1] == '\n')
		len--;
	/* a tab is harmless, and str_escape() would not show it as one */
	for (size_t i = 0; i < len; i++) {
		int r = line[i] == '\t' ? buf_add_str(&plain, "        ")
			: line[i]       ? buf_add(&plain, line + i, 1)
					: buf_add_str(&plain, "\\x00");

		if (r < 0)
			return r;
	}
	text = str_escape(plain.data ? plain.data : "");
	if (!text)
		return -ENOMEM;
	return out_line("%s%s%s", out_on(style), text, out_off());
}

static int print_output(FILE *from)
{
	bool tty = isatty(STDOUT_FILENO);
	auto_free char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = getline(&line, &room, from)) > 0) {
		if (!tty)
			r = fwrite(line, 1, (size_t)n, stdout) == (size_t)n ? 0 : -EIO;
		else
			r = print_shown(line,
				(size_t)n < LINE_MAX_SHOWN ? (size_t)n : LINE_MAX_SHOWN);
	}
	return r;
}

/* diff(1) reads its files as descriptors 3 and 4. */
static int spawn_diff(char *const *argv, const int fds[2], int out, pid_t *pid)
{
	char *env[] = { (char[]){ "LC_ALL=C" },
		(char[]){ "PATH=/usr/local/bin:/usr/bin:/bin" }, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	posix_spawn_file_actions_t acts;
	int r = posix_spawn_file_actions_init(&acts);

	/* above what they go to, so that none overwrites another */
	int a = fcntl(fds[0] >= 0 ? fds[0] : null, F_DUPFD_CLOEXEC, 10);
	int b = fcntl(fds[1] >= 0 ? fds[1] : null, F_DUPFD_CLOEXEC, 10);

	(void)posix_spawn_file_actions_adddup2(&acts, null, 0);
	(void)posix_spawn_file_actions_adddup2(&acts, out, 1);
	(void)posix_spawn_file_actions_adddup2(&acts, a, 3);
	(void)posix_spawn_file_actions_adddup2(&acts, b, 4);
	if (r == 0)
		r = posix_spawnp(pid, "diff", &acts, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&acts);
	(void)close(a);
	(void)close(b);
	(void)close(null);
	return -r;
}

static int compare(
	const char *shown, const struct side *a, const struct side *b, struct err *e)
{
	auto_free char *label_a = a->fd < 0 ? strdup("--label=/dev/null")
					    : str_printf("--label=a/%s", shown);
	auto_free char *label_b = b->fd < 0 ? strdup("--label=/dev/null")
					    : str_printf("--label=b/%s", shown);
	char *argv[] = { (char[]){ "diff" }, (char[]){ "-u" }, label_a, label_b,
		(char[]){ "--" }, (char[]){ "/proc/self/fd/3" },
		(char[]){ "/proc/self/fd/4" }, NULL };
	int fds[2] = { a->fd, b->fd }, out[2], r, status;
	FILE *from;
	pid_t pid;

	if (!label_a || !label_b)
		return err_set(e, ENOMEM, "out of memory");
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	r = spawn_diff(argv, fds, out[1], &pid);
	(void)close(out[1]);
	if (r < 0) {
		(void)close(out[0]);
		(void)err_set(e, -r, "run diff: %s", strerrordesc_np(-r));
		err_hint(e, "--patch needs the program diff (package diffutils)");
		return r;
	}
	from = fdopen(out[0], "r");
	r = from ? print_output(from) : -ENOMEM;
	if (from)
		(void)fclose(from);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_set(e, -r, "print a patch");
	return WIFEXITED(status) && WEXITSTATUS(status) < 2
		? 0
		: err_set(e, EIO, "diff failed on '%s'", shown);
}

static int print_sides(const struct overlay_change *c, const char *shown,
	const struct side *a, const struct side *b, struct err *e)
{
	int r = 0;

	/* directories, devices: there are no lines to show */
	if (a->fd < 0 && b->fd < 0)
		return out_line("%c %s%s", c->op, shown, S_ISDIR(c->mode) ? "/" : "");
	r = print_head(shown, a, b);
	if (r < 0)
		return err_set(e, -r, "print a patch");
	if (a->large || b->large)
		return out_line(
			"Files a/%s and b/%s differ, and are too large to compare", shown,
			shown);
	return compare(shown, a, b, e);
}

int patch_print(
	const struct overlay_ws *ws, const struct overlay_change *c, struct err *e)
{
	auto_free char *shown = str_escape(c->path);
	AUTO(close_side) struct side a = { .fd = -1 }, b = { .fd = -1 };
	struct side none = { .fd = -1 };
	int r = 0;

	if (!shown)
		return err_set(e, ENOMEM, "out of memory");
	if (c->op != 'A')
		r = open_side(ws->lower, c->path, &a, e);
	if (r == 0 && c->op != 'D')
		r = open_side(ws->upper, c->path, &b, e);
	if (r < 0)
		return out_line("%c %s: %s", c->op, shown, strerrordesc_np(-r));
	if (c->op != 'T')
		return print_sides(c, shown, &a, &b, e);
	/* another type in its place: as git does, gone and come */
	r = a.fd >= 0 ? print_sides(c, shown, &a, &none, e) : 0;
	if (r == 0 && (b.fd >= 0 || a.fd < 0))
		r = print_sides(c, shown, &none, &b, e);
	return r;
}
