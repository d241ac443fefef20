/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - what all approaches share: the directory, and what of the host's there is
 * to be seen from inside.
 */
#include "compare/compare.h"

#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "compare/peer.h"
#include "sandbox/sandbox.h"
#include "wall/wall.h"

#include <arpa/inet.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

const struct figure_kind figure_kinds[FIGURES] = {
	[FIGURE_CALL] = { "system_call", "system call", "getppid(2)", "getppid", NULL },
	[FIGURE_FAULT] = { "page_fault", "page fault", "one fresh page of memory",
		"page fault", NULL },
	[FIGURE_EXEC] = { "fork_exec", "fork+exec", "fork, exec and wait",
		"fork, exec and wait", NULL },
	[FIGURE_READ] = { "file_read", "read 4 KiB", "pread(2) of the workspace",
		"pread 4 KiB", NULL },
	[FIGURE_WRITE] = { "file_write", "write 4 KiB", "pwrite(2) into the workspace",
		"pwrite 4 KiB", NULL },
	[FIGURE_LS] = { "ls_proc", "ls /proc", "what a shell sees of processes", NULL,
		NULL },
	[FIGURE_GIT] = { "git", "git", "git clone and status, 500 files", NULL, "git" },
	[FIGURE_NODE] = { "node", "node", "node -e 0", NULL, "node" },
};

void compare_progress(const struct compare *c, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	if (!c->progress)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->progress(text);
}

void approach_fails(struct approach *a, const char *what, const char *said)
{
	auto_strv struct strv lines = { 0 };
	auto_free char *shown = NULL;
	const char *last = NULL;

	if (a->why || strv_split(&lines, said ? said : "", "\n") < 0)
		return;
	/* brig says a hint below the reason */
	for (size_t i = 0; i < lines.n; i++)
		if (!str_starts(lines.v[i], "  hint:"))
			last = lines.v[i];
	shown = str_escape(last ? last : "fails and says nothing");
	a->why = what ? str_printf("%s: %s", what, shown ? shown : "fails")
		      : take_ptr(&shown);
}

/* ---- what of the host's there is to be seen */

static _Noreturn void answer(int s, const char *token)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int conn = accept4(s, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0)
			continue;
		(void)!send(conn, token, strlen(token), MSG_NOSIGNAL);
		(void)close(conn);
	}
}

static int listen_for_them(struct compare *c, struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	auto_fd int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 8) < 0 ||
		getsockname(s, (struct sockaddr *)&a, &len) < 0)
		return err_sys(e, "listen on 127.0.0.1");
	c->port = ntohs(a.sin_port);
	c->listener = fork();
	if (c->listener == 0)
		answer(s, c->token);
	return c->listener < 0 ? err_sys(e, "fork") : 0;
}

static void read_host(struct compare *c)
{
	auto_buf struct buf boot = { 0 };
	struct utsname u = { 0 };

	(void)uname(&u);
	(void)snprintf(c->kernel, sizeof(c->kernel), "%s %s", u.release, u.version);
	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot, NULL) == 0)
		(void)snprintf(c->boot, sizeof(c->boot), "%.*s",
			(int)strcspn(boot.data, "\n"), boot.data);
}

static int make_dir(struct compare *c, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *made =
		str_printf("%s/brig-compare.XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	auto_free char *real = NULL;

	if (!made)
		return err_set(e, ENOMEM, "out of memory");
	if (!mkdtemp(made))
		return err_sys(e, "make '%s'", made);
	/* a workspace is real paths */
	real = realpath(made, NULL);
	c->dir = take_ptr(real ? &real : &made);
	c->ws = str_printf("%s/ws", c->dir);
	if (!c->ws)
		return err_set(e, ENOMEM, "out of memory");
	return mkdir(c->ws, 0755) < 0 ? err_sys(e, "make '%s'", c->ws) : 0;
}

static int fill_dir(struct compare *c, struct err *e)
{
	auto_free char *secret = str_printf("%s/secret", c->dir);
	auto_free char *program = str_printf("%s/brig-measure", c->ws);
	auto_buf struct buf said = { 0 };
	auto_fd int from = open(c->measure, O_RDONLY | O_CLOEXEC), to = -1;
	char *const *data = WORDS(c->workloads, "prepare", c->ws, "git");
	int r;

	if (!secret || !program)
		return err_set(e, ENOMEM, "out of memory");
	if (from < 0)
		return err_sys(e, "open '%s'", c->measure);
	to = open(program, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (to < 0)
		return err_sys(e, "make '%s'", program);
	r = file_copy_fd(from, to, e);
	if (r == 0)
		r = file_replace(
			AT_FDCWD, secret, c->token, strlen(c->token), 0600, 0, e);
	/* busy while it is open for writing */
	(void)close(take_fd(&to));
	if (r == 0 && exec_have("git") && exec_run(data, c->ws, 60, NULL, &said) != 0)
		(void)0; /* then there is no such row, which says so */
	return r;
}

static int start_witness(struct compare *c, struct err *e)
{
	char *const *argv = WORDS(c->measure, "sleep", c->token);

	c->witness = exec_spawn(argv, "/");
	return c->witness < 0 ? err_set(e, -c->witness, "start '%s'", c->measure) : 0;
}

/* ---- rows */

static struct approach *add_row(
	struct compare *c, const char *name, const struct approach_ops *ops)
{
	struct approach *a = &c->rows[c->n++];

	*a = (struct approach){ .ops = ops, .kernel_calls = -1 };
	(void)snprintf(a->name, sizeof(a->name), "%s", name);
	return a;
}

static bool asked_for(const struct strv *names, const char *name)
{
	return names->n == 0 || strv_has(names, name);
}

static int add_rows(
	struct compare *c, const struct strv *names, bool peers, struct err *e)
{
	const struct wall *w;

	for (size_t i = 0; i < names->n; i++)
		if (wall_find(names->v[i], &w, e) < 0)
			return -EINVAL;
	c->rows = calloc(APPROACHES_MAX, sizeof(*c->rows));
	if (!c->rows)
		return err_set(e, ENOMEM, "out of memory");
	(void)add_row(c, "native", &native_ops);
	for (size_t i = 0; walls[i] && c->n < APPROACHES_MAX; i++)
		if (asked_for(names, walls[i]->name) ||
			(asked_for(names, "auto") && names->n))
			add_row(c, walls[i]->name, &wall_ops)->wall = walls[i];
	for (size_t i = 0; peers && peer_kinds[i].name && c->n < APPROACHES_MAX; i++)
		(void)add_row(c, peer_kinds[i].name, &peer_kinds[i].ops);
	return 0;
}

int compare_begin(struct compare *c, const struct strv *names, bool peers, struct err *e)
{
	char id[33], self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int r = sandbox_new_id(id, e);

	if (r < 0)
		return r;
	if (n <= 0)
		return err_sys(e, "find this program");
	self[n] = '\0';
	(void)snprintf(c->token, sizeof(c->token), "brig-%s", id);
	c->self = strdup(self);
	c->measure = dirs_helper("brig-measure");
	c->workloads = dirs_helper("brig-workloads");
	if (!c->self || !c->measure || !c->workloads)
		return err_set(e, ENOMEM, "out of memory");
	read_host(c);
	if ((r = add_rows(c, names, peers, e)) < 0 || (r = make_dir(c, e)) < 0 ||
		(r = fill_dir(c, e)) < 0 || (r = start_witness(c, e)) < 0)
		return r;
	return listen_for_them(c, e);
}

static void remove_dir(struct compare *c)
{
	char *const *again =
		WORDS("unshare", "--map-root-user", "--map-auto", "rm", "-rf", c->dir);
	struct err quiet;

	/* what ends removes its own files behind one's back */
	for (int i = 0; i < 20; i++) {
		if (file_remove_tree(AT_FDCWD, c->dir, &quiet) == 0)
			return;
		(void)usleep(50000);
	}
	(void)exec_run(again, "/", 30, NULL, NULL);
}

void compare_end(struct compare *c)
{
	exec_ignore_signals();
	for (size_t i = 0; i < c->n; i++)
		c->rows[i].ops->end(c, &c->rows[i]);
	exec_kill(c->witness);
	exec_kill(c->listener);
	if (c->dir)
		remove_dir(c);
	for (size_t i = 0; i < c->n; i++) {
		struct approach *a = &c->rows[i];

		free(a->why);
		sample_clear(&a->start);
		sample_clear(&a->one);
		sample_clear(&a->many);
		for (size_t f = 0; f < FIGURES; f++)
			sample_clear(&a->figures[f]);
	}
	free(c->rows);
	free(c->self);
	free(c->measure);
	free(c->workloads);
	free(c->dir);
	free(c->ws);
	*c = (struct compare){ 0 };
}
